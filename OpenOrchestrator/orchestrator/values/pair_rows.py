"""Rows of a name and a value in a form, of which some may be added and taken away. No page.

Owns that what is entered survives a reload: the rows that can be added are there from the beginning, and hidden. Must
not know what the names and values are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from OpenOrchestrator.orchestrator.components.buttons import ghost, icon_button
from OpenOrchestrator.orchestrator.components.forms.fields import text_input

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer

MOST_ADDED = 8
"""So many rows can be added before the form is saved; more after that."""

ValueInput = Callable[[int, str, Callable[[], str]], ValidationElement[Any]]
"""Builds the input of a value from the number of its row, its label, and what asks for the name beside it."""


class PairRows:
    """The rows in an open drawer.

    Args:
        drawer: Where they are built, in the section that is open.
        first: The names at first.
        noun: What a name is one of, such as ``scheduler``.
        check: Says what is wrong with a name.
        value_input: Builds the input of a value.
        marker: What the markers begin with.
    """

    def __init__(
        self,
        drawer: FormDrawer,
        first: Sequence[str],
        *,
        noun: str,
        check: Callable[[Any], str | None],
        value_input: ValueInput,
        marker: str,
    ) -> None:
        self.names: list[ui.input] = []
        self.inputs: list[ValidationElement[Any]] = []
        self._rows: list[ui.element] = []
        self._noun, self._check, self._marker = noun, check, marker
        for index, name in enumerate([*first, *[""] * MOST_ADDED]):
            self._build_row(drawer, index, name, value_input)
        with ui.element("div").classes("oo-w2"):
            self._button = ghost(f"Add a {noun}", self._add, icon="sym_r_add", small=True, marker=f"add-{marker}")

    def values(self) -> dict[str, Any]:
        """Return the values by name; rows without a name are left out."""
        pairs = zip(self.names, self.inputs, strict=True)
        return {name: value.value for each, value in pairs if (name := _text(each.value))}

    def _build_row(self, drawer: FormDrawer, index: int, name: str, value_input: ValueInput) -> None:
        label = f"{self._noun.capitalize()} {index + 1}"
        with ui.element("div").classes("oo-w2 oo-row").style("gap: 8px; align-items: flex-start") as row:
            own = text_input(
                label,
                name,
                check=partial(self._wrong, index),
                placeholder=self._noun.capitalize(),
                marker=f"{self._marker}-name-{index}",
            ).style("flex: 2")
            value = value_input(index, f"Value of {label.lower()}", lambda: _text(own.value)).style("flex: 3")
            icon_button(
                "sym_r_close", f"Take {label.lower()} away", partial(self._drop, index), marker=f"drop-{self._marker}"
            )
        self.names.append(own)
        self.inputs.append(value)
        self._rows.append(row)
        row.set_visibility(bool(name))
        own.on_value_change(lambda: row.set_visibility(row.visible or bool(_text(own.value))))
        drawer.watch(label, own)
        drawer.watch(f"Value of {label.lower()}", value)

    def _add(self) -> None:
        hidden = [row for row in self._rows if not row.visible]
        if hidden:
            hidden[0].set_visibility(True)
        self._button.set_visibility(len(hidden) > 1)

    def _drop(self, index: int) -> None:
        self.names[index].set_value("")
        self.inputs[index].set_value("")
        self._rows[index].set_visibility(False)
        self._button.set_visibility(True)

    def _wrong(self, index: int, value: Any) -> str | None:
        name = _text(value)
        if not name:
            return f"Enter the name of the {self._noun}." if self.inputs[index].value else None
        if any(_text(each.value).casefold() == name.casefold() for each in self.names[:index]):
            return f"This {self._noun} stands above already."
        return self._check(name)


def _text(value: Any) -> str:
    return str(value or "").strip()
