"""The admin app on a large database: what its pages ask of the database, and then the app itself in a browser.

Every call of a backend stands beside the same statements on the bare driver. Where a figure is over its limit, the
plan of its slowest statement is printed too.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from benchmarks import app_browser, app_data
from benchmarks.databases import Target
from benchmarks.report import Figure, judged, median

SAMPLES = 10
WARM = 2
LOGS_LIMIT = 300.0
JOBS_LIMIT = 100.0
JOBS_BYTES_LIMIT = 5_000_000.0


@dataclass(frozen=True, slots=True)
class _Call:
    """Something that a page asks for.

    Attributes:
        limit: Milliseconds; None where only the page that asks has one.
        before: Called first, and not measured.
    """

    what: str
    ask: Callable[[], Coroutine[Any, Any, Any]]
    limit: float | None = None
    before: Callable[[], None] = lambda: None


def app(target: Target, *, quick: bool) -> Iterator[Figure]:
    """Fill the database, and measure backends, pages in Chromium, and open tabs."""
    sizes = app_data.Sizes(10_000 if quick else 100_000)
    begun = time.perf_counter()
    app_data.fill(target, sizes)
    rows = f"{sizes.logs:,} logs, {sizes.elements:,} elements, {sizes.jobs:,} jobs, {app_data.TRIGGERS} triggers"
    yield Figure("app data", target.kind, "seconds to fill", time.perf_counter() - begun, note=rows)
    yield _load(target, "server time")
    yield from _server_times(target, sizes)
    yield _load(target, "clicks")
    with app_browser.opened(target) as opened:
        if opened is not None:
            yield from app_browser.clicks(target, opened)
            yield _load(target, "tabs")
            yield from app_browser.tabs(target, opened, sizes)
            yield _load(target, "the end")


def _load(target: Target, before: str) -> Figure:
    note = f"{os.cpu_count()} cores; what else runs adds to every time"
    return Figure("app load", target.kind, f"load average before {before}", os.getloadavg()[0], note=note)


def _server_times(target: Target, sizes: app_data.Sizes) -> Iterator[Figure]:
    from OpenOrchestrator.common.clock import SystemClock
    from OpenOrchestrator.database.engine.database import Database

    database = Database(target.url, clock=SystemClock())
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):  # the driver begins its own
            statements.append((statement, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    loop = asyncio.new_event_loop()
    driver = _Driver(target)
    try:
        for call in _calls(database, sizes):
            taken = []
            for _ in range(WARM + SAMPLES):
                call.before()
                statements.clear()
                begun = time.perf_counter()
                result = loop.run_until_complete(call.ask())
                taken.append((time.perf_counter() - begun) * 1000)
            asked = list(statements)
            ours = median(taken[WARM:])
            beside = median([driver.replay(asked) for _ in range(SAMPLES + 1)][1:])
            what = f"{call.what}, ms"
            figure = Figure("app server", target.kind, what, ours, beside, f"its {len(asked)} statements on the driver")
            yield figure if call.limit is None else judged(figure, call.limit)
            if call.limit is not None and ours > call.limit:
                driver.explain(what, asked)
            if call.what == "jobs, first page":
                size = float(len(json.dumps([asdict(row) for row in result.rows], default=str)))
                yield judged(Figure("app server", target.kind, f"{call.what}, bytes", size), JOBS_BYTES_LIMIT)
    finally:
        driver.close()
        database.close()
        loop.close()


def _calls(database: Any, sizes: app_data.Sizes) -> Iterator[_Call]:
    from OpenOrchestrator.common.clock import SystemClock
    from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus
    from OpenOrchestrator.orchestrator.backend.periods import ALL, Period
    from OpenOrchestrator.orchestrator.dashboard.backend.overview import DashboardBackend, Span
    from OpenOrchestrator.orchestrator.dashboard.backend.queues import QueueDepthBackend
    from OpenOrchestrator.orchestrator.dashboard.backend.timeline import TimelineBackend
    from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobQuery, JobsBackend
    from OpenOrchestrator.orchestrator.live.registry import badges_of
    from OpenOrchestrator.orchestrator.logs.backend.logs import LogQuery, LogsBackend
    from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery, QueueElementsBackend
    from OpenOrchestrator.orchestrator.queues.backend.queues import QueuesBackend
    from OpenOrchestrator.orchestrator.schedulers.backend.schedulers import SchedulersBackend
    from OpenOrchestrator.orchestrator.shell.backend import CountsBackend
    from OpenOrchestrator.orchestrator.shell.page_list import all_pages
    from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggerQuery, TriggersBackend

    clock = SystemClock()
    logs, jobs = LogsBackend(database, clock), JobsBackend(database, clock)
    middle = database.read(lambda _session: database.site_now()) - timedelta(days=app_data.DAYS // 2)
    week, mid = _minute(middle - timedelta(days=7)), _minute(middle)
    nowhere = "nobody wrote this"
    for what, query in (
        ("no filter", LogQuery()),
        ("from", LogQuery(period=Period(week))),
        ("to", LogQuery(period=Period("", mid))),
        ("from and to", LogQuery(period=Period(week, mid))),
        ("process", LogQuery(processes=("process 7",))),
        ("process that never logged", LogQuery(processes=("unknown",))),
        ("all but a process", LogQuery(processes=("process 7",), not_processes=True)),
        ("level", LogQuery(levels=(LogLevel.ERROR,))),
        ("job", LogQuery(jobs=(app_data.id_of(sizes.jobs // 2),))),
        ("text in many", LogQuery(text="invoice")),
        ("text in few", LogQuery(text=app_data.RARE_WORD)),
        ("text in none", LogQuery(text=nowhere)),
        ("text in none, all time", LogQuery(text=nowhere, period=Period(ALL))),
        ("text in none, one process", LogQuery(text=nowhere, processes=("process 7",))),
    ):
        yield _Call(f"logs, {what}", _bound(logs.page, query), LOGS_LIMIT)
    yield _Call("logs, count without a filter", _bound(logs.count, LogQuery()), LOGS_LIMIT)
    yield _Call("logs, processes to choose from", logs.processes, LOGS_LIMIT)

    yield _Call("jobs, first page", _bound(jobs.page, JobQuery()), JOBS_LIMIT)
    failed = JobQuery(statuses=(JobStatus.FAILED,))
    yield _Call("jobs, failed", _bound(jobs.page, failed), JOBS_LIMIT)
    yield _Call("jobs, one process", _bound(jobs.page, JobQuery(processes=("process 7",))), JOBS_LIMIT)
    yield _Call("jobs, one trigger", _bound(jobs.page, JobQuery(triggers=("Trigger 7",))), JOBS_LIMIT)
    yield _Call("jobs, text in many", _bound(jobs.page, JobQuery(text="process 7")))
    yield _Call("jobs, text in none", _bound(jobs.page, JobQuery(text=nowhere)))

    yield _Call("triggers, first page", _bound(TriggersBackend(database, clock).page, TriggerQuery()))
    queues, elements = QueuesBackend(database, clock), QueueElementsBackend(database, clock)
    big = app_data.BIG_QUEUE
    yield _Call("queues, list", queues.all)
    yield _Call("queue page, its figures", _bound(queues.one, big))
    yield _Call("queue page, its chart", _bound(queues.flow, big))
    for what, wanted in (
        ("elements", ElementQuery(queue=big)),
        ("failed elements", ElementQuery(queue=big, statuses=(QueueStatus.FAILED,))),
        ("by reference", ElementQuery(queue=big, sort="reference", descending=False)),
        ("text in one", ElementQuery(queue=big, text=f"invoice {sizes.elements // 2}1")),
    ):
        yield _Call(f"queue page, {what}", _bound(elements.page, wanted))
    yield _Call("dashboard, glance", _bound(DashboardBackend(database, clock).glance, Span.DAY))
    depths = QueueDepthBackend(database, clock)
    yield _Call("dashboard, queues", _bound(depths.queues, Span.DAY), before=depths.forget)
    yield _Call("dashboard, timeline", TimelineBackend(database, clock).timeline)
    yield _Call("schedulers", SchedulersBackend(database, clock).rows)
    badges = badges_of(all_pages())
    # A backend of its own for each call, as each tab that is opened has one: it keeps what is slow to count.
    yield _Call("navigation, counts", lambda: CountsBackend(database, clock, badges).counts())


def _bound(method: Callable[[Any], Coroutine[Any, Any, Any]], argument: Any) -> Callable[[], Coroutine[Any, Any, Any]]:
    return lambda: method(argument)


def _minute(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


class _Driver:
    """The bare driver: runs what the app ran."""

    def __init__(self, target: Target) -> None:
        self._kind = target.kind
        self._connection = target.raw()
        self._cursor = self._connection.cursor()

    def replay(self, statements: Sequence[tuple[str, Any]]) -> float:
        """Run statements in one transaction and fetch everything; return the milliseconds."""
        begun = time.perf_counter()
        self._cursor.execute("BEGIN")
        for statement, parameters in statements:
            self._run(statement, parameters)
        self._cursor.execute("COMMIT")
        return (time.perf_counter() - begun) * 1000

    def explain(self, what: str, statements: Sequence[tuple[str, Any]]) -> None:
        """Print the slowest of these statements and its plan."""
        timed = []
        self._cursor.execute("BEGIN")
        for number, (statement, parameters) in enumerate(statements):
            begun = time.perf_counter()
            self._run(statement, parameters)
            timed.append(((time.perf_counter() - begun) * 1000, number))
        slowest, number = max(timed)
        statement, parameters = statements[number]
        how = "EXPLAIN QUERY PLAN " if self._kind == "sqlite" else "EXPLAIN ANALYZE "
        plan = self._run(how + statement, parameters)
        self._cursor.execute("COMMIT")
        words = " ".join(statement.split())
        print(f"\n{what}: over its limit; {slowest:,.0f} ms of it for\n  {words[:1500]}", file=sys.stderr)
        for row in plan[:40]:
            print(f"    {row[-1]}", file=sys.stderr)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def _run(self, statement: str, parameters: Any) -> list[Any]:
        self._cursor.execute(statement, parameters)
        return list(self._cursor.fetchall()) if self._cursor.description else []
