"""For how many days the site keeps what is old, in Settings: a row for each kind, and one button for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.forms.fields import text_input
from OpenOrchestrator.orchestrator.setup.backend.keep_days import KeepDaysBackend, days_of, is_sooner

if TYPE_CHECKING:
    from OpenOrchestrator.database.stores.keep_days import KeepDays
    from OpenOrchestrator.orchestrator.live.view import View

ROWS = {
    "jobs": ("Jobs", "that have ended, with their output and files"),
    "output": ("Output", "of jobs that have ended; with its job at the latest"),
    "logs": ("Logs", "but those of jobs that run"),
    "files": ("Files", "of jobs and elements that have ended"),
}
_WORDS = "In days. How long a queue keeps its elements stands in its settings."


class KeepRows:
    """The rows, in the card that is open.

    Args:
        view: The page.
        backend: Stores them.
        present: What is stored.
    """

    def __init__(self, view: View, backend: KeepDaysBackend, present: KeepDays) -> None:
        self._view = view
        self._backend = backend
        self._present = present
        self._fields = {}
        with ui.element("dl").classes("oo-kv oo-settings-kv"):
            for what, (title, words) in ROWS.items():
                with ui.element("dt"):
                    ui.label(title)
                with ui.element("dd").classes("oo-row oo-wrap"):
                    days = getattr(present, what)
                    shown = "" if days is None else str(days)
                    name = f"Days to keep {what}"
                    field = text_input(name, shown, placeholder="For ever", marker=f"keep-{what}")
                    field.classes("oo-setup-zone").props["inputmode"] = "numeric"
                    field.on_value_change(self._show)
                    self._fields[what] = field
                    ui.label(words).classes("oo-sm oo-t3")
        with ui.element("div").classes("oo-row oo-wrap oo-settings-acts"):
            self._save = secondary("Save", self._store, marker="save-keep")
            self._words = ui.label().classes("oo-sm oo-t3").mark("keep-words")
        self._show()

    def _chosen(self) -> KeepDays:
        return days_of({what: str(field.value or "") for what, field in self._fields.items()})

    def _show(self) -> None:
        try:
            chosen = self._chosen()
        except InvalidInputError as error:
            self._words.set_text(str(error))
            self._save.set_enabled(False)
            return
        self._words.set_text(_WORDS)
        self._save.set_enabled(chosen != self._present)

    async def _store(self) -> None:
        chosen = self._chosen()
        sooner = [ROWS[what][0] for what in ROWS if is_sooner(getattr(chosen, what), getattr(self._present, what))]
        if sooner and not await confirm(
            "Keep things for a shorter time?",
            [
                f"What is older is deleted with the next daily sweep of a scheduler: {', '.join(sooner)}.",
                "What was deleted is gone. The command purge --dry-run shows what that is.",
            ],
            action="Keep for a shorter time",
        ):
            return

        async def work() -> bool:
            await self._backend.store(chosen)
            return True

        if await self._view.act(work, name="Change the retention", done="The retention is stored"):
            self._present = chosen
        self._show()
