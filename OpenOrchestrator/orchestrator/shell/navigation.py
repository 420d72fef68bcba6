"""The navigation: every place with what is counted there, and the site's time zone.

Owns which place is marked. Must not know any page: it is given what each declares of itself.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from nicegui import ui

from OpenOrchestrator import __version__
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import icon_button, tip
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.shell.go_to import GoTo
from OpenOrchestrator.orchestrator.shell.keyboard_help import keyboard_help

MOST_COUNTED = 999


class Navigation:
    """The navigation of one tab.

    Args:
        installation: Tells time and time zone.
        pages: All pages there are.
        go_to: Opened by its button.
        on_dark: Called to change between light and dark.
    """

    def __init__(
        self, installation: Installation, pages: Sequence[PageSpec], go_to: GoTo, *, on_dark: Callable[[], Any]
    ) -> None:
        self._installation = installation
        self._pages = pages
        self._go_to = go_to
        self._on_dark = on_dark
        self._badges: dict[str, list[ui.label]] = {}
        self._links: dict[str, list[ui.element]] = {}

    def build(self) -> None:
        """Build it beside the page."""
        with ui.element("nav").classes("oo-nav").props('aria-label="Main"'):
            with ui.element("div").classes("oo-brand"):
                with ui.element("span").classes("oo-logo"):
                    ui.icon("sym_r_graph_2").classes("oo-i16")
                ui.label("OpenOrchestrator").classes("oo-grow")
            with ui.element("button").classes("oo-goto").props("type=button data-key=goto") as go_to:
                ui.icon("sym_r_search").classes("oo-i16")
                ui.label("Go to…").classes("oo-grow")
                ui.label("Ctrl K").classes("oo-kbd")
            go_to.props["aria-label"] = "Go to… Ctrl K"
            go_to.on("click", self._go_to.open).mark("go-to")
            section = ""
            for page in self._places():
                assert page.nav is not None  # noqa: S101  (what _places returns has one)
                if page.nav.section != section:
                    section = page.nav.section
                    with ui.element("div").classes("oo-nav-h"):
                        ui.label(section)
                self._link(page)
            ui.element("div").classes("oo-sp")
            with ui.element("div").classes("oo-nav-zone") as zone:
                ui.icon("sym_r_schedule").classes("oo-i14")
                self._zone = ui.label().classes("oo-el").mark("site-zone")
            self._zone_box = zone
            self._show_zone()
            with ui.element("div").classes("oo-nav-foot"):
                with ui.element("div").classes("oo-grow oo-col"):
                    tip(ui.label(__version__).classes("oo-xs oo-t3 oo-el"), f"OpenOrchestrator {__version__}")
                helping = icon_button("sym_r_keyboard", "Keyboard", keyboard_help)
                helping.props("data-key=help").classes("oo-ava")
                icon_button("sym_r_contrast", "Light or dark", self._on_dark, marker="dark")
                with icon_button("sym_r_logout", "Sign out", marker="sign-out"), ui.menu():
                    self._sign_out_items()

    def build_short(self) -> None:
        """Build the bar of the most important places, which phones show instead."""
        with ui.element("nav").classes("oo-bot").props('aria-label="Main, short"'):
            for page in self._places()[:4]:
                self._link(page)
            with ui.element("button").props("type=button") as more:
                ui.icon("sym_r_menu")
                ui.label("More")
                with ui.menu(), ui.list():
                    for page in self._places()[4:]:
                        ui.menu_item(page.title, lambda page=page: ui.navigate.to(page.path))
                    ui.menu_item("Light or dark", self._on_dark)
                    ui.menu_item("Go to…", self._go_to.open)
                    self._sign_out_items()
            more.props["aria-label"] = "More"

    @staticmethod
    def _sign_out_items() -> None:
        # In the browser alone: only there is the key of the session, and the cookie is taken away by an answer.
        for text, everywhere in (("Sign out", "false"), ("Sign out everywhere", "true")):
            ui.menu_item(text).on("click", js_handler=f"() => ooSignOut({everywhere})")

    def mark(self, path: str) -> None:
        """Show at which place a path is."""
        for place, links in self._links.items():
            marked = place == path or any(page.under == place and page.has_path(path) for page in self._pages)
            for link in links:
                link.classes(add="oo-on" if marked else "", remove="" if marked else "oo-on")

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show the count of each badge by its key, and the site's time zone as it is known by now."""
        for key, labels in self._badges.items():
            number = counts.get(key, 0)
            text = badge_text(number)
            for label in labels:
                if label.text != text:
                    label.set_text(text)
        self._show_zone()

    def _link(self, page: PageSpec) -> None:
        assert page.nav is not None  # noqa: S101  (only pages with a place are linked)
        with ui.link(target=page.path) as link:
            ui.icon(page.nav.icon)
            ui.label(page.title).classes("oo-name")
            badge = page.nav.badge
            if badge is not None:
                label = ui.label().classes("oo-bad" if badge.attention else "oo-cnt")
                tip(label, badge.words or None)
                self._badges.setdefault(badge.key, []).append(label)
        self._links.setdefault(page.path, []).append(link)

    def _places(self) -> list[PageSpec]:
        places = [(page.nav, page) for page in self._pages if page.nav is not None]
        places.sort(key=lambda place: (place[0].section != "Operate", place[0].order))
        return [page for _, page in places]

    def _show_zone(self) -> None:
        now, zone = self._installation.now(), self._installation.zone
        text = zone_text(now, zone)
        if self._zone.text != text:
            self._zone.set_text(text)
            tip(self._zone_box, f"Times are shown in the site's zone:\n{times.zone_text(now, zone)}")


def badge_text(number: int) -> str:
    """Return a count as it stands beside a place: none for nought, and short enough for the narrow navigation. Pure."""
    return "" if not number else str(number) if number <= MOST_COUNTED else f"{MOST_COUNTED}+"


def zone_text(now: datetime, zone: tzinfo) -> str:
    """Return the site's zone with its abbreviation, which is not said twice: ``UTC``. Pure."""
    return " · ".join(dict.fromkeys((times.zone_name(zone), times.abbreviated(now, zone))))
