"""The two panels of a trigger's page: its last jobs, with how long they took, and what they logged. No page of its own.

Owns drawing them, and what is done with one job or message. Must not know how the trigger stands, nor who reads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any
from uuid import UUID

from nicegui import events, ui

from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.chart import Chart
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS
from OpenOrchestrator.orchestrator.jobs.actions import JobActions
from OpenOrchestrator.orchestrator.jobs.backend.history import JOB_CAP, RunLength, TriggerHistory, typical
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobsBackend
from OpenOrchestrator.orchestrator.jobs.backend.messages import JobMessage
from OpenOrchestrator.orchestrator.jobs.backend.reasons import cause_of
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.jobs.job_rows import ACTIONS, job_row
from OpenOrchestrator.orchestrator.jobs.message_dialog import show_message
from OpenOrchestrator.orchestrator.jobs.message_rows import MESSAGE_COLUMNS, message_row
from OpenOrchestrator.orchestrator.live.view import View

LOGS = 100

NO_JOBS = empty.NoneYet("sym_r_play_circle", "No jobs yet", "Each run of this trigger shows up here as a job.")
NO_LOGS = empty.NoneYet("sym_r_notes", "No logs yet", "What the robots of its last jobs log shows up here.")

COLUMNS = (
    Column("status", "Status", "116px", phone=True, phone_width="110px"),
    Column("started", "Started", "132px", phone=True),
    Column("duration", "Duration", "100px", right=True, phone=True, phone_width="84px"),
    Column("attempts", "Attempt", "84px"),
    Column("where", "Scheduler", "136px"),
    Column("reason", "Cause"),
)


def one_per_run(jobs: Sequence[JobRow]) -> list[JobRow]:
    """Return the last attempt of each run, given jobs with the newest first. Pure."""
    last: dict[UUID, JobRow] = {}
    for job in jobs:
        last.setdefault(job.retry_of or job.id, job)
    return list(last.values())


def foot_words(jobs: int, total: int, count: str, *, hidden: int) -> str:
    """Return what stands beneath the runs: of how many jobs they are, and how many attempts have no line. Pure.

    Args:
        jobs: That were read.
        total: That there are, counted no further than a cap.
        count: The same in words.
        hidden: Attempts that were tried again.
    """
    last = f"The last {jobs} of {count}" if total > jobs else ""
    earlier = "1 earlier attempt is" if hidden == 1 else f"{hidden} earlier attempts are"
    return ". ".join(part for part in (last, f"{earlier} on the page of the last" if hidden else "") if part)


class TriggerJobsPanel:
    """The last jobs of a trigger.

    Args:
        view: The page's.
        trigger_id: Whose jobs.
    """

    def __init__(self, view: View, trigger_id: UUID) -> None:
        self._view = view
        self._actions = JobActions(view, JobsBackend(view.database, view.clock))
        self._rows: dict[str, JobRow] = {}
        self._lengths: tuple[RunLength, ...] | None = None
        with ui.element("div").classes("oo-col").style("gap: 14px") as self.element:
            with ui.element("div").classes("oo-card") as self._chart_card:
                with ui.element("div").classes("oo-card-h"), ui.element("h2"):
                    self._chart_title = ui.label()
                with ui.element("div").style("padding: 0 6px 4px"):
                    self._chart = Chart(
                        chart_options((), view.zone), label="Durations of the last runs", height="190px"
                    )
                    self._chart.on_point_click(self._open_run)
            with ui.element("div").classes("oo-card"):
                self._table = DataTable(
                    "Jobs of this trigger",
                    COLUMNS,
                    actions=[each for each in ACTIONS if each.name != "trigger"],
                    prefix=view.prefix,
                    on_action=self._act,
                    on_open=lambda row_id: view.go(f"/jobs/{row_id}"),
                ).mark("jobs")
                self._empty = empty.EmptyPlace(self._table)
                with ui.element("div").classes("oo-foot") as self._foot:
                    self._foot_text = ui.label()
                    ui.element("span").classes("oo-sp")
                    ghost("All jobs", lambda: view.go(f"/jobs?trigger={trigger_id}"), small=True, marker="all-jobs")

    def show(self, history: TriggerHistory) -> str:
        """Show them, and return how many there are, in words for the tab."""
        self._rows = {str(row.id): row for row in history.rows}
        runs = one_per_run(history.rows)
        self._table.show([self._table_row(row) for row in runs])
        self._empty.show(NO_JOBS, shown=bool(history.rows))
        self._foot.set_visibility(bool(history.rows))
        count = times.capped(history.total, JOB_CAP)
        text = foot_words(len(history.rows), history.total, count, hidden=len(history.rows) - len(runs))
        if self._foot_text.text != text:
            self._foot_text.set_text(text)
        if self._lengths != history.lengths:
            self._lengths = history.lengths
            self._show_chart(history.lengths)
        return count if history.rows else ""

    def _table_row(self, row: JobRow) -> Row:
        zone = self._view.zone
        shown = job_row(row, self._view.now(), zone, with_trigger=False)
        # The first column links here: the name is the same for all of them.
        started = {**shown.cells["started"], "h": f"/jobs/{row.id}"}
        attempts = cells.text(
            str(row.retry_number + 1) if row.retry_number else "",
            tone="t2",
            tip="The run was tried again. Its page links to the attempts before." if row.retry_number else None,
        )
        name = f"job of {times.full(row.started(zone), zone)}"
        return replace(shown, name=name, cells={**shown.cells, "started": started, "attempts": attempts})

    def _show_chart(self, lengths: tuple[RunLength, ...]) -> None:
        self._chart.show(chart_options(lengths, self._view.zone))
        usual = typical(lengths)
        words = f"Duration, last {len(lengths)} runs"
        self._chart_title.set_text(words + (f", typical {times.exact_duration(usual)}" if usual is not None else ""))
        self._chart_card.set_visibility(len(lengths) > 1)

    async def _act(self, action: str, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is not None and action == "kill":
            await self._actions.kill(row)
        elif row is not None and action == "logs":
            self._view.go(f"/logs?job={row.id}")
        elif row is not None and action == "cause":
            self._view.go(f"/jobs?trigger={row.trigger_id}&cause={cause_of(row)}")

    def _open_run(self, event: events.EChartPointClickEventArguments) -> None:
        lengths = self._lengths or ()
        if 0 <= event.data_index < len(lengths):
            self._view.go(f"/jobs/{lengths[event.data_index].job_id}")


class TriggerLogsPanel:
    """What the robots of the last jobs logged.

    Args:
        view: The page's.
        on_all: Opens everything that its process logged.
    """

    def __init__(self, view: View, on_all: Callable[[], None]) -> None:
        self._view = view
        self._rows: dict[str, JobMessage] = {}
        with ui.element("div").classes("oo-card") as self.element:
            self._table = DataTable("Logs", MESSAGE_COLUMNS, on_open=self._open, prefix=view.prefix).mark("logs")
            self._empty = empty.EmptyPlace(self._table)
            with ui.element("div").classes("oo-foot"):
                ui.label("Of the last jobs, the newest first.")
                ui.element("span").classes("oo-sp")
                ghost("Logs of the process", on_all, small=True, marker="process-logs")

    def show(self, logs: tuple[JobMessage, ...]) -> str:
        """Show them, and return how many there are, in words for the tab."""
        now, zone = self._view.now(), self._view.zone
        self._rows = {str(row.id): row for row in logs}
        self._table.show([message_row(row, now, zone) for row in logs])
        self._empty.show(NO_LOGS, shown=bool(logs))
        if not logs:
            return ""
        return f"{len(logs)}{'+' if len(logs) == LOGS else ''}"

    async def _open(self, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is not None:
            await show_message(row, self._view.zone)


def chart_options(lengths: tuple[RunLength, ...], zone: tzinfo) -> dict[str, Any]:
    """Return the chart of how long runs took: a bar for each, in the colour of how it ended."""
    longest = max((run.seconds or 0.0 for run in lengths), default=0.0)
    divisor, unit = (3600, "h") if longest >= 7200 else (60, "min") if longest >= 120 else (1, "s")
    data = []
    for run in lengths:
        look = JOB_LOOKS[run.status]
        took = times.exact_duration(run.seconds) if run.seconds is not None else "not ended"
        when = times.full(times.from_site(run.claimed, zone), zone)
        data.append(
            {
                "value": round((run.seconds or 0.0) / divisor, 3),
                "name": f"{look.word}, {took}, {when}",
                "itemStyle": {"color": f"var(--{look.tone}-mark)"},
            }
        )
    usual = typical(lengths)
    line = {
        "silent": True,
        "symbol": "none",
        "label": {"show": False},
        "lineStyle": {"color": "var(--text-3)", "type": "dotted", "width": 1.5},
        "data": [{"yAxis": usual / divisor}] if usual is not None else [],
    }
    names = [f"{times.day(times.from_site(run.claimed, zone), zone)} {run.claimed:%H:%M}" for run in lengths]
    return {
        "animation": False,
        "grid": {"left": 8, "right": 10, "top": 26, "bottom": 6, "containLabel": True},
        "tooltip": {
            "trigger": "item",
            "formatter": "{b}",
            "renderMode": "richText",
            "backgroundColor": "var(--raised)",
            "borderColor": "var(--border-strong)",
            "textStyle": {"color": "var(--text)", "fontSize": 12},
        },
        "xAxis": {
            "type": "category",
            "data": names,
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": "var(--border-strong)"}},
            "axisLabel": {
                "color": "var(--text-3)",
                "fontSize": 11,
                "hideOverlap": True,
                # The first and the last are as long as others, and would be cut off where they stand at the edge.
                "alignMinLabel": "left",
                "alignMaxLabel": "right",
            },
        },
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": "var(--text-3)", "fontSize": 11},
            "splitNumber": 3,
            "splitLine": {"lineStyle": {"color": "var(--grid)"}},
            "axisLabel": {"color": "var(--text-3)", "fontSize": 11},
        },
        "series": [
            {
                "type": "bar",
                "data": data,
                "barMaxWidth": 18,
                "barMinHeight": 3,
                "itemStyle": {"borderRadius": [2, 2, 0, 0]},
                "markLine": line,
                "cursor": "pointer",
            }
        ],
    }
