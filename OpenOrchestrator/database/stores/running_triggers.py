"""Triggers that run and may have more jobs: which jobs there are, and for which queues another one is worth it.

Reads only, on behalf of ``due_triggers`` and of the claim, which asks again once the trigger is locked. A job is
started beside others when all of them have begun: so of each trigger one start at a time can fail or be given back, and
what that returns to the trigger is what the last claim took.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    JobStatus,
    QueueStatus,
    TriggerStatus,
    TriggerType,
)
from OpenOrchestrator.database.stores import queue_pauses
from OpenOrchestrator.database.stores.overlap import QueueScaling, scaling_of
from OpenOrchestrator.database.stores.queue_backoff import FullQueue
from OpenOrchestrator.database.stores.trigger_rows import (
    BASE_COLUMNS,
    QUEUE,
    TIME_COLUMNS,
    TIME_JOIN,
    TRIGGERS,
    TriggerRow,
    number_or_none,
    raw,
    trigger_id,
)

_JOBS = cast(sa.Table, Job.__table__)
_ELEMENTS = cast(sa.Table, QueueElement.__table__)
_NEW = _ELEMENTS.c.status == sa.literal_column("'NEW'")
_IN_PROGRESS = _ELEMENTS.c.status == sa.literal_column(f"'{QueueStatus.IN_PROGRESS.name}'")

# By status alone: the few active ones are found in one index, however long the history of each trigger is.
_ACTIVE = sa.select(
    *(raw(_JOBS.c[name], name) for name in ("id", "trigger_id", "status", "trigger_before")),
).where(_JOBS.c.status.in_(ACTIVE_JOB_STATUSES))

RUNNING = (
    sa.select(*BASE_COLUMNS, *TIME_COLUMNS)
    .select_from(TIME_JOIN)
    .where(
        TRIGGERS.c.process_status == TriggerStatus.RUNNING,
        TRIGGERS.c.max_jobs > 1,
        TRIGGERS.c.type.in_((TriggerType.SCHEDULED, TriggerType.QUEUE)),
    )
)
"""The query of the triggers that run and may have more than one job."""


@dataclass(frozen=True, slots=True)
class ActiveJobs:
    """The jobs that have not ended.

    Attributes:
        by_trigger: Their ids, by the trigger they run for.
        closed: Triggers beside whose jobs nothing is started now: one of them has not begun, or was asked for with
            arguments of its own and leaves the trigger as it found it.
    """

    by_trigger: Mapping[UUID, tuple[UUID, ...]]
    closed: frozenset[UUID] = frozenset()

    def of(self, trigger: UUID) -> tuple[UUID, ...]:
        """Return the jobs of a trigger."""
        return self.by_trigger.get(trigger, ())

    def has_room(self, row: TriggerRow) -> bool:
        """Tell whether a job of a trigger may start: the first of one that rests, or one beside others that run.

        Where none runs here though the trigger is Running, a scheduler of an older version runs it.
        """
        running = len(self.of(row.trigger_id))
        if row.status is not TriggerStatus.RUNNING:
            return running == 0
        goes_on = row.status_after in (None, TriggerStatus.IDLE)
        return goes_on and 0 < running < row.max_jobs and row.trigger_id not in self.closed


def active_jobs(connection: Connection) -> ActiveJobs:
    """Return the jobs that have not ended and say for which trigger they run."""
    found: dict[UUID, list[UUID]] = {}
    closed: set[UUID] = set()
    for row in connection.execute(_ACTIVE):
        try:
            job, trigger = trigger_id(row.id), trigger_id(row.trigger_id)
        except ValueError:  # of an older scheduler, or written by hand
            continue
        found.setdefault(trigger, []).append(job)
        if row.status == JobStatus.STARTING.name or row.trigger_before is not None:
            closed.add(trigger)
    return ActiveJobs(MappingProxyType({key: tuple(ids) for key, ids in found.items()}), frozenset(closed))


def full_enough(connection: Connection, triggers: Iterable[TriggerRow], active: ActiveJobs) -> tuple[FullQueue, ...]:
    """Return of queue triggers that run those whose queues are worth another job.

    Args:
        connection: An open transaction.
        triggers: Which ones; those of other kinds are left out.
        active: What runs.
    """
    ids = [trigger.trigger_id for trigger in triggers if trigger.type is TriggerType.QUEUE]
    if not ids:
        return ()
    columns = (QUEUE.c.queue_name, QUEUE.c.min_batch_size, QUEUE.c.elements_per_job, TRIGGERS.c.max_jobs)
    query = sa.select(raw(QUEUE.c.id, "id"), *(raw(column, column.name) for column in columns))
    query = query.select_from(QUEUE.join(TRIGGERS, TRIGGERS.c.id == QUEUE.c.id)).where(QUEUE.c.id.in_(ids))
    found = []
    paused = queue_pauses.paused_names(connection)
    for row in connection.execute(query).all():
        if row.queue_name in paused:
            continue
        numbers = (number_or_none(row.max_jobs), number_or_none(row.min_batch_size))
        scaling = scaling_of(*numbers, number_or_none(row.elements_per_job))
        key = trigger_id(row.id)
        if isinstance(row.queue_name, str) and is_worth_another(connection, row.queue_name, scaling, active.of(key)):
            found.append(FullQueue(key, row.queue_name, scaling.batch, frozenset(active.of(key))))
    return tuple(found)


def is_worth_another(connection: Connection, queue_name: str, scaling: QueueScaling, jobs: Collection[UUID]) -> bool:
    """Tell whether another job may start for a queue beside those that run.

    Args:
        connection: An open transaction.
        queue_name: The queue.
        scaling: What its trigger says.
        jobs: Those of the trigger that have not ended.
    """
    if len(jobs) >= scaling.most:
        return False
    in_progress = count_in_progress(connection, jobs, per_job=scaling.per_job)
    new = count_new(connection, queue_name, scaling.wanted(in_progress, len(jobs)))
    return scaling.may_start(new, in_progress, len(jobs))


def count_in_progress(connection: Connection, jobs: Collection[UUID], *, per_job: int) -> int:
    """Return how many elements jobs are working on, no more than ``per_job`` of each counted.

    Elements that robots of older versions took say nothing of their job, and count for none.
    """
    counts = sa.select(sa.func.count().label("elements")).where(_ELEMENTS.c.job_id.in_(sorted(jobs)), _IN_PROGRESS)
    rows = connection.execute(counts.group_by(_ELEMENTS.c.job_id))
    return sum(min(int(row.elements), per_job) for row in rows)


def count_new(connection: Connection, queue_name: str, most: int) -> int:
    """Return how many New elements a queue has, counted no further than ``most``."""
    some = sa.select(_ELEMENTS.c.id).where(SameText(_ELEMENTS.c.queue_name, queue_name), _NEW)
    some = some.order_by(_ELEMENTS.c.created_date).limit(most)
    for name in ("mysql", "mariadb"):  # else they may walk all elements by date to save the sorting
        some = some.with_hint(_ELEMENTS, "FORCE INDEX (`ix_Queues_next`)", name)
    return int(connection.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0)


def is_running(row: Any) -> bool:
    """Tell whether a row is of a trigger that runs."""
    return str(row.process_status) == TriggerStatus.RUNNING.name
