"""Log messages for the pages: one page at a time, by keyset, newest first.

Every query has an index that fits it, or reads a bounded number of rows: there may be a million messages.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import JobStatus, LogLevel
from OpenOrchestrator.database.stores import logs
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.causes import telling_line
from OpenOrchestrator.orchestrator.backend.periods import ALWAYS, Period
from OpenOrchestrator.orchestrator.backend.tables import LOGS
from OpenOrchestrator.orchestrator.logs.backend.statements import (
    KEYS,
    between,
    beyond,
    matching,
    ordered,
    past,
    up_to,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COUNT_CAP = 10_000
"""A list counts no further."""

SEARCHED_LINES = 4_000
SEARCHED_PARTS = 25
SEARCH_SECONDS = 0.15
"""A search for text reads so many messages at a time, and this often, or until it has taken so long; where it stopped,
the next page goes on. How many that are depends on the database: some read 100 000 in that time."""

SEARCHED_PERIOD = Period("7d")
"""A search for text without a period looks no further back than this."""

FIRST_CHARACTERS = 300
"""How much of a message lists show."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two messages: just before (older than) this one, or just after it. Naive site time."""

    time: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.time.isoformat()}~{self.id.hex}"


def cursor_of(text: str) -> Cursor | None:
    """Return the cursor that an address carries, or None if it is none."""
    time, _, log_id = text.partition("~")
    try:
        cursor = Cursor(datetime.fromisoformat(time), UUID(log_id))
    except ValueError:
        return None
    return cursor if cursor.time.tzinfo is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which messages a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in the message.
        levels: Only these; none means any.
        processes: Only (or, with ``not_processes``, all but) these.
        jobs: Only of these.
        elements: Only those written about these queue elements.
        schedulers: Only (or, with ``not_schedulers``, all but) messages of jobs on these.
        before: Only older ones.
        after: Only newer ones, the nearest; not together with ``before``.
    """

    text: str = ""
    levels: tuple[LogLevel, ...] = ()
    processes: tuple[str, ...] = ()
    not_processes: bool = False
    jobs: tuple[UUID, ...] = ()
    elements: tuple[UUID, ...] = ()
    schedulers: tuple[str, ...] = ()
    not_schedulers: bool = False
    period: Period = ALWAYS
    before: Cursor | None = None
    after: Cursor | None = None
    size: int = 100

    @property
    def searches(self) -> bool:
        """Whether messages have to be tried one by one: no index knows their text, nor the scheduler of their job."""
        return bool(self.text or self.schedulers)

    @property
    def effective_period(self) -> Period:
        """The period that is searched: a search has one by itself, unless a job or an element bounds it."""
        bounded = self.period.given or self.jobs or self.elements
        return SEARCHED_PERIOD if self.searches and not bounded else self.period


@dataclass(frozen=True, slots=True)
class LogRow:
    """A message as lists show it.

    Attributes:
        time: Naive site time.
        first: Its first line, shortened; of a traceback its last one, which says what happened.
        more: Whether there is more than that.
    """

    id: UUID
    time: datetime
    level: LogLevel
    process: str
    job_id: UUID | None
    first: str
    more: bool


@dataclass(frozen=True, slots=True)
class FoundLogs:
    """A page of messages, newest first.

    Attributes:
        older: Where the next page goes on; None at the end.
        newer: Whether there are newer ones; only known for pages reached by a cursor.
        searched_to: The search stopped here, after as many messages as it may read at once; None if it did not.
    """

    rows: tuple[LogRow, ...]
    older: Cursor | None
    newer: bool
    searched_to: datetime | None


@dataclass(frozen=True, slots=True)
class LogDetails:
    """A message with all that belongs to it.

    Attributes:
        job: Status, trigger, scheduler of its job; None where the job is not known.
    """

    row: LogRow
    message: str
    job: LogJob | None


@dataclass(frozen=True, slots=True)
class LogJob:
    """The job of a message; its start is naive site time."""

    id: UUID
    status: JobStatus
    trigger: str | None
    process: str
    scheduler: str
    started: datetime


class LogsBackend(Backend):
    """Log messages, a page at a time."""

    async def page(self, query: LogQuery) -> FoundLogs:
        """Return one page of messages."""

        def work(session: Session) -> FoundLogs:
            return _page(session, query, query.effective_period.bounds(self._database.site_now()))

        return await self._read(work)

    async def since(self, query: LogQuery, floor: datetime, most: int) -> tuple[LogRow, ...]:
        """Return the newest messages from a moment on, for following live. Its cursors do not count."""

        def work(session: Session) -> tuple[LogRow, ...]:
            start, end = query.effective_period.bounds(self._database.site_now())
            bounds = (max(floor, start) if start else floor, end)
            newest = replace(query, before=None, after=None)
            statement = ordered(newest, between(bounds), most, descending=True)
            return tuple(_row(row) for row in session.execute(statement))

        return await self._read(work)

    async def count(self, query: LogQuery) -> int:
        """Return how many messages match, whatever the page, counted no further than COUNT_CAP."""

        def work(session: Session) -> int:
            bounds = query.effective_period.bounds(self._database.site_now())
            conditions = [*between(bounds), *matching(query)]
            some = (
                sa.select(sa.literal(1).label("one")).select_from(LOGS).where(*conditions).limit(COUNT_CAP).subquery()
            )
            return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0

        return await self._read(work)

    async def details(self, log_id: UUID) -> LogDetails:
        """Return a message with its job.

        Raises:
            NotFoundError: If it is not there.
        """

        def work(session: Session) -> LogDetails:
            row = session.execute(sa.select(LOGS).where(LOGS.c.id == log_id)).one_or_none()
            if row is None:
                raise NotFoundError("This message is not there any more.")
            return LogDetails(_row(row), row.log_message, _job(session, row.job_id))

        return await self._read(work)

    async def processes(self) -> tuple[str, ...]:
        """Return the names of all processes that ever logged, in order."""
        return tuple(sorted(await self._read(logs.process_names), key=str.casefold))

    async def latest_jobs(self, also: Sequence[UUID] = (), most: int = 20) -> tuple[LogJob, ...]:
        """Return the jobs that started last, and some others, to choose from."""

        def work(session: Session) -> tuple[LogJob, ...]:
            newest = _jobs().order_by(Job.start_time.desc(), Job.id.desc()).limit(most)
            found = {row.id: LogJob(*row) for row in session.execute(newest)}
            missing = [each for each in also if each not in found]
            if missing:
                found |= {row.id: LogJob(*row) for row in session.execute(_jobs().where(Job.id.in_(missing)))}
            return tuple(found.values())

        return await self._read(work)

    async def element_names(self, elements: Sequence[UUID]) -> dict[UUID, str]:
        """Return what to call queue elements: their references; of one that has none, or is not there, its id."""

        def work(session: Session) -> dict[UUID, str]:
            found = session.execute(
                sa.select(QueueElement.id, QueueElement.reference).where(QueueElement.id.in_(elements))
            )
            references = {row.id: row.reference for row in found}
            return {element: references.get(element) or str(element) for element in elements}

        return await self._read(work) if elements else {}

    async def pinned(self, query: LogQuery) -> LogQuery:
        """Return a query for all that match now, for an export: its period no longer moves with the clock."""

        def work(session: Session) -> LogQuery:
            now = self._database.site_now()
            start, end = query.effective_period.bounds(now)
            period = Period(start.isoformat(timespec="seconds") if start else "", query.effective_period.end)
            session.execute(sa.select(LOGS.c.id).limit(1))  # says at once when the database is not there
            return replace(query, period=period if start or end else Period("all"), before=None, after=None)

        return await self._read(work)


def read_older(session: Session, query: LogQuery, before: Cursor | None, most: int) -> list[Any]:
    """Return the next full messages in order, newest first, for exports; the query's period has to be pinned."""
    bounds = query.effective_period.bounds(datetime.min)  # noqa: DTZ901  (site time is naive; a pinned period needs no clock)
    query = replace(query, before=before, after=None)
    statement = ordered(query, [*between(bounds), *beyond(query)], most, descending=True)
    return list(session.execute(statement))


