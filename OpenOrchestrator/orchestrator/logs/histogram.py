"""The messages of a list over time, by level: the card above it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.vocabulary import LOG_LOOKS
from OpenOrchestrator.orchestrator.logs.backend.histogram import COUNT_CAP, Bar, Histogram

SHOWN_LEVELS = (LogLevel.ERROR, LogLevel.INFO, LogLevel.TRACE)


class HistogramBars(Element, component="histogram.js"):
    """Stacked bars; errors at the bottom, where they are seen.

    Args:
        on_span: Told the numbers of the first and the last bar that somebody chose.
    """

    def __init__(self, *, on_span: Callable[[int, int], Any]) -> None:
        super().__init__()
        self.bars: list[dict[str, Any]] = []
        self._props["bars"] = []
        self._props["ticks"] = []
        self._props["label"] = ""
        self.on("span", lambda event: self._chosen(event, on_span))

    def show(self, histogram: Histogram, zone: tzinfo) -> None:
        """Show these counts; sends nothing when they are the ones shown already."""
        new = [_bar(bar, histogram, zone) for bar in histogram.bars]
        ticks = _ticks(histogram, zone)
        label = f"Messages over time: {totals_text(histogram)}"
        if new != self.bars or ticks != self._props["ticks"] or label != self._props["label"]:
            self.bars = new
            self._props["bars"] = new
            self._props["ticks"] = ticks
            self._props["label"] = label
            self.update()

    def _chosen(self, event: GenericEventArguments, handler: Callable[[int, int], Any]) -> Any:
        # What the browser sends is not trusted: only bars that are there are chosen.
        first, last = (int(each) for each in event.args)
        return handler(first, last) if 0 <= first <= last < len(self.bars) else None


class HistogramCard:
    """The bars with their legend, which counts each level, and how far was counted.

    Args:
        zone: The site's.
        on_period: Told the first and the last moment of a span that somebody chose, naive site time.
    """

    def __init__(self, zone: tzinfo, *, on_period: Callable[[datetime, datetime], Any]) -> None:
        self._zone = zone
        self._on_period = on_period
        self._histogram: Histogram | None = None
        with ui.element("div").classes("oo-card oo-hist-card") as self.element:
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2"):
                    self._title = ui.label().mark("histogram-title")
                self._note = ui.label().classes("oo-sm oo-t3 oo-el").mark("histogram-note")
                ui.element("span").classes("oo-sp")
                with ui.element("div").classes("oo-legend"):
                    self._counts: dict[LogLevel, ui.label] = {}
                    for level in SHOWN_LEVELS:
                        with ui.element("span"):
                            ui.element("b").classes(f"oo-hist-{LOG_LOOKS[level].tone}")
                            self._counts[level] = ui.label().mark(f"count-{level.name.lower()}")
            self._bars = HistogramBars(on_span=self._chosen).mark("histogram")
        self.element.set_visibility(False)

    def show(self, histogram: Histogram | None) -> None:
        """Show counts; None takes the card away."""
        self._histogram = histogram
        self.element.set_visibility(histogram is not None)
        if histogram is None:
            return
        self._title.set_text(f"Lines per {width_text(histogram.width)}")
        note = "Drag to select a time span"
        if histogram.counted_from is not None:
            note = f"Counted back to {times.full(times.from_site(histogram.counted_from, self._zone), self._zone)}"
        self._note.set_text(note)
        for level, label in self._counts.items():
            label.set_text(f"{LOG_LOOKS[level].word} {count_text(histogram, level)}")
        self._bars.show(histogram, self._zone)

    def _chosen(self, first: int, last: int) -> Any:
        histogram = self._histogram
        if histogram is None or last >= len(histogram.bars):
            return None
        start = histogram.bars[first].start
        end = histogram.bars[last + 1].start - timedelta(seconds=1) if last + 1 < len(histogram.bars) else histogram.end
        return self._on_period(start, max(start, end))


def width_text(width: timedelta) -> str:
    """Return how wide a bar is: ``5 min``, ``2 h``, ``day``, ``7 days``."""
    if width % timedelta(days=1):
        return times.span(width.total_seconds())
    return "day" if width.days == 1 else f"{width.days} days"


def count_text(histogram: Histogram, level: LogLevel) -> str:
    """Return how many messages of a level there are; with a plus where not all were counted."""
    open_end = histogram.counted_from is not None or any(
        bar.counts is not None and bar.counts[level] >= COUNT_CAP for bar in histogram.bars
    )
    return times.number(histogram.totals[level]) + ("+" if open_end else "")


def totals_text(histogram: Histogram) -> str:
    """Return the counts of all levels in words."""
    return ", ".join(f"{LOG_LOOKS[level].word} {count_text(histogram, level)}" for level in SHOWN_LEVELS)


def _bar(bar: Bar, histogram: Histogram, zone: tzinfo) -> dict[str, Any]:
    when = _when(bar.start, histogram, zone)
    shown: dict[str, Any] = {
        "s": bar.start.isoformat(),
        "p": [],
        "t": f"{when}\nNot counted: that would take too long.",
    }
    if bar.counts is None:
        shown["x"] = True
        return shown
    counts = [(level, bar.counts[level]) for level in SHOWN_LEVELS]
    shown["p"] = [[LOG_LOOKS[level].tone, count] for level, count in counts if count]
    words = (f"{LOG_LOOKS[level].word} {times.capped(count, COUNT_CAP)}" for level, count in counts)
    shown["t"] = f"{when}\n" + ", ".join(words)
    return shown


def _when(start: datetime, histogram: Histogram, zone: tzinfo) -> str:
    first = times.from_site(start, zone)
    last = times.from_site(min(start + histogram.width, histogram.end), zone)
    if histogram.width >= timedelta(days=1):
        return times.day(first, zone)
    return f"{times.day(first, zone)}, {times.clock_time(first, zone)} to {times.clock_time(last, zone)}"


def _ticks(histogram: Histogram, zone: tzinfo) -> list[str]:
    length = histogram.end - histogram.start
    moments = [histogram.start + length * part / 4 for part in range(5)]
    instants = [times.from_site(moment, zone) for moment in moments]
    if length > timedelta(days=3):
        return [times.day(instant, zone) for instant in instants]
    texts = [times.clock_time(instant, zone) for instant in instants]
    days = [times.DAYS[moment.weekday()] for moment in moments]
    named = [days[0], *("" if day == before else day for before, day in pairwise(days))]
    return [f"{day} {text}".strip() for day, text in zip(named, texts, strict=True)]
