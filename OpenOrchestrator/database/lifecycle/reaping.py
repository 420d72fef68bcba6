"""The leases of others: reading them, and settling the jobs of those who let them run out.

Owns the settling alone. Whether a lease has run out is not decided here: the clock of the database may be set, so
whoever calls this has watched the lease for as long as it was to last. Settling names the lease that was watched, so
that an owner who prolonged it meanwhile keeps its job.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import free_only, unhindered
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.leases import LEASE_SECONDS, LEFT_LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle.failed_runs import settle_trigger
from OpenOrchestrator.database.lifecycle.overlapping_ends import end
from OpenOrchestrator.database.lifecycle.ownership import MOST_FAILED_STARTS
from OpenOrchestrator.database.lifecycle.run_endings import (
    abandon_elements,
    facts_of,
    finish_event,
    for_people,
    log_end,
    return_to_trigger,
)
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, QueueStatus
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, WaitingRetry
from OpenOrchestrator.database.transitions import JobEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_ELEMENTS = cast(sa.Table, QueueElement.__table__)
_ACTIVE = _JOBS.c.status.in_(ACTIVE_JOB_STATUSES)
_NO_JOB = UUID(int=0)
_AT_ONCE = 500
"""Rows named in one statement: SQL Server takes 2100 parameters at most."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease of somebody else, as it was read.

    Attributes:
        fence: Changes with the owner.
        until: Its end on the database's clock; changes when its owner prolongs it.
        longest: How many seconds it can last at most. One that seems longer than ordinary ones is that of robots that
            were left on purpose, unless its owner's hold on its name seems too long as well: that never is, so the
            clock of the database was set back since.
    """

    job_id: UUID
    fence: int
    until: datetime
    longest: float = LEFT_LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class LeaseReading:
    """All leases of others at one moment.

    Attributes:
        database_now: The moment on the database's clock, or a little before.
    """

    database_now: datetime
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class ReapedJob:
    """A job that was settled because its owner was not heard of any more.

    Attributes:
        scheduler_name: Its former owner.
        status: What it was: STARTING or RUNNING.
        is_due_again: Its trigger will be started again for the same due time.
        reason: As stored on the job and in the log of its process.
        retry: The retry that its trigger waits for because of it; None for none.
    """

    job_id: UUID
    trigger_id: UUID | None
    trigger_name: str | None
    process_name: str
    scheduler_name: str
    status: JobStatus
    attempt: int
    is_due_again: bool
    reason: str
    retry: WaitingRetry | None = None


class NotReaped(Enum):
    """Why a job was not settled."""

    CHANGED = auto()
    """It has ended, was prolonged or taken over meanwhile."""
    LOCKED = auto()
    """Somebody else holds its row or that of its trigger locked: its owner, who may be prolonging it, or anybody."""
    OUTDATED = auto()
    """What was known of the lease was too old by the time the row was locked, or everything was written."""


class _OutdatedError(Exception):
    """Undoes what was written."""


def read_leases(database: Database, identity: Identity) -> LeaseReading:
    """Read the leases of all jobs that have not ended, except those of one's own.

    Jobs that a scheduler of an older version started have none, and nobody here may judge them.
    """
    others = sa.or_(_JOBS.c.owner.is_(None), _JOBS.c.owner != identity.instance)
    query = sa.select(_JOBS.c.id, _JOBS.c.fence, _JOBS.c.lease_until, _JOBS.c.owner)
    query = unhindered(query.where(_ACTIVE, _JOBS.c.lease_until.is_not(None), others), _JOBS)

    def work(session: Session) -> LeaseReading:
        connection = session.connection()
        now = connection.scalar(sa.select(DatabaseUtcNow()))
        assert now is not None  # noqa: S101  (a clock always shows something)
        rows = connection.execute(query).all()
        ordinary = now + timedelta(seconds=LEASE_SECONDS)
        longer = {row.owner for row in rows if row.owner is not None and row.lease_until > ordinary}
        set_back = schedulers.held_for_too_long(session, longer)

        def lease(row: Any) -> Lease:
            return Lease(
                row.id, row.fence, row.lease_until, LEASE_SECONDS if row.owner in set_back else LEFT_LEASE_SECONDS
            )

        return LeaseReading(now, tuple(map(lease, rows)))

    return database.read(work)


def free_of_locks(database: Database, leases: Collection[Lease]) -> tuple[Lease, ...]:
    """Return those of some leases whose rows nobody holds locked at this moment, so that their owners can prolong.

    It waits where their owners would wait who write: for a lock on the whole table, which reading rows under a lock
    need not meet, and for a database that takes no writes. How long it took tells how long they were held up.

    Raises:
        DatabaseError: If nobody can write now.
    """
    by_id = {lease.job_id: lease for lease in leases}
    if not by_id:
        return ()
    ids = sorted(by_id)
    # Of no row, so that those who do this at the same time are not in each other's way.
    write = sa.update(_JOBS).where(_JOBS.c.id == _NO_JOB).values(fence=_JOBS.c.fence)

    def work(session: Session) -> tuple[UUID, ...]:
        connection = session.connection()
        connection.execute(write)
        free: list[UUID] = []
        for start in range(0, len(ids), _AT_ONCE):
            some = sa.select(_JOBS.c.id).where(_JOBS.c.id.in_(ids[start : start + _AT_ONCE]))
            free += connection.execute(free_only(some.order_by(_JOBS.c.id), _JOBS)).scalars()
        return tuple(free)

    return tuple(by_id[job_id] for job_id in database.write(work, read_back=lambda _session: None))


def reap(
    database: Database, lease: Lease, *, reaper: Identity, is_current: Callable[[], bool] = lambda: True
) -> ReapedJob | NotReaped:
    """Settle the job of a lease that has run out: it is Lost.

    A job that was still Starting never had a robot: its trigger is due again at the same due time (unless this run was
    to be killed), and after the third such start in a row its run has failed. The trigger of one that was Running is
    Failed, because its robot may have done anything, unless it says that lost runs are retried. Elements In Progress
    become Abandoned, and the log of its process says why. Any number of schedulers may do this at the same time; each
    job is settled once. It waits for nobody who holds the row of the job or its trigger locked; of its elements those
    that are locked are left to ``stray_elements``.

    Args:
        database: Where the job is.
        lease: As it was when it was found to have run out.
        reaper: The scheduler that does it, for the reason; its own jobs are never settled.
        is_current: Whether it is still known that the lease has run out. Asked once the row is locked, so that nobody
            can prolong any more, because the database may have been silent meanwhile, for its owner as well. Asked
            again when all is written: whoever had to wait for that was not the only one who could not write.
    """
    guards = _as_watched(lease, reaper)
    mine = sa.select(_JOBS).where(_JOBS.c.id == lease.job_id, _ACTIVE, *guards)
    settled: list[ReapedJob] = []

    def work(session: Session) -> ReapedJob | NotReaped:
        settled.clear()
        connection = session.connection()
        row = connection.execute(free_only(mine, _JOBS)).one_or_none()
        if row is None:
            still = connection.execute(unhindered(mine.with_only_columns(_JOBS.c.id), _JOBS)).first()
            return NotReaped.CHANGED if still is None else NotReaped.LOCKED
        if not is_current():
            return NotReaped.OUTDATED
        if row.trigger_id is not None and _is_locked(session, row.trigger_id):
            return NotReaped.LOCKED
        job = _lost(row, reaper)
        done = _settle(session, database, job, guards)
        if done is None:
            return NotReaped.CHANGED
        if not is_current():
            raise _OutdatedError
        settled.append(done)
        return settled[0]

    def read_back(session: Session) -> ReapedJob | None:
        # A refused write saved nothing, however much the row looks like it.
        if not settled:
            return None
        reason = for_people(settled[0].reason, database)
        saved = (_JOBS.c.id == lease.job_id, _JOBS.c.fence == lease.fence + 1, _JOBS.c.reason == reason)
        return settled[0] if session.connection().scalar(sa.select(_JOBS.c.id).where(*saved)) else None

    try:
        return database.write(work, read_back=read_back)
    except _OutdatedError:
        return NotReaped.OUTDATED


def _as_watched(lease: Lease, reaper: Identity) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions that a job is as it was when its lease was judged, and not the reaper's own."""
    return (
        _JOBS.c.fence == lease.fence,
        _JOBS.c.lease_until == lease.until,
        sa.or_(_JOBS.c.owner.is_(None), _JOBS.c.owner != reaper.instance),
    )


