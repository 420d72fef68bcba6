"""Settings and the first run in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Tab, port
from tests.browser.server import App, start

PASSWORD = "correct-horse-battery"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[App]:
    """An app that has no database yet."""
    running = start(None, tmp_path, "--port", str(port(34950)))
    yield running
    running.stop()
    assert "Traceback" not in running.output
    assert PASSWORD not in running.output


@pytest.fixture
def first_run(browser: Any, fresh: App) -> Iterator[Tab]:
    """A tab of it that is signed in; it may see no error and no foreign request."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(20_000)
    tab = Tab(context.new_page(), fresh.address)
    tab.page.goto(fresh.link)
    yield tab
    problems = [*tab.errors, *tab.foreign]
    context.close()
    assert not problems, problems


def test_dark_is_shown_at_once_and_remembered(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    page = tab.open("/settings")
    page.get_by_role("button", name="Dark", exact=True).click()
    page.wait_for_function("document.body.classList.contains('body--dark')")
    tab.open("/settings")
    page.wait_for_function("document.body.classList.contains('body--dark')")
    page.get_by_role("button", name="As the system").click()
    page.wait_for_function("!document.body.classList.contains('body--dark')")


def test_the_first_run_fits_a_phone(first_run: Tab) -> None:
    page = first_run.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_text("For example").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_first_run_leads_from_nothing_to_a_database(
    first_run: Tab, findings_of: Callable[[Any], list[str]], tmp_path: Path
) -> None:
    page = first_run.page
    received: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: received.append(str(data))))
    first_run.open("/")
    page.wait_for_url(re.compile("/settings$"))
    page.get_by_text("No database yet").wait_for()
    assert findings_of(page) == []
    connection = page.get_by_label("Connection string").last
    connection.fill(f"postgresql+psycopg://rpa:{PASSWORD}@127.0.0.1:1/x")
    page.get_by_role("button", name="Test").click()
    page.get_by_text("Cannot connect to postgresql+psycopg://rpa:***@127.0.0.1:1/x").wait_for()
    assert received
    assert not [text for text in received if PASSWORD in text]
    connection.fill(f"sqlite+pysqlite:///{tmp_path / 'site.db'}")
    page.get_by_role("button", name="Test").click()
    page.get_by_text("The database is empty.").wait_for()
    page.get_by_role("button", name="Generate a key").click()
    page.get_by_text("Shown only now").wait_for()
    initialize = page.get_by_role("button", name="Initialize database")
    assert initialize.is_disabled()
    page.get_by_role("checkbox").click()
    page.wait_for_function("[...document.querySelectorAll('.oo-pri')].some((each) => !each.disabled)")
    assert findings_of(page) == []
    initialize.click()
    page.get_by_text("The database is ready").wait_for()
    assert page.url.endswith("/settings?started=1")
    page.get_by_role("button", name="Open the dashboard").click()
    page.get_by_text("Nothing has run yet").wait_for()
    assert findings_of(page) == []
