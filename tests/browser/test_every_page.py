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
