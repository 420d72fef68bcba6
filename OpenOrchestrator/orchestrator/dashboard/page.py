"""The dashboard: what went wrong and why, what runs, what is late, how full the queues are, who did what when."""

import asyncio
from datetime import datetime
from typing import Any

from nicegui import background_tasks, ui

from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import ghost, tip
from OpenOrchestrator.orchestrator.components.forms.fields import segmented
from OpenOrchestrator.orchestrator.dashboard import row_parts
from OpenOrchestrator.orchestrator.dashboard.attention import Attention
from OpenOrchestrator.orchestrator.dashboard.backend.overview import DashboardBackend, Glance
from OpenOrchestrator.orchestrator.dashboard.backend.queues import QueueDepthBackend, Queues
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span, start_of
from OpenOrchestrator.orchestrator.dashboard.backend.timeline import Timeline, TimelineBackend
from OpenOrchestrator.orchestrator.dashboard.row_parts import Moment
from OpenOrchestrator.orchestrator.dashboard.run_timeline import RunTimeline
from OpenOrchestrator.orchestrator.dashboard.side_list import SideList
from OpenOrchestrator.orchestrator.dashboard.tick_bars import TickBars
from OpenOrchestrator.orchestrator.dashboard.words import (
    count_of,
    date_words,
    short_since,
    since_words,
    span_of,
    tick_words,
)
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.setup.first_run import needs_setup
from OpenOrchestrator.orchestrator.triggers.actions import TriggerActions
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend

MOST_CAUSES = 12
MOST_LANES = 12
TIMELINE_SECONDS = 10.0
QUEUE_SECONDS = 20.0
LEGEND = (
    ("done", "Done"),
    ("running", "Running"),
    ("failed", "Failed"),
    ("timeout", "Timed out"),
    ("killed", "Killed"),
    ("lost", "Lost"),
)


async def build(view: View) -> None:
    """Build the page; without a database, go the way to one."""
    if needs_setup(view):
        view.go("/settings")
        return
    await DashboardPage(view).build()


