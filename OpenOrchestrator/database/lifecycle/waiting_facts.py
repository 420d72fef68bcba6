"""Reads what ``waiting`` judges: a trigger, its queue, all that is due and runs, and all schedulers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.common.missed_runs import LATE_SECONDS, coming_words
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.lifecycle import screens
from OpenOrchestrator.database.lifecycle.selection import Candidate
from OpenOrchestrator.database.lifecycle.waiting import ActiveJob, Facts, KnownScheduler, Reason, why
from OpenOrchestrator.database.lifecycle.waiting_siblings import own_jobs
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import (
    due_triggers,
    queue_backoff,
    queue_pauses,
    running_triggers,
    schedulers,
    site_pause,
    waiting_retries,
)
from OpenOrchestrator.database.stores.cordons import Mark
from OpenOrchestrator.database.stores.due_triggers import DueTrigger, DueTriggers
from OpenOrchestrator.database.stores.overlap import scaling_of
from OpenOrchestrator.database.stores.pauses import PAUSED
from OpenOrchestrator.database.stores.queue_backoff import FullQueue
from OpenOrchestrator.database.stores.trigger_rows import (
    BASE_COLUMNS,
    QUEUE,
    TIME_COLUMNS,
    TIME_JOIN,
    TRIGGERS,
    PoisonedRowError,
    number_or_none,
    raw,
    read,
    trigger_id,
)
from OpenOrchestrator.database.stores.trigger_schedules import Schedules

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_ELEMENTS = cast(sa.Table, QueueElement.__table__)
_NOBODY = UUID(int=0)
_AT_ONCE = 200
_TRIGGER = sa.select(
    *BASE_COLUMNS,
    *TIME_COLUMNS,
    raw(QUEUE.c.queue_name, "queue_name"),
    raw(QUEUE.c.min_batch_size, "size"),
    raw(QUEUE.c.elements_per_job, "per_job"),
    TRIGGERS.c.paused_by,
    TRIGGERS.c.paused_at,
    TRIGGERS.c.pause_reason,
    TRIGGERS.c.paused_until,
    raw(TRIGGERS.c.retry_times, "retry_times"),
).select_from(TIME_JOIN.outerjoin(QUEUE, QUEUE.c.id == TRIGGERS.c.id))


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one trigger is not running.

    Attributes:
        trigger_id: None if its row holds no id.
        status: As the database has it.
        reasons: At least one.
    """

    trigger_id: UUID | None
    name: str
    status: str
    reasons: tuple[Reason, ...]


def explain(database: Database, trigger_name: str) -> tuple[Explanation, ...]:
    """Return why the trigger of a name, or of an id, is not running; all of them if several have that name.

    Args:
        database: Where it is.
        trigger_name: Its name, compared to the last character, or its id.

    Raises:
        NotFoundError: If there is none.
        DatabaseError: The database cannot be used.
    """
    now, zone = database.utc_now(), database.zone

    def work(session: Session) -> tuple[Explanation, ...]:
        rows = session.connection().execute(_TRIGGER.where(_is_meant(trigger_name))).all()
        if not rows:
            raise NotFoundError(
                f"There is no trigger named {trigger_name!r}. Check the spelling, also capital letters."
            )
        return _explain(session, rows, now=now, zone=zone)

    return database.read(work)


def explain_some(
    session: Session, trigger_ids: Sequence[UUID], *, now: datetime, zone: ZoneInfo
) -> dict[UUID, Explanation]:
    """Return why triggers are not running, by id; those that are gone are left out.

    Takes as many statements for many triggers that are due as for one.

    Args:
        session: An open transaction.
        trigger_ids: Which ones.
        now: Aware.
        zone: The site's.
    """
    rows: list[Any] = []
    for start in range(0, len(trigger_ids), _AT_ONCE):
        some = TRIGGERS.c.id.in_(trigger_ids[start : start + _AT_ONCE])
        rows += session.connection().execute(_TRIGGER.where(some)).all()
    found = _explain(session, rows, now=now, zone=zone) if rows else ()
    return {one.trigger_id: one for one in found if one.trigger_id is not None}


def _explain(session: Session, rows: Sequence[Any], *, now: datetime, zone: ZoneInfo) -> tuple[Explanation, ...]:
    due = due_triggers.find(session.connection(), now=now, zone=zone, scheduler_name=None)
    common = Facts(
        trigger_id=_NOBODY,
        name="",
        status=None,
        now=now,
        site_pause=site_pause.read(session),
        candidates=tuple(map(Candidate.of, due.due)),
        schedulers=_schedulers(session),
        jobs=_jobs(session),
        pools=due.pools,
        screens=screens.holders(session) if any(trigger.needs_screen for trigger in due.due) else {},
        zone=zone,
    )
    return tuple(_explained(session, row, common, due, now) for row in rows)


def _is_meant(text: str) -> sa.ColumnElement[bool]:
    named = SameText(TRIGGERS.c.trigger_name, text)
    try:
        return sa.or_(named, TRIGGERS.c.id == UUID(text.strip()))
    except ValueError:
        return named


def _explained(session: Session, row: Any, common: Facts, due: DueTriggers, now: datetime) -> Explanation:
    name = row.trigger_name if isinstance(row.trigger_name, str) else f"(id {row.id})"
    status = TriggerStatus.__members__.get(str(row.process_status))
    shown = str(row.process_status) if status is None else status.value
    try:
        found = trigger_id(row.id)
    except ValueError:
        found = None
    facts = replace(common, trigger_id=found or _NOBODY, name=name, status=status)
    poisoned = next((one for one in due.poisoned if one.trigger_id == found and one.name == name), None)
    if poisoned is not None:
        facts = replace(facts, unreadable=poisoned.reason)
    else:
        try:
            facts = _with_own(session, row, _with_missed(session, row, facts, now), now)
        except PoisonedRowError as error:
            facts = replace(facts, unreadable=str(error))
    return Explanation(found, name, shown, why(facts))


