"""What stands around every page, in a real browser: the strip of notices, and the counts of the navigation."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import site_pause
from tests.browser.conftest import Tab

SIZES = ((1440, 900), (1280, 800), (390, 844))

HIDDEN_BY_STRIP = """() => {
    const strip = document.querySelector('.oo-toasts'), top = strip.getBoundingClientRect().top;
    return [...document.querySelectorAll('button, a[href]')].filter((each) => {
        const box = each.getBoundingClientRect();
        if (!box.width || strip.contains(each) || box.bottom <= top) return false;
        const at = [box.x + box.width / 2, box.y + box.height / 2];
        if (each.closest('.oo-nav, .oo-bot')) return strip.contains(document.elementFromPoint(...at));
        each.scrollIntoView({ block: 'end' });
        return each.getBoundingClientRect().bottom > strip.getBoundingClientRect().top + 1;
    }).map((each) => each.outerHTML.slice(0, 120));
}"""
"""What can be pressed and lies beneath the strip, however far one scrolls."""


def say_something(page: Any) -> None:
    """Have a notice shown that goes away by itself."""
    row = page.locator("tbody tr", has_text="ERP password rotation")
    row.hover()
    row.get_by_role("button", name=re.compile("^More for")).click()
    page.get_by_role("menuitem", name=re.compile("^(Pause|Enable)")).first.click()
    page.locator(".oo-toast").wait_for()
    page.wait_for_function("document.querySelector('.oo-toasts').offsetHeight > 20")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_notice_lies_on_nothing_that_can_be_pressed_and_moves_nothing(
    page_of: Callable[..., Any], width: int, height: int
) -> None:
    page = page_of("/triggers?sort=name", width=width, height=height)
    page.wait_for_selector("tbody tr")
    before = page.locator("tbody tr").first.bounding_box()
    say_something(page)
    assert page.locator("tbody tr").first.bounding_box() == before
    assert page.evaluate(HIDDEN_BY_STRIP) == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_drawer_ends_above_a_notice(page_of: Callable[..., Any], width: int, height: int) -> None:
    page = page_of("/triggers?sort=name", width=width, height=height)
    page.wait_for_selector("tbody tr")
    page.evaluate("window.scrollTo(0, 0)")
    say_something(page)
    page.get_by_role("button", name="New trigger").click()
    save = page.get_by_role("button", name="Create", exact=True)
    save.wait_for()
    page.wait_for_function("document.querySelector('.oo-drawer').getBoundingClientRect().right <= innerWidth + 1")
    box, strip = save.bounding_box(), page.locator(".oo-toasts").bounding_box()
    assert box["y"] + box["height"] <= strip["y"]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_count_never_lies_on_its_icon(page_of: Callable[..., Any], width: int, height: int) -> None:
    page = page_of("/triggers", width=width, height=height)
    nav = ".oo-nav" if width > 700 else ".oo-bot"
    page.wait_for_function(
        "(nav) => [...document.querySelectorAll(nav + ' .oo-bad')].some((each) => each.textContent)", arg=nav
    )
    # As wide as a count can be.
    page.evaluate("document.querySelectorAll('.oo-bad:not(:empty)').forEach((each) => { each.textContent = '999+'; })")
    overlaps = page.evaluate(
        """(nav) => [...document.querySelectorAll(nav + ' a')].filter((link) => {
            const count = link.querySelector('.oo-bad'), icon = link.querySelector('.q-icon');
            if (!count?.textContent) return false;
            const a = count.getBoundingClientRect(), b = icon.getBoundingClientRect();
            return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
        }).map((link) => link.textContent)""",
        nav,
    )
    assert overlaps == []


def test_back_leads_to_where_one_had_scrolled(page_of: Callable[..., Any]) -> None:
    page = page_of("/jobs?size=100", height=600)
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 100")
    page.mouse.move(700, 400)  # the navigation scrolls by itself where it is higher than the window
    page.mouse.wheel(0, 1500)
    page.wait_for_function("scrollY === 1500")
    page.wait_for_timeout(300)  # the place is noted once scrolling has ended
    page.locator("tbody tr .oo-main-link:visible").nth(40).evaluate("(link) => link.click()")
    page.wait_for_selector(".oo-detail")
    page.go_back()
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 100")
    page.wait_for_function("scrollY === 1500")


def test_the_schedule_is_not_cut_off(page_of: Callable[..., Any]) -> None:
    page = page_of("/triggers", width=1440)
    page.wait_for_selector("tbody tr")
    cut = page.evaluate(
        """() => [...document.querySelectorAll('td.oo-two-lines .oo-el')].filter((each) =>
            each.scrollHeight > each.clientHeight + 2 || each.scrollWidth > each.clientWidth + 1
        ).map((each) => each.textContent)"""
    )
    assert cut == []


CUT_HEADS = """() => [...document.querySelectorAll('.oo-table th, .oo-lt th')].filter((head) => {
    if (!head.offsetWidth || head.querySelector('.oo-hidden-text')) return false;
    const words = document.createRange();
    words.selectNodeContents(head);
    const box = head.getBoundingClientRect(), inner = words.getBoundingClientRect();
    return inner.right > box.right - parseFloat(getComputedStyle(head).paddingRight) + 1 || inner.bottom > box.bottom;
}).map((head) => head.textContent)"""
ORDERS = {
    "/triggers": ("name", "status", "next"),
    "/jobs": ("started",),
    "/queues": ("name", "new", "in_progress", "done", "failed", "abandoned", "oldest", "rate"),
    "/logs": ("",),
    "/constants": ("name",),
    "/schedulers": ("",),
}


@pytest.mark.parametrize("width", [1280, 1440, 390])
@pytest.mark.parametrize("path", ORDERS)
def test_no_head_of_a_table_is_cut_off(page_of: Callable[..., Any], path: str, width: int) -> None:
    page = page_of(path, width=width)
    for order in ORDERS[path]:
        page.goto(page.url.split("?")[0] + (f"?sort={order}" if order else ""))
        page.locator("tbody tr").first.wait_for()
        assert page.evaluate(CUT_HEADS) == [], order


def test_the_version_of_old_schedulers_can_be_read(page_of: Callable[..., Any]) -> None:
    page = page_of("/schedulers", width=1280)
    version = page.locator("tbody tr td:nth-child(7) .oo-el").first
    version.wait_for()
    version.evaluate("(each) => (each.textContent = 'before 4.0')")
    assert version.evaluate("(each) => each.scrollWidth <= each.clientWidth")


def test_processes_and_when_they_used_a_queue_stand_on_one_line_on_a_phone(page_of: Callable[..., Any]) -> None:
    page = page_of("/queues/fakturaer-indg%C3%A5ende", width=390, height=844)
    user = page.locator(".oo-user", has_text="finance/cvr-stamdata")
    user.wait_for()
    middles = user.evaluate(
        """(each) => [...each.children].map((part) => {
            const words = document.createRange();
            words.selectNodeContents(part);
            const box = words.getBoundingClientRect();
            return box.y + box.height / 2;
        })"""
    )
    assert len(middles) == 2
    assert abs(middles[0] - middles[1]) <= 2


def test_names_of_queues_can_be_read_on_a_phone(page_of: Callable[..., Any]) -> None:
    page = page_of("/queues", width=390, height=844)
    name = page.locator("tbody tr a.oo-main-link", has_text="fakturaer-indgående")
    name.wait_for()
    assert name.evaluate("(each) => each.scrollWidth <= each.clientWidth")
    assert re.search(r"Oldest New: \d", page.locator("tbody tr", has_text="fakturaer").inner_text())


def test_a_phone_sorts_by_what_it_has_no_column_for(page_of: Callable[..., Any]) -> None:
    page = page_of("/queues", width=390, height=844)
    names = page.locator("tbody tr a.oo-main-link")
    page.get_by_label("Sort by").select_option("Oldest New")
    page.wait_for_url("**/queues?sort=-oldest")
    oldest = "() => document.querySelector('tbody tr a.oo-main-link').textContent === 'bopælsattester'"
    page.wait_for_function(oldest)  # its oldest element waits for longest
    page.get_by_role("button", name="Descending, turn it round").click()
    page.wait_for_url("**/queues?sort=oldest")
    page.wait_for_function(oldest.replace("'tbody tr a", "'tbody tr:last-child a"))
    assert names.count() == 3


PHONE_PAGES = (
    "/",
    "/triggers",
    "/jobs",
    "/queues",
    "/queues/fakturaer-indg%C3%A5ende",
    "/logs",
    "/schedulers",
    "/constants",
    "/settings",
)

PRESSED = "button, .q-btn, [role=tab], [role=menuitem], .oo-bot a"
TOO_SMALL = """(pressed) => [...document.querySelectorAll(pressed)].filter((each) => {
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    const gone = !box.width || style.visibility === 'hidden';
    if (gone || each.closest('.oo-hidden-text, [aria-hidden=true]')) return false;
    const around = getComputedStyle(each, '::after');
    const grown = around.content !== 'none' && around.position === 'absolute' ? -2 * parseFloat(around.top || 0) : 0;
    return Math.min(box.width, box.height) + Math.max(grown, 0) < 43.5;
}).map((each) => each.outerHTML.slice(0, 160) + ' ' + JSON.stringify(each.getBoundingClientRect()))"""


@pytest.mark.parametrize("path", PHONE_PAGES)
def test_what_is_pressed_on_a_phone_is_large_enough(page_of: Callable[..., Any], path: str) -> None:
    page = page_of(path, width=390, height=844)
    page.wait_for_selector("tbody tr, .oo-att, .oo-settings")
    assert page.evaluate(TOO_SMALL, PRESSED) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_lists_on_a_phone_tell_times_and_their_segments_are_in_sight(page_of: Callable[..., Any]) -> None:
    page = page_of("/jobs", width=390, height=844)
    page.wait_for_selector("tbody tr")
    assert re.search(r"ago|\d\d:\d\d|just now", page.locator("tbody tr").first.inner_text())
    for words in ("All", "Running", "Failed"):
        box = page.get_by_role("button", name=words, exact=True).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_the_menu_on_a_phone_is_not_cut_off(page_of: Callable[..., Any]) -> None:
    for height in (844, 480):
        page = page_of("/triggers", width=390, height=height)
        page.get_by_role("button", name="More", exact=True).click()
        last = page.get_by_text("Sign out everywhere")
        last.wait_for()
        last.scroll_into_view_if_needed()
        box = page.locator(".q-menu").bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= height
        inside = last.bounding_box()
        assert inside["y"] + inside["height"] <= box["y"] + box["height"] + 1


@pytest.mark.parametrize("width", [1280, 390])
def test_a_pause_whose_reason_is_one_long_word_stays_beside_its_button(
    new_tab: Callable[..., Tab], sample_url: str, width: int
) -> None:
    database = Database(sample_url)
    reason = "https://status.example/" + "incident" * 30
    database.write(lambda session: site_pause.pause(session, reason=reason))
    try:
        page = new_tab(width=width, height=800).open("/schedulers")
        banner = page.locator(".oo-banner", has_text="status.example")
        banner.wait_for()
        words = banner.locator(".oo-grow")
        assert words.evaluate("it => it.scrollWidth <= it.clientWidth")
    finally:
        database.write(site_pause.resume)
        database.close()
