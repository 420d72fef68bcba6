"""Sessions in a real browser: what F5, new tabs, other ports and signing out do."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import port
from tests.browser.server import App, start

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, sample_url: str) -> Iterator[App]:
    """An app with a password."""
    folder = tmp_path_factory.mktemp("guarded")
    running = start(sample_url, folder, "--port", str(port(34960)), environment={"OpenOrchestratorPassword": PASSWORD})
    yield running
    running.stop()
    assert "Traceback" not in running.output


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    yield context
    context.close()


def sign_in(context: Any, app: App, path: str = "/triggers") -> Any:
    """Open a page, sign in, and return the tab."""
    page = context.new_page()
    page.goto(app.address + path)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("header.oo-head")
    return page


def test_reloads_new_tabs_and_bookmarks_need_no_new_login(context: Any, guarded: App) -> None:
    page = sign_in(context, guarded)
    page.reload()
    page.wait_for_selector("header.oo-head")
    with context.expect_page() as opened:
        page.locator("nav.oo-nav a", has_text="Queues").click(modifiers=["Control"])
    opened.value.wait_for_selector("header.oo-head")
    bookmark = context.new_page()
    bookmark.goto(f"{guarded.address}/logs?level=error")
    bookmark.wait_for_selector("header.oo-head")
    assert bookmark.url.endswith("/logs?level=error")


def test_the_cookie_that_another_port_collects_shows_nothing(context: Any, browser: Any, guarded: App) -> None:
    sign_in(context, guarded)
    collected: list[str] = []

    class Neighbour(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            collected.append(self.headers.get("Cookie", ""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Neighbour) as neighbour:
        threading.Thread(target=neighbour.serve_forever, daemon=True).start()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{neighbour.server_port}/")
        assert page.evaluate("localStorage.length") == 0
        neighbour.shutdown()
    name = next(each["name"] for each in context.cookies() if not each["name"].endswith("_tab"))
    found = re.search(rf"{name}=([\w-]+)", collected[0])
    assert found is not None, "browsers send cookies to every port"
    thief = browser.new_context()
    thief.add_cookies([{"name": name, "value": found[1], "url": guarded.address}])
    page = thief.new_page()
    page.goto(f"{guarded.address}/triggers")
    page.locator("#password").wait_for()
    page.evaluate("localStorage.setItem('openorchestrator-key', 'guessed')")
    page.goto(f"{guarded.address}/triggers")
    page.locator("#password").wait_for()
    thief.close()


def test_signing_out_ends_all_tabs_of_this_browser(context: Any, browser: Any, guarded: App) -> None:
    page = sign_in(context, guarded)
    second = context.new_page()
    second.goto(f"{guarded.address}/queues")
    second.wait_for_selector("header.oo-head")
    elsewhere = browser.new_context()
    elsewhere.set_default_timeout(60_000)
    other = sign_in(elsewhere, guarded)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Sign out", exact=True).last.click()
    page.locator("#password").wait_for()
    second.locator("#password").wait_for()
    assert second.url.endswith("/login?next=%2Fqueues")
    assert not [each for each in context.cookies() if not each["name"].endswith("_tab")]
    other.reload()
    other.wait_for_selector("header.oo-head")
    page = sign_in(context, guarded)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Sign out everywhere").click()
    other.locator("#password").wait_for()
    elsewhere.close()


def test_a_hidden_tab_keeps_no_session_alive(context: Any, guarded: App) -> None:
    page = sign_in(context, guarded)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method) if request.url.endswith("/session") else None)
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });"
    tell = "document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide + tell, True)
    page.evaluate(hide + tell, False)
    page.wait_for_function("() => true")
    with page.expect_request(lambda request: request.url.endswith("/session")):
        page.evaluate(hide + tell, False)
    assert asked == ["POST", "POST"], "the hidden tab said nothing"


def test_data_comes_by_websocket_only(context: Any, guarded: App) -> None:
    page = context.new_page()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"{guarded.address}/triggers")
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("header.oo-head")
    key = page.evaluate("localStorage.getItem('openorchestrator-key')")
    assert not [url for url in urls if "transport=polling" in url]
    assert not [url for url in urls if key in url]
    assert key not in Path(guarded.log).read_text("utf-8")
