"""Data access of jobs: read them, what admins ask for, and what older schedulers write.

The life of a claimed run is in ``runs``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, TriggerStatus
from OpenOrchestrator.database.triggers import Trigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_TRIGGERS = cast(sa.Table, Trigger.__table__)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to show; None means that it does not matter.

    Attributes:
        statuses: In one of these.
        from_date: Claimed at this site time or later.
        to_date: Claimed at this site time or earlier.
    """

    statuses: Collection[JobStatus] | None = None
    process_name: str | None = None
    scheduler_name: str | None = None
    trigger_id: UUID | None = None
    from_date: datetime | None = None
    to_date: datetime | None = None


def get(session: Session, job_id: UUID) -> Job | None:
    """Return a job, or None."""
    return session.scalars(sa.select(Job).where(Job.id == job_id)).one_or_none()


def find(
    session: Session,
    wanted: JobFilter = JobFilter(),
    *,
    limit: int | None = None,
    offset: int = 0,
    before: tuple[datetime, UUID] | None = None,
) -> tuple[Job, ...]:
    """Return jobs, the newest first.

    Args:
        session: An open transaction.
        wanted: Which ones.
        limit: At most so many; None for all.
        offset: Leaves out so many of the newest.
        before: Only those that come after this ``(start_time, id)`` in the order; reaches far pages at the cost of the
            first, where ``offset`` reads everything before it.
    """
    query = sa.select(Job).where(*_conditions(wanted)).order_by(Job.start_time.desc(), Job.id.desc())
    if before is not None:
        start_time, job_id = before
        query = query.where(Job.start_time <= start_time, sa.or_(Job.start_time < start_time, sa.and_(Job.id < job_id)))
    if limit is not None:
        query = query.limit(limit)
    if offset:
        query = query.offset(offset)
    try:
        return tuple(session.scalars(query))
    except LookupError:  # a status that is none, where the column is a text: leave that row out
        session.expunge_all()
        return tuple(session.scalars(query.where(Job.status.in_(list(JobStatus)))))


def count(session: Session, wanted: JobFilter = JobFilter()) -> int:
    """Return how many jobs match, whatever the limit of a page of them."""
    query = sa.select(sa.func.count()).select_from(_JOBS).where(*_conditions(wanted))
    return session.connection().scalar(query) or 0


def start(session: Session, process_name: str, scheduler_name: str, *, site_now: datetime) -> UUID:
    """Store a Running job without trigger or lease, as older schedulers do, and return its id. Nobody reaps it."""
    job_id = uuid4()
    session.connection().execute(
        sa.insert(_JOBS).values(
            id=job_id,
            process_name=process_name,
            scheduler_name=scheduler_name,
            status=JobStatus.RUNNING,
            start_time=site_now,
        )
    )
    return job_id


def set_status(session: Session, job_id: UUID, status: JobStatus, *, site_now: datetime) -> bool:
    """Set a job's status whatever it was, as older schedulers do; one that ends gets its end time.

    Returns:
        Whether there is such a job.
    """
    values: dict[str, Any] = {"status": status}
    if status not in ACTIVE_JOB_STATUSES:
        values |= {"end_time": site_now, "lease_until": None}
    changed = sa.update(_JOBS).where(_JOBS.c.id == job_id).values(values)
    return session.connection().execute(changed).rowcount == 1


def request_kill(session: Session, job_id: UUID, *, now: datetime) -> bool:
    """Ask for the robot of a job to be killed, whether its trigger is still there or not.

    Args:
        session: An open transaction.
        job_id: The job.
        now: Aware instant.

    Returns:
        False if it has ended, is being killed already, or is of a scheduler that looks for no such requests.
    """
    return _request_kill(session, _JOBS.c.id == job_id, now) == 1


def request_kill_of(session: Session, trigger_id: UUID, *, now: datetime) -> bool:
    """Ask for the robot of a trigger to be killed and the trigger to go on; else as ``request_kill``."""
    return _request_kill(session, _JOBS.c.trigger_id == trigger_id, now) > 0


def change_reason(session: Session, job_id: UUID, reason: str, new: str | None) -> bool:
    """Give a job another reason, if it still has the one that is known.

    Args:
        session: An open transaction.
        job_id: The job.
        reason: As it was read.
        new: What it is to be; None for none.

    Returns:
        Whether it was changed.
    """
    update = sa.update(_JOBS).where(_JOBS.c.id == job_id, _JOBS.c.reason == reason).values(reason=new)
    return session.connection().execute(update).rowcount == 1


def _request_kill(session: Session, which: sa.ColumnElement[bool], now: datetime) -> int:
    killing = sa.select(sa.literal(1)).where(
        _TRIGGERS.c.id == _JOBS.c.trigger_id, _TRIGGERS.c.process_status == TriggerStatus.KILLING
    )
    update = sa.update(_JOBS).where(
        which,
        _JOBS.c.status.in_(ACTIVE_JOB_STATUSES),
        _JOBS.c.trigger_id.is_not(None),  # schedulers that leave it empty are older than these requests
        _JOBS.c.kill_requested_at.is_(None),
        ~killing.exists(),
    )
    return int(session.connection().execute(update.values(kill_requested_at=now)).rowcount)


def _conditions(wanted: JobFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.statuses is not None:
        conditions.append(_JOBS.c.status.in_(list(wanted.statuses)))
    if wanted.process_name is not None:
        conditions.append(SameText(_JOBS.c.process_name, wanted.process_name))
    if wanted.scheduler_name is not None:
        conditions.append(SameText(_JOBS.c.scheduler_name, wanted.scheduler_name))
    if wanted.trigger_id is not None:
        conditions.append(_JOBS.c.trigger_id == wanted.trigger_id)
    if wanted.from_date is not None:
        conditions.append(_JOBS.c.start_time >= wanted.from_date)
    if wanted.to_date is not None:
        conditions.append(_JOBS.c.start_time <= wanted.to_date)
    return conditions
