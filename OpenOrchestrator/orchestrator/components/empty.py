"""What a list shows when it has nothing to list: why, and the first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import primary, secondary


@dataclass(frozen=True, slots=True)
class NoneYet:
    """What a thing is where there is none yet.

    Attributes:
        title: That there is none.
        sentence: What it is, and where it comes from.
        action: Words of the button that makes the first one; None for no button.
        on_action: Its handler.
    """

    icon: str
    title: str
    sentence: str
    action: str | None = None
    on_action: Callable[[], Any] | None = None


@dataclass(frozen=True, slots=True)
class SearchedInPart:
    """A search that found nothing, but has not looked everywhere.

    Attributes:
        sentence: Where it looked.
        action: Words of the button that looks further.
        on_action: Its handler.
    """

    sentence: str
    action: str
    on_action: Callable[[], Any]


class EmptyPlace:
    """What stands in the place of a list that is empty. Build it where it shall stand.

    It is built anew only when the reason changes, so that a refresh takes no focus away.

    Args:
        listed: The list, which is hidden meanwhile.
    """

    def __init__(self, listed: ui.element) -> None:
        self._listed = listed
        self._reason = ""
        self._element = ui.element("div")

    def show(
        self,
        none: NoneYet,
        *,
        shown: bool,
        hidden_by: str = "",
        on_clear: Callable[[], Any] | None = None,
        searched: SearchedInPart | None = None,
    ) -> None:
        """Say why a list is empty, or nothing.

        Args:
            none: What is listed.
            shown: Whether the list has rows.
            hidden_by: The filters that hide everything there is; empty if there is nothing.
            on_clear: Clears them.
            searched: Where a search looked that has not looked everywhere.
        """
        reason = "" if shown else f"hidden {hidden_by}" if hidden_by else f"none {none.title}"
        if not shown and searched is not None:
            reason = f"searched {searched.sentence} {searched.action}"
        if reason == self._reason:
            return
        self._reason = reason
        self._element.clear()
        self._listed.set_visibility(shown)
        with self._element:
            if searched is not None and not shown:
                nothing_found_yet(searched, on_clear)
            elif hidden_by and not shown and on_clear is not None:
                nothing_matches(hidden_by, on_clear)
            elif not shown:
                none_yet(none.icon, none.title, none.sentence, action=none.action, on_action=none.on_action)


def none_yet(
    icon: str, title: str, sentence: str, *, action: str | None = None, on_action: Callable[[], Any] | None = None
) -> ui.element:
    """Say what a thing is where there is none yet, and offer to make the first one."""
    element = _panel(icon, title, sentence)
    if action is not None:
        with element:
            primary(action, on_action, icon="sym_r_add")
    return element


def nothing_matches(filters: str, on_clear: Callable[[], Any]) -> ui.element:
    """Say that filters hide everything there is, which ones, and offer to clear them."""
    element = _panel("sym_r_filter_alt_off", "Nothing matches", f"{filters} hides everything there is.")
    with element:
        secondary("Clear filters", on_clear, marker="clear-filters")
    return element


def nothing_found_yet(searched: SearchedInPart, on_clear: Callable[[], Any] | None) -> ui.element:
    """Say that a search found nothing where it looked, where that was, and offer to look further."""
    element = _panel("sym_r_manage_search", "Not found so far", searched.sentence)
    with element, ui.element("div").classes("oo-row"):
        primary(searched.action, searched.on_action, marker="search-on-from-here")
        if on_clear is not None:
            secondary("Clear filters", on_clear, marker="clear-filters")
    return element


def all_quiet(title: str, sentence: str) -> ui.element:
    """Say that there is nothing to do, which is good."""
    return _panel("sym_r_check_circle", title, sentence)


def loading(rows: int = 6) -> ui.element:
    """Hold the place of a list while it is read for the first time; shows after 300 ms."""
    with ui.element("div").classes("oo-card oo-skeleton") as element:
        element.props["aria-hidden"] = "true"
        for row in range(rows):
            with ui.element("div"):
                for width in (15, 120 + row * 37 % 90, 80):
                    ui.element("i").style(f"width: {width}px")
    return element


def _panel(icon: str, title: str, sentence: str) -> ui.element:
    with ui.element("div").classes("oo-empty") as element:
        with ui.element("div").classes("oo-empty-i"):
            ui.icon(icon)
        with ui.element("h2"):
            ui.label(title)
        with ui.element("p"):
            ui.label(sentence)
    return element