def _page(session: Session, query: LogQuery, bounds: tuple[datetime | None, datetime | None]) -> FoundLogs:
    forward = query.after is not None
    stop: Cursor | None = None
    if query.searches:
        found, stop = _search(session, query, bounds, forward=forward)
    else:
        found = _read(session, query, [*between(bounds), *beyond(query)], query.size + 1, forward=forward)
    more = len(found) > query.size
    found = found[: query.size]
    if forward:
        found.reverse()
        return FoundLogs(tuple(found), Cursor(found[-1].time, found[-1].id) if found else query.after, more, None)
    older = Cursor(found[-1].time, found[-1].id) if more else stop
    return FoundLogs(tuple(found), older, query.before is not None, None if more or stop is None else stop.time)


def _read(
    session: Session, query: LogQuery, conditions: list[sa.ColumnElement[bool]], most: int, *, forward: bool
) -> list[LogRow]:
    return [_row(row) for row in session.execute(ordered(query, conditions, most, descending=not forward))]


def _search(
    session: Session, query: LogQuery, bounds: tuple[datetime | None, datetime | None], *, forward: bool
) -> tuple[list[LogRow], Cursor | None]:
    """Search part by part until a page is full, everything is read, or it has taken long enough.

    Returns:
        What was found, one more than a page where there is more, and where the search stopped; None at the end.
    """
    found: list[LogRow] = []
    began = time.monotonic()
    start, end = bounds
    ahead = beyond(query)
    for _ in range(SEARCHED_PARTS):
        stop = _search_end(session, query, [*between((start, end)), *ahead], forward=forward)
        # The end of the part instead of the period's: of two bounds SQLite may walk to the farther one.
        part = (start, end) if stop is None else (start, stop.time) if forward else (stop.time, end)
        within = [*between(part), *ahead, *(up_to(stop, forward=forward) if stop is not None else [])]
        found += _read(session, query, within, query.size + 1 - len(found), forward=forward)
        if stop is None or len(found) > query.size or time.monotonic() - began > SEARCH_SECONDS:
            break
        start, end = (stop.time, end) if forward else (start, stop.time)
        ahead = past(stop, forward=forward)
    return found, stop


