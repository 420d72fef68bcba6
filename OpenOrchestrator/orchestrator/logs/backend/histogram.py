"""How many messages of each level there are over time: counted along the indexes of the list, and no longer than it.

Counted from the newest part of a span backwards; where the time is over the rest is left uncounted, and said to be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.periods import Period
from OpenOrchestrator.orchestrator.backend.tables import LOGS
from OpenOrchestrator.orchestrator.logs.backend.logs import SEARCH_SECONDS, LogQuery
from OpenOrchestrator.orchestrator.logs.backend.statements import between, matching

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

USUAL_PERIOD = Period("24h")
"""Counted where no period is asked for."""

MOST_BARS = 96
COUNT_CAP = 20_000
"""Of a level in one bar; no further."""

MOST_TRIED = 50_000
"""A bar with more messages than this is not searched through for a text or a scheduler."""

WIDTHS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 10080, 43200)
)


@dataclass(frozen=True, slots=True)
class Bar:
    """The messages of a part of the span.

    Attributes:
        start: Naive site time.
        counts: By level; None where they were not counted.
        capped: Whether there are more than that.
    """

    start: datetime
    counts: dict[LogLevel, int] | None
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts over a span.

    Attributes:
        start: Naive site time.
        end: Naive site time.
        width: Of each bar but the first and the last, which the span may cut.
        bars: The oldest first.
        counted_from: Naive site time: what is older was not counted; None if all was.
    """

    start: datetime
    end: datetime
    width: timedelta
    bars: tuple[Bar, ...]
    counted_from: datetime | None

    @property
    def totals(self) -> dict[LogLevel, int]:
        """Of each level, as far as was counted."""
        return {level: sum(bar.counts[level] for bar in self.bars if bar.counts is not None) for level in LogLevel}

    @property
    def capped(self) -> bool:
        """Whether a bar has more than were counted."""
        return any(bar.capped for bar in self.bars)


class HistogramBackend(Backend):
    """Counts of messages over time."""

    def __init__(self, database: Database, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(database, clock)
        self._monotonic = monotonic

    async def histogram(self, query: LogQuery) -> Histogram | None:
        """Return the counts of a query, whatever the page; None if there is no message at all to count."""

        def work(session: Session) -> Histogram | None:
            span = self._span(session, query)
            return None if span is None else self._count(session, query, *span)

        return await self._read(work)

    def _span(self, session: Session, query: LogQuery) -> tuple[datetime, datetime] | None:
        now = self._database.site_now()
        period = query.effective_period
        start, end = (period if period.given or query.jobs or query.elements else USUAL_PERIOD).bounds(now)
        narrow = [LOGS.c.job_id.in_(query.jobs)] if query.jobs else []
        if query.elements:
            narrow.append(LOGS.c.element_id.in_(query.elements))
        if start is None:
            start = session.scalar(sa.select(sa.func.min(LOGS.c.log_time)).where(*between((None, end)), *narrow))
        if end is None:
            last = session.scalar(sa.select(sa.func.max(LOGS.c.log_time)).where(*between((start, None)), *narrow))
            # A machine whose clock is ahead writes later than now; a job that ended long ago does not.
            end = last if narrow else max(last or now, now)
        return None if start is None or end is None or start > end else (start, end)

    def _count(self, session: Session, query: LogQuery, start: datetime, end: datetime) -> Histogram:
        width, edges = edges_of(start, end)
        stop = self._monotonic() + SEARCH_SECONDS
        bars: list[Bar] = []
        counted_from: datetime | None = None
        for number in range(len(edges) - 1, -1, -1):
            first = max(edges[number], start)
            last = min(edges[number] + width - timedelta.resolution, end)
            over = counted_from is not None or (bool(bars) and self._monotonic() > stop)
            counts = None if over else _counts(session, query, (first, last))
            if counts is None:
                counted_from = counted_from or last + timedelta.resolution
                bars.append(Bar(first, None))
            else:
                bars.append(Bar(first, counts, any(count >= COUNT_CAP for count in counts.values())))
        return Histogram(start, end, width, tuple(reversed(bars)), counted_from)


def edges_of(start: datetime, end: datetime) -> tuple[timedelta, list[datetime]]:
    """Return how wide bars are, and where each begins by the clock, so that there are not too many of them."""
    length = end - start
    width = next((each for each in WIDTHS if length / each <= MOST_BARS - 1), None)
    if width is None:
        width = timedelta(days=int(length / timedelta(days=1) / (MOST_BARS - 1)) + 1)
    midnight = datetime.combine(start.date(), datetime.min.time())
    first = midnight + (start - midnight) // width * width
    edges = [first]
    while edges[-1] + width <= end:
        edges.append(edges[-1] + width)
    return width, edges


def _counts(session: Session, query: LogQuery, bounds: tuple[datetime, datetime]) -> dict[LogLevel, int] | None:
    """Return the counts of a part of the span; None if too many messages would have to be tried."""
    within = between(bounds)
    if query.searches and _capped(session, within, MOST_TRIED) >= MOST_TRIED:
        return None
    conditions = [*within, *matching(query)]
    levels: Sequence[LogLevel] = query.levels or tuple(LogLevel)
    columns = [_up_to(conditions, level).label(level.name) for level in levels]
    row: Any = session.execute(sa.select(*columns)).one()
    return {level: int(getattr(row, level.name)) if level in levels else 0 for level in LogLevel}


def _up_to(conditions: Sequence[sa.ColumnElement[bool]], level: LogLevel) -> sa.ScalarSelect[Any]:
    some = sa.select(sa.literal(1).label("one")).select_from(LOGS).where(*conditions, LOGS.c.log_level == level)
    return sa.select(sa.func.count()).select_from(some.limit(COUNT_CAP).subquery()).scalar_subquery()


def _capped(session: Session, conditions: Sequence[sa.ColumnElement[bool]], cap: int) -> int:
    some = sa.select(sa.literal(1).label("one")).select_from(LOGS).where(*conditions).limit(cap).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
