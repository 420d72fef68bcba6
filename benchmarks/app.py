"""The admin app on a large database: what its pages ask for, and how soon a click shows it.

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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from benchmarks import app_data
from benchmarks.databases import Target
from benchmarks.report import Figure, median

SAMPLES = 10
CLICK_SAMPLES = 4
LOGS_LIMIT = 300.0
JOBS_LIMIT = 100.0
PAGE_LIMIT = 1000.0
JOBS_BYTES_LIMIT = 5_000_000.0
TABS = 10
TABS_SECONDS = 20.0
CPU_LIMIT = 5.0
TRAFFIC_LIMIT = 5.0


@dataclass(frozen=True, slots=True)
class _Call:
    """Something that a page asks for.

    Attributes:
        limit: Milliseconds; a whole page may take PAGE_LIMIT with everything around it.
    """

    what: str
    ask: Callable[[], Coroutine[Any, Any, Any]]
    limit: float = PAGE_LIMIT


def app(target: Target, *, quick: bool) -> Iterator[Figure]:
    """Fill the database, and measure backends, pages in Chromium, and open tabs."""
    sizes = app_data.Sizes(10_000 if quick else 100_000)
    begun = time.perf_counter()
    app_data.fill(target, sizes)
    rows = f"{sizes.logs:,} logs, {sizes.elements:,} elements, {sizes.jobs:,} jobs, {app_data.TRIGGERS} triggers"
    yield Figure("app data", target.kind, "seconds to fill", time.perf_counter() - begun, note=rows)
    yield _load(target, "server time")
    yield from _server_times(target, sizes)
    yield _load(target, "browser")
    yield from _in_browser(target)


def _load(target: Target, before: str) -> Figure:
    return Figure(
        "app load", target.kind, f"load average before {before}", os.getloadavg()[0], note=f"{os.cpu_count()} cores"
    )


def _judged(benchmark: str, target: Target, what: str, ours: float, limit: float, **more: Any) -> Figure:
    note = f"{'OVER the limit' if ours > limit else 'limit'} {limit:,.4g}"
    extra = more.pop("note", "")
    return Figure(benchmark, target.kind, what, ours, note=f"{note}; {extra}" if extra else note, **more)


def _server_times(target: Target, sizes: app_data.Sizes) -> Iterator[Figure]:
    from OpenOrchestrator.common.clock import SystemClock
    from OpenOrchestrator.database.engine import Database

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
            for _ in range(2):
                result = loop.run_until_complete(call.ask())
            taken = []
            for _ in range(SAMPLES):
                statements.clear()
                begun = time.perf_counter()
                result = loop.run_until_complete(call.ask())
                taken.append((time.perf_counter() - begun) * 1000)
            asked = list(statements)
            ours = median(taken)
            beside = median([driver.replay(asked) for _ in range(SAMPLES + 1)][1:])
            what = f"{call.what}, ms"
            yield _judged(
                "app server",
                target,
                what,
                ours,
                call.limit,
                beside=beside,
                beside_what=f"its {len(asked)} statements on the driver",
            )
            if ours > call.limit:
                driver.explain(what, asked)
            if call.what == "jobs, first page":
                size = float(len(json.dumps([asdict(row) for row in result.rows], default=str)))
                yield _judged("app server", target, f"{call.what}, bytes", size, JOBS_BYTES_LIMIT)
    finally:
        driver.close()
        database.close()
        loop.close()


def _calls(database: Any, sizes: app_data.Sizes) -> Iterator[_Call]:
    from OpenOrchestrator.common.clock import SystemClock
    from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus
    from OpenOrchestrator.orchestrator.backend.counts import CountsBackend
    from OpenOrchestrator.orchestrator.backend.dashboard import DashboardBackend, Span
    from OpenOrchestrator.orchestrator.backend.dashboard_queues import QueueDepthBackend
    from OpenOrchestrator.orchestrator.backend.dashboard_timeline import TimelineBackend
    from OpenOrchestrator.orchestrator.backend.jobs import JobQuery, JobsBackend
    from OpenOrchestrator.orchestrator.backend.logs import LogQuery, LogsBackend
    from OpenOrchestrator.orchestrator.backend.periods import Period
    from OpenOrchestrator.orchestrator.backend.queue_elements import ElementQuery, QueueElementsBackend
    from OpenOrchestrator.orchestrator.backend.queues import QueuesBackend
    from OpenOrchestrator.orchestrator.backend.schedulers import SchedulersBackend
    from OpenOrchestrator.orchestrator.backend.triggers import TriggerQuery, TriggersBackend

    clock = SystemClock()
    logs, jobs = LogsBackend(database, clock), JobsBackend(database, clock)
    middle = database.read(lambda _session: database.site_now()) - timedelta(days=app_data.DAYS // 2)
    week = Period(_minute(middle - timedelta(days=7)), _minute(middle))
    for what, query in (
        ("no filter", LogQuery()),
        ("level", LogQuery(levels=(LogLevel.ERROR,))),
        ("process", LogQuery(processes=("process 7",))),
        ("process that never logged", LogQuery(processes=("unknown",))),
        ("all but a process", LogQuery(processes=("process 7",), not_processes=True)),
        ("job", LogQuery(jobs=(app_data.id_of(sizes.jobs // 2),))),
        ("from and to", LogQuery(period=week)),
        ("text in many", LogQuery(text="invoice")),
        ("text in few", LogQuery(text=app_data.RARE_WORD)),
        ("text in none", LogQuery(text="nobody wrote this")),
    ):
        yield _Call(f"logs, {what}", _bound(logs.page, query), LOGS_LIMIT)
    yield _Call("logs, count without a filter", _bound(logs.count, LogQuery()), LOGS_LIMIT)
    rare = LogQuery(text=app_data.RARE_WORD)
    yield _Call("logs, count of text in few", _bound(logs.count, rare), LOGS_LIMIT)
    yield _Call("logs, processes to choose from", logs.processes, LOGS_LIMIT)

    yield _Call("jobs, first page", _bound(jobs.page, JobQuery()), JOBS_LIMIT)
    failed = JobQuery(statuses=(JobStatus.FAILED,))
    yield _Call("jobs, failed", _bound(jobs.page, failed), JOBS_LIMIT)
    yield _Call("jobs, one process", _bound(jobs.page, JobQuery(processes=("process 7",))), JOBS_LIMIT)
    yield _Call("jobs, one trigger", _bound(jobs.page, JobQuery(triggers=("Trigger 7",))), JOBS_LIMIT)
    yield _Call("jobs, text", _bound(jobs.page, JobQuery(text="process 7")))

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
    yield _Call("dashboard, queues", _bound(QueueDepthBackend(database, clock).queues, Span.DAY))
    yield _Call("dashboard, timeline", TimelineBackend(database, clock).timeline)
    yield _Call("schedulers", SchedulersBackend(database, clock).rows)
    yield _Call("navigation, counts", CountsBackend(database, clock).counts)


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


@dataclass(frozen=True, slots=True)
class _Click:
    """A click on a link, and how to tell that its page shows its data.

    Attributes:
        begin: Address of the page to click on.
        ready: Selector of data.
    """

    title: str
    link: str
    begin: str
    ready: str = "tbody tr"


_NAV = "nav.oo-nav a[href='{}']"
CLICKS = (
    _Click("Dashboard", _NAV.format("/"), "/schedulers", ".oo-fig .oo-v"),
    _Click("Triggers", _NAV.format("/triggers"), "/schedulers"),
    _Click("Jobs", _NAV.format("/jobs"), "/schedulers"),
    _Click("Queues", _NAV.format("/queues"), "/schedulers"),
    _Click("Logs", _NAV.format("/logs"), "/schedulers", "tr.oo-log"),
    _Click("Schedulers", _NAV.format("/schedulers"), "/constants"),
    _Click("Constants", _NAV.format("/constants"), "/schedulers"),
    _Click("Credentials", _NAV.format("/credentials"), "/schedulers", ".oo-empty"),
    _Click("Settings", _NAV.format("/settings"), "/schedulers", ".oo-card"),
    _Click("one trigger", "tbody a[href^='/triggers/']", "/triggers", "tbody tr"),
    _Click("one job", "tbody a[href^='/jobs/']", "/jobs", ".oo-kv"),
    _Click("one queue", "tbody a[href='/queues/queue%200']", "/queues", "tbody tr"),
)

_HEADING = "document.querySelector('header.oo-head h1').textContent"
_SHOWN = """([selector, before]) => {
    const heading = document.querySelector("header.oo-head h1");
    return heading && heading.textContent !== before && !!document.querySelector(selector);
}"""


class _Traffic:
    """Bytes of the messages that come over the websockets of pages, before compression."""

    def __init__(self, page: Any) -> None:
        self.bytes = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: Any) -> None:
        self.bytes += len(payload.encode() if isinstance(payload, str) else payload)


def _in_browser(target: Target) -> Iterator[Figure]:
    try:
        from playwright.sync_api import sync_playwright

        from tests.browser.server import CHROMIUM_ARGUMENTS, chromium, start
    except ImportError as error:
        print(f"\npages in a browser: not measured, {error.name} is missing", file=sys.stderr)
        return
    path = chromium()
    if path is None:
        print("\npages in a browser: not measured, Chromium is missing", file=sys.stderr)
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        running = start(target.url, Path(folder), "--port", "34860")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                context.set_default_timeout(30_000)
                page = context.new_page()
                page.goto(running.link)
                yield from _clicks(target, page, running.address)
                page.close()
                yield _load(target, "tabs")
                yield from _tabs(target, context, running)
                browser.close()
        finally:
            running.stop()
    if "Traceback" in running.output:
        print(f"\nthe app printed errors: {running.output[-2000:]}", file=sys.stderr)


def _clicks(target: Target, page: Any, address: str) -> Iterator[Figure]:
    page.close()
    page = page.context.new_page()
    traffic = _Traffic(page)
    page.goto(address + "/constants")
    page.wait_for_selector("tbody tr")
    heading = "Constants"
    for click in CLICKS:
        taken, sizes = [], []
        for _ in range(CLICK_SAMPLES + 1):
            if page.evaluate("location.pathname") != click.begin:
                _click(page, _NAV.format(click.begin), "tbody tr", heading)
            page.wait_for_selector(click.link)
            page.wait_for_timeout(300)  # the page before has done its part
            heading = page.evaluate(_HEADING)
            received = traffic.bytes
            taken.append(_click(page, click.link, click.ready, heading))
            page.wait_for_timeout(100)
            sizes.append(traffic.bytes - received)
            heading = page.evaluate(_HEADING)
        note = f"slowest {max(taken[1:]):,.0f}, {median(sizes[1:]) / 1000:,.0f} kB over the websocket"
        what = f"click to data: {click.title}, ms"
        yield _judged("app pages", target, what, median(taken[1:]), PAGE_LIMIT, note=note)


def _click(page: Any, link: str, ready: str, heading: str) -> float:
    """Click on a link; return the milliseconds until there is another heading than this, and data."""
    begun = time.perf_counter()
    page.evaluate("(selector) => document.querySelector(selector).click()", link)
    page.wait_for_function(_SHOWN, arg=[ready, heading], polling="raf")
    return (time.perf_counter() - begun) * 1000


def _tabs(target: Target, context: Any, running: Any) -> Iterator[Figure]:
    import psutil

    paths = ("/", "/triggers", "/jobs", "/queues", "/logs")
    pages = [context.new_page() for _ in range(TABS)]
    traffic = [_Traffic(page) for page in pages]
    for number, page in enumerate(pages):
        page.goto(running.address + paths[number % len(paths)])
        page.wait_for_selector("tbody tr, .oo-fig .oo-v")
    pages[0].wait_for_timeout(5000)
    visible = sum(page.evaluate("document.visibilityState") == "visible" for page in pages)
    server = psutil.Process(running.process.pid)
    for each in traffic:
        each.bytes = 0
    busy, begun = server.cpu_times(), time.perf_counter()
    pages[0].wait_for_timeout(TABS_SECONDS * 1000)
    after, seconds = server.cpu_times(), time.perf_counter() - begun
    share = (after.user + after.system - busy.user - busy.system) / seconds * 100
    note = f"{visible} of them visible; two each on {', '.join(paths)}"
    yield _judged("app tabs", target, f"{TABS} tabs, % of a core", share, CPU_LIMIT, note=note)
    rates = [each.bytes / seconds / 1000 for each in traffic]
    each_page = ", ".join(f"{path} {max(rates[number :: len(paths)]):.2f}" for number, path in enumerate(paths))
    yield _judged("app tabs", target, "kB/s of the busiest tab", max(rates), TRAFFIC_LIMIT, note=each_page)
