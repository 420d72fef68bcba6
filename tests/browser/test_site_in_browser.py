"""The strip that says which site this is, as a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from OpenOrchestrator.common.clock import SystemClock
from OpenOrchestrator.common.colours import READABLE, contrast
from OpenOrchestrator.database.stores import site_identity
from tests.browser.conftest import Tab, port
from tests.browser.server import App, start
from tests.ui.sample import empty_database, fill


@pytest.fixture(scope="module")
def named_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on the sample of a site that is called TEST."""
    folder: Path = tmp_path_factory.mktemp("named")
    clock = SystemClock()
    url = f"sqlite+pysqlite:///{folder / 'site.db'}"
    database = empty_database(url, clock)
    fill(database, clock.utc_now())
    database.write(lambda session: site_identity.store(session, name="TEST", colour="green"))
    database.close()
    running = start(url, folder, "--port", str(port(34960)))
    yield running
    running.stop()
    assert "Traceback" not in running.output


@pytest.fixture
def named(browser: Any, named_app: App) -> Iterator[Callable[..., Any]]:
    """Opens a page of it in a tab of its own, which may see no error and no foreign request."""
    tabs: list[Tab] = []

    def opened(path: str, *, width: int = 1280, height: int = 800, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(20_000)
        tab = Tab(context.new_page(), named_app.address)
        tabs.append(tab)
        tab.page.goto(named_app.link)
        return tab.open(path)

    yield opened
    problems = [problem for tab in tabs for problem in (*tab.errors, *tab.foreign)]
    for tab in tabs:
        tab.page.context.close()
    assert not problems, problems


def rgb(text: str) -> str:
    return "#" + "".join(f"{int(number):02x}" for number in re.findall(r"\d+", text)[:3])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 500), (1280, 500), (390, 844)])
def test_the_strip_can_be_read_and_stays_while_the_page_is_scrolled(
    named: Callable[..., Any], scheme: str, width: int, height: int
) -> None:
    page = named("/settings", width=width, height=height, scheme=scheme)
    strip = page.locator(".oo-site")
    assert strip.inner_text().strip().endswith("TEST")
    ground, ink = strip.evaluate("(each) => [getComputedStyle(each).backgroundColor, getComputedStyle(each).color]")
    assert contrast(rgb(ground), rgb(ink)) >= READABLE
    page.mouse.wheel(0, 2000)
    page.wait_for_function("scrollY > 0")
    box = strip.bounding_box()
    assert (box["x"], box["y"], box["width"]) == (0, 0, page.evaluate("document.documentElement.clientWidth"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    on_top = page.evaluate("document.elementFromPoint(innerWidth / 2, 10).closest('.oo-site') !== null")
    assert on_top, "nothing lies above it"


def test_heads_of_tables_and_the_navigation_stay_below_the_strip(named: Callable[..., Any]) -> None:
    page = named("/logs?from=all")
    page.locator(".oo-lt tbody tr").first.wait_for()
    page.mouse.wheel(0, 3000)
    page.wait_for_function("scrollY > 200")
    bottom = page.evaluate("document.querySelector('.oo-site').getBoundingClientRect().bottom")
    tops = page.evaluate(
        "['.oo-lt th', '.oo-nav'].map((name) => document.querySelector(name).getBoundingClientRect().top)"
    )
    assert tops == [bottom, bottom]
    foot = page.evaluate("document.querySelector('.oo-nav').getBoundingClientRect().bottom <= innerHeight")
    assert foot, "the end of the navigation can be reached"


def test_title_and_icon_of_the_tab_and_questions_name_the_site(
    named: Callable[..., Any], findings_of: Callable[[Any], list[str]]
) -> None:
    page = named("/triggers")
    page.wait_for_function("document.title === 'TEST · Triggers · OpenOrchestrator'")
    icon = page.locator('link[rel~="icon"]').get_attribute("href")
    assert icon.startswith("data:image/svg+xml,")
    assert "%231e7b4f" in icon
    page.get_by_role("link", name="Jobs").first.click()
    page.wait_for_function("document.title === 'TEST · Jobs · OpenOrchestrator'")
    page.get_by_role("link", name="Triggers").first.click()
    page.wait_for_function("document.title === 'TEST · Triggers · OpenOrchestrator'")
    row = page.locator(".oo-t tbody tr").first
    row.hover()
    row.locator("button[aria-label^=More]").click()
    page.get_by_role("menuitem", name="Delete").click()
    dialog = page.get_by_role("alertdialog")
    dialog.get_by_text("On TEST", exact=True).wait_for()
    assert dialog.get_attribute("aria-label").startswith("TEST: Delete ")
    assert findings_of(page) == []


def test_an_element_beside_its_list_stands_below_the_strip(named: Callable[..., Any]) -> None:
    page = named("/queues/fakturaer-indg%C3%A5ende?status=failed")
    page.locator("tbody tr td:nth-child(2)").first.click()
    page.wait_for_selector(".oo-inspector .oo-json summary")
    strip = page.locator(".oo-site").bounding_box()
    inspector = page.locator(".oo-inspector").bounding_box()
    assert inspector["y"] >= strip["y"] + strip["height"]
    assert inspector["y"] + inspector["height"] <= 800


def test_the_banner_of_a_paused_site_is_in_sight_on_every_page_until_the_site_is_resumed(
    named: Callable[..., Any], findings_of: Callable[[Any], list[str]]
) -> None:
    page, other = named("/settings"), named("/jobs", width=390, height=844, scheme="dark")
    page.get_by_role("button", name=re.compile("^Pause")).first.click()
    page.get_by_label("Reason").fill("SAP is closed")
    page.locator(".q-dialog").get_by_role("button", name=re.compile("^Pause")).click()
    for each in (page, other):
        banner = each.locator(".oo-banner", has_text="SAP is closed")
        banner.wait_for()
        box, width = banner.bounding_box(), each.viewport_size["width"]
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        words = banner.locator(".oo-grow")
        assert words.evaluate("(each) => each.scrollWidth <= each.clientWidth")
        assert banner.get_by_role("button", name="Resume").bounding_box()["height"] >= (44 if width == 390 else 24)
        assert each.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert findings_of(each) == []
    other.locator(".oo-banner").get_by_role("button", name="Resume").click()
    other.locator(".q-dialog").get_by_role("button", name=re.compile("^Resume")).click()
    for each in (other, page):
        each.locator(".oo-banner", has_text="SAP is closed").wait_for(state="hidden")
