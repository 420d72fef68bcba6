"""Reading triggers for lists: one query over the three kinds, and the last runs of those on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.missed_runs import LIKE_BEFORE, MissedPolicy, runs_any
from OpenOrchestrator.common.schedules import ClosedDays, Schedule, zone_named
from OpenOrchestrator.database.attention import NEXT_RUN, late, stuck
from OpenOrchestrator.database.lifecycle.failure_limit import DEFAULT_LIMIT, limit_of
from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    UNSTARTED_JOB_STATUSES,
    Desktop,
    TriggerStatus,
    TriggerType,
)
from OpenOrchestrator.database.stores import queue_backoff
from OpenOrchestrator.database.stores.overlap import DEFAULT_MOST_JOBS, most_jobs
from OpenOrchestrator.database.stores.pauses import PAUSED
from OpenOrchestrator.database.stores.queue_backoff import FullQueue
from OpenOrchestrator.database.stores.row_ids import is_lost_id
from OpenOrchestrator.database.stores.trigger_places import desktop_of
from OpenOrchestrator.database.stores.trigger_rows import (
    is_after_last_run,
    missed_policy,
    raw,
)
from OpenOrchestrator.database.transitions import TRIGGER_EVENTS, TriggerEvent
from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.orchestrator.backend.open_days import calendars_of
from OpenOrchestrator.orchestrator.triggers.backend.last_runs import Run, active, last_runs, running
from OpenOrchestrator.orchestrator.triggers.backend.places import live_labels, unmet_words
from OpenOrchestrator.orchestrator.triggers.backend.setting_columns import set_elements_per_job

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

POSSIBLE_FROM: Mapping[str, frozenset[TriggerStatus]] = {
    name: frozenset(TRIGGER_EVENTS[event])
    for name, event in (
        ("run", TriggerEvent.REQUEST_RUN),
        ("enable", TriggerEvent.ENABLE),
        ("disable", TriggerEvent.DISABLE),
        ("kill", TriggerEvent.REQUEST_KILL),
        ("once", TriggerEvent.REQUEST_ONCE),
    )
}
"""In which states a trigger can be run now, enabled, disabled, killed, or run once with arguments of its own."""

_T: Any = Trigger.__table__
_S: Any = SingleTrigger.__table__
_C: Any = ScheduledTrigger.__table__
_Q: Any = QueueTrigger.__table__


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that somebody asked for and that has not started.

    Attributes:
        at: Aware.
        by: Who asked, as they call themselves.
        once: Whether it has arguments of its own, and leaves the trigger as it is.
        scheduler: The one scheduler that it was asked of; None for any.
    """

    at: datetime
    by: str | None
    once: bool
    scheduler: str | None


@dataclass(frozen=True, slots=True)
class Pause:
    """What is known of the pause of a trigger; instants are aware.

    Attributes:
        by: Who paused it, as they call themselves.
        until: When it ends by itself; None if somebody has to enable the trigger.
    """

    at: datetime
    by: str | None
    reason: str | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class SkippedRun:
    """A due time that was passed over; whether that still counts, the next run tells. Instants are aware."""

    due: datetime
    at: datetime | None
    by: str | None


@dataclass(frozen=True, slots=True)
class WaitingRetry:
    """A retry that a trigger waits for.

    Attributes:
        at: When it is due, aware.
        number: Which one, from 1.
        times: How many the trigger allows.
        first: The first attempt; None if that is not known.
    """

    at: datetime
    number: int
    times: int
    first: UUID | None