def _lost(row: Any, reaper: Identity) -> ReapedJob:
    starting = row.status is JobStatus.STARTING
    retry = starting and row.attempt < MOST_FAILED_STARTS
    what = "its robot had not been started yet" if starting else "what its robot did is not known"
    reason = f"The scheduler {row.scheduler_name!r} was not heard of any more; {what}. Found by {reaper.name!r}."
    if starting and not retry:
        reason += f" This was start {row.attempt} that was lost, so it is not tried again."
    return ReapedJob(
        job_id=row.id,
        trigger_id=row.trigger_id,
        trigger_name=row.trigger_name,
        process_name=row.process_name,
        scheduler_name=row.scheduler_name,
        status=row.status,
        attempt=row.attempt,
        is_due_again=retry,
        reason=reason,
    )


def _is_locked(session: Session, trigger_id: UUID) -> bool:
    """Lock the row of a trigger, unless somebody else has it; a trigger that is gone is nobody's."""
    query = sa.select(TRIGGERS.c.id).where(TRIGGERS.c.id == trigger_id)
    if session.connection().execute(free_only(query, TRIGGERS)).first() is not None:
        return False
    return session.connection().execute(unhindered(query, TRIGGERS)).first() is not None


def _settle(
    session: Session, database: Database, job: ReapedJob, guards: tuple[sa.ColumnElement[bool], ...]
) -> ReapedJob | None:
    """End a job whose row is locked, and return it with what became of its trigger; None if the guards refused it."""
    facts = facts_of(session, job.job_id)
    values = {
        "end_time": database.site_now(),
        "reason": for_people(job.reason, database),
        "fence": _JOBS.c.fence + 1,
        "lease_until": None,
    }
    if not apply(session, JobEvent.LOSE, job.job_id, _JOBS.c.status == job.status, *guards, values=values):
        return None
    again, retry = False, None
    if job.trigger_id is not None:
        counted = {"failed_starts": job.attempt} if job.status is JobStatus.STARTING else None
        if job.is_due_again and facts.kill_requested:
            end(session, finish_event(facts), job.trigger_id, values={"failed_starts": 0})
        elif job.is_due_again:
            again = return_to_trigger(session, database, facts, values=counted)
        else:
            ran = job.status is not JobStatus.STARTING
            lost = JobStatus.LOST
            retry = settle_trigger(session, database, job.job_id, facts, lost, robot_ran=ran, values=counted)
    held = sa.select(_ELEMENTS.c.id).where(
        _ELEMENTS.c.job_id == job.job_id, _ELEMENTS.c.status == QueueStatus.IN_PROGRESS
    )
    free = session.connection().execute(free_only(held.order_by(_ELEMENTS.c.id), _ELEMENTS)).scalars().all()
    for start in range(0, len(free), _AT_ONCE):
        some = _ELEMENTS.c.id.in_(free[start : start + _AT_ONCE])
        abandon_elements(session, database, job.job_id, JobStatus.LOST, job.reason, some)
    log_end(session, database, job.job_id, job.process_name, job.reason)
    return replace(job, is_due_again=again, retry=retry)
