"""All queues: what waits, what failed, how old the oldest waits, and how fast they are worked off."""

from typing import Any

from nicegui import background_tasks, ui

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.annotations.backend import AnnotatedKind, AnnotationsBackend
from OpenOrchestrator.orchestrator.annotations.form import annotate
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import primary, secondary, tip
from OpenOrchestrator.orchestrator.components.choices import split_choice
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar
from OpenOrchestrator.orchestrator.components.tables.paging import Pager, place_of, resized, turned
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.queues.backend.badge import BADGE
from OpenOrchestrator.orchestrator.queues.backend.queues import QueueRow, QueuesBackend
from OpenOrchestrator.orchestrator.queues.chart import QueueChart
from OpenOrchestrator.orchestrator.queues.elements.form import new_element
from OpenOrchestrator.orchestrator.queues.figures import REFRESH_SECONDS
from OpenOrchestrator.orchestrator.queues.list_rows import (
    ACTIONS,
    BAR,
    COLUMNS,
    SEGMENTS,
    matching,
    queue_row,
    sort_key,
    sort_of,
)

CHART_SECONDS = 60.0


async def build(view: View) -> None:
    """Show the queues that the address asks for, and the chart of one."""
    await QueuesPage(view).build()


class QueuesPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = QueuesBackend(view.database, view.clock)
        self._rows: tuple[QueueRow, ...] = ()
        self._built = False
        self._charted = ""
        self._charting: Any = None

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        rows = await self._backend.all()
        with view.head("Queues"):
            self._seen = secondary(
                "Mark failed as seen", self._mark_seen, icon="sym_r_done_all", marker="mark-seen"
            ).classes("oo-short")
            tip(self._seen, "What failed until now is counted beside Queues no longer; the elements stay as they are")
            ui.element("span").classes("oo-vsep oo-no-phone")
            primary("New element", self._new, icon="sym_r_add", marker="new-element")
        annotations = AnnotationsBackend(view.database, view.clock)
        self._filters = FilterBar(
            view.query,
            self._filtered,
            placeholder="Filter queues",
            choices=[ChoiceFilter("tag", "Tag", lambda: annotations.tags(AnnotatedKind.QUEUE))],
            segments=SEGMENTS,
        )
        with ui.element("div").classes("oo-body"):
            with ui.element("div").classes("oo-card"):
                self._table = DataTable(
                    "Queues", COLUMNS, actions=ACTIONS, prefix=view.prefix, on_sort=self._sort, on_action=self._act
                ).mark("queues")
                self._empty = empty.EmptyPlace(self._table)
                self._pager = Pager(on_page=self._turn, on_size=self._resize)
            self._legend()
            self._chart = QueueChart(on_choose=self._choose)
        self._show(rows)
        await self._show_chart()
        self._built = True
        view.follow(("queues",), self._backend.all, self._show, every=REFRESH_SECONDS)
        action, queue = view.asked_form()
        if action == "new":
            await self._new()
        elif action == "notes" and queue:
            await self._act(action, queue)

    def _legend(self) -> None:
        with ui.element("div").classes("oo-qlegend"):
            for status in BAR:
                with ui.element("span"):
                    ui.element("span").classes(f"oo-swatch oo-m-{ELEMENT_LOOKS[status].tone}")
                    ui.label(ELEMENT_LOOKS[status].word)

    async def _show_chart(self) -> None:
        self._view.unfollow(self._charting)
        self._charting = None
        names = [row.name for row in self._rows if row.total]
        self._chart.element.set_visibility(bool(names))
        if not names:
            return
        wanted = self._view.query.get("chart", "")
        busiest = max((row for row in self._rows if row.total), key=lambda row: (row.arrived + row.per_hour, row.total))
        chosen = self._charted = wanted if wanted in names else busiest.name
        self._chart.show_names(names, chosen)
        flow = await self._view.load(lambda: self._backend.flow(chosen))
        if flow is None or chosen != self._charted:
            return
        self._chart.show(flow)
        self._charting = self._view.follow(
            ("queue flow", chosen), lambda: self._backend.flow(chosen), self._chart.show, every=CHART_SECONDS
        )

    async def _choose(self, queue: str) -> None:
        self._view.set_query(chart=queue)
        await self._show_chart()

    def _show(self, rows: tuple[QueueRow, ...]) -> None:
        if {row.name for row in rows} != {row.name for row in self._rows} and self._built:
            background_tasks.create(self._show_chart(), name="queue chart", context=self._view.container)
        self._rows = rows
        view = self._view
        now, zone = view.now(), view.zone
        page, size = place_of(view.query)
        tags, not_tags = split_choice(view.query.get("tag", ""))
        found = matching(rows, view.query.get("q", ""), view.query.get("segment", ""), tags, not_tags=not_tags)
        sort, descending = sort_of(view.query)
        found = sorted(found, key=lambda row: row.name.casefold())
        found = sorted(found, key=lambda row: sort_key(row, sort), reverse=descending)
        part = found[(page - 1) * size : page * size]
        self._table.show([queue_row(row, now, zone) for row in part], sort=sort, descending=descending)
        self._pager.show(page=page, size=size, shown=len(part), total=len(found))
        count = times.number(len(rows))
        self._seen.set_visibility(any(row.count(QueueStatus.FAILED) for row in rows))
        view.count(count if len(found) == len(rows) else f"{times.number(len(found))} of {count}")
        self._empty.show(
            empty.NoneYet(
                "sym_r_stacks",
                "No queues yet",
                "A queue holds the work items of robots, one element for each case. It exists as soon as a robot "
                "or you add the first element.",
                action="New element",
                on_action=self._new,
            ),
            shown=bool(part),
            hidden_by=self._filters.description() if rows else "",
            on_clear=self._filters.clear,
        )

    async def _mark_seen(self) -> None:
        names = [row.name for row in self._rows if row.count(QueueStatus.FAILED)]
        await self._view.act(
            lambda: self._backend.mark_seen(*names), name="Mark failed as seen", done="What failed until now is seen"
        )

    async def _filtered(self, changes: dict[str, str | None]) -> None:
        self._view.set_query(**changes, page=None)
        self._show(self._rows)

    def _sort(self, column: str) -> None:
        sort, descending = sort_of(self._view.query)
        descending = not descending if column == sort else column != "name"
        self._view.set_query(sort=f"-{column}" if descending else column, page=None)
        self._show(self._rows)

    def _turn(self, page: int) -> None:
        self._view.set_query(**turned(page))
        self._show(self._rows)

    def _resize(self, size: int) -> None:
        self._view.set_query(**resized(size))
        self._show(self._rows)

    async def _act(self, action: str, queue: str) -> None:
        if action == "notes":
            await annotate(self._view, AnnotatedKind.QUEUE, queue, queue, self._view.refresh)

    async def _new(self) -> None:
        await new_element(self._view, None, self._view.refresh)


PAGES = (
    PageSpec(
        path="/queues",
        title="Queues",
        build=build,
        nav=NavEntry("Operate", 40, "sym_r_stacks", badge=BADGE),
    ),
)
