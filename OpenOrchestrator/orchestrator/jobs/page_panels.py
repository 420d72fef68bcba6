"""Two of the panels of a job's page: what it logged, and the queue elements it worked on. No page of its own.

Owns drawing them. Must not know when they are read.
"""

from collections.abc import Sequence
from urllib.parse import quote

from nicegui import ui

from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.choices import join_choice
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.jobs.backend.details import SHOWN, JobElement
from OpenOrchestrator.orchestrator.jobs.backend.messages import JobMessage
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.jobs.element_rows import ELEMENT_COLUMNS, element_row
from OpenOrchestrator.orchestrator.jobs.message_dialog import show_message
from OpenOrchestrator.orchestrator.jobs.message_rows import BY_TIME_ICON, MESSAGE_COLUMNS, message_row
from OpenOrchestrator.orchestrator.live.view import View

NO_LOGS = empty.NoneYet("sym_r_notes", "No logs of this job", "Robots log with orchestrator_connection.log_info.")
NO_ELEMENTS = empty.NoneYet(
    "sym_r_stacks", "No queue elements", "Elements that the robot of this job takes show up here."
)

SOME_BY_TIME = "Lines with this mark carry no job. They were found by process and time."
ALL_BY_TIME = "No line carries a job: older libraries know none. They were found by process and time."


class JobLogsPanel:
    """The newest messages of a job.

    Args:
        view: The page's.
        job: The job.
    """

    def __init__(self, view: View, job: JobRow) -> None:
        self._view = view
        self._job = job
        self._none_has_a_job = False
        self._rows: dict[str, JobMessage] = {}
        with ui.element("div").classes("oo-card") as self.element:
            with ui.element("div").classes("oo-note").mark("by-time") as self._note:
                ui.icon(BY_TIME_ICON)
                self._note_text = ui.label()
            self._note.set_visibility(False)
            self._table = DataTable("Logs of this job", MESSAGE_COLUMNS, on_open=self._open, prefix=view.prefix)
            self._table.mark("logs")
            self._empty = empty.EmptyPlace(self._table)
            with ui.element("div").classes("oo-foot"):
                self._foot = ui.label()
                ui.element("span").classes("oo-sp")
                ghost("Open in Logs", self._open_all, small=True, marker="open-in-logs")

    def show(self, messages: Sequence[JobMessage]) -> None:
        """Show these messages, the newest first."""
        if self.element.is_deleted:
            return
        now, zone = self._view.now(), self._view.zone
        self._rows = {str(row.id): row for row in messages}
        self._table.show([message_row(row, now, zone) for row in messages])
        self._empty.show(NO_LOGS, shown=bool(messages))
        self._foot.set_text(f"The newest {SHOWN} are shown." if len(messages) == SHOWN else "")
        by_time = sum(row.job_id is None for row in messages)
        self._none_has_a_job = by_time == len(messages) > 0
        self._note_text.set_text(ALL_BY_TIME if self._none_has_a_job else SOME_BY_TIME)
        self._note.set_visibility(by_time > 0)

    def _open_all(self) -> None:
        if self._none_has_a_job:
            chosen = join_choice((self._job.process,), exclude=False)
            self._view.go(f"/logs?process={quote(chosen, safe='')}")
        else:
            self._view.go(f"/logs?job={self._job.id}")

    async def _open(self, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is not None:
            await show_message(row, self._view.zone)


class JobElementsPanel:
    """The newest queue elements that a job worked on.

    Args:
        view: The page's.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        with ui.element("div").classes("oo-card") as self.element:
            self._table = DataTable("Queue elements of this job", ELEMENT_COLUMNS, prefix=view.prefix)
            self._table.mark("elements")
            self._empty = empty.EmptyPlace(self._table)
            self._foot = ui.label().classes("oo-foot")

    def show(self, elements: Sequence[JobElement], total: int) -> None:
        """Show them, of so many in all."""
        if self.element.is_deleted:
            return
        now, zone = self._view.now(), self._view.zone
        self._table.show([element_row(row, now, zone) for row in elements])
        self._empty.show(NO_ELEMENTS, shown=bool(elements))
        self._foot.set_text(f"The newest {SHOWN} of {times.number(total)} are shown.")
        self._foot.set_visibility(total > len(elements))
