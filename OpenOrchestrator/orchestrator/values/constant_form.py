"""The form of a constant: create, edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.orchestrator.components.forms.checks import at_most
from OpenOrchestrator.orchestrator.components.forms.confirm import Difference
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_area
from OpenOrchestrator.orchestrator.values.backend.constants import (
    NAME_LENGTH,
    VALUE_LENGTH,
    ConstantRow,
    ConstantsBackend,
)
from OpenOrchestrator.orchestrator.values.named_form import NamedForm

if TYPE_CHECKING:
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

    async def _create(self, name: str) -> None:
        await self._backend.create(name, str(self._value.value or ""))

    async def _update(self, row: ConstantRow) -> bool:
        return await self._backend.update(row, str(self._value.value or ""))

    def _question(self, _newer: ConstantRow) -> list[str]:
        return ["Somebody else changed it while this form was open."]

    def _both_values(self, newer: ConstantRow) -> list[Difference]:
        yours = str(self._value.value or "")
        return [] if newer.value == yours else [Difference("Value", newer.value or "(empty)", yours or "(empty)")]

    def _edit(self, row: ConstantRow) -> None:
        edit_constant(self._view, row, self._on_saved)
