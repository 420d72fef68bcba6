"""What the pages of constants and credentials share: a list by name, whose rows are edited and deleted. No page itself.

Owns the list, and the question before one is deleted. Must not know what a value is, nor its form: the two pages do.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Generic, TypeVar

from nicegui import ui

from OpenOrchestrator.orchestrator.annotations.backend import NOTHING_NOTED, AnnotationsBackend
from OpenOrchestrator.orchestrator.annotations.form import annotate
from OpenOrchestrator.orchestrator.annotations.owner_words import name_of, noted_tip
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import primary
from OpenOrchestrator.orchestrator.components.choices import split_choice
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row, RowAction
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar
from OpenOrchestrator.orchestrator.components.tables.paging import Pager, place_of
from OpenOrchestrator.orchestrator.live.address_list import AddressList
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.uses.backend import UsesBackend
from OpenOrchestrator.orchestrator.uses.words import NOT_NOTED, day_words, full_date, warning
from OpenOrchestrator.orchestrator.values.backend.named_values import (
    NamedPage,
    NamedQuery,
    NamedRow,
    NamedValuesBackend,
)

ACTIONS = (
    RowAction("edit", "Edit", "sym_r_edit", quick=True, key="e"),
    RowAction("notes", "Notes, owner, tags", "sym_r_sell"),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)

R = TypeVar("R", bound=NamedRow)


class NamedValuesPage(ABC, Generic[R]):
    """The list of one kind in one tab.

    Attributes:
        columns: Of the table, between the name and when it changed.
        placeholder: In the search field.
        icon: Of the empty list.
        meaning: What one is, in a sentence.
    """

    columns: Sequence[Column]
    placeholder: str
    icon: str
    meaning: str

    def __init__(self, view: View, backend: NamedValuesBackend[R]) -> None:
        self._view = view
        self._backend = backend
        self._noun = backend.noun
        self._list = AddressList(view, f"{self._noun}s", query_of=self._query_of, ask=backend.page, show=self._show)
        self._rows: dict[str, R] = {}

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view, plural = self._view, f"{self._noun}s"
        page = await self._list.first()
        with view.head(plural.capitalize()):
            ui.element("span").classes("oo-vsep oo-no-phone")
            primary(f"New {self._noun}", self._new, icon="sym_r_add", marker=f"new-{self._noun}")
        self._build_notice()
        annotations = AnnotationsBackend(view.database, view.clock)
        self._filters = FilterBar(
            view.query,
            self._list.filter,
            placeholder=self.placeholder,
            choices=[ChoiceFilter("tag", "Tag", lambda: annotations.tags(self._backend.kind))],
        )
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
            self._table = DataTable(
                plural.capitalize(),
                (
                    Column("name", "Name", "32%", sortable=True, phone=True),
                    *self.columns,
                    Column("read", "Last read", "120px", sortable=True),
                    Column("changed", "Changed", "150px", sortable=True),
                ),
                actions=ACTIONS,
                prefix=view.prefix,
                on_sort=self._sort,
                on_action=self._act,
                on_open=lambda name: self._act("edit", name),
            ).mark(plural)
            self._empty = empty.EmptyPlace(self._table)
            self._pager = Pager(on_page=self._list.turn, on_size=self._list.resize)
        self._show(page)
        self._list.follow()
        action, name = view.asked_form()
        if action == "new":
            self._new()
        elif action == "edit" and name:
            await self._open(name)
        elif action == "notes" and name:
            await annotate(self._view, self._backend.kind, name, name, self._view.refresh)

    @abstractmethod
    def _new(self) -> None:
        """Open the form for a new one."""

    @abstractmethod
    def _edit(self, row: R) -> None:
        """Open the form of one."""

    @abstractmethod
    def _cells(self, row: R) -> dict[str, cells.Cell]:
        """Return the cells of the columns."""

    def _build_notice(self) -> None:
        """Say above the list what has to be known first; a kind overrides it if there is something."""

    def _query_of(self, address: Mapping[str, str]) -> NamedQuery:
        """Return what an address asks for; parts that mean nothing are left out."""
        sort = address.get("sort", "name")
        known = sort.lstrip("-") in {*self._backend.sorts, "read"}
        page, size = place_of(address)
        tags, not_tags = split_choice(address.get("tag", ""))
        return NamedQuery(
            text=address.get("q", "")[:200],
            tags=tags,
            not_tags=not_tags,
            sort=sort.lstrip("-") if known else "name",
            descending=sort.startswith("-") and known,
            page=page,
            size=size,
        )

    def _show(self, page: NamedPage[R]) -> None:
        now, zone, query = self._view.now(), self._view.zone, self._list.query
        self._rows = {row.name: row for row in page.rows}
        rows = [self._table_row(row, page, now, zone) for row in page.rows]
        self._table.show(rows, sort=query.sort, descending=query.descending)
        self._pager.show(page=query.page, size=query.size, shown=len(page.rows), total=page.total)
        filtered = bool(query.text or query.tags)
        self._view.count(times.number(page.total) if page.total or filtered else "")
        none = empty.NoneYet(
            self.icon, f"No {self._noun}s yet", self.meaning, action=f"New {self._noun}", on_action=self._new
        )
        self._empty.show(
            none,
            shown=bool(page.rows),
            hidden_by=self._filters.description() if filtered or query.page > 1 else "",
            on_clear=self._filters.clear,
        )

    def _table_row(self, row: R, page: NamedPage[R], now: datetime, zone: tzinfo) -> Row:
        noted, read = page.noted.get(row.name, NOTHING_NOTED), page.last_reads.get(row.name)
        second = name_of(noted.owner) if noted != NOTHING_NOTED else None
        return Row(
            id=row.name,
            name=row.name,
            version=f"{row.changed}",
            actions={"edit": "", "notes": "", "delete": ""},
            cells={
                "name": cells.text(
                    row.name,
                    second=second,
                    phone=f"Changed {times.past(times.from_site(row.changed, zone), now, zone)}",
                    tags=noted.tags,
                    tip=noted_tip(noted),
                    strong=True,
                ),
                **self._cells(row),
                "read": cells.text("not noted", tone="t3", tip=NOT_NOTED)
                if read is None
                else cells.text(day_words(read, now.astimezone(zone).date()), tone="t3", tip=full_date(read)),
                "changed": cells.moment(times.from_site(row.changed, zone), now, zone),
            },
        )

    async def _sort(self, column: str) -> None:
        query = self._list.query
        descending = column == query.sort and not query.descending
        await self._list.change(sort=f"-{column}" if descending else column, page=None)

    async def _act(self, action: str, name: str) -> None:
        row = self._rows.get(name)
        if row is None:
            return
        if action == "edit":
            await self._open(name)
        elif action == "notes":
            await annotate(self._view, self._backend.kind, name, name, self._view.refresh)
        elif await confirm(f"Delete {name}?", await self._warning(name), action=f"Delete {name}"):
            await self._view.act(lambda: self._backend.delete(row), name=f"Delete {name}", done=f"{name} was deleted")

    async def _warning(self, name: str) -> list[str]:
        """Return what is said before one is deleted: also who read it lately, if that is known."""
        uses = UsesBackend(self._view.database, self._view.clock)
        found = await self._view.load(lambda: uses.get(self._backend.used, name))
        known = warning(found or (), self._view.now().astimezone(self._view.zone).date())
        return [f"Robots that ask for {name} will fail.", *([known] if known else [])]

    async def _open(self, name: str) -> None:
        fresh = await self._view.act(lambda: self._backend.get(name), name=f"Open {name}")
        if fresh is not None:
            self._edit(fresh)
