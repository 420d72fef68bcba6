"""What a job left behind in words: its messages, and the error it ended with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores.job_logs import written_between
from OpenOrchestrator.orchestrator.backend.causes import says_nothing
from OpenOrchestrator.orchestrator.backend.tables import LOGS as _L
from OpenOrchestrator.orchestrator.jobs.backend.failure import Failure, find_failure
from OpenOrchestrator.orchestrator.jobs.backend.output import error_tail
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session


_COLUMNS = (_L.c.id, _L.c.log_time, _L.c.log_level, _L.c.log_message, _L.c.job_id)

LOOKED_THROUGH = 2000
"""How many of the last messages of a process are looked through for those without a job: never more, however many
messages there are. Those that are not reached stand behind as many others."""


@dataclass(frozen=True, slots=True)
class JobMessage:
    """A message that a job logged.

    Attributes:
        time: Naive site time.
        job_id: None where the message does not say which job it is of, and was found by process and time.
    """

    id: UUID
    time: datetime
    level: LogLevel
    message: str
    job_id: UUID | None


def failure_of(session: Session, job_id: UUID) -> Failure | None:
    """Return what went wrong with a job: the end of its error output, or its last error message."""
    failure = find_failure(error_tail(session, job_id))
    if failure is not None and not says_nothing(failure.headline):
        return failure
    return logged_failure_of(session, job_id)


def logged_failure_of(session: Session, job_id: UUID) -> Failure | None:
    """Return what the last error message of a job says; None if there is none, or it is a bare exit code."""
    error = sa.select(_L.c.log_message).where(_L.c.job_id == job_id, _L.c.log_level == LogLevel.ERROR)
    message = session.execute(error.order_by(_L.c.log_time.desc(), _L.c.id).limit(1)).scalar_one_or_none()
    failure = find_failure(message) if message else None
    return None if failure is None or says_nothing(failure.headline) else failure


def messages_of(session: Session, job: JobRow, count: int, *, now: datetime, zone: ZoneInfo) -> tuple[JobMessage, ...]:
    """Return at most so many messages of a job, the newest first.

    With them come those of its process that carry no job and were written while it ran: older libraries know no jobs.
    Where several runs of a process overlap, nobody can tell whose they are.

    Args:
        session: Within a transaction.
        job: The job.
        count: At most so many.
        now: Aware instant.
        zone: The site's time zone.
    """
    by_time = _without_job(job, now, zone)
    query = sa.select(*(by_time.c[column.name] for column in _COLUMNS)).where(by_time.c.job_id.is_(None))
    query = query.order_by(by_time.c.log_time.desc(), by_time.c.id.desc()).limit(count)
    rows = [*last_messages(session, [job.id], count), *(JobMessage(*row) for row in session.execute(query))]
    return _newest(rows, count)


def count_of(session: Session, job: JobRow, cap: int, *, now: datetime, zone: ZoneInfo) -> int:
    """Return how many messages ``messages_of`` has, counted no further than ``cap``."""
    own = sa.select(_L.c.id).where(_L.c.job_id == job.id).limit(cap).subquery()
    by_time = _without_job(job, now, zone)
    others = sa.select(sa.func.count()).select_from(by_time).where(by_time.c.job_id.is_(None))
    found = session.execute(sa.select(sa.func.count()).select_from(own)).scalar_one()
    return min(cap, found + session.execute(others).scalar_one())


def _without_job(job: JobRow, now: datetime, zone: ZoneInfo) -> sa.Subquery:
    """Return the last messages of a job's process while the job ran, with and without a job: a walk along one index."""
    during = written_between(job.claimed, job.ended, now, zone, until_utc=job.started_at)
    query = (
        sa.select(*_COLUMNS)
        .where(_L.c.process_name == job.process, *during)
        .order_by(_L.c.log_time.desc(), _L.c.id.desc())
    )
    return query.limit(LOOKED_THROUGH).subquery()


def last_messages(session: Session, job_ids: Sequence[UUID], count: int) -> tuple[JobMessage, ...]:
    """Return at most so many messages of jobs, the newest first."""
    if not job_ids:
        return ()
    jobs = {f"job_{number}": job_id for number, job_id in enumerate(job_ids)}
    return _newest([JobMessage(*row) for row in session.execute(_walks(len(jobs), count), jobs).all()], count)


@cache
def _walks(jobs: int, most: int) -> Any:
    """Return the query of the last messages of so many jobs; kept, because to build it takes longer than to run it."""
    # One short walk along the index for each job: sorting the messages of all of them would read every one.
    parts: list[Any] = []
    for number in range(jobs):
        last = sa.select(*_COLUMNS).where(_L.c.job_id == sa.bindparam(f"job_{number}"))
        parts.append(sa.select(last.order_by(_L.c.log_time.desc(), _L.c.id.desc()).limit(most).subquery()))
    return sa.union_all(*parts)


def _newest(rows: list[JobMessage], count: int) -> tuple[JobMessage, ...]:
    return tuple(sorted(rows, key=lambda row: (row.time, row.id.bytes), reverse=True)[:count])
