"""How each page looks in a real browser: no error, no foreign request, accessible, and as wide as its window.

Pages of jobs and of one trigger are in test_jobs_in_browser, with the output that they show.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

QUEUE = "/queues/fakturaer-indg%C3%A5ende"
PAGES = {
    "/": ".oo-att",
    "/triggers": "tbody tr",
    "/queues": "tbody tr",
    QUEUE: "tbody tr",
    f"{QUEUE}?columns=status,reference,data,message,created,changed,by,job": "tbody tr",
    "/coming": "tbody tr",
    "/coming?segment=week": ".oo-coming .oo-lane",
    "/logs": ".oo-hist-bar b",
    "/schedulers": "tbody tr",
    "/calendars": ".oo-empty",
    "/pools": ".oo-empty",
    "/constants": "tbody tr",
    "/constants?form=edit-ERP+address": ".oo-use",
    "/credentials": "tbody tr, .oo-empty",
    "/settings": "text=Up to date, revision",
}
"""Addresses, and what is there once their data is."""


@pytest.mark.parametrize("path", PAGES)
def test_looks_well(page_of: Callable[..., Any], looks_well: Callable[[Any], None], path: str) -> None:
    page = page_of(path)
    page.wait_for_selector(PAGES[path])
    looks_well(page)


def test_an_element_looks_well(page_of: Callable[..., Any], looks_well: Callable[[Any], None]) -> None:
    page = page_of(QUEUE + "?status=failed")
    page.locator("tbody tr a").first.click()
    page.wait_for_selector(".oo-json summary")
    looks_well(page)


def test_an_element_beside_its_list_looks_well(page_of: Callable[..., Any], looks_well: Callable[[Any], None]) -> None:
    page = page_of(QUEUE + "?status=failed")
    page.locator("tbody tr td:nth-child(2)").first.click()
    page.wait_for_selector(".oo-inspector .oo-json summary")
    page.wait_for_url(re.compile(r"status=failed&element="))
    looks_well(page)


def test_logs_look_well_with_an_open_message(page_of: Callable[..., Any], looks_well: Callable[[Any], None]) -> None:
    page = page_of("/logs")
    page.locator("tr.oo-log-err").first.click()
    page.wait_for_selector(".oo-log-detail")
    looks_well(page)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("path", [*(path for path in PAGES if path not in ("/", "/pools", "/settings")), "/jobs"])
def test_what_a_search_field_looks_for_can_be_read(
    page_of: Callable[..., Any], path: str, width: int, height: int
) -> None:
    page = page_of(path, width=width, height=height)
    field = page.locator(".oo-search input")
    if not field.count():
        pytest.skip("nothing is searched here")
    field.wait_for()
    words, room = field.evaluate(
        """(input) => {
          const style = getComputedStyle(input), canvas = document.createElement("canvas").getContext("2d");
          canvas.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
          const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
          return [canvas.measureText(input.placeholder).width, room];
        }"""
    )
    assert words <= room, f"{words:.0f} pixels of words in {room:.0f}"


def test_choices_of_a_triggers_form_can_be_read(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers?form=new", width=1280, height=800)
    page.locator(".q-dialog .oo-fgrid").first.wait_for()
    page.wait_for_function("document.querySelectorAll('.q-dialog .q-select').length > 3")
    cut = page.evaluate(
        """[...document.querySelectorAll(".q-dialog .q-select .q-field__native span")]
          .filter((words) => words.offsetParent && words.scrollWidth > words.clientWidth + 1)
          .map((words) => words.innerText)"""
    )
    assert cut == []


@pytest.mark.parametrize(
    ("path", "pressed"),
    [
        ("/", "a.oo-att-n"),
        (QUEUE, "a.oo-qfig"),
        ("/triggers?form=new", ".oo-fgrid a"),
        ("/jobs", ".oo-out-err"),
    ],
)
def test_what_is_pressed_on_a_phone_is_as_high_as_a_finger(
    page_of: Callable[..., Any], path: str, pressed: str
) -> None:
    page = page_of(path + ("?status=failed" if path == "/jobs" else ""), width=390, height=844)
    if path == "/jobs":
        page.locator("tbody tr a").first.click()
    page.locator(pressed).first.wait_for()
    heights = page.locator(pressed).evaluate_all("(found) => found.map((each) => each.getBoundingClientRect().height)")
    assert min(heights) >= 44
