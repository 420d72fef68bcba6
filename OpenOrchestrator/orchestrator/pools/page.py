"""The list of pools: how much there is of each, who holds it, and which triggers need it."""

from datetime import datetime, tzinfo

from nicegui import ui

from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import primary
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row, RowAction
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.pools.backend import PoolRow, PoolsBackend
from OpenOrchestrator.orchestrator.pools.form import ICON, open_form
from OpenOrchestrator.orchestrator.pools.words import (
    held_words,
    holder_words,
    named,
    old_words,
    problem_of,
    user_words,
)

COLUMNS = (
    Column("name", "Pool", "26%", phone=True),
    Column("held", "Held", "90px", phone=True),
    Column("holders", "Held by", "34%"),
    Column("users", "Needed by", "22%"),
    Column("changed", "Changed", "150px"),
)
ACTIONS = (
    RowAction("edit", "Edit, see who uses it", "sym_r_edit", quick=True, key="e"),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)
MEANING = (
    "A pool is what robots use and there is not enough of: one SAP account, three licences. A trigger says how much "
    "its runs need, and starts when that is free."
)


async def build(view: View) -> None:
    """Build the list."""
    await PoolsPage(view).build()


class PoolsPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = PoolsBackend(view.database, view.clock)
        self._rows: tuple[PoolRow, ...] = ()

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        rows = await self._backend.rows()
        old = old_words(await self._backend.disobedient()) if rows else ""
        with view.head("Pools"):
            ui.element("span").classes("oo-vsep oo-no-phone")
            primary("New pool", self._new, icon="sym_r_add", marker="new-pool")
        with ui.element("div").classes("oo-body"):
            if old:
                ui.label(old).classes("oo-fg-timeout oo-pre").style("margin-bottom: 12px").mark("old-schedulers")
            with ui.element("div").classes("oo-card"):
                self._table = DataTable(
                    "Pools",
                    COLUMNS,
                    actions=ACTIONS,
                    prefix=view.prefix,
                    on_action=self._act,
                    on_open=lambda name: self._act("edit", name),
                ).mark("pools")
                self._empty = empty.EmptyPlace(self._table)
        self._show(rows)
        view.follow("pools", self._backend.rows, self._show)
        action, name = view.asked_form()
        if action == "new":
            self._new()
        elif action == "edit" and name:
            await self._edit(name)

    def _show(self, rows: tuple[PoolRow, ...]) -> None:
        self._rows = rows
        now, zone = self._view.now(), self._view.zone
        self._table.show([table_row(row, now, zone) for row in rows])
        self._view.count(times.number(len(rows)) if rows else "")
        none = empty.NoneYet(ICON, "No pools yet", MEANING, action="New pool", on_action=self._new)
        self._empty.show(none, shown=bool(rows), hidden_by="", on_clear=self._view.refresh)

    def _new(self) -> None:
        open_form(self._view, None, self._view.refresh)

    async def _edit(self, name: str) -> None:
        if any(row.name == name and row.edition is None for row in self._rows):
            open_form(self._view, None, self._view.refresh, name=name)
            return
        row = await self._view.act(lambda: self._backend.get(name), name=f"Open {name}")
        if row is not None:
            open_form(self._view, row, self._view.refresh)

    async def _act(self, action: str, name: str) -> None:
        if action == "edit":
            await self._edit(name)
        elif await confirm(f"Delete {name}?", ["No trigger needs it."], action=f"Delete {name}"):
            await self._view.act(lambda: self._backend.delete(name), name=f"Delete {name}", done=f"{name} was deleted")


def table_row(row: PoolRow, now: datetime, zone: tzinfo) -> Row:
    """Return a pool as the table shows it."""
    problem = problem_of(row)
    users = user_words(row.users)
    holders = [holder_words(holder, now, zone) for holder in row.holders]
    first = f"/jobs/{row.holders[0].job_id}" if row.holders else None
    gone = "" if row.edition is not None else "It is not there."
    return Row(
        id=row.name,
        name=row.name,
        version=f"{row.edition} {row.held} {[holder.job_id.hex for holder in row.holders]} {users} {problem}",
        actions={"edit": "", "delete": f"Needed by {named(users)}" if users else gone},
        cells={
            "name": cells.text(
                row.name, second=problem or None, tone="failed" if problem else None, tip=problem or None, strong=True
            ),
            "held": cells.text(held_words(row), tone=None if row.held else "t3"),
            "holders": cells.text(
                holders[0] if holders else "Nobody",
                second=f"and {len(holders) - 1} more" if len(holders) > 1 else None,
                tip="\n".join(holders) or None,
                href=first,
                tone=None if holders else "t3",
            ),
            "users": cells.text(
                named(users) or "No trigger", tip="\n".join(users) or None, tone="t2" if users else "t3"
            ),
            "changed": cells.text("") if row.changed is None else cells.moment(row.changed, now, zone),
        },
    )


PAGES = (PageSpec(path="/pools", title="Pools", build=build, nav=NavEntry("Manage", 25, ICON)),)
