"""One queue: its elements, and everything that is done with them."""

from datetime import datetime
from functools import partial
from uuid import UUID

from nicegui import background_tasks, ui

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.annotations.backend import AnnotatedKind, AnnotationsBackend, StoredAnnotation
from OpenOrchestrator.orchestrator.annotations.form import annotate
from OpenOrchestrator.orchestrator.annotations.parts import draw_line
from OpenOrchestrator.orchestrator.backend.causes import title_of
from OpenOrchestrator.orchestrator.backend.ids import as_uuid
from OpenOrchestrator.orchestrator.components import empty, feedback, times
from OpenOrchestrator.orchestrator.components.buttons import ghost, icon_button, primary, secondary
from OpenOrchestrator.orchestrator.components.tables import download
from OpenOrchestrator.orchestrator.components.tables.bulk import MatchingBar
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar, PeriodChoice
from OpenOrchestrator.orchestrator.components.tables.list_options import ListOptions, columns_of
from OpenOrchestrator.orchestrator.components.tables.paging import Pager
from OpenOrchestrator.orchestrator.live.address_list import AddressList
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.queues.address import path_of, queue_of
from OpenOrchestrator.orchestrator.queues.backend import csv_export
from OpenOrchestrator.orchestrator.queues.backend.element_rows import (
    COUNT_CAP,
    ElementRow,
    FoundElements,
    QueueElementsBackend,
)
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementsBackend
from OpenOrchestrator.orchestrator.queues.backend.failed_elements import UNEXPLAINED
from OpenOrchestrator.orchestrator.queues.backend.matching_elements import MatchingElementsBackend
from OpenOrchestrator.orchestrator.queues.backend.queues import QueueRow, QueuesBackend
from OpenOrchestrator.orchestrator.queues.elements.actions import ElementActions, reasons
from OpenOrchestrator.orchestrator.queues.elements.cells import ACTIONS, ALL_COLUMNS, DEFAULT_COLUMNS, element_row
from OpenOrchestrator.orchestrator.queues.elements.form import edit_element, new_element
from OpenOrchestrator.orchestrator.queues.elements.import_dialog import import_elements
from OpenOrchestrator.orchestrator.queues.elements.inspector import ElementInspector
from OpenOrchestrator.orchestrator.queues.figures import REFRESH_SECONDS, QueueFigures
from OpenOrchestrator.orchestrator.queues.page_query import query_of, refresh_seconds
from OpenOrchestrator.orchestrator.queues.settings_line import SettingsLine
from OpenOrchestrator.orchestrator.uses.parts import UsesLine

NONE_HERE = empty.NoneYet("sym_r_inbox", "No elements on this page", "Others were deleted meanwhile. Go back.")


async def build(view: View) -> None:
    """Show the queue of the address and its elements.

    Raises:
        NotFoundError: If no queue can have this name; one that is unknown is empty.
    """
    await QueuePage(view).build()


