"""The runs of the last 24 hours, by scheduler, as bars that a screen can show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.attention import is_silent
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    UNSTARTED_JOB_STATUSES,
    JobStatus,
)
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

LENGTH = timedelta(hours=24)
MOST_JOBS = 4_000
TOO_CLOSE = timedelta(seconds=100)
"""A pixel or two: runs that ended well and are no further apart are one bar."""

MOST_BARS = 800
"""Where there are more bars in all, runs that are further apart become one, too: each bar is a link in the browser."""

LONGEST_BAR = timedelta(minutes=30)
"""Of several runs, so that it still tells when they were."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One run, or several that are too short to be told apart.

    Attributes:
        name: Of the trigger; of the last one where there are several.
        job_id: The last run.
        start: Naive site time.
        end: Naive site time; None while it runs.
        count: How many runs.
    """

    name: str
    job_id: UUID
    status: JobStatus
    start: datetime
    end: datetime | None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Lane:
    """The runs of one scheduler.

    Attributes:
        silent_since: Naive site time of its last heartbeat if it is not heard from any more.
        bars: By start.
    """

    scheduler: str
    silent_since: datetime | None
    bars: tuple[Bar, ...]

    @property
    def notable(self) -> bool:
        """Whether there is anything to see."""
        return bool(self.bars) or self.silent_since is not None


@dataclass(frozen=True, slots=True)
class Timeline:
    """All lanes.

    Attributes:
        complete_since: Naive site time from which all runs are shown; later than 24 h ago where there are very many.
    """

    lanes: tuple[Lane, ...]
    complete_since: datetime | None


class TimelineBackend(Backend):
    """The runs of the last 24 hours; they are read again only after one began or ended."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._state: tuple[Any, ...] = ()
        self._runs = _Runs({}, None)

    async def timeline(self) -> Timeline:
        """Return all runs that touch the last 24 hours, up to a number; and a few that ended within the hour before."""
        return await self._read(self._look)

    def _look(self, session: Session) -> Timeline:
        site_now = self._database.site_now()
        # From a full hour: a run that falls out of the day at every look would have everything sent anew.
        since = (site_now - LENGTH).replace(minute=0, second=0, microsecond=0)
        # Thousands of runs are only read again after one began or ended.
        state = (since, *_state(session, since))
        if state != self._state:
            self._runs = _read(session, since)
            self._state = state
        bars = self._runs.bars
        silent = self._silent(session, site_now)
        names = sorted({*bars, *silent}, key=lambda name: (name.casefold(), name))
        lanes = (Lane(name, silent.get(name), bars.get(name, ())) for name in names)
        return Timeline(tuple(lanes), self._runs.complete_since)

    def _silent(self, session: Session, site_now: datetime) -> dict[str, datetime | None]:
        now = self._now()
        known: dict[str, datetime | None] = {}
        query = sa.select(Scheduler.machine_name, Scheduler.heartbeat_at, Scheduler.last_update)
        for row in session.execute(query):
            known[row.machine_name] = None
            if is_silent(row.heartbeat_at, row.last_update, now=now, site_now=site_now):
                beat = row.heartbeat_at
                seen = beat.astimezone(self._database.zone).replace(tzinfo=None) if beat else row.last_update
                known[row.machine_name] = seen
        return known


@dataclass(frozen=True, slots=True)
class _Runs:
    """Bars by scheduler, and since when all of them were read; None if that is the whole day."""

    bars: dict[str, tuple[Bar, ...]]
    complete_since: datetime | None


def _state(session: Session, since: datetime) -> tuple[Any, ...]:
    """Return what differs after any run began or ended."""
    begun = sa.select(sa.func.count(), sa.func.max(_J.c.start_time)).where(_J.c.start_time >= since)
    active = sa.select(_J.c.id, _J.c.status).where(_J.c.status.in_(ACTIVE_JOB_STATUSES))
    return (*session.execute(begun).one(), frozenset(tuple(row) for row in session.execute(active)))


def _read(session: Session, since: datetime) -> _Runs:
    columns = (_J.c.id, _J.c.status, _J.c.trigger_name, _J.c.process_name, _J.c.scheduler_name)
    selected = sa.select(*columns, _J.c.start_time, _J.c.end_time)
    newest_first = (_J.c.start_time.desc(), _J.c.id.desc())
    # Three walks along indexes: what began within the day, what still runs, and what began before and ended in it.
    ran = _J.c.status.not_in(UNSTARTED_JOB_STATUSES)
    begun = selected.where(_J.c.start_time >= since, ran).order_by(*newest_first).limit(MOST_JOBS)
    active = selected.where(_J.c.status.in_(ACTIVE_JOB_STATUSES), _J.c.start_time < since).limit(500)
    before = selected.where(
        _J.c.start_time < since, _J.c.start_time >= since - timedelta(hours=12), _J.c.end_time > since, ran
    )
    rows = session.execute(begun).all()
    complete_since = rows[-1].start_time if len(rows) == MOST_JOBS else None
    rows = [*rows, *session.execute(active), *session.execute(before.limit(500))]
    lanes: dict[str, list[Bar]] = {}
    for row in {row.id: row for row in rows}.values():
        name = row.trigger_name or row.process_name
        end = None if row.status in ACTIVE_JOB_STATUSES else row.end_time or row.start_time
        lanes.setdefault(row.scheduler_name, []).append(Bar(name, row.id, row.status, row.start_time, end))
    return _Runs(_few(lanes), complete_since)


def merged(bars: Iterable[Bar], gap: timedelta = TOO_CLOSE) -> tuple[Bar, ...]:
    """Return bars by start, neighbours that were done and are less than a gap apart made one."""
    result: list[Bar] = []
    for bar in sorted(bars, key=lambda each: (each.start, each.job_id.bytes)):
        last = result[-1] if result else None
        if (
            last is not None
            and last.status is JobStatus.DONE
            and bar.status is JobStatus.DONE
            and last.end is not None
            and bar.end is not None
            and bar.start - last.end < gap
            and bar.end - bar.start < gap
            and bar.end - last.start <= LONGEST_BAR
        ):
            result[-1] = replace(bar, start=last.start, end=max(last.end, bar.end), count=last.count + 1)
        else:
            result.append(bar)
    return tuple(result)


def _few(lanes: Mapping[str, Sequence[Bar]]) -> dict[str, tuple[Bar, ...]]:
    """Return bars that a browser draws at once, made from runs as close as that takes."""
    gap = TOO_CLOSE
    while True:
        drawn = {name: merged(bars, gap) for name, bars in lanes.items()}
        if gap >= LONGEST_BAR or sum(map(len, drawn.values())) <= MOST_BARS:
            return drawn
        gap *= 2
