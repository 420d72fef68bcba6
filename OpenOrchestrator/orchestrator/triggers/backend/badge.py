"""How many triggers need attention, for the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database import attention
from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime
from OpenOrchestrator.orchestrator.triggers.backend.rows import joined

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def count(session: Session, time: CountingTime) -> int:
    """Return how many triggers are failed, killed, late or stuck."""
    query = sa.select(sa.func.count()).select_from(joined()).where(attention.troubled(time.site_now))
    return session.execute(query).scalar_one()


BADGE = Badge(key="triggers", count=count)
