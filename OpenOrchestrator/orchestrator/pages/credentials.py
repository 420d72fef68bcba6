"""The list of credentials: user names and passwords that robots use. Passwords are write-only."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.backend.base import Page
from OpenOrchestrator.orchestrator.backend.credentials import SORTS, CredentialRow, CredentialsBackend, CredentialsQuery
from OpenOrchestrator.orchestrator.components import cells, empty, times
from OpenOrchestrator.orchestrator.components.buttons import primary, secondary
from OpenOrchestrator.orchestrator.components.confirm import confirm
from OpenOrchestrator.orchestrator.components.data_table import PAGE_SIZES, Column, DataTable, Pager, Row, RowAction
from OpenOrchestrator.orchestrator.components.filters import FilterBar
from OpenOrchestrator.orchestrator.dialogs.credential_form import edit_credential, new_credential
from OpenOrchestrator.orchestrator.view import NavEntry, PageSpec, View

COLUMNS = (
    Column("name", "Name", "32%", sortable=True, phone=True),
    Column("username", "User name", sortable=True, phone=True),
    Column("password", "Password", "150px"),
    Column("changed", "Changed", "150px", sortable=True),
)
ACTIONS = (
    RowAction("edit", "Edit", "sym_r_edit", quick=True, key="e"),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)


async def build(view: View) -> None:
    """Build the page."""
    await CredentialsPage(view).build()


class CredentialsPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = CredentialsBackend(view.database, view.clock)
        self._query = query_of(view.query)
        self._rows: dict[str, CredentialRow] = {}
        self._following: Any = None
        self._asked = 0
        self._state = ""

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        page = await self._backend.page(self._query)
        with view.head("Credentials"):
            ui.element("span").classes("oo-vsep oo-no-phone")
            primary("New credential", self._new, icon="sym_r_add", marker="new-credential")
        self._no_key()
        self._filters = FilterBar(view.query, self._filtered, placeholder="Filter by name or user name")
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
            self._table = DataTable(
                "Credentials",
                COLUMNS,
                actions=ACTIONS,
                prefix=view.prefix,
                on_sort=self._sort,
                on_action=self._act,
                on_open=lambda name: self._act("edit", name),
            ).mark("credentials")
            self._nothing = ui.element("div")
            self._pager = Pager(on_page=self._turn, on_size=self._resize)
        self._show(page)
        self._follow()

    def _no_key(self) -> None:
        if self._view.installation.key is not None:
            return
        with ui.element("div").classes("oo-banner").style("margin: 0 var(--gutter) 12px").mark("no-key"):
            ui.icon("r_warning").classes("oo-i20")
            ui.label(
                "This app has no key, so passwords cannot be saved. Give it the site's key in Settings, or start it "
                "with OpenOrchestratorKey."
            ).classes("oo-grow").style("padding: 6px 0")
            secondary("Open Settings", lambda: self._view.go("/settings"), small=True)

    def _follow(self) -> None:
        query = self._query
        self._view.unfollow(self._following)
        self._following = self._view.follow(("credentials", query), lambda: self._backend.page(query), self._show)

    async def _change(self) -> None:
        query = self._query = query_of(self._view.query)
        self._asked += 1
        asked = self._asked
        page = await self._view.load(lambda: self._backend.page(query))
        if asked == self._asked:
            if page is not None:
                self._show(page)
            self._follow()

    def _show(self, page: Page[CredentialRow]) -> None:
        now, zone, query = self._view.now(), self._view.zone, self._query
        self._rows = {row.name: row for row in page.rows}
        rows = [table_row(row, now, zone) for row in page.rows]
        self._table.show(rows, sort=query.sort, descending=query.descending)
        self._pager.show(page=query.page, size=query.size, shown=len(page.rows), total=page.total)
        self._view.count(times.number(page.total) if page.total or query.text else "")
        state = "rows" if page.rows else f"hidden {query.text}" if query.text or query.page > 1 else "none"
        if state == self._state:
            return
        self._state = state
        self._nothing.clear()
        self._table.set_visibility(bool(page.rows))
        with self._nothing:
            if state == "none":
                empty.none_yet(
                    "sym_r_key",
                    "No credentials yet",
                    "A credential is a user name with a password that robots sign in with. Passwords are encrypted.",
                    action="New credential",
                    on_action=self._new,
                )
            elif not page.rows:
                empty.nothing_matches(self._filters.description(), self._filters.clear)

    async def _filtered(self, changes: dict[str, str | None]) -> None:
        self._view.set_query(**changes, page=None)
        await self._change()

    async def _sort(self, column: str) -> None:
        descending = column == self._query.sort and not self._query.descending
        self._view.set_query(sort=f"-{column}" if descending else column, page=None)
        await self._change()

    async def _turn(self, page: int) -> None:
        self._view.set_query(page=str(page) if page > 1 else None)
        await self._change()

    async def _resize(self, size: int) -> None:
        self._view.set_query(size=str(size) if size != PAGE_SIZES[0] else None, page=None)
        await self._change()

    def _new(self) -> None:
        new_credential(self._view, self._view.refresh)

    async def _act(self, action: str, name: str) -> None:
        row = self._rows.get(name)
        if row is None:
            return
        if action == "edit":
            fresh = await self._view.act(lambda: self._backend.get(name), name=f"Open {name}")
            if fresh is not None:
                edit_credential(self._view, fresh, self._view.refresh)
        elif await confirm(f"Delete {name}?", [f"Robots that ask for {name} will fail."], action=f"Delete {name}"):
            await self._view.act(lambda: self._backend.delete(row), name=f"Delete {name}", done=f"{name} was deleted")


def query_of(address: Mapping[str, str]) -> CredentialsQuery:
    """Return what an address asks for; parts that mean nothing are left out."""
    sort, page, size = address.get("sort", "name"), address.get("page", ""), address.get("size", "")
    return CredentialsQuery(
        text=address.get("q", "")[:200],
        sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "name",
        descending=sort.startswith("-") and sort.lstrip("-") in SORTS,
        page=min(int(page), 100_000) if page.isascii() and page.isdigit() and int(page) else 1,
        size=int(size) if size.isascii() and size.isdigit() and int(size) in PAGE_SIZES else PAGE_SIZES[0],
    )


def table_row(row: CredentialRow, now: datetime, zone: tzinfo) -> Row:
    """Return a credential as the table shows it: that a password is set, but nothing of it."""
    return Row(
        id=row.name,
        name=row.name,
        version=f"{row.changed}",
        actions={"edit": "", "delete": ""},
        cells={
            "name": cells.text(row.name, strong=True),
            "username": cells.text(row.username) if row.username else cells.text("empty", tone="t3"),
            "password": cells.text("Set", icon="sym_r_lock", tip="It can be changed, but not shown."),
            "changed": cells.moment(times.from_site(row.changed, zone), now, zone),
        },
    )


PAGES = (PageSpec(path="/credentials", title="Credentials", build=build, nav=NavEntry("Manage", 40, "sym_r_key")),)
