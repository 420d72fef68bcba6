"""Who owns the jobs that have not ended: prolonging leases, and taking jobs over under one's own name.

Owns how long an owner says that it will last. What becomes of leases that others let run out is in ``reaping``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import free_only, unhindered
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, TriggerType
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, number_or_none, raw

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
        timeout_seconds: What it was claimed with, or what its trigger says where that is not known; None for no limit.
        soft_seconds: How long its robot is asked to come to an end by itself when its time is up.
        terminate_seconds: How long it has after that before it is killed; None for the usual time.
        owner: Instance of the daemon that owns it.
        is_expired: Its lease has run out on the database's clock.
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
    soft_seconds: int = 0
    terminate_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class UnstartedRun:
    """A run that was claimed and has no robot yet.

    Attributes:
        trigger_id: None if that is not known.
        name: Of the trigger, for people.
    """

    job_id: UUID
    fence: int
    trigger_id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Extension:
    """What became of leases that were to be prolonged.

    Attributes:
        prolonged: Jobs whose leases last longer now.
        locked: Jobs that belong to their owner still, but whose rows somebody else holds locked: to be tried again.
    """

    prolonged: frozenset[UUID]
    locked: frozenset[UUID]

    @property
    def ours(self) -> frozenset[UUID]:
        """All jobs that are still owned. The robots of all others have to be stopped: they may run again elsewhere."""
        return self.prolonged | self.locked


def extend(
    database: Database, identity: Identity, job_ids: Collection[UUID], *, seconds: float = LEASE_SECONDS
) -> Extension:
    """Prolong the leases of jobs, all at once, without ever waiting for a row that somebody else holds locked.

    Whoever holds the row of a job locked keeps others from settling it just as from prolonging it.

    Args:
        database: Where the jobs are.
        identity: Their owner.
        job_ids: Which jobs.
        seconds: How long from now they last.
    """
    ids = sorted(set(job_ids))
    if not ids:
        return Extension(frozenset(), frozenset())
    ours = (_JOBS.c.owner == identity.instance, _ACTIVE)
    free = free_only(sa.select(_JOBS.c.id).where(_JOBS.c.id.in_(ids), *ours).order_by(_JOBS.c.id), _JOBS)

    def work(session: Session) -> Extension:
        connection = session.connection()
        prolonged = frozenset(connection.execute(free).scalars())
        if prolonged:
            update = sa.update(_JOBS).where(_JOBS.c.id.in_(sorted(prolonged)), *ours)
            connection.execute(update.values(lease_until=DatabaseUtcNow(seconds)))
        missing = sorted(set(ids) - prolonged)
        if not missing:
            return Extension(prolonged, frozenset())
        locked = unhindered(sa.select(_JOBS.c.id).where(_JOBS.c.id.in_(missing), *ours), _JOBS)
        return Extension(prolonged, frozenset(connection.execute(locked).scalars()))

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
            raw(TRIGGERS.c.timeout_seconds, "trigger_limit"),
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
            timeout_seconds=number_or_none(row.trigger_limit) if row.process_path is None else row.timeout_seconds,
            due_at=row.due_at,
            owner=row.owner,
            is_expired=bool(row.is_expired),
            started_at=row.started_at,
            commit_sha=row.commit_sha,
            host_pid=row.host_pid,
            host_started=row.host_started,
            soft_seconds=row.stop_soft_seconds or 0,
            terminate_seconds=row.stop_terminate_seconds,
        )
        for row in rows
    )


def unstarted_of(database: Database, identity: Identity) -> tuple[UnstartedRun, ...]:
    """Return the runs of one instance of a scheduler that are claimed and have no robot yet, the oldest first."""
    query = sa.select(_JOBS.c.id, _JOBS.c.fence, _JOBS.c.trigger_id, _JOBS.c.trigger_name, _JOBS.c.process_name)
    query = query.where(_JOBS.c.status == JobStatus.STARTING, _JOBS.c.owner == identity.instance, _OURS)
    query = unhindered(query.order_by(_JOBS.c.start_time, _JOBS.c.id), _JOBS)
    rows = database.read(lambda session: session.connection().execute(query).all())
    return tuple(UnstartedRun(row.id, row.fence, row.trigger_id, row.trigger_name or row.process_name) for row in rows)


def free_of_locks(database: Database, runs: Collection[UnstartedRun]) -> tuple[UnstartedRun, ...]:
    """Return those of some runs whose job and trigger nobody holds locked at this moment."""
    if not runs:
        return ()
    jobs = sa.select(_JOBS.c.id).where(_JOBS.c.id.in_(sorted(run.job_id for run in runs))).order_by(_JOBS.c.id)
    trigger_ids = sorted({run.trigger_id for run in runs if run.trigger_id is not None})
    triggers = sa.select(TRIGGERS.c.id).where(TRIGGERS.c.id.in_(trigger_ids)).order_by(TRIGGERS.c.id)

    def look(session: Session) -> tuple[UnstartedRun, ...]:
        connection = session.connection()
        free = set(connection.execute(free_only(jobs, _JOBS)).scalars())
        free_triggers = set(connection.execute(free_only(triggers, TRIGGERS)).scalars())
        gone = set(trigger_ids) - set(connection.execute(unhindered(triggers, TRIGGERS)).scalars())
        fine = free_triggers | gone | {None}
        return tuple(run for run in runs if run.job_id in free and run.trigger_id in fine)

    return database.read(look)


def adopt(database: Database, identity: Identity, job_id: UUID, fence: int) -> int | None:
    """Take over a job under one's own name from an earlier instance; whoever held it can write no more.

    Returns:
        The new fence, or None if the job has ended or was taken over by somebody else, or if the name is another
        scheduler's by now, live or not.
    """
    # Of two that recover under one name, the one that hung meanwhile must not take back what its successor took over,
    # whether or not that has been heard of lately: it has to regain the name first.
    successor = sa.exists().where(
        _SCHEDULERS.c.machine_name == identity.name, _SCHEDULERS.c.instance != identity.instance
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
