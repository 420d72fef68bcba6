"""Reading jobs for lists, and how long they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    UNSTARTED_JOB_STATUSES,
    JobStatus,
    StartedBy,
    TriggerStatus,
)
from OpenOrchestrator.orchestrator.backend.tables import JOBS
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as lists show it.

    Attributes:
        claimed: Naive site time at which a scheduler took it.
        started_at: Aware; when the robot was started. None before, and from earlier versions.
        ended: Naive site time; None while it is active.
        exit_code: Of the robot; a negative number is a signal.
        trigger_status: None if the trigger is gone, or unknown.
        kill_requested_at: Aware; when somebody asked for this run to be killed by itself.
        started_by: None where that is not known.
        requested_by: Who asked for it, as they call themselves.
        again_of: The first of the jobs that it repeats.
        retry_of: The first attempt, of which it is a retry.
        retry_number: Which retry it is; 0 for a first attempt.
        title: What it is about, in the words of its robot.
        progress: How far it is, from 0 to 1, as its robot says; ``progress_text`` is what it is at.
        partial_message: What was left undone; None for nothing.
    """

    id: UUID
    status: JobStatus
    trigger_id: UUID | None
    trigger_name: str | None
    trigger_status: TriggerStatus | None
    process: str
    scheduler: str
    claimed: datetime
    started_at: datetime | None
    ended: datetime | None
    exit_code: int | None
    reason: str | None
    commit: str | None
    attempt: int
    kill_requested_at: datetime | None = None
    started_by: StartedBy | None = None
    requested_by: str | None = None
    again_of: UUID | None = None
    retry_of: UUID | None = None
    retry_number: int = 0
    title: str | None = None
    progress: float | None = None
    progress_text: str | None = None
    partial_message: str | None = None

    @property
    def name(self) -> str:
        """What people call it: its trigger's name, or the process where that is not known."""
        return self.trigger_name or self.process

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.status in ACTIVE_JOB_STATUSES

    @property
    def partially_done(self) -> bool:
        """Whether it ended well, and its robot said that something was left undone."""
        return self.status is JobStatus.DONE and self.partial_message is not None

    @property
    def ran(self) -> bool:
        """Whether it is a run, and does not stand for runs that were skipped."""
        return self.status not in UNSTARTED_JOB_STATUSES

    @property
    def killing(self) -> bool:
        """Whether somebody asked for it to be killed and it has not ended yet."""
        asked = self.kill_requested_at is not None or self.trigger_status is TriggerStatus.KILLING
        return self.active and asked

    def started(self, zone: tzinfo) -> datetime:
        """Return when the robot was started, or the job claimed where that is not known; aware."""
        return self.started_at or self.claimed.replace(tzinfo=zone)

    def seconds(self, now: datetime, zone: tzinfo) -> float:
        """Return how long it took, or has taken by now (aware)."""
        return length(self.started(zone), self.ended, now, zone)


def length(started: datetime, ended: datetime | None, now: datetime, zone: tzinfo) -> float:
    """Return the seconds from an instant to a naive site time, or to now; never less than none."""
    if ended is None:
        return max((now - started).total_seconds(), 0.0)
    seconds = (ended.replace(tzinfo=zone) - started).total_seconds()
    if seconds < 0:  # it ended in the second of two hours that the clock shows alike
        seconds = (ended.replace(tzinfo=zone, fold=1) - started).total_seconds()
    return max(seconds, 0.0)


