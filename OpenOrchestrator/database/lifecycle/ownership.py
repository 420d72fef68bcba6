"""Who owns the jobs that have not ended: extend, adopt, and settle what nobody owns any more.

Owns the leases of jobs, which are measured on the database's clock alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle.run_endings import abandon_elements, facts_of, for_people, make_due_again
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, TriggerType
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, number_or_none, raw
from OpenOrchestrator.database.transitions import JobEvent, TriggerEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

T = TypeVar("T")

MOST_FAILED_STARTS = 3
"""After so many lost starts for one due time its trigger is Failed instead of due again."""

_JOBS = cast(sa.Table, Job.__table__)
_SCHEDULERS = cast(sa.Table, Scheduler.__table__)
_ACTIVE = _JOBS.c.status.in_(ACTIVE_JOB_STATUSES)
_OURS = _JOBS.c.lease_until.is_not(None)  # jobs of older schedulers have none, and nobody here may judge them


@dataclass(frozen=True, slots=True)
class OwnedJob:
    """A job under the name of a scheduler that has not ended.

    Attributes:
        status: STARTING means that no robot process can exist yet.
        type: None if the trigger was deleted meanwhile.
        is_blocking: As its trigger says; False if that was deleted.
        timeout_seconds: As its trigger says; None for no limit.
        owner: Instance of the daemon that owns it.
        is_expired: Its lease has run out, so that any scheduler may reap it.
        host_pid: Process id of the robot host; None if that was never saved, which does not mean that there is none.
        host_started: Its create time as psutil tells it.
    """

    job_id: UUID
    fence: int
    status: JobStatus
    attempt: int
    trigger_id: UUID | None
    trigger_name: str | None
    process_name: str
    type: TriggerType | None
    is_blocking: bool
    timeout_seconds: int | None
    due_at: datetime | None
    owner: UUID | None
    is_expired: bool
    started_at: datetime | None
    commit_sha: str | None
    host_pid: int | None
    host_started: float | None


@dataclass(frozen=True, slots=True)
class ReapedJob:
    """A job that was settled because its owner was not heard of any more.

    Attributes:
        scheduler_name: Its former owner.
        status: What it was: STARTING or RUNNING.
        is_due_again: Its trigger will be started again for the same due time.
        reason: As stored on the job.
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


def extend(
    database: Database, identity: Identity, job_ids: Collection[UUID], *, seconds: float = LEASE_SECONDS
) -> frozenset[UUID]:
    """Prolong the leases of jobs, in one statement.

    Args:
        database: Where the jobs are.
        identity: Their owner.
        job_ids: Which jobs.
        seconds: How long from now they last.

    Returns:
        The jobs that are still owned by ``identity``. The robots of all others have to be stopped: they may have been
        started again elsewhere.
    """
    ids = sorted(set(job_ids))
    if not ids:
        return frozenset()
    ours = (_JOBS.c.id.in_(ids), _JOBS.c.owner == identity.instance, _ACTIVE)

    def work(session: Session) -> frozenset[UUID]:
        connection = session.connection()
        update = sa.update(_JOBS).where(*ours).values(lease_until=DatabaseUtcNow(seconds))
        if connection.execute(update).rowcount == len(ids):
            return frozenset(ids)
        return frozenset(connection.execute(sa.select(_JOBS.c.id).where(*ours)).scalars())

    return database.write(work, read_back=repeat)


def jobs_of(database: Database, name: str) -> tuple[OwnedJob, ...]:
    """Return the jobs under a scheduler's name that have not ended, the oldest first.

    Jobs that a scheduler of an older version started are left out.
    """
    query = (
        sa.select(
            _JOBS,
            sa.case((_JOBS.c.lease_until < DatabaseUtcNow(), 1), else_=0).label("is_expired"),
            raw(TRIGGERS.c.type, "trigger_type"),
            raw(TRIGGERS.c.is_blocking, "is_blocking"),
            raw(TRIGGERS.c.timeout_seconds, "timeout_seconds"),
        )
        .select_from(_JOBS.outerjoin(TRIGGERS, TRIGGERS.c.id == _JOBS.c.trigger_id))
        .where(_JOBS.c.scheduler_name == name, _ACTIVE, _OURS)
        .order_by(_JOBS.c.start_time, _JOBS.c.id)
    )
    rows = database.read(lambda session: session.connection().execute(query).all())
    return tuple(
        OwnedJob(
            job_id=row.id,
            fence=row.fence,
            status=row.status,
            attempt=row.attempt,
            trigger_id=row.trigger_id,
            trigger_name=row.trigger_name,
            process_name=row.process_name,
            type=TriggerType.__members__.get(str(row.trigger_type)),
            is_blocking=bool(row.is_blocking),
            timeout_seconds=number_or_none(row.timeout_seconds),
            due_at=row.due_at,
            owner=row.owner,
            is_expired=bool(row.is_expired),
            started_at=row.started_at,
            commit_sha=row.commit_sha,
            host_pid=row.host_pid,
            host_started=row.host_started,
        )
        for row in rows
    )


