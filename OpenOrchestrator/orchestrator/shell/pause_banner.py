"""The banner above every page while the whole site is paused: why, by whom, until when, and the way to end it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.setup.backend.site_pause import SitePauseBackend
from OpenOrchestrator.orchestrator.setup.pause_dialog import ask_resume, pause_words

if TYPE_CHECKING:
    from OpenOrchestrator.database.stores.site_pause import SitePause
    from OpenOrchestrator.orchestrator.backend.installation import Installation
    from OpenOrchestrator.orchestrator.live.view import View

LOOK_SECONDS = 5.0


class PauseBanner:
    """The banner of one tab.

    Args:
        installation: What the app works on.
        view: Returns the page that is shown.
    """

    def __init__(self, installation: Installation, view: Callable[[], View | None]) -> None:
        self._installation = installation
        self._view = view
        self._present: SitePause | None = None
        with ui.element("div").classes("oo-banner").props("role=status").mark("site-paused") as self._element:
            ui.icon("r_pause_circle").classes("oo-i20")
            self._words = ui.label().classes("oo-grow").mark("site-paused-words")
            secondary("Resume", self._resume, small=True, marker="site-paused-resume")
        self._element.set_visibility(False)

    def show(self, present: SitePause | None) -> None:
        """Show a pause; None for none."""
        self._present = present
        words = "" if present is None else pause_words(present, self._installation.now(), self._installation.zone)
        if self._words.text != words:
            self._words.set_text(words)
        self._element.set_visibility(present is not None)

    async def _resume(self) -> None:
        view, present = self._view(), self._present
        if view is not None and present is not None:
            await ask_resume(view, SitePauseBackend(view.database, view.clock), present)