def _with_own(session: Session, row: Any, facts: Facts, now: datetime) -> Facts:
    trigger, zone = read(row), facts.zone
    facts = replace(facts, whitelist=trigger.whitelist, labels=trigger.labels)
    schedules = Schedules(session.connection(), zone)
    will_be = None if trigger.status_after is TriggerStatus.IDLE else trigger.status_after
    facts = replace(facts, most_jobs=trigger.max_jobs, will_be=will_be)
    own = next((one for one in facts.candidates if one.trigger_id == trigger.trigger_id), None)
    if own is not None:
        return replace(facts, due=own, due_since=own.due_at or trigger.run_requested_at)
    if facts.status in PAUSED:
        since = None if row.paused_at is None else cron.to_site(row.paused_at, zone)
        facts = replace(
            facts,
            paused_by=row.paused_by,
            paused_since=since,
            pause_reason=row.pause_reason,
            paused_until=row.paused_until,
        )
    if trigger.retry is not None:
        database_now = waiting_retries.database_now(session)
        due = due_triggers.as_due(trigger, now=now, schedules=schedules, database_now=database_now)
        if isinstance(due, DueTrigger):
            return facts
        times = number_or_none(row.retry_times) or 0
        return replace(facts, retry_at=due, retry_number=trigger.retry.number, retry_times=times)
    if trigger.next_run is not None:
        due = due_triggers.as_due(trigger, now=now, schedules=schedules)
        return facts if isinstance(due, DueTrigger) else replace(facts, next_due=due)
    if not isinstance(row.queue_name, str):
        return facts
    pause = queue_pauses.read(session, row.queue_name)
    if pause is not None:
        return replace(facts, queue=row.queue_name, queue_pause=pause)
    scaling = scaling_of(trigger.max_jobs, number_or_none(row.size), number_or_none(row.per_job))
    jobs = [job.job_id for job in own_jobs(facts)]
    in_progress = running_triggers.count_in_progress(session.connection(), jobs, per_job=scaling.per_job) if jobs else 0
    wanted = scaling.wanted(in_progress, len(jobs))
    waiting = running_triggers.count_new(session.connection(), row.queue_name, wanted)
    rests: datetime | None = None
    if waiting >= wanted:
        queue = FullQueue(trigger.trigger_id, row.queue_name, scaling.batch, frozenset(jobs))
        resting = queue_backoff.resting(session.connection(), [queue], site_now=cron.to_site(now, zone))
        rests = resting.get(trigger.trigger_id)
    until = None if rests is None else cron.to_utc(rests, zone)
    return replace(facts, queue=row.queue_name, waiting=waiting, wanted=wanted, rests_until=until)


def _with_missed(session: Session, row: Any, facts: Facts, now: datetime) -> Facts:
    """Add what becomes of the due times that passed, of a trigger with a schedule that missed some."""
    trigger, zone = read(row), facts.zone
    if trigger.cron_expr is None or trigger.next_run is None or trigger.retry is not None:
        return facts
    due_at = cron.resolve_due(trigger.next_run, trigger.due_at, zone)
    if (now - due_at).total_seconds() <= LATE_SECONDS:
        return facts
    schedules = Schedules(session.connection(), zone)
    run, skipped = schedules.missed(trigger, due_at, now=now)
    return replace(facts, missed=coming_words(run, skipped, trigger.missed, zone))


def _schedulers(session: Session) -> tuple[KnownScheduler, ...]:
    live = schedulers.live_names(session)
    return tuple(
        KnownScheduler(
            one.machine_name,
            one.machine_name in live,
            one.last_update,
            one.slots,
            None if one.cordoned_at is None else Mark(one.cordoned_at, one.cordoned_by),
            None if one.drain_at is None else Mark(one.drain_at, one.drain_by),
            None if one.stopping_at is None else Mark(one.stopping_at),
            labels=None if one.slots is None else tuple(one.labels or ()),
            machine=screens.machine_key(one.host_name, one.machine_name),
        )
        for one in schedulers.find_all(session)
    )


def _jobs(session: Session) -> tuple[ActiveJob, ...]:
    query = (
        sa.select(
            _JOBS.c.id,
            _JOBS.c.trigger_id,
            _JOBS.c.scheduler_name,
            _JOBS.c.trigger_name,
            _JOBS.c.process_name,
            _JOBS.c.start_time,
            TRIGGERS.c.is_blocking,
            _JOBS.c.status,
            sa.case((_JOBS.c.trigger_before.is_not(None), 1), else_=0).label("once"),
        )
        .select_from(_JOBS.outerjoin(TRIGGERS, TRIGGERS.c.id == _JOBS.c.trigger_id))
        .where(_JOBS.c.status.in_(ACTIVE_JOB_STATUSES))
        .order_by(_JOBS.c.start_time, _JOBS.c.id)
    )
    return tuple(
        ActiveJob(
            job_id=row.id,
            trigger_id=row.trigger_id,
            scheduler=row.scheduler_name,
            name=row.trigger_name or row.process_name,
            since=row.start_time,
            is_blocking=bool(row.is_blocking),
            is_starting=row.status is JobStatus.STARTING,
            is_once=bool(row.once),
        )
        for row in session.connection().execute(query)
    )
