"""The pause of the whole site in Settings: whether it is in force, and the buttons that begin, change and end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.setup.backend.site_pause import SitePauseBackend
from OpenOrchestrator.orchestrator.setup.pause_dialog import ask_pause, ask_resume, pause_words

if TYPE_CHECKING:
    from OpenOrchestrator.database.stores.site_pause import SitePause
    from OpenOrchestrator.orchestrator.live.view import View

LOOK_SECONDS = 5.0


class PauseRow:
    """The row, in the card that is open.

    Args:
        view: The page.
        backend: Stores it.
        present: The pause in force; None for none.
    """

    def __init__(self, view: View, backend: SitePauseBackend, present: SitePause | None) -> None:
        self._view = view
        self._backend = backend
        self._words = ui.label().classes("oo-pre").mark("site-pause-state")
        with ui.element("div").classes("oo-row oo-wrap oo-settings-acts"):
            self._pause = secondary("Pause the site", self._ask, icon="sym_r_pause_circle", marker="pause-site")
            self._change = secondary("Change the pause", self._ask, icon="sym_r_edit", marker="change-site-pause")
            self._resume = secondary("Resume", self._end, icon="sym_r_play_arrow", marker="resume-site")
        self._show(present)
        view.follow("site pause", backend.present, self._show, every=LOOK_SECONDS)

    def _show(self, present: SitePause | None) -> None:
        self._present = present
        view = self._view
        words = "Not paused." if present is None else pause_words(present, view.now(), view.zone)
        if self._words.text != words:
            self._words.set_text(words)
        self._pause.set_visibility(present is None)
        for button in (self._change, self._resume):
            button.set_visibility(present is not None)

    async def _ask(self) -> None:
        await ask_pause(self._view, self._backend, self._present)

    async def _end(self) -> None:
        if self._present is not None:
            await ask_resume(self._view, self._backend, self._present)