@dataclass(frozen=True, slots=True)
class ListedTrigger:
    """A trigger as lists show it.

    Attributes:
        next_run: Naive site time; None for queue triggers.
        last_run: Naive site time of the last start.
        runs: The last ones, oldest first.
        late: Due for a while, and nobody started it.
        stuck: Pausing or killing, but no job of it is active.
        odd_status: What the database holds where that is no status; it counts as failed then.
        rests_until: Naive site time until when a queue trigger waits, because its last runs took nothing.
        odd_id: Its id as it is written, if nothing can be found by that; it counts as failed then.
        request: The run that waits to be started.
        pause: Who paused it and why; None while it is not paused, and where that is not known.
        skipped: The run that was to be passed over last.
        timezone: Name of the zone that the cron expression means; None for the site's.
        calendar: Name of the calendar of the days on which it runs; None for every day.
        closed_days: What becomes of its runs on closed days, as it is written.
        missed: What becomes of its runs that were missed.
        most_jobs: How many jobs of it may run at the same time.
        elements_per_job: For how many elements one of them stands; None for a batch.
        running: The jobs that have not ended, the longest running first.
        will_be: The state that a job which failed leaves it in once the others have ended; None for none.
        open_days: That calendar; None if there is none of its name, or none that can be read.
        retry: The retry that it waits for, also while it is paused.
        failed_runs: How many runs in a row have failed.
        failure_limit: How many of them make it Failed; 0 for never.
        unmet: That no scheduler that is heard from does, and who lacks what, in sentences; empty if one does.
        desktop: What its robot needs of the machine, beside the labels that its scheduler has to carry.
    """

    id: UUID
    name: str
    process: str
    type: TriggerType
    status: TriggerStatus
    priority: int
    is_blocking: bool
    schedulers: tuple[str, ...]
    next_run: datetime | None
    last_run: datetime | None
    cron: str | None
    queue: str | None
    min_batch_size: int | None
    run_requested: bool
    late: bool
    stuck: bool
    runs: tuple[Run, ...] = field(default=())
    odd_status: str | None = None
    odd_id: str | None = None
    rests_until: datetime | None = None
    request: RunRequest | None = None
    pause: Pause | None = None
    skipped: SkippedRun | None = None
    timezone: str | None = None
    calendar: str | None = None
    closed_days: str | None = None
    open_days: Calendar | None = None
    retry: WaitingRetry | None = None
    failed_runs: int = 0
    failure_limit: int = DEFAULT_LIMIT
    missed: MissedPolicy = LIKE_BEFORE
    most_jobs: int = DEFAULT_MOST_JOBS
    elements_per_job: int | None = None
    running: tuple[Run, ...] = ()
    will_be: TriggerStatus | None = None
    labels: tuple[str, ...] = ()
    unmet: str = ""
    desktop: Desktop = Desktop.BACKGROUND

    def schedule(self, site_zone: tzinfo) -> Schedule | None:
        """Return when it runs, quick enough for the event loop; None unless it is a scheduled trigger.

        Raises:
            InvalidInputError: If it names a zone or calendar that is not there, or one that cannot be read.
        """
        if self.cron is None:
            return None
        zone = zone_named(str(site_zone) if self.timezone is None else self.timezone)
        if self.calendar is None:
            return Schedule(self.cron, zone)
        way = ClosedDays.__members__.get(self.closed_days or ClosedDays.SKIP.name)
        if self.open_days is None or way is None:
            raise InvalidInputError(f"There is no calendar {self.calendar!r} that can be used. Choose another.")
        return Schedule(self.cron, zone, self.open_days, way)

    def skips_missed(self, site_zone: tzinfo, now: datetime) -> bool:
        """Return whether it skips all that it has missed by now (aware), quick enough for the event loop."""
        if self.next_run is None or self.missed.never_skips:
            return False
        try:
            schedule = self.schedule(site_zone)
            due_at = self.next_run.replace(tzinfo=site_zone)
            return schedule is not None and due_at <= now and not runs_any(self.missed, schedule, due_at, now=now)
        except InvalidInputError:  # it does not run at all, and its page says why
            return False

    @property
    def active(self) -> Run | None:
        """The run that has not ended; of several the one that runs the longest."""
        return next(iter(self.running or active(self.runs)), None)

    @property
    def last_ended(self) -> Run | None:
        """The last run that has ended."""
        ended = (run for run in reversed(self.runs) if run.status not in ACTIVE_JOB_STATUSES)
        return next((run for run in ended if run.status not in UNSTARTED_JOB_STATUSES), None)


def joined() -> Any:
    """Return the triggers with what is particular to their kind."""
    return _T.outerjoin(_S, _S.c.id == _T.c.id).outerjoin(_C, _C.c.id == _T.c.id).outerjoin(_Q, _Q.c.id == _T.c.id)


def select_rows(site_now: datetime) -> sa.Select[Any]:
    """Return the query of all triggers, without their runs."""
    return sa.select(
        _T.c.id,
        raw(_T.c.id, "written_id"),
        _T.c.trigger_name,
        _T.c.process_name,
        _T.c.type,
        sa.cast(_T.c.process_status, sa.String(50)).label("status"),
        _T.c.priority,
        _T.c.is_blocking,
        _T.c.scheduler_whitelist,
        _T.c.labels,
        _T.c.desktop,
        NEXT_RUN.label("next_run"),
        _T.c.last_run,
        _C.c.cron_expr,
        _Q.c.queue_name,
        _Q.c.min_batch_size,
        _T.c.run_requested_at,
        _T.c.run_requested_by,
        sa.case((_T.c.run_args.is_not(None), 1), else_=0).label("once"),
        _T.c.run_scheduler,
        _T.c.paused_at,
        _T.c.paused_by,
        _T.c.pause_reason,
        _T.c.paused_until,
        _C.c.skipped_due,
        _C.c.skipped_at,
        _C.c.skipped_by,
        _C.c.timezone,
        _C.c.calendar,
        _C.c.closed_days,
        _C.c.missed,
        _C.c.missed_within_seconds,
        _C.c.missed_most,
        _T.c.retry_at,
        _T.c.retry_number,
        _T.c.retry_times,
        _T.c.retry_of,
        _T.c.retry_last_run,
        _T.c.failed_runs,
        _T.c.pause_after_failures,
        _T.c.max_jobs,
        raw(_T.c.status_after, "status_after"),
        _Q.c.elements_per_job,
        sa.case((late(site_now), 1), else_=0).label("late"),
        sa.case((stuck(), 1), else_=0).label("stuck"),
    ).select_from(joined())


