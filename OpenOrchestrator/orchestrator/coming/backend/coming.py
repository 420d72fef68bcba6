"""What is expected to run in the next hours or days, as far as the database can tell.

It knows the triggers by the clock, how long their last runs took, and of each scheduler that is heard from how many
jobs it runs at once. It does not know how many elements will come, so queue triggers have no times, nor whether a
scheduler takes only triggers that name it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.attention import is_silent
from OpenOrchestrator.database.lifecycle.required_labels import takers
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import site_pause
from OpenOrchestrator.database.stores.trigger_rows import (
    BASE_COLUMNS,
    TIME_COLUMNS,
    TIME_JOIN,
    TRIGGERS,
    PoisonedRowError,
    raw,
    read,
)
from OpenOrchestrator.database.stores.trigger_schedules import Schedules
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J
from OpenOrchestrator.orchestrator.backend.tables import SCHEDULERS as _S
from OpenOrchestrator.orchestrator.coming.backend.collisions import Demand, Places, Trouble, troubles_of
from OpenOrchestrator.orchestrator.coming.backend.lengths import Length, Lengths
from OpenOrchestrator.orchestrator.coming.backend.occurrences import Coming, Occurrences, Planned

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.stores.site_pause import SitePause

_WILL_RUN = {TriggerStatus.IDLE.name, TriggerStatus.RUNNING.name}
_SINGLE_IS_OVER = {TriggerStatus.DONE.name, TriggerStatus.RUNNING.name}


class Horizon(Enum):
    """How far ahead, by its name in the address."""

    DAY = ""
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """How long that is."""
        return timedelta(days=7 if self is Horizon.WEEK else 1)


@dataclass(frozen=True, slots=True)
class KnownScheduler:
    """A scheduler that has ever reported.

    Attributes:
        slots: How many jobs it runs at once; None from earlier versions.
        silent: Whether it has not been heard from for too long; then nothing is expected to run on it.
        held: Whether it is cordoned or drained, and starts nothing until somebody lets it.
        labels: What it carries; None from earlier versions.
    """

    name: str
    slots: int | None
    silent: bool
    labels: tuple[str, ...] | None = ()
    held: bool = False

    @property
    def takes_runs(self) -> bool:
        """Whether runs are expected on it."""
        return not self.silent and not self.held


@dataclass(frozen=True, slots=True)
class RunningNow:
    """A job that runs and takes a slot of its scheduler until its usual end."""

    trigger_id: UUID | None
    scheduler: str
    started: datetime


@dataclass(frozen=True, slots=True)
class Read:
    """What was read for a forecast.

    Attributes:
        left_out: Names of triggers by the clock that are paused, failed or killed, and so do not run.
        unreadable: Names of triggers whose row or cron expression cannot be read.
        queue_triggers: Enabled ones, which have no times.
        pause: Of the whole site; None for none.
    """

    planned: tuple[Planned, ...]
    running: tuple[RunningNow, ...]
    schedulers: tuple[KnownScheduler, ...]
    left_out: tuple[str, ...]
    unreadable: tuple[str, ...]
    queue_triggers: int
    pause: SitePause | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected from now until some instant.

    Attributes:
        runs: By start.
        troubles: What will not fit, by start.
        more_troubles: How many more there are, which are not listed.
        looked_to: Until then it was worked out what will not fit; None for all of it.
        nowhere: Names of triggers that no scheduler may take of those that take runs.
        pause: Of the whole site. Where its end is known, nothing is expected before; else runs are as if it ended now.
    """

    now: datetime
    until: datetime
    runs: tuple[Demand, ...]
    troubles: tuple[Trouble, ...]
    more_troubles: int
    nowhere: tuple[str, ...]
    schedulers: tuple[KnownScheduler, ...]
    left_out: tuple[str, ...]
    unreadable: tuple[str, ...]
    queue_triggers: int
    looked_to: datetime | None = None
    pause: SitePause | None = None

    @property
    def total(self) -> int:
        """Runs in all."""
        return sum(expected.run.count for expected in self.runs)


class ComingBackend(Backend):
    """Forecasts."""

    def __init__(self, database: Database, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(database, clock)
        self._lengths = Lengths(monotonic)

    async def forecast(self, horizon: Horizon) -> Forecast:
        """Return what is expected from now on."""

        def work(session: Session) -> tuple[Read, ZoneInfo]:
            return self._look(session, horizon), self._database.zone

        read_now, zone = await self._read(work)
        now = self._now()
        return await off_loop(lambda: forecast_of(read_now, now, now + horizon.length, zone))

    def _look(self, session: Session, horizon: Horizon) -> Read:
        zone, now = self._database.zone, self._now()
        planned, left_out, unreadable, queue_triggers = _triggers(session, zone)
        until = now + horizon.length
        lengths = self._lengths.of(session, [each.id for each in planned if each.first <= until])
        return Read(
            planned=tuple(_with_length(each, lengths) for each in planned),
            running=_running(session, zone),
            schedulers=self._schedulers(session),
            left_out=left_out,
            unreadable=unreadable,
            queue_triggers=queue_triggers,
            pause=site_pause.read(session),
        )

    def _schedulers(self, session: Session) -> tuple[KnownScheduler, ...]:
        now, site_now = self._now(), self._database.site_now()
        columns = (_S.c.machine_name, _S.c.slots, _S.c.labels, _S.c.heartbeat_at, _S.c.last_update)
        rows = session.execute(sa.select(*columns, _S.c.cordoned_at, _S.c.drain_at)).all()
        found = (
            KnownScheduler(
                row.machine_name,
                row.slots,
                silent=is_silent(row.heartbeat_at, row.last_update, now=now, site_now=site_now),
                held=row.cordoned_at is not None or row.drain_at is not None,
                labels=None if row.slots is None else tuple(row.labels or ()),
            )
            for row in rows
        )
        return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.name)))


