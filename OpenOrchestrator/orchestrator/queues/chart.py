"""What came into a queue and what was worked off, hour by hour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.chart import Chart

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.queues.backend.queues import HourlyFlow

_SERIES = (("Came in", "var(--idle-mark)", "idle"), ("Ended", "var(--done-mark)", "done"))


class QueueChart:
    """A card with the last 24 hours of one queue, which can be chosen.

    Args:
        on_choose: Told the name of the queue that was chosen.
    """

    def __init__(self, *, on_choose: Callable[[str], Any]) -> None:
        self._chosen = ""
        with ui.element("section").classes("oo-card") as self.element:
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2"):
                    ui.label("Last 24 hours")
                self._choice = (
                    ui.select([], with_input=False)
                    .props('borderless dense options-dense aria-label="Queue of the chart"')
                    .classes("oo-page-size oo-chart-queue")
                    .mark("chart-queue")
                )
                self._choice.on_value_change(
                    lambda event: on_choose(event.value) if event.value and event.value != self._chosen else None
                )
                ui.element("span").classes("oo-sp")
                self._sums = ui.label().classes("oo-sm oo-t2 oo-no-phone").mark("chart-sums")
                with ui.element("div").classes("oo-qlegend"):
                    for words, _, tone in _SERIES:
                        with ui.element("span"):
                            ui.element("span").classes(f"oo-swatch oo-m-{tone}")
                            ui.label(words)
            with ui.element("div").classes("oo-card-b"):
                self._chart = Chart({}, label="Elements that came in and ended, by hour", height="190px")

    def show_names(self, names: Sequence[str], chosen: str) -> None:
        """Say which queues there are, and which one is shown."""
        self._chosen = chosen
        if list(self._choice.options) != list(names) or self._choice.value != chosen:
            self._choice.set_options(list(names), value=chosen)

    def show(self, flow: HourlyFlow) -> None:
        """Draw what came and went."""
        came, went = (times.number(sum(counts)) for counts in (flow.arrived, flow.ended))
        text = f"{came} came in, {went} ended"
        if self._sums.text != text:
            self._sums.set_text(text)
        self._chart.show(options_of(flow))


def options_of(flow: HourlyFlow) -> dict[str, Any]:
    """Return the chart as ECharts takes it."""
    quiet = {"color": "var(--text-3)", "fontSize": 11}
    return {
        "animation": False,
        "grid": {"left": 34, "right": 4, "top": 8, "bottom": 22},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": {
            "type": "category",
            "data": [f"{hour:%H:%M}" for hour in flow.hours],
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": "var(--border)"}},
            "axisLabel": {**quiet, "interval": 3},
        },
        "yAxis": {
            "type": "value",
            "minInterval": 1,
            "splitNumber": 4,
            "axisLabel": quiet,
            "splitLine": {"lineStyle": {"color": "var(--grid)"}},
        },
        "series": [
            {
                "name": words,
                "type": "bar",
                "data": list(counts),
                "barMaxWidth": 14,
                "barGap": "10%",
                "itemStyle": {"color": color, "borderRadius": [2, 2, 0, 0]},
            }
            for (words, color, _), counts in zip(_SERIES, (flow.arrived, flow.ended), strict=True)
        ],
    }
