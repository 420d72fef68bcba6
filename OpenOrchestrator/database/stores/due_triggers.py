"""Which triggers are due that are idle, or may have another job, at a cost that does not grow with history.

Owns the question that every scheduler asks about once a second. Reads only: claiming is somebody else's, and may find
that another scheduler was faster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.labels import missing
from OpenOrchestrator.database.statuses import RESTING_TRIGGER_STATUSES, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import (
    full_queues,
    pools,
    queue_backoff,
    running_triggers,
    timed_triggers,
    unknown_statuses,
    waiting_retries,
)
from OpenOrchestrator.database.stores.pool_amounts import Amounts
from OpenOrchestrator.database.stores.pools import PoolBook
from OpenOrchestrator.database.stores.queue_backoff import FullQueue
from OpenOrchestrator.database.stores.row_ids import is_lost_id
from OpenOrchestrator.database.stores.running_triggers import ActiveJobs
from OpenOrchestrator.database.stores.trigger_places import required_labels
from OpenOrchestrator.database.stores.trigger_rows import (
    BASE_COLUMNS,
    TIME_COLUMNS,
    TIME_JOIN,
    TRIGGERS,
    PoisonedRowError,
    TriggerRow,
    WaitingRetry,
    read,
    trigger_id,
)
from OpenOrchestrator.database.stores.trigger_schedules import Schedules

# The statements are made once: a poll comes every second, and making them takes as long as running them.
_DATABASE_NOW = sa.select(DatabaseUtcNow())
# After a date, and not just there: then every database walks the index that has the few requests at its end.
_ASKED = TRIGGERS.c.run_requested_at > datetime(1970, 1, 1, tzinfo=timezone.utc)
_ONCE = (
    sa.select(*BASE_COLUMNS, *TIME_COLUMNS)
    .select_from(TIME_JOIN)
    .where(_ASKED, TRIGGERS.c.run_args.is_not(None), TRIGGERS.c.process_status.in_(RESTING_TRIGGER_STATUSES))
)
# One trip for both: a poll comes every second, and there are few of either.
_ONCE_OR_BESIDE = sa.union_all(_ONCE, running_triggers.RUNNING)
_Labels: TypeAlias = Collection[str] | None
_LONGEST_REASON = 300
_LOST_ID = (
    "its id is written as {id!r}, and ids are found as 32 lower-case digits without dashes alone. Correct it in the "
    "tables Triggers and Single_, Scheduled_ or Queue_Triggers, or create the trigger anew"
)


@dataclass(frozen=True, slots=True)
class DueTrigger:
    """A trigger that is due and idle, or may have another job, or that somebody wants to run with other arguments.

    Attributes:
        priority: Higher runs first.
        is_blocking: Has to be alone on its scheduler.
        whitelist: Names of the schedulers this run may be on; empty for any.
        due_at: Since when, aware UTC; None for queue triggers and for runs that somebody asked for.
        next_run_seen: Its ``next_run``; a claim is refused if somebody changed it meanwhile.
        last_run_seen: Its ``last_run`` in the driver's form; a claim is refused if it ran meanwhile.
        once: It is the run with arguments of its own that is wanted, whatever the trigger's state.
        retry: The retry that the run is; None for a first attempt.
        pools: How much of which pools it needs.
        is_skipped: None of the due times that passed is run: they are to be skipped.
        beside: It is to run beside the jobs of the trigger that run.
        labels: What its scheduler has to carry; empty where one was chosen for it. ``needs_screen``: of its machine.
    """

    trigger_id: UUID
    name: str
    type: TriggerType
    priority: int
    is_blocking: bool
    whitelist: tuple[str, ...]
    due_at: datetime | None
    next_run_seen: datetime | None
    last_run_seen: Any = None
    once: bool = False
    retry: WaitingRetry | None = None
    pools: Amounts = ()
    is_skipped: bool = False
    beside: bool = False
    labels: tuple[str, ...] = ()
    needs_screen: bool = False

    @classmethod
    def of(
        cls, trigger: TriggerRow, due_at: datetime | None, *, once: bool = False, is_skipped: bool = False
    ) -> DueTrigger:
        """Return a trigger as it was read, as one that is due, or whose run once is wanted."""
        return cls(
            trigger_id=trigger.trigger_id,
            name=trigger.name,
            type=trigger.type,
            priority=trigger.priority,
            is_blocking=trigger.is_blocking,
            whitelist=once_whitelist(trigger) if once else trigger.whitelist,
            due_at=due_at,
            next_run_seen=trigger.next_run,
            last_run_seen=trigger.last_run,
            once=once,
            retry=None if once else trigger.retry,
            pools=trigger.pools,
            is_skipped=is_skipped,
            beside=trigger.status is TriggerStatus.RUNNING,
            labels=required_labels(trigger, once=once),
            needs_screen=trigger.needs_screen,
        )


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A trigger that cannot run because of what its row holds.

    Attributes:
        trigger_id: None if not even that can be read.
        reason: What is wrong, as the end of a sentence about the trigger.
    """

    trigger_id: UUID | None
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class DueTriggers:
    """The answer of one poll.

    Attributes:
        due: By priority, then single before scheduled before queue, then by due time.
        next_due: No trigger falls due by the clock before this instant (aware UTC); None if none ever does.
        poisoned: Triggers that were set aside.
        pools: The pools and who holds them; empty unless one that is due needs some.
        missed: Idle triggers whose due times have passed too long ago for a run: they are to be skipped.
        screen_taken: Whether a job has the screen that some of ``due`` need; filled in by whoever knows the machine.
    """

    due: tuple[DueTrigger, ...]
    next_due: datetime | None
    poisoned: tuple[Poisoned, ...]
    pools: PoolBook = pools.EMPTY
    missed: tuple[DueTrigger, ...] = ()
    screen_taken: bool = False


