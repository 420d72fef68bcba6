"""The admin app in Chromium: how soon a click shows data, and what open tabs cost when nothing changes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from benchmarks import app_data
from benchmarks.databases import Target
from benchmarks.report import Figure, judged, median

PORT = 34860
CLICK_SAMPLES = 5
CLICK_LIMIT = 1000.0
SETTLE_SECONDS = 5.0
TABS_SECONDS = 65.0
"""Longer than any query of the app waits for its next turn."""

CPU_LIMIT = 5.0
TRAFFIC_LIMIT = 5.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The app and a browser that is signed in to it."""

    context: Any
    server: Any


@contextmanager
def opened(target: Target) -> Iterator[Opened | None]:
    """Start the app on a database, and a browser; None where something is missing for that, and say what.

    Raises:
        OSError: If a page did not show what it should.
    """
    try:
        from playwright.sync_api import Error, sync_playwright

        from tests.browser.server import CHROMIUM_ARGUMENTS, chromium, start
    except ImportError as error:
        print(f"\nthe app in a browser: not measured, {error.name} is missing", file=sys.stderr)
        yield None
        return
    path = chromium()
    if path is None:
        print("\nthe app in a browser: not measured, Chromium is missing", file=sys.stderr)
        yield None
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = start(target.url, Path(folder), "--port", str(PORT))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                context.set_default_timeout(30_000)
                page = context.new_page()
                page.goto(server.link)
                page.wait_for_selector("header.oo-head, .oo-empty")
                page.close()
                yield Opened(context, server)
                browser.close()
        except Error as error:
            raise OSError(f"in the browser: {error.message}") from error
        finally:
            server.stop()
            if "Traceback" in server.output:
                print(f"\nthe app printed errors: {server.output[-2000:]}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class _Click:
    """A click on a link, and how to tell that its page shows its data.

    Attributes:
        way: Links to click on before, not measured; the last of them shows the page to leave.
        shown: Selectors of data: all have to be there.
    """

    title: str
    link: str
    shown: Sequence[str] = ("tbody tr",)
    way: Sequence[str] = ()


def _nav(path: str) -> str:
    return f"nav.oo-nav a[href='{path}']"


_QUEUE = f"tbody a[href='/queues/{quote(app_data.BIG_QUEUE)}']"
_SHOWN_COUNT = "header.oo-head .oo-nw:not(:empty)"
_CHART = "canvas"
CLICKS = (
    _Click("Dashboard", _nav("/"), (".oo-fig .oo-v:not(:empty)", ".oo-lane .oo-bar", ".oo-side .oo-spark")),
    _Click("Triggers", _nav("/triggers")),
    _Click("Trigger", "tbody a[href^='/triggers/']", ("tbody tr", _CHART), (_nav("/triggers"),)),
    _Click("Jobs", _nav("/jobs")),
    _Click("Job", "tbody a[href^='/jobs/']", (".oo-facts", ".oo-kv"), (_nav("/jobs"),)),
    _Click("Queues", _nav("/queues"), ("tbody tr", _CHART, ".oo-card-h .oo-t2:not(:empty)")),
    _Click("Queue", _QUEUE, ("tbody tr", ".oo-qfig .oo-v:not(:empty)"), (_nav("/queues"),)),
    _Click("Element", "tbody a[href^='/queues/']", (".oo-two .oo-card",), (_nav("/queues"), _QUEUE)),
    _Click("Logs", _nav("/logs"), ("tr.oo-log", _SHOWN_COUNT)),
    _Click("Schedulers", _nav("/schedulers"), way=(_nav("/constants"),)),
    _Click("Constants", _nav("/constants")),
    _Click("Credentials", _nav("/credentials"), (".oo-empty",)),
    _Click("Settings", _nav("/settings"), (".oo-card",)),
)
_DEFAULT_WAY = (_nav("/schedulers"),)

_HEADING = "document.querySelector('header.oo-head h1').textContent"
_SHOWN = """([selectors, before]) => {
    const heading = document.querySelector("header.oo-head h1");
    return heading && heading.textContent !== before && selectors.every((each) => document.querySelector(each));
}"""


class _Traffic:
    """Bytes of the messages that come over the websocket of a page, before compression."""

    def __init__(self, page: Any) -> None:
        self.bytes = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: Any) -> None:
        self.bytes += len(payload.encode() if isinstance(payload, str) else payload)


