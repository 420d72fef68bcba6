"""The list of triggers: what runs when, how it went, and everything that is done with triggers."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.backend.search import split_choice
from OpenOrchestrator.orchestrator.components import empty, feedback, times
from OpenOrchestrator.orchestrator.components.buttons import primary
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.bulk import BulkBar
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row, RowAction
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar
from OpenOrchestrator.orchestrator.components.tables.paging import Pager, place_of
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, TRIGGER_LOOKS, TYPE_ICONS, Look
from OpenOrchestrator.orchestrator.live.address_list import AddressList
from OpenOrchestrator.orchestrator.live.view import NavEntry, PageSpec, View
from OpenOrchestrator.orchestrator.triggers.actions import TriggerActions, reasons
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.backend.triggers import (
    SEGMENTS,
    SORTS,
    FoundTriggers,
    TriggerQuery,
    TriggersBackend,
)
from OpenOrchestrator.orchestrator.triggers.cron_words import short
from OpenOrchestrator.orchestrator.triggers.form import copy_trigger, edit_trigger, new_trigger

COLUMNS = (
    Column("type", "", "42px", described="Kind"),
    Column("name", "Trigger", "20%", sortable=True, phone=True),
    Column("status", "Status", "110px", sortable=True, phone=True, phone_width="112px"),
    Column("last", "Last run", "166px", sortable=True),
    Column("runs", "Last 14 runs", "110px"),
    Column("next", "Next run", "166px", sortable=True),
    Column("schedule", "Schedule"),
    Column("where", "Scheduler", "118px"),
    Column("priority", "Priority", "78px", sortable=True, right=True),
)
ACTIONS = (
    RowAction("run", "Run now", "sym_r_play_arrow", quick=True, key="r"),
    RowAction("disable", "Pause", "sym_r_pause", quick=True, key="p"),
    RowAction("enable", "Enable", "sym_r_check", quick=True, key="p"),
    RowAction("edit", "Edit", "sym_r_edit", quick=True, key="e"),
    RowAction("copy", "Copy", "sym_r_content_copy"),
    RowAction("kill", "Kill", "sym_r_block", danger=True),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)


async def build(view: View) -> None:
    """Show the triggers that the address asks for."""
    await TriggersPage(view).build()


class TriggersPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = TriggersBackend(view.database, view.clock)
        self._names = NamesBackend(view.database, view.clock)
        self._actions = TriggerActions(view, self._backend)
        self._list = AddressList(view, "triggers", query_of=query_of, ask=self._backend.page, show=self._show)
        self._rows: dict[str, ListedTrigger] = {}
        self._total = 0

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        page = await self._list.first()
        with view.head("Triggers"):
            ui.element("span").classes("oo-vsep oo-no-phone")
            primary("New trigger", self._new, icon="sym_r_add", marker="new-trigger")
        self._filters = FilterBar(
            view.query,
            self._list.filter,
            placeholder="Filter by name or process",
            choices=(
                ChoiceFilter("status", "Status", {each.name.lower(): each.value for each in TriggerStatus}),
                ChoiceFilter("type", "Type", {each.name.lower(): each.value for each in TriggerType}),
                ChoiceFilter("process", "Process", self._names.processes),
                ChoiceFilter("scheduler", "Scheduler", self._names.schedulers),
            ),
            segments={"": "All", "attention": "Needs attention", "running": "Running", "paused": "Paused"},
        )
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
            self._table = DataTable(
                "Triggers",
                COLUMNS,
                actions=ACTIONS,
                selectable=True,
                prefix=view.prefix,
                on_sort=self._sort,
                on_action=self._act,
                on_select=self._selected,
            ).mark("triggers")
            self._empty = empty.EmptyPlace(self._table)
            self._pager = Pager(on_page=self._list.turn, on_size=self._list.resize)
        self._bulk = BulkBar(
            [
                ("sym_r_play_arrow", "Run now", lambda: self._bulk_act("run")),
                ("sym_r_pause", "Pause", lambda: self._bulk_act("disable")),
                ("sym_r_check", "Enable", lambda: self._bulk_act("enable")),
                ("sym_r_block", "Kill", lambda: self._bulk_act("kill")),
            ],
            delete=lambda: self._bulk_act("delete"),
            on_clear=self._table.clear_selection,
            on_all=self._select_all,
        )
        self._show(page)
        self._list.follow()

    def _show(self, page: FoundTriggers) -> None:
        now, zone, query = self._view.now(), self._view.zone, self._list.query
        self._rows = {str(row.id): row for row in page.rows}
        self._total = page.total
        self._actions.seen(page.rows)
        rows = [table_row(row, now, zone) for row in page.rows]
        self._table.show(rows, sort=query.sort, descending=query.descending)
        self._pager.show(page=query.page, size=query.size, shown=len(page.rows), total=page.total)
        filtered = page.total != page.everything
        count = times.number(page.everything)
        self._view.count(f"{times.number(page.total)} of {count}" if filtered else count)
        self._filters.set_segment_count("attention", page.attention)
        self._empty.show(
            empty.NoneYet(
                "sym_r_bolt",
                "No triggers yet",
                "A trigger says what runs, when and where.",
                action="New trigger",
                on_action=self._new,
            ),
            shown=bool(page.rows),
            hidden_by=self._filters.description() if page.everything else "",
            on_clear=self._filters.clear,
        )
        self._bulk.show(len(self._table.selected), page.total)

    async def _sort(self, column: str) -> None:
        query = self._list.query
        descending = column == query.sort and not query.descending
        await self._list.change(sort=f"-{column}" if descending else column, page=None)

    def _selected(self, ids: list[str]) -> None:
        self._bulk.show(len(ids), self._total)

    async def _select_all(self) -> None:
        ids = await self._view.load(lambda: self._backend.ids(self._list.query))
        if ids is not None:
            self._table.select([str(each) for each in ids])

    async def _new(self) -> None:
        await new_trigger(self._view, self._view.refresh)

    async def _act(self, action: str, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is None:
            return
        if action in ("edit", "copy"):
            settings = TriggerSettingsBackend(self._view.database, self._view.clock)
            stored = await self._view.act(lambda: settings.get(row.id), name=f"Open {row.name}")
            if stored is not None:
                await (edit_trigger if action == "edit" else copy_trigger)(self._view, stored, self._view.refresh)
        else:
            await self._actions.one(action, row)

    async def _bulk_act(self, action: str) -> None:
        ids = [UUID(each) for each in self._table.selected]
        rows = await self._view.load(lambda: self._backend.rows(ids))
        if rows is None:
            return
        if not rows:
            feedback.failed("The selected triggers are gone", "Somebody deleted them.")
            self._table.clear_selection()
        elif await self._actions.many(action, rows):
            self._table.clear_selection()


def query_of(address: Mapping[str, str]) -> TriggerQuery:
    """Return what an address asks for; parts that mean nothing are left out."""
    statuses, not_statuses = split_choice(address.get("status", ""))
    types, not_types = split_choice(address.get("type", ""))
    processes, not_processes = split_choice(address.get("process", ""))
    schedulers, not_schedulers = split_choice(address.get("scheduler", ""))
    sort = address.get("sort", "status")
    segment = address.get("segment", "")
    page, size = place_of(address)
    return TriggerQuery(
        text=address.get("q", "")[:200],
        statuses=tuple(TriggerStatus[each.upper()] for each in statuses if each.upper() in TriggerStatus.__members__),
        not_statuses=not_statuses,
        types=tuple(TriggerType[each.upper()] for each in types if each.upper() in TriggerType.__members__),
        not_types=not_types,
        processes=processes,
        not_processes=not_processes,
        schedulers=schedulers,
        not_schedulers=not_schedulers,
        segment=segment if segment in SEGMENTS else "",
        sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "status",
        descending=sort.startswith("-"),
        page=page,
        size=size,
    )


def table_row(row: ListedTrigger, now: datetime, zone: tzinfo) -> Row:
    """Return a trigger as the table shows it."""
    why_not = reasons(row)
    offered = {
        name: reason for name, reason in why_not.items() if name not in ("enable", "disable", "kill") or not reason
    }
    return Row(
        id=str(row.id),
        name=row.name,
        version=f"{row.status.name} {row.runs[-1].status.name if row.runs else ''}",
        actions={**offered, "edit": "", "copy": "", "delete": ""},
        cells={
            "type": cells.text(None, icon=TYPE_ICONS[row.type], tip=f"{row.type.value} trigger"),
            "name": cells.text(row.name, second=row.process, href=f"/triggers/{row.id}"),
            "status": cells.pill(TRIGGER_LOOKS[row.status] if row.odd_status is None else _odd(row.odd_status)),
            "last": _last(row, now, zone),
            "runs": cells.strip([JOB_LOOKS[run.status] for run in row.runs]),
            "next": _next(row, now, zone),
            "schedule": _schedule(row, now, zone),
            "where": _where(row.schedulers, blocking=row.is_blocking),
            "priority": cells.text(
                _priority(row.priority), tone="t3" if row.priority <= 0 else None, strong=row.priority > 0
            ),
        },
    )


def _odd(status: str) -> Look:
    return Look(status[:20], "timeout", "r_error")


def _last(row: ListedTrigger, now: datetime, zone: tzinfo) -> cells.Cell:
    run = row.last_ended
    if run is not None:
        when = cells.moment(times.from_site(run.started, zone), now, zone)
        return cells.pill(JOB_LOOKS[run.status], quiet=True, after={**when, "h": f"/jobs/{run.job_id}"})
    if row.last_run is not None:
        return cells.moment(times.from_site(row.last_run, zone), now, zone)
    return cells.text("Never run", tone="t3")


def _next(row: ListedTrigger, now: datetime, zone: tzinfo) -> cells.Cell:
    active = row.active
    if row.stuck:
        since = row.last_ended.started if row.last_ended else row.last_run
        length = times.duration((now - times.from_site(since, zone)).total_seconds()) if since else ""
        return cells.text(f"Stuck {length}".strip(), tone="timeout", tip=f"{row.status.value}, but no job of it runs.")
    if active is not None:
        started = times.from_site(active.started, zone)
        length = times.duration((now - started).total_seconds() // 60 * 60 or 1)
        words = "just started" if (now - started).total_seconds() < 60 else f"{length} running"
        return cells.text(words, tip=f"Since {times.absolute(started, zone)}", href=f"/jobs/{active.job_id}")
    if row.odd_status is not None:
        return cells.text("Will not run", tone="t2", tip=reasons(row)["enable"])
    if row.status is TriggerStatus.FAILED:
        tip = "It failed, and runs again only after it was enabled."
        return cells.text("Will not run", tone="t2", tip=tip, action=("enable", "Enable"))
    if row.status in (TriggerStatus.PAUSED, TriggerStatus.KILLED):
        return cells.text("Disabled", tone="t3", tip="It runs again only after it was enabled.")
    if row.status is TriggerStatus.DONE:
        return cells.text("Has run", tone="t3")
    if row.run_requested:
        return cells.text("Run requested", tip="The next free scheduler starts it.")
    if row.next_run is None:
        return cells.text("On new elements", tone="t3") if row.queue else cells.text("", tone="t3")
    instant = times.from_site(row.next_run, zone)
    if row.late:
        length = times.span((now - instant).total_seconds())
        return cells.text(f"{length} late", tone="timeout", tip=f"Due {times.absolute(instant, zone)}")
    return cells.upcoming(instant, now, zone)


def _schedule(row: ListedTrigger, now: datetime, zone: tzinfo) -> cells.Cell:
    if row.cron is not None:
        return cells.text(short(row.cron), tone="t2", tip=row.cron)
    if row.queue is not None:
        return cells.text(f"Queue {row.queue}", tone="t2", tip=f"Runs at {row.min_batch_size} or more New elements.")
    if row.next_run is not None:
        instant = times.from_site(row.next_run, zone)
        day = times.calendar(instant, now, zone)
        words = f"Once, today {day}" if len(day) == 5 and ":" in day else f"Once, {times.day(instant, zone)}"
        return cells.text(words, tone="t2", tip=times.absolute(instant, zone))
    return cells.text("", tone="t3")


def _where(schedulers: Sequence[str], *, blocking: bool) -> cells.Cell:
    more = f" +{len(schedulers) - 1}" if len(schedulers) > 1 else ""
    tips = [
        *(schedulers if more else ()),
        *(["Blocking: a scheduler runs nothing else beside it."] if blocking else ()),
    ]
    return cells.text(
        schedulers[0] + more if schedulers else "Any",
        second="Blocking" if blocking else None,
        tone=None if blocking else "t2",
        tip="\n".join(tips) or None,
    )


def _priority(priority: int) -> str:
    return "Normal" if priority == 0 else times.number(priority)


PAGES = (
    PageSpec(
        path="/triggers",
        title="Triggers",
        build=build,
        nav=NavEntry("Operate", 20, "sym_r_bolt", badge="triggers"),
    ),
)
