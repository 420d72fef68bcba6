"""The part of a trigger's form that says what happens when a run fails. Folded until somebody wants it.

Owns its fields, and reading them. Must not know the rest of the form, nor what becomes of what they say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.database.statuses import JobStatus, WhenLost
from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.forms.checks import whole
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, text_input
from OpenOrchestrator.orchestrator.triggers.backend.settings import MOST_RETRIES, TriggerSettings
from OpenOrchestrator.orchestrator.triggers.checks import (
    LARGEST_NUMBER,
    check_ends,
    check_growth,
    check_most,
    check_pause,
)
from OpenOrchestrator.orchestrator.triggers.failure_words import in_words, pause_words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer

_ENDS = {JobStatus.FAILED: "It failed", JobStatus.TIMED_OUT: "It timed out"}
_LOST = {status: status.value for status in WhenLost}


@dataclass(frozen=True, slots=True)
class FailureRules:
    """What the fields say; the names are those of the settings."""

    retry_times: int
    retry_pause: int
    retry_growth: float
    retry_most: int | None
    retry_after: tuple[JobStatus, ...]
    when_lost: WhenLost
    pause_after_failures: int

    def as_settings(self) -> dict[str, Any]:
        """Return them by the names that settings have."""
        return {name: getattr(self, name) for name in self.__slots__}


class FailureFields:
    """The fields in an open drawer.

    Args:
        drawer: Where they are built.
        settings: What they say at first.
    """

    def __init__(self, drawer: FormDrawer, settings: TriggerSettings) -> None:
        self._settings = settings
        with drawer.section("When it fails"):
            with ui.element("div").classes("oo-w2 oo-row").style("gap: 12px") as self._folded:
                ui.label(in_words(settings)).classes("oo-t2 oo-grow").mark("failure-words")
                secondary("Change", self._unfold, small=True, marker="unfold-failure")
            self._fields = self._build(settings)
        self._pauses_label()
        for name, each in (
            ("Retries", self._times),
            ("Pause", self._pause),
            ("Grows by", self._growth),
            ("Longest pause", self._most),
            ("Retry after", self._after),
            ("Stop after", self._limit),
        ):
            drawer.watch(name, each)
            # What the browser kept of a half-filled form comes back while this is folded.
            each.on_value_change(self._changed)
        drawer.keep("When lost", self._lost)
        self._lost.on_value_change(drawer.touched)
        self._lost.on_value_change(self._changed)
        for element in self._fields:
            element.set_visibility(False)

    def _build(self, settings: TriggerSettings) -> list[ui.element]:
        with field("Retries", hint="How often a failed run is tried again.") as times_field:
            self._times = text_input(
                "Retries",
                str(settings.retry_times),
                check=whole("how many retries", 0, MOST_RETRIES),
                marker="retry-times",
            )
            self._times.props("inputmode=numeric")
        with field("Stop after", hint="So many failed runs in a row; 0 is never.") as limit_field:
            self._limit = text_input(
                "Stop after",
                str(settings.pause_after_failures),
                check=whole("how many failed runs", 0, LARGEST_NUMBER),
                suffix="failed runs",
                marker="stop-after",
            )
            self._limit.props("inputmode=numeric")
        with field("Pause before the first retry") as pause_field:
            self._pause = text_input(
                "Pause", _minutes(settings.retry_pause), check=check_pause, suffix="min", marker="retry-pause"
            )
        with field("Grows by", hint="1 is always the same pause.") as growth_field:
            self._growth = text_input(
                "Grows by", f"{settings.retry_growth:.10g}", check=check_growth, suffix="times", marker="retry-growth"
            )
        with field("Longest pause", note="optional") as most_field:
            most = "" if settings.retry_most is None else _minutes(settings.retry_most)
            self._most = text_input("Longest pause", most, check=check_most, suffix="min", marker="retry-most")
        with field("Retry after") as after_field:
            self._after = choice(
                "Retry after",
                _ENDS,
                list(settings.retry_after),
                check=check_ends,
                multiple=True,
                marker="retry-after",
            )
        with field("When lost", hint="Its robot may have acted: nobody knows.") as lost_field:
            self._lost = choice("When lost", _LOST, settings.when_lost, marker="when-lost")
        with ui.element("div") as words_field:
            self._words = ui.label().classes("oo-hint").props("aria-live=polite").mark("retry-pauses")
        return [
            times_field, limit_field, pause_field, growth_field, most_field, after_field, lost_field, words_field
        ]  # fmt: skip

    def _unfold(self) -> None:
        self._folded.set_visibility(False)
        for element in self._fields:
            element.set_visibility(True)

    def _changed(self) -> None:
        self._unfold()
        self._pauses_label()

    def _pauses_label(self) -> None:
        wrong = (
            whole("", 0, MOST_RETRIES)(self._times.value),
            check_pause(self._pause.value),
            check_growth(self._growth.value),
            check_most(self._most.value),
        )
        self._words.set_text("" if any(wrong) else pause_words(self.values().as_settings()))

    def values(self) -> FailureRules:
        """Return what the fields say; they have to be valid."""
        most = str(self._most.value or "").strip()
        limit = str(self._limit.value or "").strip()
        return FailureRules(
            retry_times=int(self._times.value),
            retry_pause=_seconds(self._pause.value),
            retry_growth=float(self._growth.value),
            retry_most=_seconds(most) if most else None,
            retry_after=tuple(status for status in _ENDS if status in (self._after.value or ())),
            when_lost=self._lost.value,
            pause_after_failures=int(limit) if limit.isdecimal() else self._settings.pause_after_failures,
        )


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:.10g}"


def _seconds(minutes: Any) -> int:
    return round(float(str(minutes).strip() or 0) * 60)
