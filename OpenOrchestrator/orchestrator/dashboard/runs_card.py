"""The card with the runs of the last 24 hours, by scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.chart import legend
from OpenOrchestrator.orchestrator.dashboard.run_timeline import RunTimeline

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.dashboard.backend.timeline import Timeline
    from OpenOrchestrator.orchestrator.live.view import View

MOST_LANES = 12
LEGEND = (
    ("done", "Done"),
    ("running", "Running"),
    ("failed", "Failed"),
    ("timeout", "Timed out"),
    ("killed", "Killed"),
    ("lost", "Lost"),
)


class RunsCard:
    """The busy schedulers, or all of them.

    Args:
        view: The page's.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._timeline: Timeline | None = None
        self._all_lanes = False
        with ui.element("div").classes("oo-card oo-no-phone"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2"):
                    ui.label("Runs by scheduler")
                self._partial = ui.label().classes("oo-sm oo-t3")
                ui.element("span").classes("oo-sp")
                legend(LEGEND)
            self._lanes = RunTimeline(prefix=self._view.prefix).mark("timeline")
            self._no_lanes = ui.label("No scheduler has been heard from yet.").classes("oo-side-none")
            with ui.element("div").classes("oo-tl-more") as self._more_lanes:
                self._lanes_button = ghost("", self._toggle_lanes, small=True, marker="all-lanes")

    def show(self, timeline: Timeline) -> None:
        """Show these runs."""
        self._timeline = timeline
        lanes = timeline.lanes
        notable = [lane for lane in lanes if lane.notable][:MOST_LANES] if len(lanes) > MOST_LANES else list(lanes)
        shown = lanes if self._all_lanes else notable
        self._lanes.show(shown, self._view.now(), self._view.zone)
        self._lanes.set_visibility(bool(lanes))
        self._no_lanes.set_visibility(not lanes)
        self._more_lanes.set_visibility(len(lanes) > len(notable))
        self._lanes_button.set_text("Only busy ones" if self._all_lanes else f"All {len(lanes)} schedulers")
        partial = timeline.complete_since
        self._partial.set_text(f"complete from {partial:%H:%M}" if partial is not None else "")

    def _toggle_lanes(self) -> None:
        self._all_lanes = not self._all_lanes
        if self._timeline is not None:
            self.show(self._timeline)
