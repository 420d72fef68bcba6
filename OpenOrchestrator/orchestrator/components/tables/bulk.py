"""The bar that comes up while rows are selected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost


class BulkBar:
    """What can be done with the selection; the last action, that takes away, stands apart.

    Args:
        actions: Icon, words and handler of each; the handler finds out itself what is selected.
        delete: Handler of Delete; None where nothing can be deleted.
        on_clear: Selects nothing.
        on_all: Selects all that match the filter, on whatever page; None where that is not offered.
    """

    def __init__(
        self,
        actions: list[tuple[str, str, Callable[[], Any]]],
        *,
        delete: Callable[[], Any] | None,
        on_clear: Callable[[], Any],
        on_all: Callable[[], Any] | None = None,
    ) -> None:
        with ui.element("div").classes("oo-bulk").props('role="toolbar" aria-label="Selected rows"') as self.element:
            self._count = ui.label().classes("oo-b oo-nw").mark("selected")
            self._all = ghost("", on_all, small=True, marker="select-all")
            _separator()
            for icon, words, handler in actions:
                ghost(words, handler, icon=icon, small=True, marker=f"bulk-{words.lower().replace(' ', '-')}")
            if delete is not None:
                _separator()
                ghost("Delete", delete, icon="sym_r_delete", small=True, red=True, marker="bulk-delete")
            _separator()
            clear = ghost("Esc", on_clear, small=True, marker="clear-selection").props("data-key=clear-selection")
            clear.props["aria-label"] = "Clear the selection"
        self._on_all = on_all
        self.element.set_visibility(False)

    def show(self, selected: int, total: int) -> None:
        """Say how many rows are selected of how many that match; none hides the bar."""
        self._count.set_text(f"{times.number(selected)} selected")
        self._all.set_text(f"All {times.number(total)} that match")
        self._all.set_visibility(self._on_all is not None and 0 < selected < total)
        self.element.set_visibility(selected > 0)


class MatchingBar(BulkBar):
    """A bulk bar that knows the state "all that match", and counts that stopped somewhere."""

    def show_matching(self, selected: int, total: int, *, cap: int | None, everything: bool) -> None:
        """Say what is selected.

        Args:
            selected: Rows that are selected one by one.
            total: Rows that match, counted no further than ``cap``.
            cap: Where counting stopped; None if it did not.
            everything: Whether all that match are selected, on whatever page.
        """
        words = times.number(total) if cap is None else times.capped(total, cap)
        self.show(total if everything else selected, total)
        if everything:
            self._count.set_text(f"All {words} that match")
        self._all.set_text(f"All {words} that match")


def _separator() -> None:
    ui.element("span").classes("oo-vsep")
