"""The list of triggers in a real browser: what no simulation sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Trigger


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


def names(page: Any) -> list[str]:
    return page.locator("tbody tr .oo-main-link").all_inner_texts()


def await_present_list(page: Any, expected: list[str]) -> None:
    first = "(name) => document.querySelector('tbody tr .oo-main-link').innerText === name"
    page.wait_for_function(first, arg=expected[0])
    assert names(page) == expected


def rename(url: str, before: str, after: str) -> None:
    database = Database(url)
    changed = sa.update(Trigger).where(Trigger.trigger_name == before).values(trigger_name=after)
    database.write(lambda session: session.execute(changed))
    database.close()


@pytest.fixture
def moving(sample_url: str) -> Iterator[Callable[[str], str]]:
    """Moves a trigger to the end of a list by name, as somebody else does, and back when the test is over."""
    moved: list[str] = []

    def move(name: str) -> str:
        rename(sample_url, name, f"zzz {name}")
        moved.append(name)
        return f"zzz {name}"

    yield move
    for name in moved:
        rename(sample_url, f"zzz {name}", name)


def test_no_row_moves_while_the_mouse_is_in_the_table(
    page_of: Callable[..., Any], moving: Callable[[str], str]
) -> None:
    page = page_of("/triggers?sort=name")
    page.wait_for_selector("tbody tr")
    before = names(page)
    page.locator("tbody tr").nth(2).hover()
    aimed_at = page.locator("tbody tr").nth(2).get_attribute("data-row")
    renamed = moving(before[0])
    page.get_by_text(renamed, exact=True).wait_for()
    assert names(page) == [renamed, *before[1:]]
    assert page.locator("tbody tr").nth(2).get_attribute("data-row") == aimed_at
    page.mouse.move(400, 5)
    await_present_list(page, [*before[1:], renamed])


def test_a_pointer_that_was_left_in_the_table_does_not_hold_its_rows_for_ever(
    page_of: Callable[..., Any], moving: Callable[[str], str]
) -> None:
    page = page_of("/triggers?sort=name")
    page.wait_for_selector("tbody tr")
    page.clock.install()
    before = names(page)
    page.locator("tbody tr").nth(2).hover()
    renamed = moving(before[0])
    page.get_by_text(renamed, exact=True).wait_for()
    page.clock.fast_forward(31_000)
    await_present_list(page, [*before[1:], renamed])


def test_no_row_moves_while_one_has_the_focus_but_a_filter_is_shown_at_once(
    page_of: Callable[..., Any], moving: Callable[[str], str]
) -> None:
    page = page_of("/triggers?sort=name")
    page.wait_for_selector("tbody tr")
    before = names(page)
    page.keyboard.press("j")
    renamed = moving(before[1])
    page.get_by_text(renamed, exact=True).wait_for()
    assert names(page) == [before[0], renamed, *before[2:]]
    page.get_by_role("button", name="Show the present list").press("Enter")
    page.wait_for_function(
        "(name) => document.querySelectorAll('tbody tr .oo-main-link')[1].innerText === name", arg=before[2]
    )
    page.locator("tbody tr").nth(0).hover()
    page.keyboard.press("/")
    page.keyboard.type("zzz")
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 1")


def test_an_action_goes_to_the_row_it_was_shown_for_and_a_double_click_is_one(
    page_of: Callable[..., Any], moving: Callable[[str], str]
) -> None:
    page = page_of("/triggers?sort=name&status=idle")
    page.wait_for_selector("tbody tr")
    before = names(page)
    row = page.locator("tbody tr").nth(1)
    row.hover()
    button = row.get_by_role("button", name=re.compile("^Pause "))
    box = button.bounding_box()
    page.mouse.dblclick(box["x"] + 5, box["y"] + 5)
    page.get_by_text(f"{before[1]} was paused").wait_for()
    page.locator("tbody tr.oo-gone").wait_for()  # it is not Idle any more, and keeps its place
    assert names(page) == before
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    page.mouse.move(400, 5)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_function("(count) => document.querySelectorAll('tbody tr').length === count", arg=len(before) - 1)
    assert names(page) == [before[0], *before[2:]]
    page.goto(page.url.partition("?")[0] + "?sort=name&status=paused")
    row = page.locator("tbody tr", has_text=before[1])
    row.hover()
    row.get_by_role("button", name=re.compile("^Enable ")).click()
    page.get_by_text(f"{before[1]} was enabled").wait_for()


def test_go_to_opens_by_key_and_finds_triggers(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers")
    page.wait_for_selector("tbody tr")
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Page, trigger, queue").fill("lønkon")
    page.get_by_role("link", name="Lønkontrol").last.wait_for()
    page.keyboard.press("Escape")


def slowed(page: Any, milliseconds: int) -> None:
    """Have what the browser sends to the app take so long."""
    page.evaluate(
        """(delay) => {
            const plain = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) { setTimeout(() => plain.call(this, data), delay); };
        }""",
        milliseconds,
    )


def test_letters_typed_right_after_the_key_of_go_to_are_not_lost(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers")
    row = page.locator("tbody tr").first
    row.wait_for()
    slowed(page, 300)
    row.focus()
    page.keyboard.press("Control+k")
    page.keyboard.type("ERPx")
    page.keyboard.press("Backspace")
    page.keyboard.type(" pass")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/triggers/[0-9a-f-]{36}$"))
    page.get_by_text("ERP password rotation").first.wait_for()


def test_enter_in_go_to_takes_what_was_found_for_all_that_was_typed(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers")
    page.wait_for_selector("tbody tr")
    page.keyboard.press("Control+k")
    page.locator(".oo-goto-list a").first.wait_for()
    page.wait_for_function("document.activeElement.matches('.oo-goto-input input')")
    page.keyboard.type("lønkon")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/triggers/[0-9a-f-]{36}$"))


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


@pytest.mark.parametrize("question", ["Kill", "Delete", "Pause until…", "Why is it not running?"])
def test_a_question_fits_a_phone_and_no_menu_lies_on_it(page_of: Callable[..., Any], question: str) -> None:
    name = "ERP password rotation" if question == "Why is it not running?" else "Bankafstemning"
    page = page_of(f"/triggers?q={name}", width=390, height=844)
    page.locator("tbody a", has_text=name).click()
    page.wait_for_selector(".oo-detail")
    if question == "Kill":
        page.get_by_role("button", name="Kill", exact=True).first.click()
    else:
        page.get_by_role("button", name="More", exact=True).first.click()
        page.get_by_role("menuitem", name=question).click()
    dialog = page.locator(".oo-dialog")
    dialog.wait_for()
    page.wait_for_function("!document.querySelector('.q-menu')")
    # Measured at one moment: it grows while it comes up.
    outside = dialog.evaluate(
        """(dialog) => {
          const frame = dialog.getBoundingClientRect();
          const fits = (box) => box.left >= frame.left && box.right <= frame.right;
          const buttons = [...dialog.querySelectorAll("button")].filter((button) => button.offsetParent);
          return buttons.filter((button) => !fits(button.getBoundingClientRect())).map((button) => button.innerText);
        }"""
    )
    assert outside == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_go_to_is_no_taller_than_what_it_shows(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers")
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Page, trigger, queue").fill("bankafstemning")
    page.locator(".oo-goto-list a").first.get_by_text("Bankafstemning", exact=True).wait_for()
    page.wait_for_function(
        "document.querySelector('.oo-dialog').getBoundingClientRect().bottom"
        " - document.querySelector('.oo-goto-list').getBoundingClientRect().bottom < 4"
    )


def test_the_short_reason_of_what_does_not_start_is_in_sight(page_of: Callable[..., Any]) -> None:
    name, reason = "Månedsafslutning kontrol", "økonomi-gui unknown"
    page = page_of(f"/triggers?q={name}")
    line = page.locator("tbody .oo-n2", has_text=reason).filter(visible=True)
    line.wait_for()
    assert line.evaluate("element => element.scrollWidth <= element.clientWidth")
    late = page.locator("tbody .oo-n1", has_text="min late")
    assert "oo-fg-timeout" in late.get_attribute("class")
    phone = page_of(f"/triggers?q={name}", width=390, height=844)
    line = phone.locator("tbody .oo-phone-line", has_text=reason)
    line.wait_for()
    assert line.evaluate("element => element.scrollHeight <= element.clientHeight")
