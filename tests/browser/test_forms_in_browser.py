"""Forms in a real browser, which sends what was typed in its own time, and goes back, reloads and keeps things."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from OpenOrchestrator.common.clock import SystemClock
from OpenOrchestrator.database.models import QueueTrigger
from OpenOrchestrator.database.stores import triggers
from tests.browser.conftest import port
from tests.browser.server import start
from tests.ui.sample import add_trigger, empty_database

expect = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright").expect

IN_BACKGROUND = "Background: others may run beside it"


def test_enter_saves_from_a_line_with_what_was_just_typed_but_not_from_a_text_area(
    page_of: Callable[..., Any],
) -> None:
    page = page_of("/triggers")
    page.get_by_role("button", name="New trigger").click()
    form = page.get_by_role("dialog", name="New trigger")
    form.get_by_label("Path", exact=True).fill("/robots/keys/main.py")
    arguments = form.get_by_label("Arguments")
    arguments.press_sequentially("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    form.get_by_label("Cron", exact=True).press_sequentially("30 4 * * 1")
    page.keyboard.press("Enter")
    form.get_by_text("2 fields to correct: Name, Process").wait_for()
    assert arguments.input_value() == "one\ntwo"


def half_filled(page: Any) -> Any:
    """Fill a part of the form of a new trigger, fields of every kind, and return the form."""
    page.get_by_role("button", name="New trigger").click()
    form = page.get_by_role("dialog", name="New trigger")
    form.get_by_label("Name", exact=True).fill("Half a trigger")
    form.get_by_label("Arguments").fill('{"a": 1}')
    form.get_by_role("button", name="Queue", exact=True).click()
    form.get_by_label("Queue", exact=True).fill("letters")
    share_the_machine(page, form)
    form.get_by_text("Unsaved changes").wait_for()
    return form


def share_the_machine(page: Any, form: Any) -> None:
    """Choose what is not the first choice for what a trigger needs of its machine."""
    form.get_by_role("combobox", name="Desktop").click()
    page.get_by_role("option", name=IN_BACKGROUND).click()


def expect_half_filled(form: Any) -> None:
    form.get_by_text("What you had entered before is back.").wait_for()
    expect(form.get_by_label("Name", exact=True)).to_have_value("Half a trigger")
    expect(form.get_by_label("Arguments")).to_have_value('{"a": 1}')
    expect(form.get_by_label("Queue", exact=True)).to_have_value("letters")
    expect(form.get_by_text(IN_BACKGROUND)).to_be_visible()


def test_f5_asks_and_the_form_comes_back_with_what_was_entered(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers?sort=name")
    half_filled(page)
    page.wait_for_url(re.compile(r"\?sort=name&form=new$"))
    asked: list[str] = []

    def accept(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.reload()
    assert asked == ["beforeunload"]
    form = page.get_by_role("dialog", name="New trigger")
    expect_half_filled(form)
    form.get_by_role("button", name="Start over").click()
    expect(form.get_by_label("Name", exact=True)).to_have_value("")
    page.reload()
    form.wait_for()
    expect(form.get_by_label("Name", exact=True)).to_have_value("")
    assert asked == ["beforeunload"], "an empty form asks nothing"
    form.get_by_role("button", name="Cancel").click()
    page.wait_for_url(re.compile(r"\?sort=name$"))


def test_back_asks_before_it_discards_a_form(page_of: Callable[..., Any]) -> None:
    page = page_of("/queues")
    page.wait_for_selector("tbody tr")
    page.locator("nav.oo-nav a", has_text="Triggers").click()
    page.wait_for_selector(".oo-table[class] tbody tr")
    page.wait_for_url("**/triggers")
    form = half_filled(page)
    page.go_back()
    page.get_by_text("Discard the changes?").wait_for()
    page.get_by_role("button", name="Cancel").last.click()
    page.get_by_text("Discard the changes?").wait_for(state="hidden")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Half a trigger")
    assert "/triggers" in page.url
    page.go_back()
    page.get_by_role("button", name="Discard changes").click()
    page.wait_for_url("**/queues")
    page.locator("nav.oo-nav a", has_text="Triggers").click()
    page.get_by_role("button", name="New trigger").click()
    expect(page.get_by_role("dialog", name="New trigger").get_by_label("Name", exact=True)).to_have_value("")


def test_a_password_is_not_kept_in_the_browser(page_of: Callable[..., Any]) -> None:
    page = page_of("/credentials?form=new")
    form = page.get_by_role("dialog", name="New credential")
    form.get_by_label("Name", exact=True).fill("erp")
    form.get_by_label("Password", exact=True).fill("correct-horse-battery")
    form.get_by_role("button", name="Show or hide what was typed").click()
    form.get_by_label("Password", exact=True).press_sequentially("-staple")
    form.get_by_text("Unsaved changes").wait_for()
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "erp" in kept
    assert "horse" not in kept
    assert "staple" not in kept


def test_an_open_tab_and_its_form_go_on_after_a_restart_of_the_app(
    browser: Any, sample_url: str, tmp_path: Path
) -> None:
    arguments = ("--port", str(port(34970)))
    app = start(sample_url, tmp_path, *arguments)
    context = browser.new_context()
    context.set_default_timeout(60_000)
    try:
        page = context.new_page()
        page.goto(app.link)
        page.wait_for_selector("header.oo-head")
        page.goto(f"{app.address}/triggers?sort=name")
        page.wait_for_selector("tbody tr")
        form = half_filled(page)
        app.stop()
        form.get_by_label("Name", exact=True).fill("Half a trigger!")
        form.get_by_label("Name", exact=True).fill("Half a trigger")
        app = start(sample_url, tmp_path, *arguments)
        expect_half_filled(page.get_by_role("dialog", name="New trigger"))
    finally:
        context.close()
        app.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is ended alike, whether asked or killed")
def test_a_form_half_filled_when_the_app_is_killed_comes_back_and_is_saved(browser: Any, tmp_path: Path) -> None:
    clock = SystemClock()
    url = f"sqlite+pysqlite:///{tmp_path / 'site.db'}"
    database = empty_database(url, clock)
    trigger_id = add_trigger(
        database, QueueTrigger, trigger_name="Letters", queue_name="letters", min_batch_size=1, priority=1
    )
    arguments = ("--port", str(port(34980)))
    app = start(url, tmp_path, *arguments)
    context = browser.new_context()
    context.set_default_timeout(60_000)
    try:
        page = context.new_page()
        page.goto(app.link)
        page.wait_for_selector("header.oo-head")
        page.goto(f"{app.address}/triggers/{trigger_id}?form=edit-{trigger_id}")
        form = page.get_by_role("dialog", name="Edit trigger")
        form.get_by_label("Priority", exact=True).fill("7")
        schedulers = form.get_by_role("combobox", name="Schedulers")
        schedulers.fill("worker-1")
        schedulers.press("Enter")
        share_the_machine(page, form)
        form.get_by_text("Unsaved changes").wait_for()
        form.get_by_label("Arguments").press_sequentially("half of what")
        app.process.kill()
        app.process.wait()
        form.get_by_label("Arguments").press_sequentially(" was meant")
        app = start(url, tmp_path, *arguments)

        form.get_by_text("What you had entered before is back.").wait_for()
        expect(form.get_by_label("Priority", exact=True)).to_have_value("7")
        expect(form.get_by_label("Arguments")).to_have_value("half of what was meant")
        expect(form.get_by_text("worker-1", exact=True)).to_be_visible()
        expect(form.get_by_text(IN_BACKGROUND)).to_be_visible()
        stored = database.read(lambda session: triggers.require(session, trigger_id))
        assert (stored.priority, stored.process_args) == (1, ""), "nothing is saved before somebody says so"
        form.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("Letters was saved").wait_for()
        stored = database.read(lambda session: triggers.require(session, trigger_id))
        assert (stored.priority, stored.process_args) == (7, "half of what was meant")
        assert (list(stored.scheduler_whitelist or ()), stored.is_blocking) == (["worker-1"], False)
    finally:
        context.close()
        app.stop()
        database.close()
