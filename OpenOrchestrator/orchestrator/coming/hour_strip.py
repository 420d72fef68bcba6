"""The strip of the next 24 hours: how many runs are expected in each, and where something will not fit."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from nicegui.element import Element

from OpenOrchestrator.orchestrator.coming.address import hour_link
from OpenOrchestrator.orchestrator.coming.backend.coming import Forecast
from OpenOrchestrator.orchestrator.coming.backend.occurrences import hours_of
from OpenOrchestrator.orchestrator.coming.words import runs_text
from OpenOrchestrator.orchestrator.components import times

HOURS = 24
_EVERY = 4


class HourStrip(Element, component="hour_strip.js"):
    """A cell for each hour; a click opens the page of coming runs at that hour.

    Args:
        prefix: Path under which a reverse proxy serves the app.
    """

    def __init__(self, *, prefix: str) -> None:
        super().__init__()
        self.hours: list[dict[str, Any]] = []
        self._props["hours"] = []
        self._props["prefix"] = prefix
        self._props["label"] = "Coming runs by hour"

    def show(self, forecast: Forecast, zone: tzinfo) -> None:
        """Show a forecast; sends nothing when it is the one shown already."""
        spans = [(trouble.start, trouble.end) for trouble in forecast.troubles]
        found = hours_of((each.run for each in forecast.runs), spans, forecast.now, zone, HOURS)
        new = []
        for hour in found:
            local = hour.start.astimezone(zone)
            words = f"{times.calendar(hour.start, forecast.now, zone)}: {runs_text(hour.runs)} expected"
            new.append(
                {
                    "s": int(hour.start.timestamp()),
                    "n": hour.runs,
                    "x": hour.troubled,
                    "t": words + ("\nNot all of them fit." if hour.troubled else ""),
                    "w": f"{local:%H:%M}" if local.hour % _EVERY == 0 else "",
                    "h": hour_link(hour.start),
                }
            )
        if new != self.hours:
            self.hours = new
            self._props["hours"] = new
            self.update()
