"""How many queue elements failed since somebody last looked at their queue, for the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores import queue_marks
from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime
from OpenOrchestrator.orchestrator.backend.names import queue_names
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

COUNT_SECONDS = 30.0
"""Counting failed elements reads some of every queue, so it is done less often."""

MOST_OF_A_QUEUE = 1_000
"""The newest failed elements of a queue; there is no index on when they failed."""


def count(session: Session, _time: CountingTime) -> int:
    """Return how many elements failed since somebody last looked at their queue, and are still failed."""
    queues = sorted(queue_names(session))
    seen = queue_marks.seen_until(session, queues)
    return sum(_failed_since(session, queue, seen.get(queue)) for queue in queues)


def _failed_since(session: Session, queue: str, moment: datetime | None) -> int:
    failed = sa.select(_Q.c.end_date).where(SameText(_Q.c.queue_name, queue), _Q.c.status == QueueStatus.FAILED)
    newest = failed.order_by(_Q.c.created_date.desc(), _Q.c.id.desc()).limit(MOST_OF_A_QUEUE).subquery()
    counted = sa.select(sa.func.count()).select_from(newest)
    if moment is not None:
        counted = counted.where(newest.c.end_date > moment)
    return int(session.execute(counted).scalar_one())


BADGE = Badge(
    key="queues",
    count=count,
    every=COUNT_SECONDS,
    words="Elements that failed since somebody last looked at their queue",
)