def clicks(target: Target, opened: Opened) -> Iterator[Figure]:
    """Measure from each click until the page that it opens shows its data."""
    page = opened.context.new_page()
    traffic = _Traffic(page)
    page.goto(opened.server.address + "/constants")
    page.wait_for_selector("tbody tr")
    for click in CLICKS:
        taken, sizes = [], []
        for _ in range(CLICK_SAMPLES + 1):
            for link in click.way or _DEFAULT_WAY:
                _click(page, link, ("tbody tr",))
            page.wait_for_selector(click.link)
            page.wait_for_timeout(300)  # the page before has done its part
            received = traffic.bytes
            taken.append(_click(page, click.link, click.shown))
            page.wait_for_timeout(100)
            sizes.append(traffic.bytes - received)
        warm = taken[1:]
        note = f"slowest {max(warm):,.0f}, first {taken[0]:,.0f}, {median(sizes[1:]) / 1000:,.0f} kB"
        what = f"click to data: {click.title}, ms"
        yield judged(Figure("app pages", target.kind, what, median(warm), note=note), CLICK_LIMIT)
    page.close()


def _click(page: Any, link: str, shown: Sequence[str]) -> float:
    """Click on a link; return the milliseconds until there is another heading, and data."""
    page.wait_for_selector(link)
    before = page.evaluate(_HEADING)
    if page.evaluate("(selector) => document.querySelector(selector).pathname === location.pathname", link):
        return 0.0  # it is there already
    begun = time.perf_counter()
    page.evaluate("(selector) => document.querySelector(selector).click()", link)
    page.wait_for_function(_SHOWN, arg=[list(shown), before], polling="raf")
    return (time.perf_counter() - begun) * 1000


def tabs(target: Target, opened: Opened, sizes: app_data.Sizes) -> Iterator[Figure]:
    """Measure what ten tabs, each on another page, cost the app and the network while nothing changes."""
    import psutil

    shown = {
        "dashboard": ("/", ".oo-lane .oo-bar"),
        "triggers": ("/triggers", "tbody tr"),
        "a trigger": (f"/triggers/{app_data.id_of(app_data.TRIGGERS)}", "tbody tr"),
        "jobs": ("/jobs", "tbody tr"),
        "a running job": (f"/jobs/{app_data.id_of(sizes.jobs)}", ".oo-kv"),
        "queues": ("/queues", "tbody tr"),
        "a queue": (f"/queues/{quote(app_data.BIG_QUEUE)}", "tbody tr"),
        "logs": ("/logs", "tr.oo-log"),
        "schedulers": ("/schedulers", "tbody tr"),
        "constants": ("/constants", "tbody tr"),
    }
    pages = [opened.context.new_page() for _ in shown]
    traffic = [_Traffic(page) for page in pages]
    for page, (path, data) in zip(pages, shown.values(), strict=True):
        page.goto(opened.server.address + path)
        page.wait_for_selector(data)
    pages[0].wait_for_timeout(SETTLE_SECONDS * 1000)
    visible = sum(page.evaluate("document.visibilityState") == "visible" for page in pages)
    server = psutil.Process(opened.server.process.pid)
    for each in traffic:
        each.bytes = 0
    busy, begun = server.cpu_times(), time.perf_counter()
    pages[0].wait_for_timeout(TABS_SECONDS * 1000)
    after, seconds = server.cpu_times(), time.perf_counter() - begun
    share = (after.user + after.system - busy.user - busy.system) / seconds * 100
    note = f"{visible} visible, each on another page, {seconds:.0f} s; {_INCLUDED[target.kind]}"
    yield judged(Figure("app tabs", target.kind, f"{len(pages)} tabs, % of a core", share, note=note), CPU_LIMIT)
    for title, each in zip(shown, traffic, strict=True):
        rate = each.bytes / seconds / 1000
        yield judged(Figure("app tabs", target.kind, f"tab of {title}, kB/s", rate), TRAFFIC_LIMIT)


_INCLUDED = {"sqlite": "the database's work included", "postgresql": "the database server's work apart"}
