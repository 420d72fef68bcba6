"""What somebody should look at: failed and killed jobs and triggers, late and stuck triggers, silent schedulers.

Owns these rules, as SQL for lists and counts and on plain values for rows that were read already. Must not know who is
told, and how.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    BAD_JOB_STATUSES,
    HELD_TRIGGER_STATUSES,
    WAITING_TRIGGER_STATUSES,
    JobStatus,
    TriggerStatus,
)
from OpenOrchestrator.database.triggers import ScheduledTrigger, SingleTrigger, Trigger

LATE_AFTER = timedelta(seconds=60)
"""A trigger that is due is picked up within seconds where a scheduler is free."""

SILENT_AFTER = timedelta(seconds=60)
"""Schedulers report themselves every few seconds; two missed leases are no hiccup."""

_TRIGGERS = cast(sa.Table, Trigger.__table__)
_SINGLE = cast(sa.Table, SingleTrigger.__table__)
_SCHEDULED = cast(sa.Table, ScheduledTrigger.__table__)
_JOBS = cast(sa.Table, Job.__table__)
_SCHEDULERS = cast(sa.Table, Scheduler.__table__)

NEXT_RUN: sa.ColumnElement[datetime] = sa.func.coalesce(
    _SINGLE.c.next_run, _SCHEDULED.c.next_run, type_=_SINGLE.c.next_run.type
)
"""Site time of the next run, NULL for queue triggers; in queries that outer-join the triggers that have one."""


def is_late(status: TriggerStatus, next_run: datetime | None, *, site_now: datetime) -> bool:
    """Tell whether a trigger has been due for too long, and nobody starts it.

    Args:
        status: Its state.
        next_run: Naive site time; None for queue triggers, which are never late.
        site_now: Naive site time.
    """
    return status is TriggerStatus.IDLE and next_run is not None and site_now - LATE_AFTER > next_run


def is_stuck(status: TriggerStatus, *, runs: bool) -> bool:
    """Tell whether a trigger waits for the end of a run that there is none of.

    Args:
        status: Its state.
        runs: Whether it has a job that has not ended.
    """
    return status in WAITING_TRIGGER_STATUSES and not runs


def is_silent(heartbeat_at: datetime | None, last_update: datetime, *, now: datetime, site_now: datetime) -> bool:
    """Tell whether a scheduler has not been heard from for too long.

    Args:
        heartbeat_at: Its last heartbeat, aware; None for schedulers of earlier versions.
        last_update: The same as naive site time; counts where there is no instant.
        now: Aware.
        site_now: Naive site time.
    """
    silence = now - heartbeat_at if heartbeat_at is not None else site_now - last_update
    return silence > SILENT_AFTER


def late(site_now: datetime) -> sa.ColumnElement[bool]:
    """Return ``is_late`` as a condition, for queries in which NEXT_RUN can be asked.

    A scheduled trigger that waits for a retry waits with all that becomes due meanwhile, and is not late.
    """
    retry_at = _TRIGGERS.c.retry_at
    waits_for_no_retry = sa.or_(retry_at.is_(None), _SCHEDULED.c.id.is_(None), retry_at <= DatabaseUtcNow())
    return sa.and_(
        _TRIGGERS.c.process_status == TriggerStatus.IDLE, site_now - LATE_AFTER > NEXT_RUN, waits_for_no_retry
    )


def stuck() -> sa.ColumnElement[bool]:
    """Return ``is_stuck`` as a condition."""
    # Active jobs are few and have an index; asking each trigger for its own would read its whole history.
    running = sa.select(_JOBS.c.trigger_id).where(
        _JOBS.c.status.in_(ACTIVE_JOB_STATUSES), _JOBS.c.trigger_id.is_not(None)
    )
    return sa.and_(_TRIGGERS.c.process_status.in_(WAITING_TRIGGER_STATUSES), _TRIGGERS.c.id.not_in(running))


def troubled(site_now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a trigger failed, was killed, is late or is stuck; for queries that know NEXT_RUN."""
    return sa.or_(_TRIGGERS.c.process_status.in_(HELD_TRIGGER_STATUSES), late(site_now), stuck())


def ended_badly() -> sa.ColumnElement[bool]:
    """Return the condition that a job went wrong, or its robot was killed.

    A job that was given back, or killed before it had a robot, is Killed too, but cost nobody anything.
    """
    killed = JobStatus.KILLED
    robot = sa.or_(_JOBS.c.status != killed, _JOBS.c.started_at.is_not(None))
    return sa.and_(_JOBS.c.status.in_((*BAD_JOB_STATUSES, killed)), robot)


def silent(*, now: datetime, site_now: datetime) -> sa.ColumnElement[bool]:
    """Return ``is_silent`` as a condition."""
    beat, update = _SCHEDULERS.c.heartbeat_at, _SCHEDULERS.c.last_update
    unheard = sa.and_(beat.is_(None), update < site_now - SILENT_AFTER)
    return sa.or_(beat < now - SILENT_AFTER, unheard)
