"""What an element holds, in parts: its message, data, facts, job and the logs of that time.

Owns how each part is drawn, anew only where it differs, so that an open tree stays open. Must not know whether it is on
the page of an element or beside a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from nicegui import ui

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.annotations.parts import draw_owner
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import copy_button, tip
from OpenOrchestrator.orchestrator.components.facts import term
from OpenOrchestrator.orchestrator.components.forms.fields import segmented
from OpenOrchestrator.orchestrator.components.stored_json import unwrapped
from OpenOrchestrator.orchestrator.components.tables.cells import NOTHING
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS, JOB_LOOKS, LOG_LOOKS, WAITING, pill
from OpenOrchestrator.orchestrator.logs.log_lines import time_of_day
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.queues.elements.cells import error_words, is_overdue
from OpenOrchestrator.orchestrator.queues.elements.json_tree import json_tree
from OpenOrchestrator.orchestrator.queues.elements.long_content import MOST_AS_TREE, FilesCard, show_text

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.annotations.backend import Owner
    from OpenOrchestrator.orchestrator.live.view import View
    from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementRow, ParentRow
    from OpenOrchestrator.orchestrator.queues.backend.elements import ElementDetails, ElementLog


class ElementParts:
    """The parts of one element. Build both halves before anything is shown.

    Args:
        view: The page's.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._shown: ElementDetails | None = None
        self._minute = -1

    def build_main(self) -> None:
        """Build where its message, data and logs stand."""
        self._message = ui.element("div")
        with ui.element("section").classes("oo-card"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2").classes("oo-grow"):
                    ui.label("Data")
                self._mode = segmented(
                    {"tree": "Tree", "text": "Text"}, "tree", label="Show data as", marker="data-mode"
                )
                self._mode.on_value_change(self._show_data)
                copy_button(lambda: self._data_text(), "Copy the data")  # noqa: PLW0108  (of then, not of now)
            self._data = ui.element("div").classes("oo-card-b").mark("element-data")
        self._files = FilesCard(self._view)
        with ui.element("section").classes("oo-card") as self._output_card:
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2").classes("oo-grow"):
                    ui.label("Output")
                copy_button(lambda: self._shown.output if self._shown is not None else "", "Copy the output")
            self._output = ui.element("div").classes("oo-card-b").mark("element-output")
        with ui.element("section").classes("oo-card") as self._attempts_card:
            with ui.element("div").classes("oo-card-h"), ui.element("h2").classes("oo-grow"):
                ui.label("Attempts that ended otherwise than Done")
            self._attempts = ui.element("div").mark("element-attempts")
        with ui.element("section").classes("oo-card"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2").classes("oo-grow"):
                    self._logs_title = ui.label("Logs")
                self._all_logs = ui.element("span")
            self._logs = ui.element("div").mark("element-logs")

    def build_side(self) -> None:
        """Build where its facts and its job stand."""
        with ui.element("section").classes("oo-card"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2").classes("oo-grow"):
                    ui.label("Element")
                self._status = ui.element("span").classes("oo-row").mark("element-status")
            self._facts = ui.element("div").classes("oo-card-b")
        with ui.element("section").classes("oo-card"):
            with ui.element("div").classes("oo-card-h"), ui.element("h2").classes("oo-grow"):
                ui.label("Job")
            self._job = ui.element("div").classes("oo-card-b").mark("element-job")

    def forget(self) -> None:
        """Draw all of it anew next time."""
        self._shown = None

    def show(self, details: ElementDetails) -> None:
        """Show it; each part is built anew only when it differs."""
        before, self._shown = self._shown, details
        element, old = details.element, before.element if before else None
        if old is None or old.data != element.data:
            self._show_data()
        owner = before.owner if before else None
        if old is None or (old.message, old.status, owner) != (element.message, element.status, details.owner):
            self._show_message(element, details.owner)
        minute = int(self._view.now().timestamp() // 60)
        if old != element or before is None or before.parent != details.parent or minute != self._minute:
            self._minute = minute
            self._show_facts(element, details.parent)
        if before is None or before.job != details.job or old is None or old.job_id != element.job_id:
            self._show_job(details)
        if before is None or (before.logs, before.job) != (details.logs, details.job):
            self._show_logs(details)
        if before is None or before.files != details.files:
            self._files.show(details.files)
        if before is None or (before.output, before.attempts) != (details.output, details.attempts):
            self._show_outcome(details)

    def _show_outcome(self, details: ElementDetails) -> None:
        """Show what came of it, and the attempts before."""
        self._output_card.set_visibility(bool(details.output))
        self._output.clear()
        with self._output:
            ui.label(details.output).classes("oo-code")
        self._attempts_card.set_visibility(bool(details.attempts))
        self._attempts.clear()
        zone = self._view.zone
        with self._attempts:
            for attempt in details.attempts:
                with ui.element("div").classes("oo-elog"):
                    moment = times.absolute(times.from_site(attempt.end_date, zone), zone)
                    tip(ui.label(time_of_day(attempt.end_date)).classes("oo-mono oo-t3"), moment)
                    ended = attempt.ended_as.value if attempt.ended_as is not None else "Ended"
                    with ui.element("div"):
                        ui.label(f"Attempt {attempt.number}: {ended}. {attempt.message or ''}").classes("oo-pre")
                        if attempt.job_id is not None:
                            ui.link("Its job", f"/jobs/{attempt.job_id}").classes("oo-link oo-sm")
                        if attempt.traceback:
                            with ui.expansion("Traceback").classes("oo-sm"):
                                ui.label(attempt.traceback).classes("oo-code")

    def _show_data(self) -> None:
        text = self._data_text()
        value = unwrapped(text) if len(text) <= MOST_AS_TREE else None
        self._mode.set_visibility(value is not None)
        self._data.clear()
        with self._data:
            if value is not None and self._mode.value == "tree":
                if text.lstrip().startswith('"'):
                    ui.label("It is stored as a text with JSON in it.").classes("oo-t3 oo-sm")
                json_tree(value)
            elif text:
                show_text(text)
            else:
                ui.label("It has no data.").classes("oo-t3")

    def _data_text(self) -> str:
        return (self._shown.element.data or "") if self._shown is not None else ""

    def _show_message(self, element: ElementRow, owner: Owner) -> None:
        failed = element.status is QueueStatus.FAILED
        self._message.clear()
        self._message.set_visibility(bool(element.message) or (failed and bool(owner)))
        with self._message:
            if element.message:
                calm = "" if failed else " oo-calm"
                ui.label(element.message).classes(f"oo-alert oo-pre{calm}").mark("message")
            if failed:
                draw_owner(owner)

    def _show_facts(self, element: ElementRow, parent: ParentRow | None) -> None:
        self._status.clear()
        with self._status:
            pill(WAITING if element.waits else ELEMENT_LOOKS[element.status], quiet=False)
        took = None
        if element.started is not None and element.ended is not None and element.ended >= element.started:
            took = times.exact_duration((element.ended - element.started).total_seconds())
        self._facts.clear()
        with self._facts, ui.element("dl").classes("oo-kv"):
            self._fact("Reference", element.reference, copy=True, mono=True)
            with term("Queue"):
                ui.link(element.queue, path_of(element.queue)).classes("oo-link")
            self._moment("Created", element)
            self._fact("Created by", element.created_by)
            self._moment("Started", element)
            self._moment("Ended", element)
            self._fact("Took", took)
            if element.waits and element.not_before is not None:
                with term("Waits until"):
                    ui.label(times.full(element.not_before, self._view.zone)).mark("waits-until")
            if element.attempt > 1:
                self._fact("Attempt", str(element.attempt))
            if element.priority:
                self._fact("Priority", times.number(element.priority))
            if element.deadline is not None:
                with term("Deadline"):
                    late = is_overdue(element, self._view.now())
                    shown = ui.label(times.full(element.deadline, self._view.zone)).mark("deadline")
                    shown.classes("oo-fg-failed" if late else "")
            if parent is not None:
                with term("Made for"):
                    ui.link(parent.name, f"{path_of(parent.queue)}/{parent.id}").classes("oo-link").mark("parent")
            elif element.parent_id is not None:
                self._fact("Made for", "an element that was deleted")
            if words := error_words(element):
                self._fact("Error", words)
            if element.progress is not None and element.status is not QueueStatus.DONE:
                done = f"{element.progress:.0%}"
                self._fact("Progress", f"{done} · {element.progress_text}" if element.progress_text else done)
            self._fact("Id", str(element.id), copy=True, mono=True)

    def _moment(self, label: str, element: ElementRow) -> None:
        value = {"Created": element.created, "Started": element.started, "Ended": element.ended}[label]
        if value is None:
            self._fact(label, None)
            return
        now, zone = self._view.now(), self._view.zone
        instant = times.from_site(value, zone)
        with term(label):
            shown = ui.label(times.full(instant, zone))
            tip(shown, f"{times.past(instant, now, zone)}\n{times.zone_text(instant, zone)}")
            ui.label(times.past(instant, now, zone)).classes("oo-t3 oo-sm")

    def _fact(self, label: str, value: str | None, *, copy: bool = False, mono: bool = False) -> None:
        with term(label), ui.element("div").classes("oo-row").style("gap: 2px"):
            ui.label(value or NOTHING).classes("oo-pre" + (" oo-mono" if mono and value else "" if value else " oo-t3"))
            if copy and value:
                copy_button(value, f"Copy the {label.lower()}")

    def _show_job(self, details: ElementDetails) -> None:
        job, element = details.job, details.element
        self._job.clear()
        with self._job:
            if job is None:
                words = "No job has taken it yet."
                if element.job_id is not None:
                    words = f"Job {element.job_id} is not there any more."
                elif element.started is not None:
                    words = "Its job is not known: it was set to New since, or its robot uses an older library."
                ui.label(words).classes("oo-t3")
                return
            started = times.from_site(job.started, self._view.zone)
            with ui.element("dl").classes("oo-kv"):
                with term("Status"):
                    pill(JOB_LOOKS[job.status])
                with term("Job"):
                    ui.link(f"{job.trigger or job.process}", f"/jobs/{job.id}").classes("oo-link").mark("open-job")
                self._fact("Process", job.process)
                self._fact("Scheduler", job.scheduler)
                with term("Started"):
                    tip(
                        ui.label(times.past(started, self._view.now(), self._view.zone)),
                        times.absolute(started, self._view.zone),
                    )

    def _show_logs(self, details: ElementDetails) -> None:
        self._all_logs.clear()
        self._logs.clear()
        self._logs_title.text = "Logs" if details.logs_of_element else "Logs of its job"
        with self._all_logs:
            if details.logs_of_element:
                ui.link("All its logs", f"/logs?{urlencode({'element': str(details.element.id)})}").classes(
                    "oo-link oo-sm"
                )
            elif details.job is not None:
                ui.link("All logs of this job", f"/logs?{urlencode({'job': str(details.job.id)})}").classes(
                    "oo-link oo-sm"
                )
        with self._logs:
            if not details.logs:
                words = "Its job wrote nothing while it had this element." if details.job else "There is no job yet."
                ui.label(words).classes("oo-t3 oo-card-b")
            elif details.more_logs:
                ui.label(f"The last {len(details.logs)} messages.").classes("oo-t3 oo-sm").style("padding: 10px 14px 0")
            for log in details.logs:
                self._log(log)

    def _log(self, log: ElementLog) -> None:
        zone = self._view.zone
        instant = times.from_site(log.time, zone)
        look = LOG_LOOKS[log.level]
        with ui.element("div").classes("oo-elog" + (" oo-log-err" if look.tone == "failed" else "")):
            tip(
                ui.label(time_of_day(log.time)).classes("oo-mono oo-t3"),
                times.absolute(instant, zone),
            )
            ui.label(look.word).classes(f"oo-log-level oo-ll-{look.tone}")
            ui.label(log.message).classes("oo-mono oo-pre")