def find(
    connection: Connection, *, now: datetime, zone: ZoneInfo, scheduler_name: str | None, labels: _Labels = None
) -> DueTriggers:
    """Find all triggers that are due and idle or may have another job, and all that are wanted with other arguments.

    Args:
        connection: An open transaction.
        now: Aware instant.
        zone: The site's time zone.
        scheduler_name: Leaves out triggers that may not run on it; None to find them all.
        labels: Leaves out triggers that require other labels; None to find them all.
    """
    due: list[DueTrigger] = []
    poisoned: list[Poisoned] = []
    waiting: list[datetime] = []
    latest = cron.latest_site_time(now, zone)
    once, running = _once_and_running(connection)
    timed = timed_triggers.find(connection, latest)
    full, sizeless = full_queues.find(connection)
    poisoned += [_poisoned(row, reason) for row, reason in sizeless]
    seen: set[UUID] = set()
    filled = frozenset(_ids(row.id for row in full))
    schedules = Schedules(connection, zone)
    # Asked only where it counts: a poll comes every second, and retries are rare.
    retrying = any(row.retry_at is not None for row in (*timed, *full, *running))
    database_now = connection.scalar(_DATABASE_NOW) if retrying else None
    for row, wants_once in (*((row, True) for row in once), *((row, False) for row in (*timed, *full))):
        try:
            trigger = _read_known(row, connection.dialect.name)
            if trigger.trigger_id in seen:
                continue
            if not _may_run_on(trigger, scheduler_name, labels, once=wants_once):
                continue
            if not wants_once and trigger.trigger_id not in filled and _waits_for_its_queue(trigger):
                continue
            found = (
                DueTrigger.of(trigger, None, once=True)
                if wants_once
                else as_due(trigger, now=now, schedules=schedules, database_now=database_now)
            )
        except PoisonedRowError as error:
            poisoned.append(_poisoned(row, str(error)))
            continue
        if isinstance(found, DueTrigger):
            due.append(found)
            seen.add(found.trigger_id)
        else:
            waiting.append(found)
    if due or running:
        active = running_triggers.active_jobs(connection)
        due = [trigger for trigger in due if not active.of(trigger.trigger_id)]
        own = [trigger for trigger in due if not trigger.once and trigger.retry is None]
        resting = _resting(connection, own, full, cron.to_site(now, zone))
        due = [trigger for trigger in due if trigger.once or trigger.retry or trigger.trigger_id not in resting]
        waiting += [cron.to_utc(until, zone) for until in resting.values()]
        more = list(_Look(connection, scheduler_name, labels, now, schedules, database_now).beside(running, active))
        due += [one for one in more if isinstance(one, DueTrigger) and one.trigger_id not in seen]
        waiting += [one for one in more if isinstance(one, datetime)]
        poisoned += [one for one in more if isinstance(one, Poisoned)]
    poisoned += [_poisoned(row, reason) for row, reason in unknown_statuses.find(connection)]
    waiting += timed_triggers.later(connection, latest, zone)
    ranks = list(TriggerType)
    due.sort(key=lambda t: (-t.priority, ranks.index(t.type), (t.due_at or now), t.name, t.trigger_id))
    book = pools.read_book(connection) if any(trigger.pools for trigger in due) else pools.EMPTY
    poisoned += (_without_pool(trigger, book) for trigger in due if _lost_pool(trigger, book) is not None)
    due = [trigger for trigger in due if _lost_pool(trigger, book) is None]
    return DueTriggers(
        due=tuple(trigger for trigger in due if not trigger.is_skipped),
        next_due=min(waiting, default=None),
        poisoned=tuple(poisoned),
        pools=book,
        missed=tuple(trigger for trigger in due if trigger.is_skipped),
    )


