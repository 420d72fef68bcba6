"""The list of constants: named values that robots read."""

from collections.abc import Sequence

from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.values.backend.constants import ConstantRow, ConstantsBackend
from OpenOrchestrator.orchestrator.values.constant_form import edit_constant, new_constant
from OpenOrchestrator.orchestrator.values.named_values import NamedValuesPage

SHOWN_LENGTH = 200
"""Characters of a value that a row carries; the form shows all of it."""


async def build(view: View) -> None:
    """Build the list of constants."""
    await ConstantsPage(view, ConstantsBackend(view.database, view.clock)).build()


class ConstantsPage(NamedValuesPage[ConstantRow]):
    """The list in one tab."""

    columns = (Column("value", "Value", sortable=True, phone=True),)
    placeholder = "Filter by name or value"
    icon = "sym_r_tune"
    meaning = "A constant is a named value that robots read, such as the address of a system."

    def _new(self) -> None:
        new_constant(self._view, self._view.refresh)

    def _edit(self, row: ConstantRow) -> None:
        edit_constant(self._view, row, self._view.refresh)

    def _cells(self, row: ConstantRow) -> dict[str, cells.Cell]:
        value = row.value if len(row.value) <= SHOWN_LENGTH else row.value[:SHOWN_LENGTH] + "…"
        second, tip = overrides_words(row.overrides)
        if not value:
            return {"value": cells.text("empty", second=second, tip=tip, tone="t3")}
        return {"value": cells.text(value, second=second, tip=tip, mono=True)}


def overrides_words(overrides: Sequence[tuple[str, str]]) -> tuple[str | None, str | None]:
    """Return that a constant has other values on some schedulers, and on which; None for none. Pure."""
    if not overrides:
        return None, None
    schedulers = [name for name, _ in overrides]
    if len(schedulers) == 1:
        return f"another value on {schedulers[0]}", schedulers[0]
    return f"other values on {len(schedulers)} schedulers", ", ".join(schedulers)


PAGES = (PageSpec(path="/constants", title="Constants", build=build, nav=NavEntry("Manage", 30, "sym_r_tune")),)