def newest(
    conditions: Sequence[Any], branches: Sequence[Any] = (), *, limit: int, offset: int = 0, descending: bool = True
) -> sa.Select[Any]:
    """Return the query of the ids of jobs by the time of their claim.

    Args:
        conditions: All of them hold.
        branches: One of them holds, and no two of the same job; each is walked along its own index, where one walk for
            all of them would read every job there is.
        limit: At most so many.
        offset: Leaves out so many of the first.
        descending: The newest first.
    """
    parts: list[Any] = []
    for branch in branches or (sa.true(),):
        order = [part.desc() if descending else part.asc() for part in (JOBS.c.start_time, JOBS.c.id)]
        part = sa.select(JOBS.c.id, JOBS.c.start_time).where(*conditions, branch).order_by(*order)
        parts.append(part.limit(limit + offset) if len(branches) > 1 else part.limit(limit).offset(offset))
    if len(parts) == 1:
        return parts[0]  # type: ignore[no-any-return]
    union = sa.union_all(*(sa.select(part.subquery()) for part in parts)).subquery()
    order = [part.desc() if descending else part.asc() for part in (union.c.start_time, union.c.id)]
    return sa.select(union.c.id, union.c.start_time).order_by(*order).limit(limit).offset(offset)


def counted(conditions: Sequence[Any], branches: Sequence[Any] = (), *, cap: int) -> sa.Select[Any]:
    """Return the query of how many jobs there are, counted no further than one beyond ``cap``."""
    parts = [sa.select(JOBS.c.id).where(*conditions, each).limit(cap + 1) for each in branches or (sa.true(),)]
    if len(parts) == 1:
        return sa.select(sa.func.count()).select_from(parts[0].subquery())
    union = sa.union_all(*(sa.select(part.subquery()) for part in parts))
    return sa.select(sa.func.count()).select_from(union.subquery())


def active_jobs(session: Session, *columns: Any) -> list[Any]:
    """Return the jobs that have not ended, the longest running first.

    Args:
        session: Within a transaction.
        columns: What of them; the time of their claim and their id have to be among it.
    """
    # They are few, and put in order here: SQLite would read all jobs there ever were in that order to find them.
    found = session.execute(sa.select(*columns).where(JOBS.c.status.in_(ACTIVE_JOB_STATUSES)))
    return sorted(found, key=lambda row: (row.start_time, row.id.bytes))


def read_rows(session: Session, ids: Sequence[UUID]) -> tuple[JobRow, ...]:
    """Return jobs in the order of their ids; those that are gone are left out."""
    columns = (
        JOBS.c.id,
        JOBS.c.status,
        JOBS.c.trigger_id,
        JOBS.c.trigger_name,
        sa.cast(_T.c.process_status, sa.String(50)),
        JOBS.c.process_name,
        JOBS.c.scheduler_name,
        JOBS.c.start_time,
        JOBS.c.started_at,
        JOBS.c.end_time,
        JOBS.c.exit_code,
        JOBS.c.reason,
        JOBS.c.commit_sha,
        JOBS.c.attempt,
        JOBS.c.kill_requested_at,
        JOBS.c.started_by,
        JOBS.c.requested_by,
        JOBS.c.again_of,
        JOBS.c.retry_of,
        JOBS.c.retry_number,
        JOBS.c.title,
        JOBS.c.progress,
        JOBS.c.progress_text,
        JOBS.c.partial_message,
    )
    query = sa.select(*columns).select_from(JOBS.outerjoin(_T, _T.c.id == JOBS.c.trigger_id))
    found = session.execute(query.where(JOBS.c.id.in_(ids))) if ids else ()
    rows = {row.id: _row(*tuple(row)) for row in found}
    return tuple(rows[each] for each in ids if each in rows)


def _row(
    job_id: UUID, status: JobStatus, trigger_id: UUID | None, name: str | None, state: str | None, *others: Any
) -> JobRow:
    # A trigger whose status is none (somebody wrote to the table by hand) counts as failed, as in the list of triggers.
    trigger_status = None if state is None else TriggerStatus.__members__.get(state, TriggerStatus.FAILED)
    *rest, started_by, requested_by, again_of, retry_of, retry_number, title, progress, at, partial = others
    by = StartedBy.__members__.get(str(started_by))
    more: dict[str, Any] = {"started_by": by, "requested_by": requested_by, "again_of": again_of}
    more |= {"retry_of": retry_of, "retry_number": retry_number or 0, "title": title or None}
    more |= {"progress": progress, "progress_text": at or None, "partial_message": partial}
    return JobRow(job_id, status, trigger_id, name, trigger_status, *rest, **more)
