"""Fixtures of the browser tests: the app as a process, and Chromium that reports every error and foreign request.

Run them in a pytest invocation of their own: ``pytest tests/browser``. They share no process with the user simulation.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from OpenOrchestrator.common.clock import SystemClock
from tests.browser.server import CHROMIUM_ARGUMENTS, App, chromium, start
from tests.ui.sample import empty_database, fill

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")

AXE_RULES_OFF: dict[str, Any] = {}
"""Rules that are not checked, with the reason; there are none."""

SIZES = ((1920, 1080), (1280, 800), (390, 844))
"""Windows that every page has to fit into without scrolling to the side, the last one a phone's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    ours = [item for item in items if here in item.path.parents]
    if len(ours) < len(items):
        alone = pytest.mark.skip(reason="browser tests need a pytest invocation of their own: pytest tests/browser")
        for item in ours:
            item.add_marker(alone)


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The script of axe-core, installed from npm into a cache folder."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is missing: it installs axe-core for the accessibility tests")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "openorchestrator-browser-tests"
    script = cache / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        cache.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).parent / "package.json", cache / "package.json")
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=180, check=False)
        if done.returncode or not script.exists():
            pytest.skip(f"axe-core could not be installed with npm: {done.stderr.strip()[-500:]}")
    return script.read_text("utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium."""
    path = chromium()
    if path is None:
        pytest.skip("Chromium is missing: install the package chromium")
    with playwright_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def sample_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of a site on a working day, as of now; shared by all browser tests of this run."""
    clock = SystemClock()
    url = f"sqlite+pysqlite:///{tmp_path_factory.mktemp('sample') / 'sample.db'}"
    database = empty_database(url, clock)
    fill(database, clock.utc_now())
    database.close()
    return url


@pytest.fixture(scope="session")
def app(sample_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on that database."""
    running = start(sample_url, tmp_path_factory.mktemp("app"), "--port", str(port(34900)))
    yield running
    running.stop()
    assert "Traceback" not in running.output


def port(preferred: int) -> int:
    """Return a port that no other process of this test run asks for."""
    return preferred + 100 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


@pytest.fixture(scope="module")
def session(app: App) -> dict[str, str]:
    """The cookie of somebody who is signed in, and the key of that session."""
    cookie, key = app.sign_in()
    return {"name": cookie.name, "value": str(cookie.value), "url": app.address, "key": key}


class Tab:
    """A tab that notes what goes wrong in it.

    Attributes:
        page: Playwright's page.
        errors: Errors of the console, and exceptions.
        foreign: Requests to anywhere but the app.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.address = address
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def open(self, path: str) -> Any:
        """Open a page of the app and wait until it is built."""
        self.page.goto(self.address + path)
        self.page.wait_for_selector("header.oo-head, .oo-empty")
        return self.page

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text}")

    def _request(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.address).netloc and not request.url.startswith(
            ("data:", "blob:")
        ):
            self.foreign.append(request.url)


@pytest.fixture
def new_tab(browser: Any, app: App, session: dict[str, str]) -> Iterator[Callable[..., Tab]]:
    """Makes tabs that are signed in; at the end none of them may have seen an error or a foreign request."""
    tabs: list[Tab] = []
    contexts = []

    def make(*, width: int = 1440, height: int = 900, scheme: str = "light") -> Tab:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.add_cookies([{name: session[name] for name in ("name", "value", "url")}])
        context.add_init_script(f"localStorage.setItem('openorchestrator-key', '{session['key']}')")
        tab = Tab(context.new_page(), app.address)
        tabs.append(tab)
        return tab

    yield make
    problems = [problem for tab in tabs for problem in (*tab.errors, *tab.foreign)]
    for context in contexts:
        context.close()
    assert not problems, problems


@pytest.fixture
def page_of(new_tab: Callable[..., Tab]) -> Callable[..., Any]:
    """Opens a page in a new tab and returns Playwright's page."""

    def opened(path: str, **options: Any) -> Any:
        return new_tab(**options).open(path)

    return opened


@pytest.fixture
def findings_of(axe_source: str) -> Callable[[Any], list[str]]:
    """Returns what axe-core finds serious or critical on a page."""

    def find(page: Any) -> list[str]:
        page.evaluate(f"(() => {{ {axe_source} }})()")
        result = page.evaluate("(rules) => axe.run(document, { rules })", AXE_RULES_OFF)
        return [
            f"{violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:200]}"
            for violation in result["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    return find


@pytest.fixture
def looks_well(findings_of: Callable[[Any], list[str]]) -> Callable[[Any], None]:
    """Asserts that a page is accessible in light and dark, and fits windows of all sizes."""

    def check(page: Any) -> None:
        assert findings_of(page) == [], "in light"
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.body.classList.contains('body--dark')")
        assert findings_of(page) == [], "in dark"
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function("(width) => innerWidth === width", arg=width)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"at {width} pixels"

    return check
