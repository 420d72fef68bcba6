"""The list of logs in a real browser: what no simulation sees."""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo


def write(url: str, message: str, level: str = "INFO") -> None:
    """Write a message as a robot does, while the app runs."""
    now = datetime.now(ZoneInfo("Europe/Copenhagen")).replace(tzinfo=None)
    connection = sqlite3.connect(url.split("///", 1)[1], timeout=10)
    with connection:
        connection.execute(
            "INSERT INTO Logs (id, log_time, log_level, process_name, log_message) VALUES (?, ?, ?, ?, ?)",
            (uuid.uuid4().hex, now.isoformat(" ", "microseconds"), level, "browser", message),
        )
    connection.close()


def test_a_message_opens_by_key_and_is_copied(page_of: Callable[..., Any]) -> None:
    page = page_of("/logs?level=error")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("tr.oo-log").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.locator(".oo-log-full").wait_for()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Traceback (most recent call last):")
    assert "\n" in copied
    page.locator("tr.oo-log").first.focus()
    page.keyboard.press("Escape")
    page.locator(".oo-log-full").wait_for(state="detached")


def test_new_messages_come_while_followed_and_wait_while_somebody_reads(
    page_of: Callable[..., Any], sample_url: str
) -> None:
    page = page_of("/logs?process=browser")
    page.get_by_text("Nothing matches").wait_for()
    write(sample_url, "first line")
    page.locator("tr.oo-log", has_text="first line").wait_for()
    page.locator("tr.oo-log").first.click()
    page.locator(".oo-log-full").wait_for()
    write(sample_url, "<b>second line</b>")
    page.get_by_role("button", name="1 new line").wait_for()
    assert page.locator(".oo-log-full").inner_text() == "first line"
    page.get_by_role("button", name="1 new line").click()
    page.locator("tr.oo-log", has_text="<b>second line</b>").wait_for()
    assert page.locator("tr.oo-log b").count() == 0
    # Closed again, the list follows by itself.
    write(sample_url, "third line")
    page.locator("tr.oo-log", has_text="third line").wait_for()
    page.locator("tr.oo-log").first.click()
    page.locator(".oo-log-full").wait_for()
    write(sample_url, "fourth line")
    page.get_by_role("button", name="1 new line").wait_for()
    page.locator("tr.oo-log", has_text="third line").click()
    page.locator("tr.oo-log", has_text="fourth line").wait_for()


def test_a_reader_further_down_is_not_moved(page_of: Callable[..., Any], sample_url: str) -> None:
    page = page_of("/logs", height=500)
    page.wait_for_selector("tr.oo-log")
    page.mouse.move(600, 300)
    page.mouse.wheel(0, 500)
    page.wait_for_function("scrollY > 300")
    page.wait_for_timeout(300)  # the browser tells the server that it scrolled
    before = page.evaluate("[scrollY, document.querySelectorAll('tr.oo-log')[20].getBoundingClientRect().top]")
    write(sample_url, "while reading")
    page.get_by_role("button", name=re.compile("new line")).wait_for()
    assert page.evaluate("[scrollY, document.querySelectorAll('tr.oo-log')[20].getBoundingClientRect().top]") == before


def test_filters_and_place_are_in_the_address(page_of: Callable[..., Any]) -> None:
    page = page_of("/logs")
    page.get_by_role("button", name="Level").first.click()
    page.get_by_role("menuitemcheckbox", name="Error").click()
    page.wait_for_url(re.compile(r"\?level=error$"))
    page.keyboard.press("Escape")
    page.wait_for_function("[...document.querySelectorAll('.oo-log-level')].every((e) => e.innerText === 'Error')")
    page.reload()
    page.wait_for_function("[...document.querySelectorAll('.oo-log-level')].every((e) => e.innerText === 'Error')")
    page.get_by_placeholder("Search messages").fill("RPA_FIN")
    page.wait_for_url(re.compile(r"level=error&q=RPA_FIN$"))
    page.get_by_text("Searched the last 7 days.").wait_for()
    page.get_by_role("button", name="Search all time").click()
    page.wait_for_url(re.compile(r"from=all"))
    page.locator("tr.oo-log").first.click()
    page.get_by_role("button", name="Only this job").click()
    page.wait_for_url(re.compile(r"/logs\?job=[0-9a-f-]{36}$"))
    page.go_back()
    page.wait_for_url(re.compile(r"from=all"))


def test_an_export_downloads(page_of: Callable[..., Any], tmp_path: Path) -> None:
    page = page_of("/logs?level=error")
    page.wait_for_selector("tr.oo-log")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "logs.csv"
    waiting.value.save_as(file)
    text = file.read_bytes().decode("utf-8")
    assert text.startswith("\ufeffTime;Level;Process;Message;Job\r\n")
    assert "ErpLogonError: Password has expired" in text
    assert ";Info;" not in text


def test_bars_that_are_dragged_over_are_the_time_of_the_list(page_of: Callable[..., Any]) -> None:
    page = page_of("/logs")
    page.wait_for_selector(".oo-hist-bar b")
    box = page.locator(".oo-hist-bars").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 40, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 3, middle, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=.*&to="))
