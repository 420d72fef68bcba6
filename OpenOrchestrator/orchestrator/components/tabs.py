"""Tabs of a page, of which one shows its panel.

Owns which one that is, as the address carries it. Must not know what panels hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui


class Tabs:
    """Tabs, of which one shows its panel; which one is in the address.

    Args:
        words: Value in the address -> words; the first has an empty value.
        chosen: What the address says.
        on_change: Told the value of the tab that was chosen.
    """

    def __init__(self, words: Mapping[str, str], chosen: str, on_change: Callable[[str], Any]) -> None:
        self.chosen = chosen if chosen in words else ""
        self._on_change = on_change
        self._tabs: dict[str, ui.element] = {}
        self._numbers: dict[str, ui.label] = {}
        self._panels: dict[str, ui.element] = {}
        with ui.element("div").classes("oo-tabs").props('role="tablist"'):
            for value, text in words.items():
                with ui.element("button").props('type=button role="tab"') as tab:
                    ui.label(text)
                    self._numbers[value] = ui.label().classes("oo-n")
                tab.on("click", lambda value=value: self.choose(value)).mark(f"tab-{value or 'first'}")
                self._tabs[value] = tab
        self._mark()

    def panel(self, value: str, element: ui.element) -> None:
        """Say what a tab shows."""
        self._panels[value] = element
        element.set_visibility(value == self.chosen)

    def count(self, value: str, text: str) -> None:
        """Show a number behind the words of a tab."""
        if self._numbers[value].text != text:
            self._numbers[value].set_text(text)

    def choose(self, value: str) -> Any:
        """Show the panel of a tab."""
        if value == self.chosen:
            return None
        self.chosen = value
        self._mark()
        for name, panel in self._panels.items():
            panel.set_visibility(name == value)
        return self._on_change(value)

    def _mark(self) -> None:
        for value, tab in self._tabs.items():
            tab.props["aria-selected"] = "true" if value == self.chosen else "false"
            tab.update()
