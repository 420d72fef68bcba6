"""How a list looks: which columns, and how dense; both in the address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import icon_button


def columns_of(text: str, known: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that an address names, in the order of the list; the default where it names none."""
    chosen = tuple(name for name in known if name in text.split(","))
    return chosen or tuple(default)


class ListOptions:
    """The button for columns and density.

    Args:
        columns: Name -> words of all columns that may be left out.
        shown: Names of those that are shown.
        default: Names of those that are shown at first.
        dense: Whether rows are low.
        on_change: Told the changed parts of the address (``columns``, ``dense``), None for what is as at first.
    """

    def __init__(
        self,
        columns: Mapping[str, str],
        *,
        shown: Sequence[str],
        default: Sequence[str],
        dense: bool,
        on_change: Callable[[dict[str, str | None]], Awaitable[None]],
    ) -> None:
        self._columns = dict(columns)
        self._shown = set(shown)
        self._default = tuple(default)
        self._dense = dense
        self._on_change = on_change
        self._button = icon_button("sym_r_tune", "Columns and density", marker="list-options")
        with self._button, ui.menu().props("max-height=420px"):
            self._content = ui.element("div")
        self._fill()

    def _fill(self) -> None:
        self._content.clear()
        with self._content:
            for name, words in self._columns.items():
                self._item(words, name in self._shown, partial(self._toggle, name), f"column-{name}")
            ui.separator()
            self._item("Dense rows", self._dense, self._toggle_dense, "dense")

    def _item(self, words: str, checked: bool, handler: Callable[[], Awaitable[None]], marker: str) -> None:
        item = ui.item(on_click=handler).props('clickable role="menuitemcheckbox"').mark(marker)
        item.props["aria-checked"] = "true" if checked else "false"
        with item:
            ui.icon("sym_r_check_box" if checked else "sym_r_check_box_outline_blank")
            ui.label(words).classes("oo-nw")

    async def _toggle(self, name: str) -> None:
        shown = self._shown ^ {name}
        if not shown:
            return
        self._shown = shown
        self._fill()
        names = [each for each in self._columns if each in shown]
        await self._tell({"columns": None if set(names) == set(self._default) else ",".join(names)})

    async def _toggle_dense(self) -> None:
        self._dense = not self._dense
        self._fill()
        await self._tell({"dense": "1" if self._dense else None})

    async def _tell(self, changes: dict[str, str | None]) -> None:
        with self._button:
            await self._on_change(changes)