def adopt(database: Database, identity: Identity, job_id: UUID, fence: int) -> int | None:
    """Take over a job under one's own name from an earlier instance; whoever held it can write no more.

    Returns:
        The new fence, or None if the job has ended or was taken over by somebody else, or if the name is another
        scheduler's by now.
    """
    # Of two that recover under one name, the one that hung meanwhile must not take back what its successor took over.
    successor = sa.exists().where(
        _SCHEDULERS.c.machine_name == identity.name,
        _SCHEDULERS.c.instance != identity.instance,
        _SCHEDULERS.c.lease_until >= DatabaseUtcNow(),
    )
    update = (
        sa.update(_JOBS)
        .where(
            _JOBS.c.id == job_id,
            _JOBS.c.fence == fence,
            _JOBS.c.scheduler_name == identity.name,
            _ACTIVE,
            _OURS,
            ~successor,
        )
        .values(owner=identity.instance, fence=fence + 1, lease_until=DatabaseUtcNow(LEASE_SECONDS))
    )

    def read_back(session: Session) -> int | None:
        mine = (_JOBS.c.id == job_id, _JOBS.c.owner == identity.instance, _JOBS.c.fence == fence + 1)
        return session.connection().scalar(sa.select(_JOBS.c.fence).where(*mine))

    return write_guarded(
        database,
        lambda session: fence + 1 if session.connection().execute(update).rowcount == 1 else None,
        read_back=read_back,
    )


def reap(database: Database, *, reaper: str) -> tuple[ReapedJob, ...]:
    """Settle the jobs whose lease has run out on the database's clock: they are Lost.

    A job that was still Starting never had a robot: its trigger is due again at the same due time, and Failed after
    the third such start in a row. The trigger of one that was Running is Failed, because its robot may have done
    anything. Elements In Progress become Abandoned. Any number of schedulers may do this at the same time; each job is
    settled once.

    Call it only after having been in contact with the database for at least one lease without a break: after an outage
    every owner needs the chance to extend first.

    Args:
        database: Where the jobs are.
        reaper: Name of the scheduler that does it, for the reason.
    """
    query = sa.select(
        _JOBS.c.id,
        _JOBS.c.fence,
        _JOBS.c.status,
        _JOBS.c.attempt,
        _JOBS.c.trigger_id,
        _JOBS.c.trigger_name,
        _JOBS.c.process_name,
        _JOBS.c.scheduler_name,
    ).where(_ACTIVE, _JOBS.c.lease_until < DatabaseUtcNow())
    rows = database.read(lambda session: session.connection().execute(query.order_by(_JOBS.c.id)).all())
    return tuple(job for row in rows if (job := _reap_one(database, row, reaper)) is not None)


def _reap_one(database: Database, row: Any, reaper: str) -> ReapedJob | None:
    starting = row.status is JobStatus.STARTING
    retry = starting and row.attempt < MOST_FAILED_STARTS
    what = "its robot had not been started yet" if starting else "what its robot did is not known"
    reason = f"The scheduler {row.scheduler_name!r} was not heard of any more; {what}. Found by {reaper!r}."
    if starting and not retry:
        reason += f" This was start {row.attempt} that was lost, so it is not tried again."

    lost = ReapedJob(
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

    def work(session: Session) -> ReapedJob | None:
        facts = facts_of(session, row.id)
        guards = (
            _JOBS.c.fence == row.fence,
            _JOBS.c.status == row.status,
            _JOBS.c.lease_until < DatabaseUtcNow(),
        )
        values = {
            "end_time": database.site_now(),
            "reason": for_people(reason, database),
            "fence": _JOBS.c.fence + 1,
            "lease_until": None,
        }
        if not apply(session, JobEvent.LOSE, row.id, *guards, values=values):
            return None
        again = False
        if row.trigger_id is not None:
            event = TriggerEvent.GIVE_BACK if retry else TriggerEvent.FAIL
            failed = {"failed_starts": row.attempt} if starting else None
            again = apply(session, event, row.trigger_id, values=failed) and retry
        if again:
            make_due_again(session, database, facts)
        abandon_elements(session, database, row.id, JobStatus.LOST, reason)
        return replace(lost, is_due_again=again)

    def read_back(session: Session) -> ReapedJob | None:
        mine = (_JOBS.c.id == row.id, _JOBS.c.fence == row.fence + 1, _JOBS.c.reason == for_people(reason, database))
        return lost if session.connection().scalar(sa.select(_JOBS.c.id).where(*mine)) else None

    return write_guarded(database, work, read_back=read_back)


def repeat(_session: Session) -> None:
    """Read back nothing: a write whose outcome is unknown may be repeated, because its guard then tells the same."""


def write_guarded(database: Database, work: Callable[[Session], T], *, read_back: Callable[[Session], T | None]) -> T:
    """Write what a guard may refuse; if the connection broke while committing, read back whether it was saved.

    A refused write saved nothing, however much the row looks like it because its owner wrote the same before: it is
    not read back but refused again. Else two ends of a run could both be told that they ended it.

    Args:
        database: Where to write.
        work: Returns something falsy if its guard refused.
        read_back: As for ``Database.write``.
    """
    won = False

    def attempt(session: Session) -> T:
        nonlocal won
        result = work(session)
        won = won or bool(result)
        return result

    return database.write(attempt, read_back=lambda session: read_back(session) if won else None)
