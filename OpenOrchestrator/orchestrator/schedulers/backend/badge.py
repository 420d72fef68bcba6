"""How many schedulers are not heard from, for the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database import attention
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def count(session: Session, time: CountingTime) -> int:
    """Return how many schedulers have not been heard from for too long."""
    unheard = attention.silent(now=time.now, site_now=time.site_now)
    return session.execute(sa.select(sa.func.count()).select_from(Scheduler).where(unheard)).scalar_one()


BADGE = Badge(key="schedulers", count=count)
