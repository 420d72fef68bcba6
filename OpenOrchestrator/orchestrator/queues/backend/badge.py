"""How many queue elements failed, for the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COUNT_SECONDS = 30.0
"""Counting failed elements reads a whole index, so it is done less often."""


def count(session: Session, _time: CountingTime) -> int:
    """Return how many elements of all queues are failed."""
    query = sa.select(sa.func.count()).select_from(QueueElement).where(QueueElement.status == QueueStatus.FAILED)
    return session.execute(query).scalar_one()


BADGE = Badge(key="queues", count=count, every=COUNT_SECONDS)
