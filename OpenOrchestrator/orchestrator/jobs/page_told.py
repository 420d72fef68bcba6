"""What the robot of a job tells about it, on the job's page: title, progress, result and alerts.

Owns drawing them. Must not know when they are read.
"""

from __future__ import annotations

from datetime import tzinfo

from nicegui import ui

from OpenOrchestrator.orchestrator.backend.alerts import Alert
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import copy_button
from OpenOrchestrator.orchestrator.components.failure_card import failure_card
from OpenOrchestrator.orchestrator.components.progress import percent
from OpenOrchestrator.orchestrator.components.stored_json import pretty
from OpenOrchestrator.orchestrator.components.vocabulary import PARTIALLY_DONE, Look
from OpenOrchestrator.orchestrator.jobs.backend.details import JobDetails
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.jobs.job_rows import progress_words, sentence

ALERT = Look("Alert", "failed", "sym_r_notifications_active")
DISMISSED = Look("Alert", "idle", "sym_r_notifications_off")


class ToldCards:
    """What is told beneath the facts of a job: title, progress, what was left undone, alerts.

    Args:
        zone: The site's.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._title = ui.label().classes("oo-job-title").mark("job-title")
        with ui.element("div").classes("oo-card oo-card-b oo-told").mark("progress") as self._progress:
            with ui.element("div").classes("oo-row"):
                ui.icon("sym_r_progress_activity").classes("oo-i16 oo-t3")
                self._words = ui.label().classes("oo-b").mark("progress-words")
            with ui.element("div").classes("oo-limit") as self._bar:
                self._part = ui.element("b")
            self._bar.props('role="progressbar" aria-label="Progress" aria-valuemin=0 aria-valuemax=100')
        self._cards = ui.element("div")
        self._drawn: object = None

    def show(self, details: JobDetails) -> None:
        """Show what is told by now."""
        row = details.row
        if self._title.text != (row.title or ""):
            self._title.set_text(row.title or "")
        self._title.set_visibility(bool(row.title))
        self._show_progress(row)
        drawn = (row.partially_done, row.partial_message, details.alerts)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._cards.clear()
        with self._cards:
            for alert in details.alerts:
                failure_card(
                    f"Alert: {alert.message}",
                    ALERT if alert.dismissed_at is None else DISMISSED,
                    headline=None,
                    text=None,
                    beneath=lambda alert=alert: ui.label(self._alert_words(alert)).classes("oo-sm oo-t3"),  # type: ignore[misc]
                ).mark("alert")
            if row.partial_message is not None:
                said = row.partial_message or PARTIALLY_DONE.word
                words = sentence(said) if row.partially_done else f"So far: {said}"
                failure_card(words, PARTIALLY_DONE, headline=None, text=None).mark("partial")

    def _show_progress(self, row: JobRow) -> None:
        shown = row.progress is not None and (row.active or row.progress < 1)
        self._progress.set_visibility(shown)
        if not shown or row.progress is None:
            return
        words = progress_words(row.progress, row.progress_text)
        words = words if row.active else f"Got to {words}"
        if self._words.text != words:
            self._words.set_text(words)
            self._part.style(f"width: {row.progress * 100:.1f}%")
            self._bar.props(f"aria-valuenow={percent(row.progress)}")

    def _alert_words(self, alert: Alert) -> str:
        raised = times.full(alert.raised_at, self._zone)
        if alert.dismissed_at is None:
            return f"Raised {raised}. Open: dismiss it on the dashboard."
        by, at = alert.dismissed_by or "an admin", times.full(alert.dismissed_at, self._zone)
        return f"Raised {raised}, dismissed by {by} {at}"


class ResultCard:
    """What came of a job, at the side of its page; nothing where its robot did not say."""

    def __init__(self) -> None:
        self._element = ui.element("div")
        self._shown: tuple[str, bool] | None = None

    def show(self, result: tuple[str, bool] | None) -> None:
        """Show it."""
        if result == self._shown or self._element.is_deleted:
            return
        self._shown = result
        self._element.clear()
        if result is None:
            return
        text, is_json = result
        words = pretty(text) if is_json else text
        with self._element, ui.element("div").classes("oo-card"):
            with ui.element("div").classes("oo-row").style("margin-bottom: 8px"):
                with ui.element("h2").style("margin: 0"):
                    ui.label("Result")
                ui.element("span").classes("oo-sp")
                copy_button(words, "Copy: Result")
            ui.label(words).classes("oo-code oo-result").mark("result").props(
                'tabindex=0 role="region" aria-label="Result"'
            )
