"""The card of the dashboard with what comes in the next 24 hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.coming.hour_strip import HourStrip
from OpenOrchestrator.orchestrator.coming.words import looked_note, nowhere_note, pause_note, summary

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.coming.backend.coming import Forecast
    from OpenOrchestrator.orchestrator.live.view import View


class StripCard:
    """Runs expected by hour, and what will not fit.

    Args:
        view: The page's.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        with ui.element("div").classes("oo-card"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2").classes("oo-nw"):
                    ui.label("Next 24 hours")
                self._summary = ui.label().classes("oo-sm oo-t3 oo-el").mark("coming-summary")
                ui.element("span").classes("oo-sp")
                ui.link("Coming runs", "/coming").classes("oo-link oo-sm oo-nw")
            self._strip = HourStrip(prefix=view.prefix).mark("hour-strip")
            self._note = ui.label().classes("oo-side-none").mark("coming-note")
            self._note.set_visibility(False)

    @property
    def is_deleted(self) -> bool:
        """Whether the page it stands on is gone."""
        return self._strip.is_deleted

    def show(self, forecast: Forecast) -> None:
        """Show what is expected."""
        self._summary.set_text(summary(forecast))
        self._strip.show(forecast, self._view.zone)
        zone = self._view.zone
        said = (pause_note(forecast, zone), looked_note(forecast, zone), nowhere_note(forecast))
        words = " ".join(note for note in said if note)
        self._note.set_text(words)
        self._note.set_visibility(bool(words))
