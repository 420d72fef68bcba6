"""How many jobs run, for the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES
from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def count(session: Session, _time: CountingTime) -> int:
    """Return how many jobs are active."""
    query = sa.select(sa.func.count()).select_from(Job).where(Job.status.in_(ACTIVE_JOB_STATUSES))
    return session.execute(query).scalar_one()


BADGE = Badge(key="jobs", count=count, attention=False)
