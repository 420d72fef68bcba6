"""The form of a constant: create, edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, NotFoundError
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, required
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_area, text_input
from OpenOrchestrator.orchestrator.values.backend.constants import (
    NAME_LENGTH,
    VALUE_LENGTH,
    ConstantRow,
    ConstantsBackend,
)

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View


def new_constant(view: View, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new constant."""
    _ConstantForm(view, None, on_saved).build()


def edit_constant(view: View, row: ConstantRow, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new value of a constant."""
    _ConstantForm(view, row, on_saved).build()


class _ConstantForm:
    """One open form.

    Args:
        row: What is edited; None for a new one.
    """

    def __init__(self, view: View, row: ConstantRow | None, on_saved: Callable[[], Any]) -> None:
        self._view = view
        self._row = row
        self._on_saved = on_saved
        self._backend = ConstantsBackend(view.database, view.clock)

    def build(self) -> None:
        """Build the drawer and open it."""
        row = self._row
        with self._view.container:
            drawer = FormDrawer(
                "New constant" if row is None else "Edit constant",
                subtitle=row.name if row is not None else "",
                icon="sym_r_tune",
                save="Create" if row is None else "Save",
                on_save=self._save,
            )
        with drawer.section("Constant"):
            hint = "Robots ask for it by this name." if row is None else "A name cannot be changed: robots ask for it."
            with field("Name", hint=hint, wide=True):
                self._name = text_input(
                    "Name", row.name if row else "", check=required("a name", NAME_LENGTH), marker="name"
                )
                self._name.set_enabled(row is None)
            with field("Value", wide=True):
                self._value = text_area(
                    "Value",
                    row.value if row else "",
                    check=at_most(VALUE_LENGTH, spaces=True),
                    mono=True,
                    marker="value",
                )
        (self._name if row is None else self._value).props("autofocus")
        drawer.watch("Name", self._name)
        drawer.watch("Value", self._value)
        drawer.settle()
        drawer.open()

    async def _save(self) -> bool:
        name, value = str(self._name.value).strip(), str(self._value.value or "")
        try:
            if self._row is None:
                await self._backend.create(name, value)
                feedback.done(f"{name} was created")
            elif not await self._update(self._row, value):
                return False
            else:
                feedback.done(f"{name} was saved")
        except (DatabaseError, InvalidInputError, NotFoundError) as error:
            feedback.failed(f"{name} was not saved", str(error))
            return False
        self._on_saved()
        return True

    async def _update(self, row: ConstantRow, value: str) -> bool:
        while not await self._backend.update(row, value):
            newer = await self._backend.get(row.name)
            if not await confirm(
                f"Overwrite the change to {row.name}?",
                [
                    "Somebody else changed it while this form was open. Its value is now:",
                    newer.value[:200] or "(empty)",
                ],
                action="Overwrite",
            ):
                return False
            row = self._row = newer
        return True