class QueuePage:
    """The queue in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._queue = queue_of(view.parameters["queue"])
        self._backend = QueueElementsBackend(view.database, view.clock)
        self._queues = QueuesBackend(view.database, view.clock)
        self._annotations = AnnotationsBackend(view.database, view.clock)
        self._annotation: StoredAnnotation | None = None
        self._actions = ElementActions(view)
        self._import = partial(import_elements, view, self._queue, view.refresh)
        self._list = AddressList(
            view,
            "elements",
            query_of=partial(query_of, self._queue),
            ask=self._backend.page,
            show=self._show,
            every=refresh_seconds,
        )
        self._rows: dict[str, ElementRow] = {}
        self._columns = columns_of(view.query.get("columns", ""), tuple(ALL_COLUMNS), DEFAULT_COLUMNS)
        self._page: FoundElements | None = None
        self._everything = False
        self._none_yet = empty.NoneYet(
            "sym_r_inbox",
            "No elements in this queue",
            "Robots add them with create_queue_element; you can add one here, or import a CSV file.",
            action="New element",
            on_action=self._new,
        )
        self._noted: datetime | None = None
        self._seen_failed = 0
        self._noticed = False
        self._inspector: ElementInspector | None = None

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        if len(self._queue) > 100 or "\0" in self._queue:
            raise NotFoundError("There is no queue of this name: names have at most 100 characters.")
        page = await self._list.first()
        figures = await self._queues.one(self._queue)
        annotation = await self._annotated()
        uses, settings = UsesLine(view, self._queue), SettingsLine(view, self._queue)
        await uses.ask()
        await settings.ask()
        with view.head(self._queue, crumbs=[("Queues", "/queues")]):
            ui.element("span").classes("oo-vsep oo-no-phone")
            secondary("Import", self._import, icon="sym_r_upload", marker="import-file").classes("oo-no-phone")
            secondary("Export", self._export, icon="sym_r_download", marker="export").classes("oo-no-phone")
            with icon_button("sym_r_more_vert", "More").classes("oo-only-phone"), ui.menu():
                ui.menu_item("Import", self._import)
                ui.menu_item("Export", self._export)
            primary("New element", self._new, icon="sym_r_add", marker="new-element").classes("oo-short")
        self._figures = QueueFigures(path_of(self._queue))
        self._annotation_place = ui.element("div")
        self._show_annotation(annotation)
        settings.build()
        uses.build()
        self._filters = FilterBar(
            view.query,
            self._filtered,
            placeholder="Reference, data or message",
            choices=(
                ChoiceFilter("status", "Status", {each.name.lower(): each.value for each in QueueStatus}),
                PeriodChoice("Created", times.abbreviated(view.now(), view.zone)),
                ChoiceFilter("cause", "Cause", {}, words=self._cause_words(page), when_set=True),
                ChoiceFilter("ended", "Ended since", {}, when_set=True),
            ),
        )
        with self._filters.element:
            ListOptions(
                {name: column.label for name, column in ALL_COLUMNS.items()},
                shown=self._columns,
                default=DEFAULT_COLUMNS,
                dense=view.query.get("dense") == "1",
                on_change=self._look,
            )
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card") as self._card:
            with ui.element("div").classes("oo-note") as self._note:
                ui.icon("sym_r_info")
                self._note_text = ui.label().mark("search-note")
                ghost("Search all", self._search_all, small=True, marker="search-all")
            self._note.set_visibility(False)
            self._place = ui.element("div")
            self._build_table()
            self._empty = empty.EmptyPlace(self._place)
            self._pager = Pager(on_page=self._list.turn, on_size=self._list.resize)
        self._bulk = MatchingBar(
            [
                ("sym_r_replay", "Set to New", lambda: self._bulk_act("new")),
                ("sym_r_cancel", "Abandon", lambda: self._bulk_act("abandon")),
                ("sym_r_swap_vert", "Set priority", lambda: self._bulk_act("priority")),
            ],
            delete=lambda: self._bulk_act("delete"),
            on_clear=self._clear_selection,
            on_all=self._select_all,
        )
        self._show_figures(figures)
        self._show(page)
        self._noticed = True
        await self._mark_seen()
        self._list.follow()
        view.follow(
            ("queue", self._queue), lambda: self._queues.one(self._queue), self._show_figures, every=REFRESH_SECONDS
        )
        view.follow(("notes on queue", self._queue), self._annotated, self._show_annotation)
        await self._open_again()

    def _cause_words(self, page: FoundElements) -> dict[str, str]:
        cause = self._list.query.cause
        message = (page.rows[0].message or "").strip() if page.rows else ""
        return {cause: title_of(message or UNEXPLAINED)} if cause and page.rows else {}

    def _build_table(self) -> None:
        self._place.clear()
        dense = self._view.query.get("dense") == "1"
        self._card.classes(add="oo-compact" if dense else "", remove="" if dense else "oo-compact")
        with self._place:
            self._table = DataTable(
                f"Elements of {self._queue}",
                [ALL_COLUMNS[name] for name in self._columns],
                actions=ACTIONS,
                selectable=True,
                prefix=self._view.prefix,
                on_sort=self._sort,
                on_action=self._act,
                on_select=self._selected,
                on_open=self._open,
            ).mark("elements")
        if self._inspector is not None and self._inspector.shown is not None:
            self._table.mark_row(str(self._inspector.shown))

    async def _annotated(self) -> StoredAnnotation:
        return await self._annotations.get(AnnotatedKind.QUEUE, self._queue)

    def _show_annotation(self, annotation: StoredAnnotation) -> None:
        if annotation == self._annotation:
            return
        self._annotation = annotation
        self._annotation_place.clear()
        with self._annotation_place:
            draw_line(annotation, on_edit=self._annotate)

    async def _annotate(self) -> None:
        await annotate(self._view, AnnotatedKind.QUEUE, self._queue, self._queue, self._view.refresh)

    def _show_figures(self, row: QueueRow) -> None:
        self._figures.show(row, self._view.now(), self._view.zone)
        self._view.count(times.number(row.total))
        failed = row.count(QueueStatus.FAILED)
        if failed > self._seen_failed and self._noticed:
            background_tasks.create(self._mark_seen(), name="queue seen")
        self._seen_failed = failed

    async def _mark_seen(self) -> None:
        await self._view.load(lambda: self._queues.mark_seen(self._queue))

    def _show(self, page: FoundElements) -> None:
        self._page = page
        now, zone, query = self._view.now(), self._view.zone, self._list.query
        before = set(self._rows)
        self._rows = {str(row.id): row for row in page.rows}
        self._table.show(
            [element_row(row, reasons(row), now, zone) for row in page.rows],
            sort=query.sort,
            descending=query.descending,
        )
        cap = COUNT_CAP if page.capped else None
        in_part = page.searched_from is not None
        self._pager.show(
            page=query.page, size=query.size, shown=len(page.rows), total=page.total, cap=cap, so_far=in_part
        )
        if self._everything and set(self._rows) != before:
            self._table.select(list(self._rows))
        self._show_bulk()
        self._tell_inspector(page)
        self._show_note(page)
        self._empty.show(
            NONE_HERE if query.page > 1 else self._none_yet,
            shown=bool(page.rows),
            hidden_by=self._filters.description() if self._filters.active else "",
            on_clear=self._filters.clear_all,
            searched=empty.SearchedInPart(self._note_words(page), "Search all", self._search_all) if in_part else None,
        )

    def _note_words(self, page: FoundElements) -> str:
        """Return where a search has looked; empty where it has looked everywhere."""
        if page.searched_from is None:
            return ""
        since = times.full(times.from_site(page.searched_from, self._view.zone), self._view.zone)
        return f"Searched the newest elements, created since {since}. All were searched for exactly this reference."

    def _show_note(self, page: FoundElements) -> None:
        self._note.set_visibility(page.searched_from is not None and bool(page.rows))
        if page.searched_from is not None and page.searched_from != self._noted:
            self._noted = page.searched_from
            self._note_text.set_text(self._note_words(page))

    async def _filtered(self, changes: dict[str, str | None]) -> None:
        self._clear_selection()
        await self._list.change(**changes, page=None, deep=None)

    async def _search_all(self) -> None:
        await self._list.change(deep="1", page=None)

    async def _look(self, changes: dict[str, str | None]) -> None:
        self._view.set_query(**changes)
        self._columns = columns_of(self._view.query.get("columns", ""), tuple(ALL_COLUMNS), DEFAULT_COLUMNS)
        selected = list(self._table.selected)
        self._build_table()
        if self._page is not None:
            self._show(self._page)
        self._table.select(selected)

    async def _sort(self, column: str) -> None:
        query = self._list.query
        descending = not query.descending if column == query.sort else column == "created"
        sort = f"-{column}" if descending else column
        await self._list.change(sort=None if sort == "-created" else sort, page=None)

    def _selected(self, ids: list[str]) -> None:
        if self._everything and not set(self._rows) <= set(ids):
            self._everything = False
        self._show_bulk()

    def _show_bulk(self) -> None:
        if self._page is not None and hasattr(self, "_bulk"):
            cap = COUNT_CAP if self._page.capped else None
            selected = len(self._table.selected)
            self._bulk.show_matching(selected, self._page.total, cap=cap, everything=self._everything)

    def _select_all(self) -> None:
        self._everything = True
        self._table.select(list(self._rows))

    def _clear_selection(self) -> None:
        self._everything = False
        self._table.clear_selection()

    async def _open(self, row_id: str) -> None:
        if row_id in self._rows:
            await self._inspect(self._rows[row_id].id)

    async def _open_again(self) -> None:
        """Open what the address names: a form, and an element."""
        action, which = self._view.asked_form()
        if action == "new":
            await self._new()
        elif action == "import":
            self._import()
        elif action == "edit" and (element_id := as_uuid(which)) is not None:
            await self._edit(element_id, "this element")
        elif (action, which) == ("notes", self._queue):
            await self._annotate()
        try:
            shown = UUID(self._view.query.get("element", ""))
        except ValueError:
            return
        await self._inspect(shown)

    async def _inspect(self, element_id: UUID) -> None:
        if self._inspector is None:  # built when it is needed: most visits of a list open no element
            with self._view.container:
                self._inspector = ElementInspector(
                    self._view, self._queue, on_change=self._inspected, turn=self._turn_by
                )
            if self._page is not None:
                self._tell_inspector(self._page)
        await self._inspector.open(element_id)

    def _inspected(self, element_id: UUID | None) -> None:
        self._view.set_query(element=str(element_id) if element_id is not None else None)
        self._view.container.classes(
            add="oo-inspected" if element_id else "", remove="" if element_id else "oo-inspected"
        )
        self._table.mark_row(str(element_id) if element_id is not None else None)

    def _tell_inspector(self, page: FoundElements) -> None:
        if self._inspector is not None:
            query = self._list.query
            end = (query.page - 1) * query.size + len(page.rows)
            self._inspector.list_changed(
                [row.id for row in page.rows], is_first_page=query.page == 1, is_last_page=end >= page.total
            )

    async def _turn_by(self, step: int) -> bool:
        page = self._list.query.page
        if page + step < 1:
            return False
        await self._list.turn(page + step)
        return self._list.query.page != page and bool(self._rows)

    async def _new(self) -> None:
        await new_element(self._view, self._queue, self._view.refresh)

    async def _export(self) -> None:
        database = self._view.database
        backend = MatchingElementsBackend(database, self._view.clock)
        matching = await self._view.load(lambda: backend.resolve(self._list.query))
        if matching is None:
            return
        with self._view.container:
            download.offer_csv(self._queue, matching.created_to, lambda: csv_export.elements(database, matching))

    async def _act(self, action: str, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is None:
            return
        if action == "edit":
            await self._edit(row.id, row.name)
        else:
            await self._actions.one(action, row)

    async def _edit(self, element_id: UUID, name: str) -> None:
        elements = ElementsBackend(self._view.database, self._view.clock)
        stored = await self._view.act(lambda: elements.get(element_id), name=f"Open {name}")
        if stored is not None and stored.queue == self._queue:
            edit_element(self._view, stored, self._view.refresh)

    async def _bulk_act(self, action: str) -> None:
        if self._everything:
            if await self._actions.matching(action, self._list.query):
                self._clear_selection()
            return
        ids = [UUID(each) for each in self._table.selected]
        rows = await self._view.load(lambda: self._backend.rows(ids))
        if rows is None:
            return
        if not rows:
            feedback.failed("The selected elements are gone", "Somebody deleted them.")
            self._clear_selection()
        elif await self._actions.many(action, rows):
            self._clear_selection()


PAGES = (PageSpec(path="/queues/{queue}", title="Queue", build=build, under="/queues"),)
