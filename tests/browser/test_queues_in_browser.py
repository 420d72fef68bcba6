"""Queues, their elements and CSV in a real browser: what no simulation sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUEUE = "/queues/fakturaer-indg%C3%A5ende"


def test_the_import_has_no_serious_accessibility_finding(
    page_of: Callable[..., Any], findings_of: Callable[[Any], list[str]], tmp_path: Path
) -> None:
    page = page_of(QUEUE)
    page.get_by_role("button", name="Import").click()
    page.get_by_role("button", name="Choose file").wait_for()
    page.wait_for_timeout(400)  # the drawer's slide, during which contrast cannot be measured
    assert findings_of(page) == []
    file = tmp_path / "x.csv"
    file.write_text("Reference;Data\nbrowser-axe;1\n;;\nx;" + "y" * 2001 + "\n", "utf-8")
    page.set_input_files("input[type=file]", file)
    page.get_by_text("read as UTF-8 with semicolons").wait_for()
    assert findings_of(page) == []


def test_from_the_list_to_an_element_and_back(page_of: Callable[..., Any]) -> None:
    page = page_of("/queues")
    page.get_by_role("link", name="fakturaer-indgående").first.click()
    page.wait_for_url(re.compile(r"/queues/fakturaer-indg%C3%A5ende$"))
    page.locator("a.oo-qfig", has_text="Failed").click()
    page.wait_for_url(re.compile(r"status=failed$"))
    page.locator("tbody tr", has_text="Failed").first.wait_for()
    page.locator("tbody tr a").first.click()
    page.locator(".oo-alert", has_text="CVR-nummer 00000000 findes ikke i stamdata").wait_for()
    page.reload()
    page.locator(".oo-alert", has_text="CVR-nummer 00000000 findes ikke i stamdata").wait_for()
    page.go_back()
    page.wait_for_url(re.compile(r"status=failed$"))
    page.wait_for_selector("tbody tr")


def test_keys_go_along_the_list_beside_which_an_element_is_open(page_of: Callable[..., Any]) -> None:
    page = page_of(QUEUE + "?status=failed")
    rows = page.locator("tbody tr")
    rows.nth(0).locator("td").nth(1).click()
    inspector = page.locator(".oo-inspector")
    title = page.locator(".oo-inspector-t")
    names = [rows.nth(number).locator("a").first.inner_text() for number in (0, 1)]
    title.get_by_text(names[0]).wait_for()
    inspector.focus()
    page.keyboard.press("j")
    title.get_by_text(names[1]).wait_for()
    assert rows.nth(1).get_attribute("aria-current") == "true"
    page.keyboard.press("k")
    title.get_by_text(names[0]).wait_for()
    page.reload()
    title.get_by_text(names[0]).wait_for()
    page.keyboard.press("Escape")
    inspector.wait_for(state="hidden")
    page.wait_for_url(re.compile(r"status=failed$"))


@pytest.mark.parametrize("name", ["browser a/b", "browser 50% #1?", "browser <b>æ</b>"])
def test_a_queue_of_any_name_is_made_opened_and_reloaded(page_of: Callable[..., Any], name: str) -> None:
    page = page_of("/queues")
    page.get_by_role("button", name="New element").click()
    page.get_by_label("Queue", exact=True).fill(name)
    page.get_by_label("Reference", exact=True).fill("r/1")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("was added to").wait_for()
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    page.get_by_role("link", name="r/1").first.wait_for()
    page.reload()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    page.get_by_role("link", name="r/1").first.click()
    page.get_by_role("heading", name="r/1").wait_for()
    page.reload()
    page.get_by_role("heading", name="r/1").wait_for()
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_role("heading", name=name, exact=True).wait_for()


def test_columns_density_and_period_are_in_the_address(page_of: Callable[..., Any]) -> None:
    page = page_of(QUEUE)
    page.wait_for_selector("tbody tr")
    high = page.locator("tbody tr").first.bounding_box()["height"]
    page.get_by_role("button", name="Columns and density").click()
    page.get_by_role("menuitemcheckbox", name="Dense rows").click()
    page.get_by_role("menuitemcheckbox", name="Message").click()
    page.wait_for_url(re.compile(r"dense=1.*columns="))
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector("tbody tr")
    assert page.locator("tbody tr").first.bounding_box()["height"] < high
    assert page.locator("th", has_text="Message").count() == 0
    page.get_by_role("button", name="Created", exact=True).first.click()
    page.get_by_role("menuitem", name="Last hour").click()
    page.wait_for_url(re.compile(r"from=1h"))
    page.get_by_text("from=1h").wait_for()
    page.wait_for_function("document.querySelectorAll('tbody tr').length < 15")
    page.get_by_role("button", name="Remove from=1h").click()
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 25")


def test_an_export_downloads_and_is_imported_again(page_of: Callable[..., Any], tmp_path: Path) -> None:
    page = page_of("/queues/aktindsigt-bilag?status=done")
    page.wait_for_selector("tbody tr")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    download = waiting.value
    assert re.fullmatch(r"aktindsigt-bilag-\d{4}-\d\d-\d\d-\d{4}\.csv", download.suggested_filename)
    file = tmp_path / "again.csv"
    download.save_as(file)
    content = file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfReference;Data;Status;")
    count = content.count(b"\r\n") - 1
    page.goto(page.url.split("/queues/")[0] + "/queues/browser%20copy")
    page.get_by_role("button", name="Import").click()
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name=f"Import {count} elements").click()
    page.get_by_text(f"{count} elements were imported").wait_for()
    page.get_by_text(f"1-25 of {count}").first.wait_for()


def test_a_row_is_edited_by_key_and_a_refresh_keeps_what_was_typed(page_of: Callable[..., Any]) -> None:
    page = page_of(QUEUE + "?status=new")
    row = page.locator("tbody tr").first
    row.focus()
    page.keyboard.press("e")
    data = page.get_by_label("Data", exact=True)
    data.fill('{"half": ')
    page.get_by_text("Looks like JSON, but is not").wait_for()
    page.wait_for_timeout(2600)  # more than one refresh
    assert data.input_value() == '{"half": '
    page.keyboard.press("Escape")
    page.get_by_text("Discard the changes?").wait_for()
    page.get_by_role("button", name="Discard changes").click()
    page.wait_for_selector(".oo-drawer", state="detached")


def test_an_open_tree_stays_open_while_the_page_is_refreshed(page_of: Callable[..., Any]) -> None:
    page = page_of(QUEUE + "?status=failed")
    page.locator("tbody tr a").first.click()
    page.locator(".oo-json summary").first.click()
    assert page.locator(".oo-json details").first.get_attribute("open") is None
    page.wait_for_timeout(2600)  # more than one refresh
    assert page.locator(".oo-json details").first.get_attribute("open") is None


def test_the_chart_follows_the_chosen_queue(page_of: Callable[..., Any]) -> None:
    page = page_of("/queues?chart=bop%C3%A6lsattester")
    page.get_by_text(re.compile(r"\d+ came in, \d+ ended")).wait_for()
    page.wait_for_selector(".oo-chart canvas")


def test_the_reference_of_an_element_is_whole_on_a_phone(page_of: Callable[..., Any]) -> None:
    page = page_of(f"{QUEUE}?status=failed")
    path = page.locator("tbody a").first.get_attribute("href")
    phone = page_of(path, width=390, height=844)
    heading = phone.locator("h1 .oo-el")
    heading.wait_for()
    assert heading.evaluate("element => element.scrollWidth <= element.clientWidth")
