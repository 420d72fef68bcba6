"""The form of a constant: create, edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import background_tasks, ui

from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.components.forms.checks import at_most
from OpenOrchestrator.orchestrator.components.forms.confirm import Difference
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_area
from OpenOrchestrator.orchestrator.values.backend.constants import (
    NAME_LENGTH,
    SCHEDULER_LENGTH,
    VALUE_LENGTH,
    ConstantRow,
    ConstantsBackend,
)
from OpenOrchestrator.orchestrator.values.named_form import NamedForm
from OpenOrchestrator.orchestrator.values.pair_rows import PairRows

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
    from OpenOrchestrator.orchestrator.live.view import View


def new_constant(view: View, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new constant."""
    _ConstantForm(view, None, on_saved).open()


def edit_constant(view: View, row: ConstantRow, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new value of a constant."""
    _ConstantForm(view, row, on_saved).open()


class _ConstantForm(NamedForm[ConstantRow]):
    icon = "sym_r_tune"
    name_length = NAME_LENGTH

    def __init__(self, view: View, row: ConstantRow | None, on_saved: Callable[[], Any]) -> None:
        self._backend = ConstantsBackend(view.database, view.clock)
        super().__init__(view, self._backend, row, on_saved=on_saved)

    def _fields(self, row: ConstantRow | None) -> dict[str, Any]:
        with field("Value", wide=True):
            self._value = text_area(
                "Value", row.value if row else "", check=at_most(VALUE_LENGTH, spaces=True), mono=True, marker="value"
            )
        return {"Value": self._value}

    def _build_more(self, drawer: FormDrawer, row: ConstantRow | None) -> None:
        present = dict(row.overrides) if row else {}

        def value_input(index: int, label: str, _name: Callable[[], str]) -> ui.textarea:
            value = list(present.values())[index] if index < len(present) else ""
            check = at_most(VALUE_LENGTH, spaces=True)
            return text_area(label, value, check=check, mono=True, marker=f"override-value-{index}")

        with drawer.section("On single schedulers"):
            words = (
                "Robots on these schedulers read this value instead. Robots started by hand and those of version 3.0 "
                "read the one above."
            )
            ui.label(words).classes("oo-hint oo-w2").style("margin-top: 0")
            self._overrides = PairRows(
                drawer,
                list(present),
                noun="scheduler",
                check=at_most(SCHEDULER_LENGTH),
                value_input=value_input,
                marker="override",
            )
        background_tasks.create(self._complete(), name="schedulers of a constant")

    async def _complete(self) -> None:
        """Complete names of schedulers from those that there are, as soon as the database has answered."""
        known = await self._view.load(NamesBackend(self._view.database, self._view.clock).known_schedulers)
        for each in self._overrides.names:
            if known and not each.is_deleted:
                each.set_autocomplete(list(known))

    def _entered(self) -> dict[str, str]:
        return {name: str(value or "") for name, value in self._overrides.values().items()}

    async def _create(self, name: str) -> None:
        await self._backend.create(name, str(self._value.value or ""), self._entered())

    async def _update(self, row: ConstantRow) -> bool:
        return await self._backend.update(row, str(self._value.value or ""), self._entered())

    def _question(self, _newer: ConstantRow) -> list[str]:
        return ["Somebody else changed it while this form was open."]

    def _both_values(self, newer: ConstantRow) -> list[Difference]:
        theirs, yours = (
            {"": newer.value, **dict(newer.overrides)},
            {"": str(self._value.value or ""), **self._entered()},
        )
        return [
            Difference(f"Value on {each}" if each else "Value", _words(theirs.get(each)), _words(yours.get(each)))
            for each in {**theirs, **yours}
            if theirs.get(each) != yours.get(each)
        ]

    def _edit(self, row: ConstantRow) -> None:
        edit_constant(self._view, row, self._on_saved)


def _words(value: str | None) -> str:
    return "(none)" if value is None else value or "(empty)"