def forecast_of(read_now: Read, now: datetime, until: datetime, zone: ZoneInfo) -> Forecast:
    """Return what is expected, from what was read. Pure.

    Args:
        read_now: Triggers, running jobs and schedulers.
        now: Aware.
        until: Aware.
        zone: The site's.
    """
    paused_until = read_now.pause.until if read_now.pause is not None else None
    begin = now if paused_until is None else max(now, paused_until)  # what is due before starts then
    occurrences = Occurrences(begin, until, zone)
    live = {each.name: each.slots for each in read_now.schedulers if each.takes_runs}
    carried = {each.name: each.labels for each in read_now.schedulers if each.takes_runs}
    known: dict[tuple[tuple[str, ...], tuple[str, ...]], Places] = {}
    expected: list[Demand] = []
    nowhere: list[str] = []
    unreadable = list(read_now.unreadable)
    for trigger in sorted(read_now.planned, key=lambda each: (each.name, each.id)):
        try:
            runs = occurrences.of(trigger) if begin <= until else []
        except InvalidInputError:
            unreadable.append(trigger.name)
            continue
        wanted = trigger.schedulers, trigger.labels
        if wanted not in known:
            known[wanted] = frozenset(takers(*wanted, carried))
        places = known[wanted]
        if runs and not places:
            nowhere.append(trigger.name)
        expected += [Demand(run, places) for run in runs]
    expected.sort(key=lambda each: each.run.start)  # those of the same moment stay in the order of their names
    troubles = troubles_of([*expected, *_demands_of_running(read_now, now, live)], live)
    return Forecast(
        now=now,
        until=until,
        runs=tuple(expected),
        troubles=tuple(troubles.listed),
        more_troubles=troubles.more,
        looked_to=troubles.looked_to,
        pause=read_now.pause,
        nowhere=tuple(sorted(nowhere, key=str.casefold)),
        schedulers=read_now.schedulers,
        left_out=read_now.left_out,
        unreadable=tuple(sorted(unreadable, key=str.casefold)),
        queue_triggers=read_now.queue_triggers,
    )


def _demands_of_running(read_now: Read, now: datetime, live: Mapping[str, int | None]) -> list[Demand]:
    lengths = {each.id: each for each in read_now.planned}
    demands = []
    for job in read_now.running:
        if job.scheduler not in live or job.trigger_id is None or job.trigger_id not in lengths:
            continue  # when it ends is not known
        trigger = lengths[job.trigger_id]
        length = trigger.length
        left = max(job.started + length - now, timedelta(seconds=1))
        is_alone = trigger.most_jobs == 1 and trigger.first > now
        until = min(now + left, trigger.first) if is_alone else now + left
        run = Coming(replace(trigger, seconds=left.total_seconds()), (now,), until)
        demands.append(Demand(run, frozenset([job.scheduler])))
    return demands


def _with_length(trigger: Planned, lengths: Mapping[UUID, Length]) -> Planned:
    length = lengths.get(trigger.id)
    return trigger if length is None else replace(trigger, seconds=length.seconds, measured=length.runs)


def _triggers(session: Session, zone: ZoneInfo) -> tuple[list[Planned], tuple[str, ...], tuple[str, ...], int]:
    columns = (*BASE_COLUMNS, *TIME_COLUMNS, raw(TRIGGERS.c.process_status, "status"))
    rows: Sequence[Any] = session.execute(sa.select(*columns).select_from(TIME_JOIN)).all()
    planned, left_out, unreadable = [], [], []
    schedules = Schedules(session.connection(), zone)
    queue_triggers = 0
    for row in rows:
        try:
            trigger = read(row)
        except PoisonedRowError:
            unreadable.append(str(row.trigger_name))
            continue
        if trigger.type is TriggerType.QUEUE:
            queue_triggers += row.status in _WILL_RUN
        is_over = trigger.type is TriggerType.SINGLE and row.status in _SINGLE_IS_OVER
        # While it waits for a retry, neither its schedule nor its queue starts it.
        retry = trigger.retry if row.status == TriggerStatus.IDLE.name else None
        if retry is not None and trigger.type is not TriggerType.SINGLE:
            first = retry.at
        elif trigger.next_run is None or is_over:
            continue
        else:
            first = cron.resolve_due(trigger.next_run, trigger.due_at, zone)
        if row.status not in _WILL_RUN:
            left_out.append(trigger.name)
            continue
        try:
            schedule = None if trigger.cron_expr is None else schedules.of(trigger)
        except PoisonedRowError:
            unreadable.append(trigger.name)
            continue
        planned.append(
            Planned(
                id=trigger.trigger_id,
                name=trigger.name,
                process=trigger.process_name,
                is_blocking=trigger.is_blocking,
                schedulers=trigger.whitelist,
                labels=trigger.labels,
                first=first,
                schedule=schedule,
                retry=0 if retry is None else retry.number,
                most_jobs=trigger.max_jobs,
            )
        )
    return planned, tuple(left_out), tuple(unreadable), queue_triggers


def _running(session: Session, zone: ZoneInfo) -> tuple[RunningNow, ...]:
    query = sa.select(_J.c.trigger_id, _J.c.scheduler_name, _J.c.start_time)
    rows = session.execute(query.where(_J.c.status.in_(ACTIVE_JOB_STATUSES)))
    return tuple(RunningNow(row.trigger_id, row.scheduler_name, cron.to_utc(row.start_time, zone)) for row in rows)
