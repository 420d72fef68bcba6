"""How many schedulers are not heard from, for the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime
from OpenOrchestrator.orchestrator.schedulers.backend.heartbeats import is_silent

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def count(session: Session, time: CountingTime) -> int:
    """Return how many schedulers have not been heard from for too long."""
    rows = session.execute(sa.select(Scheduler.heartbeat_at, Scheduler.last_update))
    return sum(is_silent(row.heartbeat_at, row.last_update, now=time.now, site_now=time.site_now) for row in rows)


BADGE = Badge(key="schedulers", count=count)
