"""The statements by which a run acts as an admin, a DBA or an onlooker: on the tables, past the product's own code.

Pure: makes statements, executes none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.models import (
    Job,
    JobOutput,
    Log,
    Pool,
    QueueElement,
    ScheduledTrigger,
    Scheduler,
    SingleTrigger,
    Trigger,
)
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, QueueStatus, TriggerStatus, TriggerType

JOBS = cast(sa.Table, Job.__table__)
OUTPUT = cast(sa.Table, JobOutput.__table__)
LOGS = cast(sa.Table, Log.__table__)
ELEMENTS = cast(sa.Table, QueueElement.__table__)
TRIGGERS = cast(sa.Table, Trigger.__table__)
SINGLES = cast(sa.Table, SingleTrigger.__table__)
SCHEDULED = cast(sa.Table, ScheduledTrigger.__table__)
POOLS = cast(sa.Table, Pool.__table__)
SCHEDULERS = cast(sa.Table, Scheduler.__table__)

ACTIVE = JOBS.c.status.in_(sorted(ACTIVE_JOB_STATUSES, key=lambda status: status.name))
_NOTHING_RUNS = ~sa.exists().where(JOBS.c.trigger_id == TRIGGERS.c.id, ACTIVE)


def active_jobs() -> sa.Select[Any]:
    """Select the jobs that have not ended."""
    return sa.select(JOBS).where(ACTIVE).order_by(JOBS.c.id)


def claimed_since(site_time: datetime, scheduler: str | None) -> sa.Select[Any]:
    """Select the ids of the jobs that were claimed at or after a site time, by anybody or by one scheduler."""
    query = sa.select(JOBS.c.id).where(JOBS.c.start_time >= site_time).order_by(JOBS.c.id)
    return query if scheduler is None else query.where(JOBS.c.scheduler_name == scheduler)


def ask_to_kill(trigger_id: UUID) -> sa.Update:
    """Ask for the end of a trigger's run, as the admin app does."""
    return (
        sa.update(TRIGGERS)
        .where(TRIGGERS.c.id == trigger_id, TRIGGERS.c.process_status == TriggerStatus.RUNNING)
        .values(process_status=TriggerStatus.KILLING)
    )


def enable_repeating() -> sa.Update:
    """Enable the queue and scheduled triggers whose runs failed, as an admin does who trusts them."""
    return (
        sa.update(TRIGGERS)
        .where(
            TRIGGERS.c.type.in_([TriggerType.QUEUE, TriggerType.SCHEDULED]),
            TRIGGERS.c.process_status.in_([TriggerStatus.FAILED, TriggerStatus.KILLED]),
        )
        .values(process_status=TriggerStatus.IDLE, failed_starts=0)
    )


def idle_scheduled() -> sa.Select[Any]:
    """Select the scheduled triggers that are idle with nothing running, and when they run next."""
    return (
        sa.select(TRIGGERS.c.id, SCHEDULED.c.next_run)
        .join(SCHEDULED, SCHEDULED.c.id == TRIGGERS.c.id)
        .where(TRIGGERS.c.process_status == TriggerStatus.IDLE, _NOTHING_RUNS)
        .order_by(TRIGGERS.c.id)
    )


def set_next_run(trigger_id: UUID, *, seen: datetime, next_run: datetime, due_at: datetime) -> sa.Update:
    """Give a scheduled trigger another due time, unless it has moved on."""
    idle = sa.exists().where(TRIGGERS.c.id == trigger_id, TRIGGERS.c.process_status == TriggerStatus.IDLE)
    return (
        sa.update(SCHEDULED)
        .where(SCHEDULED.c.id == trigger_id, SCHEDULED.c.next_run == seen, idle)
        .values(next_run=next_run, due_at=due_at)
    )


def lockable(table: str) -> sa.Select[Any]:
    """Select the keys of the rows of a table that are in use now, in a fixed order."""
    queries: dict[str, sa.Select[Any]] = {
        "Jobs": sa.select(JOBS.c.id).where(ACTIVE).order_by(JOBS.c.id),
        "Triggers": sa.select(TRIGGERS.c.id)
        .where(TRIGGERS.c.process_status.in_([TriggerStatus.IDLE, TriggerStatus.RUNNING]))
        .order_by(TRIGGERS.c.id),
        "Queues": sa.select(ELEMENTS.c.id)
        .where(ELEMENTS.c.status.in_([QueueStatus.NEW, QueueStatus.IN_PROGRESS]))
        .order_by(ELEMENTS.c.status.desc(), ELEMENTS.c.id)
        .limit(20),
        "Schedulers": sa.select(SCHEDULERS.c.machine_name).order_by(SCHEDULERS.c.machine_name),
    }
    return queries[table]


def locked(table: str, key: object) -> sa.Select[Any]:
    """Lock one row, unless it is locked; select its key and the job or scheduler it belongs to."""
    queries: dict[str, sa.Select[Any]] = {
        "Jobs": sa.select(JOBS.c.id, JOBS.c.scheduler_name).where(JOBS.c.id == key),
        "Triggers": sa.select(TRIGGERS.c.id).where(TRIGGERS.c.id == key),
        "Queues": sa.select(ELEMENTS.c.id, ELEMENTS.c.job_id).where(ELEMENTS.c.id == key),
        "Schedulers": sa.select(SCHEDULERS.c.machine_name).where(SCHEDULERS.c.machine_name == key),
    }
    return queries[table].with_for_update(skip_locked=True)
