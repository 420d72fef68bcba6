"""All queues: what waits, what failed, how old the oldest waits, and how fast they are worked off."""

from datetime import datetime, tzinfo
from typing import Any

from nicegui import background_tasks, ui

from OpenOrchestrator.database.statuses import QueueStatus, TriggerStatus
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import primary
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row
from OpenOrchestrator.orchestrator.components.tables.filters import FilterBar
from OpenOrchestrator.orchestrator.components.tables.paging import Pager, place_of, resized, turned
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS, TRIGGER_LOOKS
from OpenOrchestrator.orchestrator.live.view import NavEntry, PageSpec, View
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.queues.backend.queues import QueueRow, QueuesBackend
from OpenOrchestrator.orchestrator.queues.chart import QueueChart
from OpenOrchestrator.orchestrator.queues.element_form import new_element
from OpenOrchestrator.orchestrator.queues.figures import age, age_text, age_tone

CHART_SECONDS = 60.0
REFRESH_SECONDS = 30.0
"""Counting a million elements walks a whole index, so it is done less often than the rest."""

COLUMNS = (
    Column("name", "Queue", "20%", sortable=True, phone=True),
    Column("bar", "Elements", "13%"),
    Column("new", "New", "76px", sortable=True, right=True, phone=True, phone_width="54px"),
    Column("in_progress", "In Progress", "98px", sortable=True, right=True),
    Column("done", "Done", "88px", sortable=True, right=True),
    Column("failed", "Failed", "76px", sortable=True, right=True, phone=True, phone_width="60px"),
    Column("abandoned", "Abandoned", "98px", sortable=True, right=True),
    Column("oldest", "Oldest New", "110px", sortable=True, phone=True, phone_width="88px"),
    Column("rate", "Ended per hour", "112px", sortable=True, right=True),
    Column("trigger", "Trigger"),
)
STATUSES = {status.name.lower(): status for status in QueueStatus}
BAR = (QueueStatus.DONE, QueueStatus.IN_PROGRESS, QueueStatus.NEW, QueueStatus.FAILED, QueueStatus.ABANDONED)
SEGMENTS = {"": "All", "new": "With New", "failed": "With failed"}


async def build(view: View) -> None:
    """Build the page."""
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
            ui.element("span").classes("oo-vsep oo-no-phone")
            primary("New element", self._new, icon="sym_r_add", marker="new-element")
        self._filters = FilterBar(view.query, self._filtered, placeholder="Filter queues", segments=SEGMENTS)
        with ui.element("div").classes("oo-body"):
            with ui.element("div").classes("oo-card"):
                self._table = DataTable("Queues", COLUMNS, prefix=view.prefix, on_sort=self._sort).mark("queues")
                self._empty = empty.EmptyPlace(self._table)
                self._pager = Pager(on_page=self._turn, on_size=self._resize)
            self._legend()
            self._chart = QueueChart(on_choose=self._choose)
        self._show(rows)
        await self._show_chart()
        self._built = True
        view.follow(("queues",), self._backend.all, self._show, every=REFRESH_SECONDS)

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
        found = matching(rows, view.query.get("q", ""), view.query.get("segment", ""))
        sort, descending = sort_of(view.query)
        found = sorted(found, key=lambda row: row.name.casefold())
        found = sorted(found, key=lambda row: sort_key(row, sort), reverse=descending)
        part = found[(page - 1) * size : page * size]
        self._table.show([table_row(row, now, zone) for row in part], sort=sort, descending=descending)
        self._pager.show(page=page, size=size, shown=len(part), total=len(found))
        count = times.number(len(rows))
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

    async def _new(self) -> None:
        await new_element(self._view, None, self._view.refresh)


def sort_of(address: dict[str, str]) -> tuple[str, bool]:
    """Return column and direction of an address: by name unless it names a column that can be sorted by."""
    sort = address.get("sort", "")
    name = sort.removeprefix("-")
    if name in {column.name for column in COLUMNS if column.sortable}:
        return name, sort.startswith("-")
    return "name", False


