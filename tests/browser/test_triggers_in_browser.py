"""The list of triggers in a real browser: what no simulation sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def test_the_form_has_no_serious_accessibility_finding(
    page_of: Callable[..., Any], findings_of: Callable[[Any], list[str]]
) -> None:
    page = page_of("/triggers")
    page.get_by_role("button", name="New trigger").click()
    page.get_by_label("Cron").last.fill("0 6 * * 1-5")
    page.get_by_text("Weekdays 06:00", exact=True).wait_for()
    page.wait_for_timeout(400)  # the drawer's slide, during which contrast cannot be measured
    assert findings_of(page) == []


def test_filters_are_in_the_address_and_back_works(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers")
    page.get_by_role("button", name="Status").first.click()
    page.get_by_role("menuitemcheckbox", name="Failed").click()
    page.wait_for_url(re.compile(r"\?status=failed$"))
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 2")
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 2")
    page.get_by_role("link", name="Triggers").first.click()
    page.wait_for_function("document.querySelectorAll('tbody tr').length > 2")
    page.go_back()
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 2")
    assert page.url.endswith("?status=failed")


def test_keys_filter_move_select_and_clear(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers?sort=name")
    page.wait_for_selector("tbody tr")
    page.keyboard.press("/")
    page.keyboard.type("bank")
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 1")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_text("1 selected").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("1 selected").wait_for(state="hidden")


def test_a_refresh_keeps_focus_selection_and_an_open_menu(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers?sort=name")
    rows = page.locator("tbody tr")
    rows.nth(2).locator("input").click()
    page.get_by_text("1 selected").wait_for()
    rows.nth(0).focus()
    page.evaluate("document.querySelectorAll('tbody tr')[0].oo = 1")
    page.wait_for_timeout(2600)  # more than one refresh
    assert page.evaluate("document.activeElement.oo === 1")
    rows.nth(1).hover()
    rows.nth(1).get_by_role("button", name=re.compile("^More for")).click()
    menu = page.get_by_role("menuitem", name="Copy")
    menu.wait_for()
    page.wait_for_timeout(2600)
    assert menu.is_visible()
    assert page.get_by_text("1 selected").is_visible()


def test_go_to_opens_by_key_and_finds_triggers(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers")
    page.wait_for_selector("tbody tr")
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Page, trigger or queue").fill("lønkon")
    page.get_by_role("link", name="Lønkontrol").last.wait_for()
    page.keyboard.press("Escape")


def test_light_and_dark_are_remembered(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    page = tab.open("/triggers")
    page.get_by_role("button", name="Light or dark").click()
    page.wait_for_function("document.body.classList.contains('body--dark')")
    tab.open("/triggers")
    page.wait_for_function("document.body.classList.contains('body--dark')")


def test_tooltips_show_the_absolute_time_with_its_zone(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers?q=ERP")
    page.locator("tbody tr td").nth(6).locator("[data-tip]").hover()
    assert "Europe/Copenhagen" in page.locator(".oo-tip").inner_text()


def test_the_drawer_keeps_what_was_typed_and_asks_before_discarding(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers")
    page.get_by_role("button", name="New trigger").click()
    name = page.get_by_label("Name", exact=True).last
    name.fill("Half a name")
    page.wait_for_timeout(2600)  # more than one refresh
    assert name.input_value() == "Half a name"
    page.keyboard.press("Escape")
    page.get_by_text("Discard the changes?").wait_for()
    page.wait_for_function("document.activeElement.innerText.trim() === 'Cancel'")
    page.keyboard.press("Enter")
    page.get_by_text("Discard the changes?").wait_for(state="hidden")
    assert name.input_value() == "Half a name"
    page.wait_for_function("document.activeElement.value === 'Half a name'")
    page.keyboard.press("Escape")
    page.get_by_text("Discard the changes?").wait_for()