def read_rows(session: Session, query: sa.Select[Any], site_now: datetime) -> tuple[ListedTrigger, ...]:
    """Return triggers with their last runs, and how long those rest whose runs took nothing."""
    found = session.execute(query).all()
    runs = last_runs(session, [row.id for row in found])
    several = running(session, {row.id for row in found if (row.max_jobs or 1) > 1})
    idle = [
        FullQueue(row.id, row.queue_name, row.min_batch_size)
        for row in found
        if row.queue_name and row.status == TriggerStatus.IDLE.name and row.run_requested_at is None
    ]
    rests = queue_backoff.resting(session.connection(), idle, site_now=site_now)
    known = calendars_of(session, site_now.year) if any(row.calendar for row in found) else {}
    live = live_labels(session) if any(row.labels for row in found) else {}
    lost = {row.id for row in found if is_lost_id(row.written_id, session.get_bind().dialect.name)}
    return tuple(
        ListedTrigger(
            id=row.id,
            name=row.trigger_name,
            process=row.process_name,
            type=row.type,
            status=_status(row.status, known=row.id not in lost),
            priority=row.priority,
            is_blocking=row.is_blocking,
            schedulers=tuple(row.scheduler_whitelist or ()),
            next_run=row.next_run,
            last_run=row.last_run,
            cron=row.cron_expr,
            queue=row.queue_name,
            min_batch_size=row.min_batch_size,
            run_requested=row.run_requested_at is not None,
            late=bool(row.late),
            stuck=bool(row.stuck),
            runs=runs.get(row.id, ()),
            odd_status=None if row.status in TriggerStatus.__members__ else str(row.status),
            odd_id=str(row.written_id) if row.id in lost else None,
            rests_until=rests.get(row.id),
            request=_request(row),
            pause=_pause(row),
            skipped=None if row.skipped_due is None else SkippedRun(row.skipped_due, row.skipped_at, row.skipped_by),
            timezone=row.timezone,
            calendar=row.calendar,
            closed_days=row.closed_days,
            open_days=known.get(row.calendar),
            retry=waiting_retry(row),
            failed_runs=row.failed_runs or 0,
            failure_limit=limit_of(row.pause_after_failures),
            missed=missed_policy(row.missed, row.missed_within_seconds, row.missed_most),
            most_jobs=most_jobs(row.type, row.max_jobs),
            elements_per_job=set_elements_per_job(row.elements_per_job),
            running=several.get(row.id) or active(runs.get(row.id, ())),
            will_be=_will_be(row.status_after),
            labels=tuple(row.labels or ()),
            unmet=unmet_words(row.scheduler_whitelist or (), row.labels or (), live),
            desktop=desktop_of(row.is_blocking, row.desktop),
        )
        for row in found
    )


def _will_be(status_after: Any) -> TriggerStatus | None:
    status = TriggerStatus.__members__.get(str(status_after))
    return None if status is TriggerStatus.IDLE else status


def _request(row: Any) -> RunRequest | None:
    if row.run_requested_at is None:
        return None
    once = bool(row.once)
    return RunRequest(row.run_requested_at, row.run_requested_by, once, row.run_scheduler if once else None)


def _pause(row: Any) -> Pause | None:
    """Return what is known of a pause; what an older program left of one that it ended does not count."""
    if row.paused_at is None or row.status not in {status.name for status in PAUSED}:
        return None
    return Pause(row.paused_at, row.paused_by, row.pause_reason, row.paused_until)


def waiting_retry(row: Any) -> WaitingRetry | None:
    """Return the retry that counts, by the rule of schedulers."""
    if row.retry_at is None or not is_after_last_run(row.retry_last_run, row.last_run):
        return None
    if row.status not in (TriggerStatus.IDLE.name, TriggerStatus.PAUSED.name):
        return None
    return WaitingRetry(row.retry_at, row.retry_number or 1, row.retry_times or 0, row.retry_of)


def _status(written: str, *, known: bool) -> TriggerStatus:
    return TriggerStatus.__members__.get(written, TriggerStatus.FAILED) if known else TriggerStatus.FAILED
