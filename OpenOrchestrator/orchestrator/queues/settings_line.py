"""The line beneath the head of a queue's page that says what the queue says, and whether it is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import ghost, secondary
from OpenOrchestrator.orchestrator.queues.backend.queue_settings import QueueSettings, QueueSettingsBackend
from OpenOrchestrator.orchestrator.queues.pause_dialog import ask_pause
from OpenOrchestrator.orchestrator.queues.settings_form import FORM, open_form
from OpenOrchestrator.orchestrator.queues.settings_words import facts, pause_words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View


class SettingsLine:
    """The line of one queue in one tab; a queue that says nothing has the buttons alone.

    Args:
        view: The page.
        queue: Its name.
    """

    def __init__(self, view: View, queue: str) -> None:
        self._view = view
        self._queue = queue
        self._backend = QueueSettingsBackend(view.database, view.clock)
        self._shown: QueueSettings | None = None

    async def ask(self) -> None:
        """Read what it says; call it before ``build``."""
        self._found = await self._backend.get(self._queue)

    def build(self) -> None:
        """Draw it where it is called, keep it up to date, and open the form if the address asks for it."""
        self._place = ui.element("div")
        self._show(self._found)
        self._view.follow(("settings of queue", self._queue), lambda: self._backend.get(self._queue), self._show)
        if self._view.asked_form()[0] == FORM:
            self._edit()

    def _show(self, found: QueueSettings) -> None:
        if found == self._shown:
            return
        self._shown = found
        self._place.clear()
        with self._place:
            if found.pause is not None:
                self._show_pause(found)
            with ui.element("div").classes("oo-row oo-wrap oo-note-line"):
                for words in facts(found.stored):
                    ui.label(words).classes("oo-sm oo-t2").mark("queue-fact")
                ghost("Settings", self._edit, icon="sym_r_tune", small=True, marker="queue-settings")
                if found.pause is None:
                    ghost("Pause", self._pause, icon="sym_r_pause", small=True, marker="pause-queue")
            if found.stored.rules.description:
                ui.label(found.stored.rules.description).classes("oo-pre oo-note-text").mark("queue-description-shown")

    def _show_pause(self, found: QueueSettings) -> None:
        assert found.pause is not None  # noqa: S101  (asked by the caller)
        words = pause_words(found.pause, self._view.now(), self._view.zone)
        with ui.element("div").classes("oo-note").props("role=status").mark("queue-paused"):
            ui.icon("r_error" if found.by_breaker else "r_pause_circle").classes(
                "oo-i20" + (" oo-fg-failed" if found.by_breaker else "")
            )
            ui.label(words).classes("oo-grow oo-pre").mark("queue-paused-words")
            secondary("Change", self._pause, small=True, marker="change-queue-pause")
            secondary("Resume", self._resume, small=True, marker="resume-queue")

    def _edit(self) -> None:
        if self._shown is not None:
            open_form(self._view, self._queue, self._shown.stored, self._view.refresh)

    async def _pause(self) -> None:
        present = self._shown.pause if self._shown is not None else None
        if await ask_pause(self._view, self._backend, self._queue, present):
            self._view.refresh()

    async def _resume(self) -> None:
        await self._view.act(
            lambda: self._backend.resume(self._queue),
            name=f"Resume {self._queue}",
            done=f"{self._queue} is resumed",
            lost="Its pause has ended already.",
        )
