"""The dashboard, and the lists of schedulers, constants and credentials, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.statuses import JobStatus

expect = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright").expect

PATHS = ("/", "/schedulers", "/constants", "/credentials")


def wait_for(page: Any, path: str) -> None:
    page.wait_for_selector(".oo-att" if path == "/" else ".oo-table tbody tr, .oo-empty")


def test_numbers_causes_bars_and_queues_lead_to_their_lists(page_of: Callable[..., Any]) -> None:
    page = page_of("/")
    wait_for(page, "/")
    hrefs = page.eval_on_selector_all(
        ".oo-fig, .oo-att a, .oo-side a, .oo-lane a", "all => all.map((each) => each.getAttribute('href'))"
    )
    assert len(hrefs) > 50
    assert all(re.match(r"/(jobs|triggers|queues|schedulers)\b", href) for href in hrefs)
    page.locator(".oo-fig").first.click()
    page.wait_for_url(re.compile(r"/jobs\?status=failed%2Ctimed_out%2Clost&from="))


def test_the_timeline_ends_now_and_draws_bars_within_it(page_of: Callable[..., Any]) -> None:
    page = page_of("/", height=1400)
    page.wait_for_selector(".oo-lane .oo-bar.oo-running")
    page.wait_for_function(
        """() => {
            const box = document.querySelector('.oo-lane').getBoundingClientRect();
            return [...document.querySelectorAll('.oo-lane .oo-bar')].every((bar) => {
                const at = bar.getBoundingClientRect();
                return at.left >= box.left - 1 && at.right <= box.right + 4 && at.width >= 2;
            });
        }"""
    )
    running = page.locator(".oo-bar.oo-running").first
    line, end = page.locator(".oo-nowl").bounding_box(), running.bounding_box()
    assert abs(line["x"] + line["width"] - end["x"] - end["width"]) < 3
    running.hover()
    page.locator(".oo-tip", has_text="Running").wait_for()


def test_a_refresh_keeps_the_focus(page_of: Callable[..., Any]) -> None:
    page = page_of("/")
    wait_for(page, "/")
    page.locator(".oo-att-btn").first.focus()
    page.evaluate("document.activeElement.oo = 1")
    page.wait_for_timeout(2600)  # more than one refresh
    assert page.evaluate("document.activeElement.oo === 1")


def test_no_cause_moves_while_the_mouse_is_in_the_list(page_of: Callable[..., Any], sample_url: str) -> None:
    page = page_of("/")
    wait_for(page, "/")
    before = page.eval_on_selector_all(".oo-att", "all => all.map((each) => each.dataset.cause)")
    page.locator(".oo-att").nth(1).hover()
    database = Database(sample_url)
    job_id, now = uuid4(), database.site_now()
    failed = {"status": JobStatus.FAILED, "process_name": "p", "scheduler_name": "VM", "reason": "ZebraError: new"}
    job = Job(id=job_id, start_time=now, end_time=now, **failed)
    try:
        database.write(lambda session: session.add(job))
        page.get_by_text("Causes keep their places while you are here.").wait_for()
        shown = page.eval_on_selector_all(".oo-att", "all => all.map((each) => each.dataset.cause)")
        assert shown == before
        page.mouse.move(400, 5)
        page.locator(".oo-att").first.get_by_text("ZebraError: new").wait_for()
    finally:
        database.write(lambda session: session.execute(sa.delete(Job).where(Job.id == job_id)))
        database.close()


def test_the_span_is_in_the_address(page_of: Callable[..., Any]) -> None:
    page = page_of("/")
    wait_for(page, "/")
    page.get_by_role("button", name="7 days").click()
    page.wait_for_url(re.compile(r"\?span=7d$"))
    page.get_by_text("Failed in 7 days").wait_for()
    page.reload()
    page.get_by_text("Failed in 7 days").wait_for()


def test_a_typed_password_never_comes_back(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    page = tab.page
    received: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: received.append(str(data))))
    page.on("response", lambda answer: received.append(answer.url))
    tab.open("/credentials")
    page.get_by_role("button", name="New credential").first.click()
    password = page.get_by_label("Password").last
    password.fill("correct-horse-battery")
    page.get_by_role("button", name="Show or hide what was typed").click()
    expect(password).to_have_attribute("type", "text")
    assert password.input_value() == "correct-horse-battery"
    page.get_by_role("button", name="Create").click()
    page.get_by_text("2 fields to correct").wait_for()  # no name, and the app has no key
    assert password.input_value() == "correct-horse-battery"
    assert received
    assert not [text for text in received if "correct-horse-battery" in text]
