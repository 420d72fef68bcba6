"""The password in a real browser: only that knows which origin it names when it sends the form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import port
from tests.browser.server import App, start

PASSWORD = "correct horse battery"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[App]:
    """An app with a password, and without a database."""
    running = start(None, tmp_path, "--port", str(port(34970)), environment={"OpenOrchestratorPassword": PASSWORD})
    yield running
    running.stop()
    assert "Traceback" not in running.output
    assert PASSWORD not in running.output


def test_the_password_opens_the_page_that_was_asked_for(browser: Any, guarded: App) -> None:
    context = browser.new_context()
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(f"{guarded.address}/settings")
    page.get_by_label("Password").fill("a wrong password")
    page.keyboard.press("Enter")
    page.get_by_text("That is not the password.").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/settings$"))
    page.get_by_text("No database yet").wait_for()
    (cookie,) = [each for each in context.cookies() if not each["name"].endswith("_tab")]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    context.close()
