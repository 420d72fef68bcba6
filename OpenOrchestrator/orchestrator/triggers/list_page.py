"""The list of triggers: what runs when, how it went, and everything that is done with triggers."""

from collections.abc import Mapping
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.annotations.backend import (
    NOTHING_NOTED,
    AnnotatedKind,
    AnnotationsBackend,
    Noted,
)
from OpenOrchestrator.orchestrator.annotations.form import annotate
from OpenOrchestrator.orchestrator.backend.ids import as_uuid
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.components import empty, feedback, times
from OpenOrchestrator.orchestrator.components.buttons import primary, secondary
from OpenOrchestrator.orchestrator.components.choices import split_choice
from OpenOrchestrator.orchestrator.components.tables import download
from OpenOrchestrator.orchestrator.components.tables.bulk import BulkBar
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar
from OpenOrchestrator.orchestrator.components.tables.paging import Pager, place_of
from OpenOrchestrator.orchestrator.live.address_list import AddressList
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.triggers.actions import TriggerActions
from OpenOrchestrator.orchestrator.triggers.backend import csv_export
from OpenOrchestrator.orchestrator.triggers.backend.badge import BADGE
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChangesBackend
from OpenOrchestrator.orchestrator.triggers.backend.places import PlacesBackend
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.backend.triggers import (
    SEGMENTS,
    SORTS,
    TROUBLES,
    FoundTriggers,
    TriggerQuery,
    TriggersBackend,
)
from OpenOrchestrator.orchestrator.triggers.bulk_dialog import ask_changes, change_many
from OpenOrchestrator.orchestrator.triggers.bulk_fields import BulkChoices
from OpenOrchestrator.orchestrator.triggers.form import copy_trigger, edit_trigger, new_trigger
from OpenOrchestrator.orchestrator.triggers.list_rows import ACTIONS, COLUMNS, trigger_row


async def build(view: View) -> None:
    """Show the triggers that the address asks for."""
    await TriggersPage(view).build()


class TriggersPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = TriggersBackend(view.database, view.clock)
        self._names = NamesBackend(view.database, view.clock)
        self._annotations = AnnotationsBackend(view.database, view.clock)
        self._actions = TriggerActions(view, self._backend)
        self._list = AddressList(view, "triggers", query_of=query_of, ask=self._backend.page, show=self._show)
        self._rows: dict[str, ListedTrigger] = {}
        self._noted: Mapping[str, Noted] = {}
        self._total = 0

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        page = await self._list.first()
        with view.head("Triggers"):
            ui.element("span").classes("oo-vsep oo-no-phone")
            secondary("Export", self._export, icon="sym_r_download", marker="export").classes("oo-no-phone")
            primary("New trigger", self._new, icon="sym_r_add", marker="new-trigger")
        self._filters = FilterBar(
            view.query,
            self._filtered,
            placeholder="Filter by name or process",
            choices=(
                ChoiceFilter("status", "Status", {each.name.lower(): each.value for each in TriggerStatus}),
                ChoiceFilter("type", "Type", {each.name.lower(): each.value for each in TriggerType}),
                ChoiceFilter("process", "Process", self._names.processes),
                ChoiceFilter("scheduler", "Scheduler", self._names.schedulers),
                ChoiceFilter("tag", "Tag", lambda: self._annotations.tags(AnnotatedKind.TRIGGER)),
                ChoiceFilter("trouble", "Trouble", TROUBLES, when_set=True),
                ChoiceFilter("only", "Only", {}, words=only_words(view.query.get("only", "")), when_set=True),
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
                ("sym_r_pause_circle", "Pause until…", lambda: self._bulk_act("pause")),
                ("sym_r_check", "Enable", lambda: self._bulk_act("enable")),
                ("sym_r_block", "Kill", lambda: self._bulk_act("kill")),
                ("sym_r_tune", "Change…", self._bulk_change),
            ],
            delete=lambda: self._bulk_act("delete"),
            on_clear=self._table.clear_selection,
            on_all=self._select_all,
        )
        self._show(page)
        self._list.follow()
        action, which = view.asked_form()
        if action == "new":
            await self._new()
        elif action in ("edit", "copy") and (trigger_id := as_uuid(which)) is not None:
            await self._open_form(action, trigger_id, "this trigger")
        elif action == "notes" and (trigger_id := as_uuid(which)) is not None:
            for row in await self._backend.rows([trigger_id]):
                await annotate(self._view, AnnotatedKind.TRIGGER, str(row.id), row.name, self._view.refresh)

    def _show(self, page: FoundTriggers) -> None:
        now, zone, query = self._view.now(), self._view.zone, self._list.query
        self._rows = {str(row.id): row for row in page.rows}
        self._noted = page.noted
        self._total = page.total
        self._actions.seen(page.rows)
        rows = [
            trigger_row(row, now, zone, page.noted.get(str(row.id), NOTHING_NOTED), page.waits.get(row.id))
            for row in page.rows
        ]
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

    async def _filtered(self, changes: dict[str, str | None]) -> None:
        await self._list.filter({**changes, "new": None})

    async def _sort(self, column: str) -> None:
        query = self._list.query
        descending = column == query.sort and not query.descending
        await self._list.change(sort=f"-{column}" if descending else column, page=None, new=None)

    def _selected(self, ids: list[str]) -> None:
        self._bulk.show(len(ids), self._total)

    async def _select_all(self) -> None:
        ids = await self._view.load(lambda: self._backend.ids(self._list.query))
        if ids is not None:
            self._table.select([str(each) for each in ids])

    async def _export(self) -> None:
        ids = await self._view.load(lambda: self._backend.ids(self._list.query))
        if ids is None:
            return
        database, site_now = self._view.database, self._view.now().astimezone(self._view.zone)
        with self._view.container:
            download.offer_csv("triggers", site_now, lambda: csv_export.triggers(database, ids))

    async def _new(self) -> None:
        await new_trigger(self._view, self._created)

    async def _created(self, trigger_id: UUID) -> None:
        """Show a new trigger first, wherever filters and order would have put it."""
        await self._list.change(new=str(trigger_id), page=None)

    async def _act(self, action: str, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is None:
            return
        if action in ("edit", "copy"):
            await self._open_form(action, row.id, row.name)
        elif action == "notes":
            await annotate(self._view, AnnotatedKind.TRIGGER, row_id, row.name, self._view.refresh)
        else:
            await self._actions.one(action, row)

    async def _open_form(self, action: str, trigger_id: UUID, name: str) -> None:
        settings = TriggerSettingsBackend(self._view.database, self._view.clock)
        stored = await self._view.act(lambda: settings.get(trigger_id), name=f"Open {name}")
        if stored is not None:
            if action == "edit":
                await edit_trigger(self._view, stored, self._view.refresh)
            else:
                await copy_trigger(self._view, stored, self._created)

    async def _bulk_act(self, action: str) -> None:
        rows = await self._selected_rows()
        if rows and await self._actions.many(action, rows):
            self._table.clear_selection()

    async def _bulk_change(self) -> None:
        rows = await self._selected_rows()
        schedulers = await self._view.load(self._names.schedulers) if rows else None
        heard_of = await self._view.load(self._names.known_schedulers) if rows else None
        pools = await self._view.load(self._names.pools) if rows else None
        places = PlacesBackend(self._view.database, self._view.clock)
        labels = await self._view.load(places.labels) if rows else None
        live = await self._view.load(places.live) if rows else None
        if schedulers is None or heard_of is None or pools is None or labels is None or live is None:
            return
        noted = [self._noted[str(row.id)].tags for row in rows if str(row.id) in self._noted]
        change = await ask_changes(
            self._view,
            rows,
            BulkChoices(
                schedulers=schedulers,
                heard_of=heard_of,
                labels=labels,
                live=live,
                tags=sorted({tag for each in self._noted.values() for tag in each.tags}),
                own_tags=sorted({tag for tags in noted for tag in tags}),
                pools=pools,
                has_schedules=any(row.cron is not None for row in rows),
                may_overlap=any(row.type is not TriggerType.SINGLE for row in rows),
            ),
        )
        if change is not None:
            await change_many(self._view, BulkChangesBackend(self._view.database, self._view.clock), rows, change)
            self._table.clear_selection()

    async def _selected_rows(self) -> tuple[ListedTrigger, ...]:
        """Return what is selected and still there; says so if nothing is."""
        ids = [UUID(each) for each in self._table.selected]
        rows = await self._view.load(lambda: self._backend.rows(ids))
        if rows is not None and not rows:
            feedback.failed("The selected triggers are gone", "Somebody deleted them.")
            self._table.clear_selection()
        return rows or ()


def only_words(value: str) -> dict[str, str]:
    """Return the chip of a link to some triggers: how many, because their ids say nothing to people."""
    names, _ = split_choice(value)
    if not names:
        return {}
    return {names[0]: f"{len(names)} trigger{'s' if len(names) > 1 else ''}", **dict.fromkeys(names[1:], "")}


def query_of(address: Mapping[str, str]) -> TriggerQuery:
    """Return what an address asks for; parts that mean nothing are left out."""
    statuses, not_statuses = split_choice(address.get("status", ""))
    types, not_types = split_choice(address.get("type", ""))
    processes, not_processes = split_choice(address.get("process", ""))
    schedulers, not_schedulers = split_choice(address.get("scheduler", ""))
    troubles, not_troubles = split_choice(address.get("trouble", ""))
    tags, not_tags = split_choice(address.get("tag", ""))
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
        troubles=tuple(each for each in troubles if each in TROUBLES),
        not_troubles=not_troubles,
        ids=tuple(found for found in map(as_uuid, split_choice(address.get("only", ""))[0]) if found is not None),
        also=as_uuid(address.get("new", "")),
        tags=tags,
        not_tags=not_tags,
        segment=segment if segment in SEGMENTS else "",
        sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "status",
        descending=sort.startswith("-"),
        page=page,
        size=size,
    )


PAGES = (
    PageSpec(
        path="/triggers",
        title="Triggers",
        build=build,
        nav=NavEntry("Operate", 20, "sym_r_bolt", badge=BADGE),
    ),
)
