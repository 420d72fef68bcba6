"""The form of a pool: create, change its size, and see who holds and who needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.checks import required, whole
from OpenOrchestrator.orchestrator.components.forms.confirm import THEIRS, Difference, overwrite
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.pools.backend import LARGEST, NAME_LENGTH, PoolRow, PoolsBackend
from OpenOrchestrator.orchestrator.pools.words import holder_words, user_words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

ICON = "sym_r_confirmation_number"


def open_form(view: View, row: PoolRow | None, on_saved: Callable[[], Any], *, name: str = "") -> None:
    """Open the form.

    Args:
        view: The page.
        row: What is edited; None for a new one.
        on_saved: Called when it was saved.
        name: What a new one is called at first.
    """
    _PoolForm(view, row, on_saved, name).open()


class _PoolForm:
    def __init__(self, view: View, row: PoolRow | None, on_saved: Callable[[], Any], name: str) -> None:
        self._view = view
        self._row = row
        self._on_saved = on_saved
        self._first_name = row.name if row is not None else name
        self._backend = PoolsBackend(view.database, view.clock)

    def open(self) -> None:
        """Build the drawer and open it."""
        row = self._row
        with self._view.container:
            drawer = self._drawer = FormDrawer(
                "New pool" if row is None else "Edit pool",
                subtitle=row.name if row is not None else "",
                icon=ICON,
                save="Create" if row is None else "Save",
                on_save=self._save,
                address=self._view.form_address("new" if row is None else f"edit-{row.name}"),
            )
        with drawer.section("What there is"):
            hint = "Triggers name it." if row is None else "A name cannot be changed: triggers name it."
            with field("Name", hint=hint):
                self._name = text_input(
                    "Name", self._first_name, check=required("a name", NAME_LENGTH), marker="name"
                ).props("placeholder='SAP account'")
                self._name.set_enabled(row is None)
            with field("How much there is of it", hint="0 lets nobody have any. Who holds it now is not stopped."):
                self._size = text_input(
                    "How much there is of it",
                    str(row.size if row is not None else 1),
                    check=whole("how much there is of it", 0, LARGEST),
                    marker="size",
                ).props("inputmode=numeric")
        if row is not None:
            self._show_uses(drawer, row)
        drawer.watch("Name", self._name)
        drawer.watch("How much there is of it", self._size)
        (self._name if row is None else self._size).props("autofocus")
        drawer.settle()
        drawer.open()

    def _show_uses(self, drawer: FormDrawer, row: PoolRow) -> None:
        now, zone = self._view.now(), self._view.zone
        with drawer.section("Who uses it"):
            with field("Held by", wide=True), ui.element("div").classes("oo-col").mark("holders"):
                for holder in row.holders:
                    ui.link(holder_words(holder, now, zone), f"/jobs/{holder.job_id}").classes("oo-link")
                if not row.holders:
                    ui.label("Nobody").classes("oo-t3")
            with field("Needed by", wide=True), ui.element("div").classes("oo-col").mark("users"):
                for words in user_words(row.users):
                    ui.label(words)
                if not row.users:
                    ui.label("No trigger").classes("oo-t3")

    async def _save(self) -> bool:
        name, size = str(self._name.value or "").strip(), int(str(self._size.value).strip())
        try:
            if self._row is None:
                await self._backend.create(name, size)
                feedback.done(f"{name} was created")
            elif not await self._update(self._row, size):
                return False
            else:
                feedback.done(f"{name} was saved")
        except OpenOrchestratorError as error:
            feedback.failed(f"{name} was not saved", str(error))
            return False
        self._on_saved()
        return True

    async def _update(self, row: PoolRow, size: int) -> bool:
        while not await self._backend.update(row, size):
            newer = await self._backend.get(row.name)
            way = await overwrite(
                f"Overwrite the changes to {row.name}?",
                ["Somebody else changed it while this form was open.", "Saving puts your values in their place."],
                [Difference("How much there is of it", str(newer.size), str(size))],
                action="Overwrite",
            )
            if way == THEIRS:
                self._drawer.discard()
                open_form(self._view, newer, self._on_saved)
            if way is None or way == THEIRS:
                return False
            row = self._row = newer
        return True