def sort_key(row: QueueRow, column: str) -> Any:
    """Return what a queue is sorted by."""
    if column in STATUSES:
        return row.count(STATUSES[column])
    if column == "rate":
        return row.per_hour
    if column == "oldest":
        # The oldest is the largest age; queues where nothing waits come after all others.
        return -row.oldest_new.timestamp() if row.oldest_new is not None else float("-inf")
    return row.name.casefold()


def matching(rows: tuple[QueueRow, ...], text: str, segment: str) -> list[QueueRow]:
    """Return the queues whose name, or that of a trigger, holds a text, and that are in a segment."""
    wanted = text.strip().casefold()
    status = STATUSES.get(segment) if segment in SEGMENTS else None
    return [
        row
        for row in rows
        if (status is None or row.count(status)) and any(wanted in name.casefold() for name in _names(row))
    ]


def _names(row: QueueRow) -> list[str]:
    return [row.name, *(part for trigger in row.triggers for part in (trigger.name, trigger.process))]


def table_row(row: QueueRow, now: datetime, zone: tzinfo) -> Row:
    """Return a queue as the table shows it."""
    path = path_of(row.name)
    parts = [(ELEMENT_LOOKS[status], row.count(status)) for status in BAR]
    tip = "\n".join(f"{look.word}: {times.number(number)}" for look, number in parts if number)
    return Row(
        id=row.name,
        name=row.name,
        version=f"{row.count(QueueStatus.FAILED)}",
        cells={
            "name": cells.text(row.name, second=triggers_text(row), href=path),
            "bar": cells.stack([(look.tone, number) for look, number in parts], tip=tip or None),
            "new": _count(row, QueueStatus.NEW, None),
            "in_progress": _count(row, QueueStatus.IN_PROGRESS, "running"),
            "done": _count(row, QueueStatus.DONE, "t2"),
            "failed": _count(row, QueueStatus.FAILED, "failed"),
            "abandoned": _count(row, QueueStatus.ABANDONED, "t2"),
            "oldest": oldest_cell(row, now, zone),
            "rate": cells.text(
                times.number(row.per_hour),
                tone=None if row.per_hour else "t3",
                tip=f"{times.number(row.per_hour)} ended in the last hour\n{times.number(row.arrived)} came in",
            ),
            "trigger": _trigger(row),
        },
    )


def triggers_text(row: QueueRow) -> str:
    """Return the names of the triggers of a queue."""
    return ", ".join(trigger.name for trigger in row.triggers) or "No trigger"


def oldest_cell(row: QueueRow, now: datetime, zone: tzinfo) -> cells.Cell:
    """Return how long the oldest New element waits."""
    seconds = age(row, now, zone)
    oldest = times.absolute(times.from_site(row.oldest_new, zone), zone) if row.oldest_new else None
    return cells.text(age_text(seconds), tone=age_tone(seconds, row), tip=oldest)


def _count(row: QueueRow, status: QueueStatus, tone: str | None) -> cells.Cell:
    number = row.count(status)
    return cells.text(times.number(number), tone=tone if number else "t3", strong=bool(number) and tone is None)


def _trigger(row: QueueRow) -> cells.Cell:
    if not row.triggers:
        tone = "timeout" if row.count(QueueStatus.NEW) else "t3"
        return cells.text("None", tone=tone, tip="No trigger runs for this queue.")
    # The one that somebody should look at first.
    ranked = sorted(row.triggers, key=lambda trigger: trigger.status in (TriggerStatus.RUNNING, TriggerStatus.IDLE))
    first = ranked[0]
    more = f"+{len(ranked) - 1}" if len(ranked) > 1 else None
    tip = "\n".join(f"{trigger.name}: {trigger.status.value}" for trigger in row.triggers)
    return cells.pill(TRIGGER_LOOKS[first.status], quiet=True, after=cells.text(more, tip=tip, tone="t3"))


PAGES = (
    PageSpec(
        path="/queues",
        title="Queues",
        build=build,
        nav=NavEntry("Operate", 40, "sym_r_stacks", badge="queues"),
    ),
)