def as_due(
    trigger: TriggerRow, *, now: datetime, schedules: Schedules, database_now: datetime | None = None
) -> DueTrigger | datetime:
    """Return an idle trigger as a due one, or the instant at which it will be due.

    A queue trigger counts as due: whether its queue is full enough only the database can tell. While a trigger waits
    for a retry, neither its schedule nor its queue makes it due.

    Args:
        trigger: As it was read.
        now: Aware instant, on this machine's clock.
        schedules: Of this transaction.
        database_now: The same on the database's clock, by which retries go; None if that shows the same.

    Raises:
        PoisonedRowError: If its schedule cannot tell when it is due next.
    """
    if trigger.retry is not None:
        return _retry_as_due(trigger, trigger.retry, now=now, schedules=schedules, database_now=database_now or now)
    due_at: datetime | None = None
    if trigger.next_run is not None:
        due_at = cron.resolve_due(trigger.next_run, trigger.due_at, schedules.zone)
        if due_at > now:
            if not trigger.wants_run:
                return due_at
            due_at = None
    is_skipped = False
    if due_at is not None and trigger.cron_expr is not None:
        schedules.next_after(trigger, due_at, now=now)
        is_skipped = not trigger.wants_run and not schedules.runs_any(trigger, due_at, now=now)
    return DueTrigger.of(trigger, due_at, is_skipped=is_skipped)


def once_whitelist(trigger: TriggerRow) -> tuple[str, ...]:
    """Return which schedulers may run a trigger once as it is wanted: the chosen one, or those of its whitelist."""
    return trigger.whitelist if trigger.run_scheduler is None else (trigger.run_scheduler,)


def active_triggers(connection: Connection) -> frozenset[UUID]:
    """Return the ids of the triggers that have a job which has not ended."""
    return frozenset(running_triggers.active_jobs(connection).by_trigger)


def scheduler_key(name: str) -> str:
    """Return what tells a scheduler's name from others in a whitelist: case and outer blanks do not count."""
    return name.strip().casefold()


def is_allowed_on(whitelist: Iterable[str], scheduler_name: str) -> bool:
    """Tell whether a trigger with this whitelist may run on a scheduler; case and outer blanks do not count."""
    names = set(map(scheduler_key, whitelist))
    return not names or scheduler_key(scheduler_name) in names


def _resting(
    connection: Connection, due: Iterable[DueTrigger], full: Iterable[sa.Row[Any]], site_now: datetime
) -> dict[UUID, datetime]:
    rows = {next(_ids([row.id]), None): row for row in full}
    found = ((trigger.trigger_id, rows[trigger.trigger_id]) for trigger in due if trigger.trigger_id in rows)
    queues = (FullQueue(key, row.queue_name, row.size) for key, row in found if isinstance(row.queue_name, str))
    return queue_backoff.resting(connection, queues, site_now=site_now)