class DashboardPage:
    """The dashboard in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = DashboardBackend(view.database, view.clock)
        self._queues_backend = QueueDepthBackend(view.database, view.clock)
        self._timeline_backend = TimelineBackend(view.database, view.clock)
        self._span = span_of(view.query)
        self._glance: Glance | None = None
        self._queues = Queues((), ())
        self._timeline: Timeline | None = None
        self._all_lanes = False
        self._all_causes = False
        self._following: list[Any] = []
        self._asked = 0

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        glance, timeline = await asyncio.gather(self._backend.glance(self._span), self._timeline_backend.timeline())
        with view.head("Dashboard"):
            self._spans = segmented(self._words(), self._span, label="Span", marker="span")
            self._spans.classes("oo-no-phone").on_value_change(lambda event: self._change(event.value))
        with ui.element("div").classes("oo-body"):
            self._figures()
            with ui.element("div").classes("oo-dash"):
                with ui.element("div"):
                    self._attention()
                    self._runs()
                with ui.element("div"):
                    self._running_card()
                    self._queue_card()
        self._show_glance(glance)
        self._show_timeline(timeline)
        self._follow()
        view.follow("dashboard timeline", self._timeline_backend.timeline, self._show_timeline, every=TIMELINE_SECONDS)
        # The slowest of all: the page need not wait for it.
        background_tasks.create(self._load_queues(), name="queue depths", context=ui.context.client)

    async def _load_queues(self) -> None:
        span = self._span
        queues = await self._view.load(lambda: self._queues_backend.queues(span))
        if queues is not None and span is self._span and not self._queue_list.is_deleted:
            self._show_queues(queues)

    def _follow(self) -> None:
        view, span = self._view, self._span
        for subscription in self._following:
            view.unfollow(subscription)
        self._following = [
            view.follow(("dashboard", span), lambda: self._backend.glance(span), self._show_glance),
            view.follow(
                ("dashboard queues", span),
                lambda: self._queues_backend.queues(span),
                self._show_queues,
                every=QUEUE_SECONDS,
            ),
        ]

    async def _change(self, span: Span) -> None:
        self._span = span
        self._view.set_query(span=None if span is Span.WORK else span.value)
        self._asked += 1
        asked = self._asked
        glance = await self._view.load(lambda: self._backend.glance(span))
        if asked == self._asked:
            if glance is not None:
                self._show_glance(glance)
            self._follow()
            await self._load_queues()

    def _words(self) -> dict[Span, str]:
        since = start_of(Span.WORK, self._site_now())
        return {Span.DAY: "24 h", Span.WORK: f"Since {times.DAYS[since.weekday()]} {since:%H:%M}", Span.WEEK: "7 days"}

    def _site_now(self) -> datetime:
        return self._view.now().astimezone(self._view.zone).replace(tzinfo=None)

    def _moment(self) -> Moment:
        return Moment(self._view.now(), self._view.zone)

    def _figures(self) -> None:
        with ui.element("div").classes("oo-card oo-figs oo-dash-figs"):
            self._failed = _Figure("r_error", "failed", "failed-figure")
            with self._failed.link, ui.element("div").classes("oo-fig-chart oo-no-phone"):
                self._ticks = TickBars(tone="failed")
                with ui.element("div").classes("oo-row oo-xs oo-t3"):
                    self._tick_labels = [ui.label() for _ in range(3)]
            self._running = _Figure("sym_r_progress_activity", "running", "running-figure", "Running now", plain=True)
            self._late = _Figure("sym_r_running_with_errors", "timeout", "late-figure", "Late or stuck triggers")
            self._silent = _Figure(
                "sym_r_link_off", "lost", "silent-figure", "Schedulers not heard from", short="Silent schedulers"
            )

    def _attention(self) -> None:
        with ui.element("div").classes("oo-card"):
            with ui.element("div").classes("oo-att-hd"):
                with ui.element("h2"):
                    ui.label("Needs attention")
                    self._causes = ui.label().classes("oo-tag").mark("causes")
                self._heads = [ui.label(words) for words in ("Count", "First seen", "Last seen")]
                for label in self._heads:
                    label.classes("oo-sm oo-t3 oo-no-phone" + (" oo-right" if label is self._heads[0] else ""))
            self._rows = Attention(prefix=self._view.prefix, on_act=self._act).mark("attention")
            self._quiet = ui.element("div").mark("quiet")
            with ui.element("div").classes("oo-tl-more").style("padding-top: 8px") as self._more:
                self._more_button = ghost("", self._toggle_causes, small=True, marker="all-causes")

    def _runs(self) -> None:
        with ui.element("div").classes("oo-card oo-no-phone"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2"):
                    ui.label("Runs by scheduler")
                self._partial = ui.label().classes("oo-sm oo-t3")
                ui.element("span").classes("oo-sp")
                with ui.element("div").classes("oo-legend"):
                    for tone, words in LEGEND:
                        with ui.element("span"):
                            ui.element("b").classes(f"oo-m-{tone}")
                            ui.label(words)
            self._lanes = RunTimeline(prefix=self._view.prefix).mark("timeline")
            self._no_lanes = ui.label("No scheduler has been heard from yet.").classes("oo-side-none")
            with ui.element("div").classes("oo-tl-more") as self._more_lanes:
                self._lanes_button = ghost("", self._toggle_lanes, small=True, marker="all-lanes")

    def _running_card(self) -> None:
        with ui.element("div").classes("oo-card"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2"):
                    ui.label("Running now")
                self._running_tag = ui.label().classes("oo-tag")
                ui.element("span").classes("oo-sp")
                ui.link("All jobs", "/jobs").classes("oo-link oo-sm")
            self._running_list = SideList(prefix=self._view.prefix).mark("running")
            self._nothing_runs = ui.label("Nothing runs at the moment.").classes("oo-side-none")

    def _queue_card(self) -> None:
        with ui.element("div").classes("oo-card"):
            with ui.element("div").classes("oo-card-h"):
                with ui.element("h2"):
                    ui.label("Queue depth")
                ui.element("span").classes("oo-sp")
                ui.label("12 h, New elements").classes("oo-sm oo-t3")
            self._queue_list = SideList(prefix=self._view.prefix).mark("queue-depth")
            self._queue_note = ui.label().classes("oo-side-none")

    def _show_glance(self, glance: Glance) -> None:
        self._glance = glance
        moment = self._moment()
        local = moment.now.astimezone(moment.zone)
        _say(self._view.heading, date_words(local))
        since = since_words(glance.since, self._span)
        self._view.count(f"{since[0].upper()}{since[1:]}")
        words = self._words()
        if words != self._spans.options:
            self._spans.set_options(words, value=self._span)
        self._show_figures(glance, since)
        self._running_list.show(row_parts.running_rows(glance.running, moment))
        _say(self._running_tag, times.number(glance.running_total))
        self._running_tag.set_visibility(glance.running_total > 0)
        self._nothing_runs.set_visibility(not glance.running)
        self._show_attention()

    def _show_figures(self, glance: Glance, since: str) -> None:
        span = self._span
        causes = len(glance.causes)
        self._failed.show(
            glance.failed,
            f"of {count_of(glance.jobs, 'job')}" + (f" · {count_of(causes, 'cause')}" if causes else ""),
            row_parts.bad_jobs(glance.since),
            f"Failed {'in ' if span is not Span.WORK else ''}{short_since(glance.since, span)}",
        )
        self._ticks.show(glance.buckets, label=f"Failures over time, {since}")
        for label, words in zip(self._tick_labels, tick_words(glance.since, self._site_now(), span), strict=True):
            _say(label, words)
        running = row_parts.link("/jobs", status="starting,running")
        where = f"on {glance.busy_schedulers or 'none'} of {count_of(glance.schedulers, 'scheduler')}"
        if not glance.schedulers:
            where = (
                f"on {count_of(glance.busy_schedulers, 'scheduler')}" if glance.busy_schedulers else "No scheduler yet"
            )
        self._running.show(glance.running_total, where, running)
        late, stuck = [each for each in glance.troubled if each.late], [each for each in glance.troubled if each.stuck]
        states = sorted({each.status.value for each in stuck})
        parts = [f"{len(late)} late"] if late else []
        parts += [f"{len(stuck)} stuck in {' or '.join(states)}"] if stuck else []
        self._late.show(len(late) + len(stuck), " · ".join(parts) or "All on time", "/triggers?segment=attention")
        self._silent.show(len(glance.silent), self._silent_words(glance), "/schedulers")

    def _silent_words(self, glance: Glance) -> str:
        if not glance.schedulers:
            return "None has been heard from yet"
        if not glance.silent:
            return f"All {glance.schedulers} report" if glance.schedulers > 1 else "It reports"
        first = glance.silent[0]
        if len(glance.silent) == 1:
            seconds = self._moment().seconds_since(first.seen)
            return f"{first.name} · {times.duration(seconds // 60 * 60)} ago"
        return row_parts.some([each.name for each in glance.silent])

    def _show_attention(self) -> None:
        glance = self._glance
        if glance is None:
            return
        rows = row_parts.attention_rows(glance, self._queues.causes, self._moment())
        self._rows.show(rows if self._all_causes else rows[:MOST_CAUSES])
        _say(self._causes, count_of(len(rows), "cause"))
        for label in (self._causes, *self._heads):
            label.set_visibility(bool(rows))
        more = len(rows) - MOST_CAUSES
        self._more.set_visibility(more > 0)
        _say(self._more_button, f"Only the first {MOST_CAUSES}" if self._all_causes else f"{more} more")
        self._show_quiet(glance, quiet=not rows)

    def _show_quiet(self, glance: Glance, *, quiet: bool) -> None:
        state = f"{glance.jobs} {glance.schedulers}" if quiet else ""
        if state == getattr(self, "_quiet_state", ""):
            return
        self._quiet_state = state
        self._quiet.clear()
        if not quiet:
            return
        since = since_words(glance.since, self._span)
        with self._quiet:
            if not glance.schedulers and not glance.jobs:
                empty.none_yet(
                    "sym_r_dns",
                    "Nothing has run yet",
                    "Create a trigger, and start a scheduler on a worker machine: python -m OpenOrchestrator scheduler",
                    action="Create a trigger",
                    on_action=lambda: self._view.go("/triggers"),
                )
            else:
                empty.all_quiet("Nothing needs attention", f"{count_of(glance.jobs, 'job')} {since}, none failed.")

    def _show_queues(self, queues: Queues) -> None:
        self._queues = queues
        self._queue_list.show(row_parts.queue_rows(queues.depths, self._moment()))
        words = "No queue has New elements." if not queues.depths else ""
        if queues.others:
            words = f"{count_of(queues.others, 'more queue')} with New elements."
        _say(self._queue_note, words)
        self._queue_note.set_visibility(bool(words))
        self._show_attention()

    def _show_timeline(self, timeline: Timeline) -> None:
        self._timeline = timeline
        lanes = timeline.lanes
        notable = [lane for lane in lanes if lane.notable][:MOST_LANES] if len(lanes) > MOST_LANES else list(lanes)
        shown = lanes if self._all_lanes else notable
        self._lanes.show(shown, self._view.now(), self._view.zone)
        self._lanes.set_visibility(bool(lanes))
        self._no_lanes.set_visibility(not lanes)
        self._more_lanes.set_visibility(len(lanes) > len(notable))
        _say(self._lanes_button, "Only busy ones" if self._all_lanes else f"All {len(lanes)} schedulers")
        partial = timeline.complete_since
        _say(self._partial, f"complete from {partial:%H:%M}" if partial is not None else "")

    def _toggle_causes(self) -> None:
        self._all_causes = not self._all_causes
        self._show_attention()

    def _toggle_lanes(self) -> None:
        self._all_lanes = not self._all_lanes
        if self._timeline is not None:
            self._show_timeline(self._timeline)

    async def _act(self, row_id: str) -> None:
        glance = self._glance
        if glance is None:
            return
        stuck = row_parts.settled_by(row_id, glance)
        if stuck is not None:
            await self._view.act(
                lambda: self._backend.settle(stuck.id), name=f"Settle {stuck.name}", done=f"{stuck.name} was settled"
            )
            return
        triggers = TriggersBackend(self._view.database, self._view.clock)
        ids = [trigger.id for trigger in row_parts.enabled_by(row_id, glance)]
        rows = await self._view.load(lambda: triggers.rows(ids))
        if rows:
            await TriggerActions(self._view, triggers).many("enable", rows)


class _Figure:
    """A key figure that links to what it counts."""

    def __init__(
        self, icon: str, tone: str, marker: str, words: str = "", *, short: str = "", plain: bool = False
    ) -> None:
        self._tone = "" if plain else f"oo-fg-{tone}"
        with ui.link(target="/").classes("oo-fig").mark(marker) as self.link:
            with ui.element("div").classes("oo-l"):
                ui.icon(icon).classes(f"oo-fg-{tone}")
                self._words = ui.label(words).classes("oo-el" + (" oo-no-phone" if short else ""))
                if short:
                    ui.label(short).classes("oo-only-phone")
            self._value = ui.label().classes("oo-v").mark(f"{marker}-value")
            self._detail = ui.label().classes("oo-d").mark(f"{marker}-detail")

    def show(self, value: int, detail: str, target: str, words: str | None = None) -> None:
        """Show a number; nought is quiet."""
        _say(self._value, times.number(value))
        _say(self._detail, detail)
        tip(self._detail, detail)
        if words is not None:
            _say(self._words, words)
        tone = self._tone if value else "oo-none"
        self._value.classes(add=tone, remove=" ".join({self._tone, "oo-none"} - {tone}))
        if self.link.props["href"] != target:
            self.link.props["href"] = target
            self.link.update()


def _say(element: Any, text: str) -> None:
    if element.text != text:
        element.set_text(text)


PAGES = (
    PageSpec(
        path="/",
        title="Dashboard",
        build=build,
        nav=NavEntry("Operate", 10, "sym_r_dashboard"),
        needs_database=False,
    ),
)
