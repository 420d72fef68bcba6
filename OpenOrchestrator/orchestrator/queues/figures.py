"""The key figures of a queue, each a link to what it counts."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import tip
from OpenOrchestrator.orchestrator.components.tables.cells import NOTHING
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS, TRIGGER_LOOKS, pill
from OpenOrchestrator.orchestrator.queues.forecast import Level, forecast, words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.queues.backend.queues import QueueRow

REFRESH_SECONDS = 30.0
"""Counting a million elements walks a whole index, so it is done less often than the rest."""

OLD_SECONDS = 3600.0
STALE_SECONDS = 86_400.0
_TONES = {QueueStatus.IN_PROGRESS: "running", QueueStatus.FAILED: "failed"}


def age(row: QueueRow, now: datetime, zone: tzinfo) -> float | None:
    """Return for how many seconds the oldest New element waits; None if none does."""
    if row.oldest_new is None:
        return None
    return max((now - times.from_site(row.oldest_new, zone)).total_seconds(), 0)


def age_text(seconds: float | None) -> str:
    """Return an age in words, by the minute."""
    if seconds is None:
        return NOTHING
    return times.duration(seconds // 60 * 60) if seconds >= 60 else "just now"


def age_tone(seconds: float | None, row: QueueRow) -> str | None:
    """Return the tone of an age: late, and red where nothing is being done about it."""
    if seconds is None:
        return "t3"
    if seconds >= STALE_SECONDS and not row.per_hour:
        return "failed"
    return "timeout" if seconds >= OLD_SECONDS else None


class QueueFigures:
    """The line of figures beneath the head of a queue's page.

    Args:
        path: Of the queue's page.
    """

    def __init__(self, path: str) -> None:
        self._values: dict[str, ui.label] = {}
        self._tones: dict[str, str] = {}
        self._triggers: tuple[object, ...] | None = None
        with ui.element("div").classes("oo-qfigs"):
            for status in QueueStatus:
                look = ELEMENT_LOOKS[status]
                with ui.link(target=f"{path}?status={status.name.lower()}").classes("oo-qfig"):
                    with ui.element("div").classes("oo-l"):
                        ui.element("span").classes(f"oo-swatch oo-m-{look.tone}")
                        ui.label(look.word)
                    self._values[status.name] = ui.label().classes("oo-v").mark(f"figure-{status.name.lower()}")
            for key, words in (("oldest", "Oldest New"), ("rate", "Ended per hour"), ("arrived", "Came in per hour")):
                with ui.element("div").classes("oo-qfig"):
                    with ui.element("div").classes("oo-l"):
                        ui.label(words)
                    self._values[key] = ui.label().classes("oo-v").mark(f"figure-{key}")
            with ui.element("div").classes("oo-qfig oo-no-phone"):
                with ui.element("div").classes("oo-l"):
                    ui.label("Trigger")
                self._trigger = ui.element("div").classes("oo-row").style("min-height: 24px")
        self._values["forecast"] = ui.label().classes("oo-sm oo-note-line").mark("queue-forecast")

    def show(self, row: QueueRow, now: datetime, zone: tzinfo) -> None:
        """Show the figures of now; changes only what differs."""
        for status in QueueStatus:
            number = row.count(status)
            tone = _TONES.get(status) if number else "t3"
            self._set(status.name, times.number(number), tone)
        seconds = age(row, now, zone)
        self._set("oldest", age_text(seconds), age_tone(seconds, row))
        oldest = times.absolute(times.from_site(row.oldest_new, zone), zone) if row.oldest_new else None
        tip(self._values["oldest"], oldest)
        self._set("rate", f"{times.number(row.per_hour)}/h", None if row.per_hour else "t3")
        tip(self._values["rate"], "Done, Failed or Abandoned in the last hour")
        self._set("arrived", f"{times.number(row.arrived)}/h", None if row.arrived else "t3")
        self._show_forecast(row, seconds, now, zone)
        if row.triggers != self._triggers:
            self._triggers = row.triggers
            self._trigger.clear()
            with self._trigger:
                if not row.triggers:
                    ui.label("None").classes("oo-t3")
                for trigger in row.triggers[:3]:
                    pill(TRIGGER_LOOKS[trigger.status])
                    ui.link(trigger.name, f"/triggers/{trigger.id}").classes("oo-link oo-el")
                if len(row.triggers) > 3:
                    ui.label(f"+{len(row.triggers) - 3}").classes("oo-t3")

    def _show_forecast(self, row: QueueRow, seconds: float | None, now: datetime, zone: tzinfo) -> None:
        within = None if row.finish_within is None else timedelta(seconds=row.finish_within)
        found = forecast(
            row.count(QueueStatus.NEW) + row.count(QueueStatus.IN_PROGRESS),
            per_hour=row.per_hour,
            arrived=row.arrived,
            oldest=None if seconds is None else timedelta(seconds=seconds),
            within=within,
        )
        shown = found is not None and row.pause is None
        self._values["forecast"].set_visibility(shown)
        if found is not None and shown:
            wrong = {Level.MISSED: "failed", Level.ENDANGERED: "timeout"}
            tone = "t3" if found.level is None else wrong.get(found.level, "t3")
            self._set("forecast", words(found, now, zone, within), tone)

    def _set(self, key: str, text: str, tone: str | None) -> None:
        label = self._values[key]
        if label.text != text:
            label.set_text(text)
        wanted = f"oo-{tone}" if tone == "t3" else f"oo-fg-{tone}" if tone else ""
        before = self._tones.get(key, "")
        if wanted != before:
            self._tones[key] = wanted
            label.classes(add=wanted, remove=before)
