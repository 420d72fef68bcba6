"""One trigger: how it stands, when it runs next, how its jobs went, and everything that is set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from nicegui import events, ui

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.backend.job_details import (
    JOB_CAP,
    LOG_CAP,
    JobDetailsBackend,
    LogRow,
    RunLength,
    TriggerHistory,
)
from OpenOrchestrator.orchestrator.backend.job_rows import BAD_STATUSES, JobRow
from OpenOrchestrator.orchestrator.backend.jobs import JobsBackend, as_uuid
from OpenOrchestrator.orchestrator.backend.search import join_choice
from OpenOrchestrator.orchestrator.backend.trigger_rows import TriggerRow
from OpenOrchestrator.orchestrator.backend.trigger_settings import (
    StoredTrigger,
    TriggerSettings,
    TriggerSettingsBackend,
    next_runs,
)
from OpenOrchestrator.orchestrator.backend.triggers import TriggersBackend
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import ghost, icon_button, primary, secondary, tip
from OpenOrchestrator.orchestrator.components.chart import Chart
from OpenOrchestrator.orchestrator.components.cron_words import short
from OpenOrchestrator.orchestrator.components.data_table import Column, DataTable
from OpenOrchestrator.orchestrator.components.queue_address import path_of
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, TRIGGER_LOOKS
from OpenOrchestrator.orchestrator.dialogs.job_actions import JobActions
from OpenOrchestrator.orchestrator.dialogs.job_log import show_log
from OpenOrchestrator.orchestrator.dialogs.trigger_actions import TriggerActions, reasons
from OpenOrchestrator.orchestrator.dialogs.trigger_form import copy_trigger, edit_trigger
from OpenOrchestrator.orchestrator.pages import jobs as jobs_page
from OpenOrchestrator.orchestrator.pages.job_parts import (
    LOG_COLUMNS,
    Fact,
    Pill,
    Tabs,
    beside_heading,
    failure_card,
    log_row,
    typical,
)
from OpenOrchestrator.orchestrator.pages.trigger_parts import chart_options, next_words, pretty, setting_pairs
from OpenOrchestrator.orchestrator.view import PageSpec, View

JOBS = 25
RUNS = 60
LOGS = 100
NEXT_RUNS = 5

COLUMNS = (
    Column("status", "Status", "116px", phone=True, phone_width="110px"),
    Column("started", "Started", "132px", phone=True),
    Column("duration", "Duration", "100px", right=True, phone=True, phone_width="84px"),
    Column("where", "Scheduler", "136px"),
    Column("reason", "Reason"),
)


@dataclass(frozen=True, slots=True)
class TriggerState:
    """Everything that the page shows."""

    row: TriggerRow
    stored: StoredTrigger
    history: TriggerHistory


async def build(view: View) -> None:
    """Build the page.

    Raises:
        NotFoundError: If there is no such trigger.
    """
    trigger_id = as_uuid(view.parameters["trigger_id"])
    if trigger_id is None:
        raise NotFoundError("This is not the address of a trigger.")
    await TriggerPage(view, trigger_id).build()


class TriggerPage:
    """The page in one tab."""

    def __init__(self, view: View, trigger_id: UUID) -> None:
        self._view = view
        self._id = trigger_id
        self._triggers = TriggersBackend(view.database, view.clock)
        self._settings = TriggerSettingsBackend(view.database, view.clock)
        self._details = JobDetailsBackend(view.database, view.clock)
        self._actions = TriggerActions(view, self._triggers)
        self._job_actions = JobActions(view, JobsBackend(view.database, view.clock))
        self._jobs_by_id: dict[str, JobRow] = {}
        self._logs_by_id: dict[str, LogRow] = {}
        self._lengths: tuple[RunLength, ...] = ()
        self._drawn: dict[str, object] = {}
        self._deleting = False

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        state = await self._state()
        if state is None:
            raise NotFoundError("This trigger is not there: somebody deleted it, or the link is wrong.")
        self._last = state
        view.container.classes("oo-jdetail")
        with view.head(state.row.name, crumbs=[("Triggers", "/triggers")]):
            self._build_buttons()
        with beside_heading(view):
            self._pill = Pill()
        self._build_facts()
        self._gone = ui.element("div")
        self._failure = ui.element("div")
        self._tabs = Tabs({"": "Jobs", "logs": "Logs"}, view.query.get("tab", ""), self._tab)
        with ui.element("div").classes("oo-jtwo"):
            with ui.element("div").classes("oo-jfirst"):
                self._build_panels()
            with ui.element("div").classes("oo-jside"):
                self._next = ui.element("div").classes("oo-card")
                self._set = ui.element("div").classes("oo-card")
        self._show(state)
        view.follow(("trigger", self._id), self._state, self._show)

    async def _state(self) -> TriggerState | None:
        rows = await self._triggers.rows([self._id])
        if not rows:
            return None
        try:
            stored = await self._settings.get(self._id)
        except NotFoundError:
            return None
        history = await self._details.history(self._id, jobs=JOBS, runs=RUNS, logs=LOGS, queue=rows[0].queue)
        return TriggerState(rows[0], stored, history)

    def _build_buttons(self) -> None:
        self._kill = secondary("Kill", lambda: self._act("kill"), icon="sym_r_block", marker="kill").classes("oo-red")
        self._pause = secondary("Pause", lambda: self._act("disable"), icon="sym_r_pause", marker="pause")
        self._enable = secondary("Enable", lambda: self._act("enable"), icon="sym_r_check", marker="enable")
        secondary("Edit", self._edit, icon="sym_r_edit", marker="edit")
        self._run = primary("Run now", lambda: self._act("run"), icon="sym_r_play_arrow", marker="run")
        with icon_button("sym_r_more_horiz", "More", marker="more"), ui.menu(), ui.list():
            _menu_item("sym_r_content_copy", "Copy", self._copy)
            _menu_item("sym_r_delete", "Delete", lambda: self._act("delete"), red=True)

    def _build_facts(self) -> None:
        with ui.element("div").classes("oo-facts"):
            self._kind = Fact("Kind", marker="kind")
            self._schedule = Fact("Schedule", marker="schedule")
            self._due = Fact("Next run", marker="next-run")
            self._last_run = Fact("Last run", marker="last-run")
            self._where = Fact("Schedulers", marker="schedulers")
            self._process = Fact("Process", marker="process")

    def _build_panels(self) -> None:
        view = self._view
        with ui.element("div").classes("oo-col").style("gap: 14px") as panel:
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
                    actions=[each for each in jobs_page.ACTIONS if each.name != "trigger"],
                    prefix=view.prefix,
                    on_action=self._act_on_job,
                    on_open=lambda row_id: view.go(f"/jobs/{row_id}"),
                ).mark("jobs")
                self._no_jobs = ui.element("div")
                with ui.element("div").classes("oo-foot") as self._jobs_foot:
                    self._jobs_text = ui.label()
                    ui.element("span").classes("oo-sp")
                    ghost("All jobs", lambda: view.go(f"/jobs?trigger={self._id}"), small=True, marker="all-jobs")
        self._tabs.panel("", panel)
        with ui.element("div").classes("oo-card") as panel:
            self._logs = DataTable("Logs", LOG_COLUMNS, on_open=self._open_log, prefix=view.prefix).mark("logs")
            self._no_logs = ui.element("div")
            with ui.element("div").classes("oo-foot"):
                ui.label("Of the last jobs, the newest first.")
                ui.element("span").classes("oo-sp")
                ghost("Logs of the process", self._open_logs, small=True, marker="process-logs")
        self._tabs.panel("logs", panel)

    def _show(self, state: TriggerState | None) -> None:
        if state is None:
            self._show_gone()
            return
        self._last = state
        row, history = state.row, state.history
        self._actions.seen([row])
        if self._view.heading.text != row.name:
            self._view.heading.set_text(row.name)
            self._view.title(row.name)
        self._pill.show(TRIGGER_LOOKS[row.status])
        self._show_buttons(row)
        self._show_facts(state)
        self._show_jobs(history)
        self._once("failure", (row.status, history.failure, history.rows[:1]), lambda: self._build_failure(state))
        self._once("logs", history.logs, lambda: self._show_logs(history))
        minute = self._view.now().replace(second=0, microsecond=0)
        self._once(
            "next",
            (state.stored, row.next_run, row.status, row.late, history.waiting, minute),
            lambda: self._build_next(state),
        )
        self._once("set", state.stored.settings, lambda: self._build_settings(state.stored.settings))

    def _once(self, name: str, value: object, draw: Callable[[], None]) -> None:
        """Draw a part if what it shows differs from what it showed."""
        if name not in self._drawn or self._drawn[name] != value:
            self._drawn[name] = value
            draw()

    def _show_gone(self) -> None:
        if self._deleting:
            self._view.go("/triggers")
            return
        if "gone" not in self._drawn:
            self._drawn["gone"] = True
            with self._gone, ui.element("div").classes("oo-banner").style("margin: 0 var(--gutter) 12px"):
                ui.icon("sym_r_delete").classes("oo-i20")
                ui.label("Somebody deleted this trigger. What is shown is how it was.").mark("deleted")
            for button in (self._run, self._pause, self._enable, self._kill):
                button.set_enabled(False)

    def _show_buttons(self, row: TriggerRow) -> None:
        why_not = reasons(row)
        for name, button, words in (
            ("run", self._run, "Run once now, whatever the schedule says"),
            ("disable", self._pause, "Run no more until it is enabled"),
            ("enable", self._enable, "Let it run again"),
            ("kill", self._kill, "Stop the robot at once"),
        ):
            button.set_enabled(not why_not[name])
            tip(button, why_not[name] or words)
        self._enable.set_visibility(not why_not["enable"])
        self._pause.set_visibility(not why_not["disable"] and row.status is not TriggerStatus.FAILED)
        self._kill.set_visibility(row.active is not None or not why_not["kill"])

    def _show_facts(self, state: TriggerState) -> None:
        row, now, zone = state.row, self._view.now(), self._view.zone
        self._kind.show(row.type.value)
        if row.cron is not None:
            self._schedule.show(short(row.cron), hint=row.cron)
        else:
            self._schedule.show(f"Queue {row.queue}" if row.queue else "Once")
        words, hint, tone = next_words(row, now, zone)
        self._due.show(words, hint=hint, tone=tone)
        last = row.last_ended
        if last is not None:
            started = times.from_site(last.started, zone)
            look = JOB_LOOKS[last.status]
            tone = look.tone if last.status in BAD_STATUSES else ""
            self._last_run.show(
                f"{look.word}, {times.past(started, now, zone)}", hint=times.absolute(started, zone), tone=tone
            )
        else:
            self._last_run.show(
                "Never run" if row.last_run is None else times.past(times.from_site(row.last_run, zone), now, zone)
            )
        self._where.show(", ".join(row.schedulers) or "Any")
        self._process.show(row.process)

    def _show_jobs(self, history: TriggerHistory) -> None:
        now, zone = self._view.now(), self._view.zone
        self._jobs_by_id = {str(row.id): row for row in history.rows}
        rows = []
        for row in history.rows:
            shown = jobs_page.table_row(row, now, zone, with_trigger=False)
            # The first column links here: the name is the same for all of them.
            started = {**shown.cells["started"], "h": f"/jobs/{row.id}"}
            rows.append(
                type(shown)(
                    id=shown.id,
                    name=f"job of {times.full(row.started(zone), zone)}",
                    version=shown.version,
                    actions=shown.actions,
                    cells={**shown.cells, "started": started},
                )
            )
        self._table.show(rows)
        self._table.set_visibility(bool(rows))
        self._jobs_foot.set_visibility(bool(rows))
        count = times.capped(history.total, JOB_CAP)
        self._tabs.count("", count if rows else "")
        text = f"The last {len(rows)} of {count}" if history.total > len(rows) else ""
        if self._jobs_text.text != text:
            self._jobs_text.set_text(text)
        self._once("none", bool(rows), self._build_no_jobs)
        if history.lengths != self._lengths or "chart" not in self._drawn:
            self._drawn["chart"] = True
            self._lengths = history.lengths
            self._chart.show(chart_options(history.lengths, zone))
            usual = typical(history.lengths)
            words = f"Duration, last {len(history.lengths)} runs"
            self._chart_title.set_text(
                words + (f", typical {times.exact_duration(usual)}" if usual is not None else "")
            )
            self._chart_card.set_visibility(len(history.lengths) > 1)

    def _build_no_jobs(self) -> None:
        self._no_jobs.clear()
        if not self._last.history.rows:
            with self._no_jobs:
                empty.none_yet("sym_r_play_circle", "No jobs yet", "Each run of this trigger shows up here as a job.")

    def _show_logs(self, history: TriggerHistory) -> None:
        now, zone = self._view.now(), self._view.zone
        self._logs_by_id = {str(row.id): row for row in history.logs}
        self._logs.show([log_row(row, now, zone) for row in history.logs])
        self._logs.set_visibility(bool(history.logs))
        self._tabs.count(
            "logs", f"{len(history.logs)}{'+' if len(history.logs) == LOGS else ''}" if history.logs else ""
        )
        self._no_logs.clear()
        if not history.logs:
            with self._no_logs:
                empty.none_yet("sym_r_notes", "No logs yet", "What the robots of its last jobs log shows up here.")

    def _build_failure(self, state: TriggerState) -> None:
        self._failure.clear()
        ended = next((row for row in state.history.rows if not row.active), None)
        if state.row.status is not TriggerStatus.FAILED or ended is None or ended.status not in BAD_STATUSES:
            return
        reason = jobs_page.sentence(ended.reason or JOB_LOOKS[ended.status].word)
        with self._failure, failure_card(reason, state.history.failure, JOB_LOOKS[ended.status]):
            secondary("Open job", lambda: self._view.go(f"/jobs/{ended.id}"), small=True, marker="open-job")

    def _build_next(self, state: TriggerState) -> None:
        row, now, zone = state.row, self._view.now(), self._view.zone
        self._next.clear()
        with self._next:
            with ui.element("h2"):
                ui.label("Next runs")
            if row.queue is not None:
                ui.label(f"Runs while {row.min_batch_size} or more New elements wait.").classes("oo-t2")
                with ui.element("div").classes("oo-jnext"):
                    ui.link(row.queue, path_of(row.queue)).classes("oo-link oo-el")
                    waiting = state.history.waiting or 0
                    ui.label(f"{times.capped(waiting, LOG_CAP)} New").classes("oo-t2")
            elif row.cron is not None and row.status not in (TriggerStatus.FAILED, *_STOPPED):
                try:
                    instants = next_runs(row.cron, now, zone, NEXT_RUNS)
                except InvalidInputError as error:
                    ui.label(str(error)).classes("oo-fg-failed oo-pre")
                    return
                for instant in instants:
                    with ui.element("div").classes("oo-jnext"):
                        tip(
                            ui.label(f"{times.day(instant, zone)}, {times.clock_time(instant, zone)}"),
                            times.absolute(instant, zone),
                        )
                        ui.label(times.future(instant, now)).classes("oo-t3")
                ui.label(times.zone_text(now, zone)).classes("oo-xs oo-t3").style("margin-top: 6px")
            elif row.next_run is not None and row.type is TriggerType.SINGLE and row.status is TriggerStatus.IDLE:
                instant = times.from_site(row.next_run, zone)
                with ui.element("div").classes("oo-jnext"):
                    ui.label(times.full(instant, zone))
                    ui.label(times.future(instant, now)).classes("oo-t3")
                ui.label(times.zone_text(instant, zone)).classes("oo-xs oo-t3")
            else:
                ui.label(next_words(row, now, zone)[1] or "None.").classes("oo-t2 oo-pre")

    def _build_settings(self, settings: TriggerSettings) -> None:
        self._set.clear()
        with self._set:
            with ui.element("h2"):
                ui.label("Settings")
            with ui.element("dl").classes("oo-kv"):
                for label, value, mono in setting_pairs(settings):
                    with ui.element("dt"):
                        ui.label(label)
                    with ui.element("dd"):
                        ui.label(value).classes("oo-mono" if mono else "")
            if settings.arguments:
                ui.label("Arguments").classes("oo-sm oo-t3").style("margin: 10px 0 4px")
                ui.label(pretty(settings.arguments)).classes("oo-code").mark("arguments")

    async def _act(self, action: str) -> None:
        self._deleting = action == "delete"
        await self._actions.one(action, self._last.row)

    async def _act_on_job(self, action: str, row_id: str) -> None:
        row = self._jobs_by_id.get(row_id)
        if row is not None and action == "kill":
            await self._job_actions.kill(row)
        elif row is not None and action == "logs":
            self._view.go(f"/logs?job={row.id}")

    async def _edit(self) -> None:
        stored = await self._view.act(lambda: self._settings.get(self._id), name=f"Open {self._last.row.name}")
        if stored is not None:
            await edit_trigger(self._view, stored, self._view.refresh)

    async def _copy(self) -> None:
        stored = await self._view.act(lambda: self._settings.get(self._id), name=f"Open {self._last.row.name}")
        if stored is not None:
            await copy_trigger(self._view, stored, self._view.refresh)

    def _open_run(self, event: events.EChartPointClickEventArguments) -> None:
        if 0 <= event.data_index < len(self._lengths):
            self._view.go(f"/jobs/{self._lengths[event.data_index].job_id}")

    def _open_logs(self) -> None:
        self._view.go(f"/logs?process={quote(join_choice((self._last.row.process,), exclude=False), safe='')}")

    async def _open_log(self, row_id: str) -> None:
        row = self._logs_by_id.get(row_id)
        if row is not None:
            await show_log(row, self._view.zone)

    def _tab(self, value: str) -> None:
        self._view.set_query(tab=value or None)


_STOPPED = (TriggerStatus.PAUSED, TriggerStatus.KILLED, TriggerStatus.DONE)


def _menu_item(icon: str, words: str, on_click: Callable[[], Any], *, red: bool = False) -> None:
    with (
        ui.item(on_click=on_click)
        .props('clickable role="menuitem" v-close-popup')
        .classes("oo-red" if red else "") as item
    ):
        ui.icon(icon)
        ui.label(words)
    item.mark(f"menu-{words.lower()}")


PAGES = (PageSpec(path="/triggers/{trigger_id}", title="Trigger", build=build, under="/triggers"),)