def _lost_pool(trigger: DueTrigger, book: PoolBook) -> str | None:
    return next((pool for pool, _amount in trigger.pools if pool not in book.sizes), None)


def _without_pool(trigger: DueTrigger, book: PoolBook) -> Poisoned:
    lost = _lost_pool(trigger, book)
    return Poisoned(trigger.trigger_id, trigger.name, f"it needs the pool {lost!r}, {pools.MISSING}"[:_LONGEST_REASON])


def _once_and_running(connection: Connection) -> tuple[list[Any], list[Any]]:
    """Return the triggers that are wanted with other arguments, and those that run and may have another job."""
    once: list[Any] = []
    running: list[Any] = []
    for row in connection.execute(_ONCE_OR_BESIDE):
        (running if running_triggers.is_running(row) else once).append(row)
    return once, running


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at triggers that run."""

    connection: Connection
    scheduler_name: str | None
    labels: _Labels
    now: datetime
    schedules: Schedules
    database_now: datetime | None

    def beside(self, rows: Iterable[Any], active: ActiveJobs) -> Iterator[DueTrigger | datetime | Poisoned]:
        """Yield those of triggers that run whose next job is due, when those of others are, and what is poisoned."""
        found: list[TriggerRow] = []
        for row in rows:
            try:
                trigger = _read_known(row, self.connection.dialect.name)
            except PoisonedRowError as error:
                yield _poisoned(row, str(error))
                continue
            if active.has_room(trigger) and _may_run_on(trigger, self.scheduler_name, self.labels, once=False):
                found.append(trigger)
        queues = [trigger for trigger in found if _waits_for_its_queue(trigger)]
        full = running_triggers.full_enough(self.connection, queues, active)
        resting = queue_backoff.resting(self.connection, full, site_now=cron.to_site(self.now, self.schedules.zone))
        yield from (cron.to_utc(until, self.schedules.zone) for until in resting.values())
        worth_it = {queue.trigger_id for queue in full} - set(resting)
        for trigger in found:
            if _waits_for_its_queue(trigger) and trigger.trigger_id not in worth_it:
                continue
            try:
                yield as_due(trigger, now=self.now, schedules=self.schedules, database_now=self.database_now)
            except PoisonedRowError as error:
                yield Poisoned(trigger.trigger_id, trigger.name, str(error)[:_LONGEST_REASON])


def _read_known(row: Any, dialect_name: str) -> TriggerRow:
    if is_lost_id(row.id, dialect_name):
        raise PoisonedRowError(_LOST_ID.format(id=row.id))
    return read(row)


def _may_run_on(trigger: TriggerRow, scheduler_name: str | None, labels: _Labels, *, once: bool) -> bool:
    if labels is not None and missing(required_labels(trigger, once=once), labels):
        return False
    whitelist = once_whitelist(trigger) if once else trigger.whitelist
    return scheduler_name is None or is_allowed_on(whitelist, scheduler_name)


def _retry_as_due(
    trigger: TriggerRow, retry: WaitingRetry, *, now: datetime, schedules: Schedules, database_now: datetime
) -> DueTrigger | datetime:
    due_at, wait = waiting_retries.when_due(trigger, retry, now=now, zone=schedules.zone, database_now=database_now)
    if wait > timedelta(0):
        return DueTrigger.of(trigger, None) if trigger.wants_run else now + wait
    if trigger.cron_expr is not None:
        schedules.next_after(trigger, now, now=now)
    return DueTrigger.of(trigger, due_at)


def _waits_for_its_queue(trigger: TriggerRow) -> bool:
    """Tell whether nothing but its queue makes a trigger due, as where a retry was noted that is void by now."""
    return trigger.type is TriggerType.QUEUE and trigger.retry is None and not trigger.wants_run


def _poisoned(row: Any, reason: str) -> Poisoned:
    found = next(_ids([row.id]), None)
    name = row.trigger_name if isinstance(row.trigger_name, str) else f"(id {row.id})"
    return Poisoned(found, name, reason[:_LONGEST_REASON])


def _ids(values: Iterable[Any]) -> Iterator[UUID]:
    for value in values:
        try:
            yield trigger_id(value)
        except ValueError:  # not an id: then it is nobody's
            continue
