"""The newest failed elements of a queue with what they say, to find those with one cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.backend.causes import cause_key
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FAILURES_CAP = 300
"""So many of a queue are looked at: those made last."""

UNEXPLAINED = "without a message"


@dataclass(frozen=True, slots=True)
class FailedElement:
    """A failed element.

    Attributes:
        ended: Naive site time; when it was made if that is not known.
        message: What it says; UNEXPLAINED if it says nothing.
    """

    id: UUID
    ended: datetime
    message: str


def failed_since(session: Session, queue: str, since: datetime | None) -> list[FailedElement]:
    """Return the failed elements of a queue that ended since a naive site time; None for all that are looked at."""
    query = (
        sa.select(_Q.c.id, _Q.c.message, _Q.c.end_date, _Q.c.created_date)
        .where(SameText(_Q.c.queue_name, queue), _Q.c.status == QueueStatus.FAILED)
        .order_by(_Q.c.created_date.desc(), _Q.c.id.desc())
        .limit(FAILURES_CAP)
    )
    found = [
        FailedElement(row.id, row.end_date or row.created_date, (row.message or "").strip() or UNEXPLAINED)
        for row in session.execute(query)
    ]
    return found if since is None else [each for each in found if each.ended >= since]


def with_cause(session: Session, queue: str, cause: str, since: datetime | None) -> list[UUID]:
    """Return the ids of failed elements of a queue that have a cause."""
    return [each.id for each in failed_since(session, queue, since) if cause_key(each.message) == cause]
