"""The dashboard: what went wrong and why, what runs, what is late, how full the queues are, who did what when."""

import asyncio
from datetime import datetime
from typing import Any

from nicegui import background_tasks, ui

from OpenOrchestrator.orchestrator.coming.backend.coming import ComingBackend, Horizon
from OpenOrchestrator.orchestrator.coming.strip_card import StripCard
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.fields import segmented
from OpenOrchestrator.orchestrator.dashboard.attention_card import AttentionCard
from OpenOrchestrator.orchestrator.dashboard.backend.overview import DashboardBackend, Glance
from OpenOrchestrator.orchestrator.dashboard.backend.queues import QueueDepthBackend, Queues
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span, start_of
from OpenOrchestrator.orchestrator.dashboard.backend.timeline import TimelineBackend
from OpenOrchestrator.orchestrator.dashboard.figures import KeyFigures
from OpenOrchestrator.orchestrator.dashboard.runs_card import RunsCard
from OpenOrchestrator.orchestrator.dashboard.side_list import SideList
from OpenOrchestrator.orchestrator.dashboard.side_rows import queue_rows, running_rows
from OpenOrchestrator.orchestrator.dashboard.words import Moment, count_of, date_words, since_words, span_of
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.setup.first_run import needs_setup

TIMELINE_SECONDS = 10.0
QUEUE_SECONDS = 20.0
COMING_SECONDS = 60.0


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
        self._coming_backend = ComingBackend(view.database, view.clock)
        self._span = span_of(view.query)
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
            self._figures = KeyFigures()
            with ui.element("div").classes("oo-dash"):
                with ui.element("div"):
                    self._attention = AttentionCard(view, self._backend)
                    self._runs = RunsCard(view)
                    self._coming = StripCard(view)
                with ui.element("div"):
                    self._running_card()
                    self._queue_card()
        self._show_glance(glance)
        self._runs.show(timeline)
        self._follow()
        view.follow("dashboard timeline", self._timeline_backend.timeline, self._runs.show, every=TIMELINE_SECONDS)
        view.follow(
            ("coming", Horizon.DAY),
            lambda: self._coming_backend.forecast(Horizon.DAY),
            self._coming.show,
            every=COMING_SECONDS,
        )
        # The slowest of all: the page need not wait for them.
        background_tasks.create(self._load_queues(), name="queue depths", context=ui.context.client)
        background_tasks.create(self._load_coming(), name="coming runs", context=ui.context.client)

    async def _load_queues(self) -> None:
        span = self._span
        queues = await self._view.load(lambda: self._queues_backend.queues(span))
        if queues is not None and span is self._span and not self._queue_list.is_deleted:
            self._show_queues(queues)

    async def _load_coming(self) -> None:
        forecast = await self._view.load(lambda: self._coming_backend.forecast(Horizon.DAY))
        if forecast is not None and not self._coming.is_deleted:
            self._coming.show(forecast)

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
        moment = self._moment()
        local = moment.now.astimezone(moment.zone)
        self._view.heading.set_text(date_words(local))
        since = since_words(glance.since, self._span)
        self._view.count(f"{since[0].upper()}{since[1:]}")
        words = self._words()
        if words != self._spans.options:
            self._spans.set_options(words, value=self._span)
        self._figures.show(glance, self._span, moment)
        self._running_list.show(running_rows(glance.running, moment))
        self._running_tag.set_text(times.number(glance.running_total))
        self._running_tag.set_visibility(glance.running_total > 0)
        self._nothing_runs.set_visibility(not glance.running)
        self._attention.show(glance, self._span)

    def _show_queues(self, queues: Queues) -> None:
        self._queue_list.show(queue_rows(queues.depths, self._moment()))
        words = "No queue has New elements." if not queues.depths else ""
        if queues.others:
            words = f"{count_of(queues.others, 'more queue')} with New elements."
        self._queue_note.set_text(words)
        self._queue_note.set_visibility(bool(words))
        self._attention.show_elements(queues.causes, queues.unserved)


PAGES = (
    PageSpec(
        path="/",
        title="Dashboard",
        build=build,
        nav=NavEntry("Operate", 10, "sym_r_dashboard"),
        needs_database=False,
    ),
)