def _row(row: Any) -> LogRow:
    text = row.log_message.strip()
    _, _, rest = text.partition("\n")
    first = telling_line(text)
    return LogRow(
        row.id,
        row.log_time,
        row.log_level,
        row.process_name,
        row.job_id,
        first[:FIRST_CHARACTERS].rstrip(),
        bool(rest) or len(first) > FIRST_CHARACTERS,
    )


def _jobs() -> Any:
    return sa.select(Job.id, Job.status, Job.trigger_name, Job.process_name, Job.scheduler_name, Job.start_time)


def _job(session: Session, job_id: UUID | None) -> LogJob | None:
    if job_id is None:
        return None
    row = session.execute(_jobs().where(Job.id == job_id)).one_or_none()
    return None if row is None else LogJob(*row)


def _search_end(
    session: Session, query: LogQuery, conditions: list[sa.ColumnElement[bool]], *, forward: bool
) -> Cursor | None:
    """Return the last message that a search may read now; None if there are not that many. Reads only the index."""
    order = [key.asc() if forward else key.desc() for key in KEYS]
    narrowed = list(conditions)
    if len(query.elements) == 1:
        narrowed.append(LOGS.c.element_id == query.elements[0])
    elif len(query.jobs) == 1:
        narrowed.append(LOGS.c.job_id == query.jobs[0])
    elif len(query.processes) == 1 and not query.not_processes:
        narrowed.append(LOGS.c.process_name == query.processes[0])
    elif len(query.levels) == 1:
        narrowed.append(LOGS.c.log_level == query.levels[0])
    skipped = sa.select(*KEYS).where(*narrowed).order_by(*order).offset(SEARCHED_LINES - 1).limit(1)
    row = session.execute(skipped).one_or_none()
    return None if row is None else Cursor(row.log_time, row.id)
