"""What a job left behind in words: its messages, and the error it ended with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.orchestrator.backend.tables import LOGS as _L
from OpenOrchestrator.orchestrator.jobs.backend.failure import Failure, find_failure
from OpenOrchestrator.orchestrator.jobs.backend.output import error_tail

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class JobMessage:
    """A message that a job logged.

    Attributes:
        time: Naive site time.
    """

    id: UUID
    time: datetime
    level: LogLevel
    message: str
    job_id: UUID | None


def failure_of(session: Session, job_id: UUID) -> Failure | None:
    """Return what went wrong with a job: the end of its error output, or its last error message."""
    failure = find_failure(error_tail(session, job_id))
    if failure is not None:
        return failure
    error = sa.select(_L.c.log_message).where(_L.c.job_id == job_id, _L.c.log_level == LogLevel.ERROR)
    message = session.execute(error.order_by(_L.c.log_time.desc(), _L.c.id).limit(1)).scalar_one_or_none()
    return find_failure(message) if message else None


def last_messages(session: Session, job_ids: Sequence[UUID], count: int) -> tuple[JobMessage, ...]:
    """Return at most so many messages of jobs, the newest first."""
    columns = (_L.c.id, _L.c.log_time, _L.c.log_level, _L.c.log_message, _L.c.job_id)
    # One short walk along the index for each job: sorting the messages of all of them would read every one.
    parts = []
    for job_id in job_ids:
        last = sa.select(*columns).where(_L.c.job_id == job_id).order_by(_L.c.log_time.desc(), _L.c.id.desc())
        parts.append(sa.select(last.limit(count).subquery()))
    if not parts:
        return ()
    rows = [JobMessage(*row) for row in session.execute(sa.union_all(*parts))]
    rows.sort(key=lambda row: (row.time, row.id.bytes), reverse=True)
    return tuple(rows[:count])
