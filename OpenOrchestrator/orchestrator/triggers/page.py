"""One trigger: how it stands, when it runs next, how its jobs went, and everything that is set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, TriggerStatus
from OpenOrchestrator.orchestrator.annotations.backend import AnnotatedKind, AnnotationsBackend, StoredAnnotation
from OpenOrchestrator.orchestrator.annotations.form import annotate
from OpenOrchestrator.orchestrator.annotations.parts import draw_card, draw_owner
from OpenOrchestrator.orchestrator.backend.ids import as_uuid
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import icon_button, primary, secondary, tip
from OpenOrchestrator.orchestrator.components.choices import join_choice
from OpenOrchestrator.orchestrator.components.facts import Fact, beside
from OpenOrchestrator.orchestrator.components.failure_card import failure_card
from OpenOrchestrator.orchestrator.components.tabs import Tabs
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, TRIGGER_LOOKS, Pill
from OpenOrchestrator.orchestrator.jobs.actions import JobActions
from OpenOrchestrator.orchestrator.jobs.backend.history import TriggerHistory, TriggerHistoryBackend
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobsBackend
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.jobs.job_rows import sentence
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.triggers.actions import TriggerActions
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.settings import StoredTrigger, TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend
from OpenOrchestrator.orchestrator.triggers.backend.waits import Wait
from OpenOrchestrator.orchestrator.triggers.cron_words import short
from OpenOrchestrator.orchestrator.triggers.failure_words import count_words
from OpenOrchestrator.orchestrator.triggers.form import copy_trigger, edit_trigger
from OpenOrchestrator.orchestrator.triggers.next_run import next_words
from OpenOrchestrator.orchestrator.triggers.notes import skipped_of, why_not_skip
from OpenOrchestrator.orchestrator.triggers.overlap_words import is_several
from OpenOrchestrator.orchestrator.triggers.page_notes import draw_notes
from OpenOrchestrator.orchestrator.triggers.page_panels import LOGS, TriggerJobsPanel, TriggerLogsPanel
from OpenOrchestrator.orchestrator.triggers.page_running import draw_running
from OpenOrchestrator.orchestrator.triggers.page_side import draw_next_runs, draw_settings
from OpenOrchestrator.orchestrator.triggers.reasons import reasons
from OpenOrchestrator.orchestrator.triggers.schedule_words import own_zone
from OpenOrchestrator.orchestrator.triggers.waiting import draw_wait

JOBS = 25
RUNS = 60


@dataclass(frozen=True, slots=True)
class TriggerState:
    """Everything that the page shows."""

    row: ListedTrigger
    wait: Wait | None
    stored: StoredTrigger
    history: TriggerHistory
    running: tuple[JobRow, ...]
    annotation: StoredAnnotation


async def build(view: View) -> None:
    """Show the trigger of the address.

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
        self._history = TriggerHistoryBackend(view.database, view.clock)
        self._annotations = AnnotationsBackend(view.database, view.clock)
        self._jobs_backend = JobsBackend(view.database, view.clock)
        self._job_actions = JobActions(view, self._jobs_backend)
        self._actions = TriggerActions(view, self._triggers)
        self._drawn: dict[str, object] = {}
        self._deleting = False

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        state = await self._state()
        if state is None:
            raise NotFoundError("This trigger is not there: somebody deleted it, or the link is wrong.")
        self._last = state
        view.container.classes("oo-detail")
        with view.head(state.row.name, crumbs=[("Triggers", "/triggers")]):
            self._build_buttons()
        with beside(view.heading):
            self._pill = Pill()
        self._build_facts()
        self._gone = ui.element("div")
        self._wait = ui.element("div").props("role=status")
        self._notes = ui.element("div")
        self._failure = ui.element("div")
        self._tabs = Tabs({"": "Jobs", "logs": "Logs"}, view.query.get("tab", ""), self._tab)
        with ui.element("div").classes("oo-split"):
            with ui.element("div").classes("oo-split-main"):
                self._jobs = TriggerJobsPanel(view, self._id)
                self._logs = TriggerLogsPanel(view, self._open_logs)
            with ui.element("div").classes("oo-split-side"):
                self._running = ui.element("div").classes("oo-card").mark("running")
                self._next = ui.element("div").classes("oo-card")
                self._noted = ui.element("div").classes("oo-card")
                self._set = ui.element("div").classes("oo-card")
        self._tabs.panel("", self._jobs.element)
        self._tabs.panel("logs", self._logs.element)
        self._show(state)
        view.follow(("trigger", self._id), self._state, self._show)
        action, which = view.asked_form()
        if which == str(self._id) and action in ("edit", "copy"):
            await (self._edit if action == "edit" else self._copy)()
        elif (action, which) == ("notes", str(self._id)):
            await self._annotate()

    async def _state(self) -> TriggerState | None:
        found = await self._triggers.row_and_wait(self._id)
        if found is None:
            return None
        row, wait = found
        try:
            stored = await self._settings.get(self._id)
        except NotFoundError:
            return None
        history = await self._history.history(self._id, jobs=JOBS, runs=RUNS, logs=LOGS, queue=row.queue)
        annotation = await self._annotations.get(AnnotatedKind.TRIGGER, str(self._id))
        running = await self._jobs_backend.running_of(self._id) if is_several(row) else ()
        return TriggerState(row, wait, stored, history, running, annotation)

    def _build_buttons(self) -> None:
        self._kill = secondary("Kill", lambda: self._act("kill"), icon="sym_r_block", marker="kill").classes("oo-red")
        self._pause = secondary("Pause", lambda: self._act("disable"), icon="sym_r_pause", marker="pause")
        self._enable = secondary("Enable", lambda: self._act("enable"), icon="sym_r_check", marker="enable")
        secondary("Edit", self._edit, icon="sym_r_edit", marker="edit")
        self._run = primary("Run now", lambda: self._act("run"), icon="sym_r_play_arrow", marker="run")
        with icon_button("sym_r_more_horiz", "More", marker="more"), ui.menu() as menu, ui.list():
            self._once_item = _menu_item(
                menu, "sym_r_play_circle", "Run once with…", lambda: self._act("once"), marker="menu-once"
            )
            self._pause_until = _menu_item(
                menu, "sym_r_pause_circle", "Pause until…", lambda: self._act("pause"), marker="menu-pause-until"
            )
            self._skip = _menu_item(
                menu, "sym_r_skip_next", "Skip the next run", lambda: self._act("skip"), marker="menu-skip"
            )
            self._why = _menu_item(
                menu, "sym_r_help", "Why is it not running?", lambda: self._act("why"), marker="menu-why"
            )
            _menu_item(menu, "sym_r_content_copy", "Copy", self._copy)
            _menu_item(menu, "sym_r_delete", "Delete", lambda: self._act("delete"), red=True)

    def _build_facts(self) -> None:
        with ui.element("div").classes("oo-facts"):
            self._kind = Fact("Kind", marker="kind")
            self._schedule = Fact("Schedule", marker="schedule")
            self._due = Fact("Next run", marker="next-run")
            self._last_run = Fact("Last run", marker="last-run")
            self._where = Fact("Schedulers", marker="schedulers")
            self._process = Fact("Process", marker="process")

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
        self._tabs.count("", self._jobs.show(history))
        notes = (
            row.request, row.pause, skipped_of(row, self._view.now(), self._view.zone), row.retry, count_words(row)
        )  # fmt: skip
        minute = self._view.now().replace(second=0, microsecond=0)
        self._once("notes", (notes, minute if any(notes) else None), lambda: self._build_notes(row))
        self._once("wait", (state.wait, minute if state.wait else None), lambda: self._build_wait(state.wait))
        owner = state.annotation.values.owner
        self._once(
            "failure", (row.status, history.failure, history.rows[:1], owner), lambda: self._build_failure(state)
        )
        self._once("logs", history.logs, lambda: self._tabs.count("logs", self._logs.show(history.logs)))
        self._once(
            "next",
            (
                state.stored,
                row.next_run,
                row.status,
                row.late,
                row.pause,
                row.skipped,
                row.retry,
                history.waiting,
                minute,
            ),
            lambda: self._build_next(state),
        )
        self._running.set_visibility(bool(state.running))
        shown = (state.running, row.most_jobs, row.will_be, minute)
        self._once("running", shown if state.running else None, lambda: self._build_running(state))
        self._once("set", state.stored.settings, lambda: self._build_settings(state))
        self._once("noted", (state.annotation, minute), lambda: self._build_noted(state.annotation))

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

    def _show_buttons(self, row: ListedTrigger) -> None:
        why_not = reasons(row)
        for name, button, words in (
            ("run", self._run, "Run once now, whatever the schedule says"),
            ("disable", self._pause, "Run no more until it is enabled"),
            ("enable", self._enable, "Let it run again"),
            ("kill", self._kill, "Stop one robot, or all" if len(row.running) > 1 else "Stop the robot at once"),
        ):
            button.set_enabled(not why_not[name])
            tip(button, why_not[name] or words)
        skip = why_not_skip(row, self._view.now(), self._view.zone)
        self._skip.set_visibility(skip is not None)
        self._skip.set_enabled(not skip)
        tip(self._skip, skip or None)
        self._pause_until.set_visibility(not why_not["disable"])
        self._why.set_visibility(row.active is None or row.most_jobs > 1)
        self._once_item.set_enabled(not why_not["once"])
        tip(self._once_item, why_not["once"] or None)
        self._enable.set_visibility(not why_not["enable"])
        self._pause.set_visibility(not why_not["disable"] and row.status is not TriggerStatus.FAILED)
        self._kill.set_visibility(row.active is not None or not why_not["kill"])

    def _show_facts(self, state: TriggerState) -> None:
        row, now, zone = state.row, self._view.now(), self._view.zone
        self._kind.show(row.type.value)
        if row.cron is not None:
            elsewhere = own_zone(row, zone)
            self._schedule.show(short(row.cron) + (f", {elsewhere}" if elsewhere else ""), hint=row.cron)
        else:
            self._schedule.show(f"Queue {row.queue}" if row.queue else "Once")
        words, hint, tone = next_words(row, now, zone)
        self._due.show(words, hint=hint, tone=tone)
        last = row.last_ended
        if last is not None:
            started = times.from_site(last.started, zone)
            look = JOB_LOOKS[last.status]
            tone = look.tone if last.status in BAD_JOB_STATUSES else ""
            self._last_run.show(
                f"{look.word}, {times.past(started, now, zone)}", hint=times.absolute(started, zone), tone=tone
            )
        else:
            self._last_run.show(
                "Never run" if row.last_run is None else times.past(times.from_site(row.last_run, zone), now, zone)
            )
        self._where.show(", ".join(row.schedulers) or "Any")
        self._process.show(row.process)

    def _build_failure(self, state: TriggerState) -> None:
        self._failure.clear()
        ended = next((row for row in state.history.rows if not row.active and row.ran), None)
        if state.row.status is not TriggerStatus.FAILED or ended is None or ended.status not in BAD_JOB_STATUSES:
            return
        look, failure = JOB_LOOKS[ended.status], state.history.failure
        reason = sentence(ended.reason or look.word)
        with (
            self._failure,
            failure_card(
                reason,
                look,
                headline=failure.headline if failure else None,
                text=failure.text if failure else None,
                beneath=lambda: draw_owner(state.annotation.values.owner),
            ),
        ):
            secondary("Open job", lambda: self._view.go(f"/jobs/{ended.id}"), small=True, marker="open-job")

    def _build_notes(self, row: ListedTrigger) -> None:
        self._notes.clear()
        with self._notes:
            draw_notes(row, self._view.now(), self._view.zone, self._act)

    def _build_wait(self, wait: Wait | None) -> None:
        self._wait.clear()
        if wait is not None:
            with self._wait:
                draw_wait(wait, self._view.now(), self._view.zone, lambda: self._act("why"))

    def _build_next(self, state: TriggerState) -> None:
        self._next.clear()
        with self._next:
            draw_next_runs(state.row, state.history.waiting, self._view.now(), self._view.zone)

    def _build_running(self, state: TriggerState) -> None:
        self._running.clear()
        with self._running:
            draw_running(state.row, state.running, self._view.now(), self._view.zone, self._job_actions.kill)

    def _build_settings(self, state: TriggerState) -> None:
        self._set.clear()
        with self._set:
            draw_settings(state.stored.settings)

    def _build_noted(self, annotation: StoredAnnotation) -> None:
        self._noted.clear()
        with self._noted:
            draw_card(annotation, on_edit=self._annotate, now=self._view.now(), zone=self._view.zone)

    async def _annotate(self) -> None:
        await annotate(self._view, AnnotatedKind.TRIGGER, str(self._id), self._last.row.name, self._view.refresh)

    async def _act(self, action: str) -> None:
        self._deleting = action == "delete"
        await self._actions.one(action, self._last.row)

    async def _edit(self) -> None:
        stored = await self._view.act(lambda: self._settings.get(self._id), name=f"Open {self._last.row.name}")
        if stored is not None:
            await edit_trigger(self._view, stored, self._view.refresh)

    async def _copy(self) -> None:
        stored = await self._view.act(lambda: self._settings.get(self._id), name=f"Open {self._last.row.name}")
        if stored is not None:
            await copy_trigger(self._view, stored, lambda _: self._view.refresh())

    def _open_logs(self) -> None:
        self._view.go(f"/logs?process={quote(join_choice((self._last.row.process,), exclude=False), safe='')}")

    def _tab(self, value: str) -> None:
        self._view.set_query(tab=value or None)


def _menu_item(
    menu: ui.menu, icon: str, words: str, on_click: Callable[[], Any], *, red: bool = False, marker: str | None = None
) -> ui.item:
    # Closed first: a menu that stays open would lie on the question that comes up.
    item = ui.item(on_click=menu.close).on_click(on_click)
    with item.props('clickable role="menuitem"').classes("oo-red" if red else ""):
        ui.icon(icon)
        ui.label(words)
    return item.mark(marker or f"menu-{words.lower()}")


PAGES = (PageSpec(path="/triggers/{trigger_id}", title="Trigger", build=build, under="/triggers"),)
