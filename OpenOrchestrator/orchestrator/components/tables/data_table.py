"""A table whose paging, sorting and filtering happen in the database.

Owns: rows and columns as the browser gets them, and what is selected. Must not know what a row is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from OpenOrchestrator.orchestrator.components.tables.cells import Cell

BESIDE = frozenset({"element", "form"})
"""Parts of an address that say what is open beside a list: another one lists the same rows."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: Key of its cells, and of sorting by it.
        label: Its head; empty for a column of icons.
        width: CSS width; None shares what is left.
        sortable: Whether a click on its head sorts by it.
        right: Aligned to the right, for numbers.
        phone: Whether phones show it too.
        phone_width: CSS width on phones; None shares what is left.
        described: Words for screen readers where there is no label.
        two_lines: Whether its words may take two lines.
    """

    name: str
    label: str
    width: str | None = None
    sortable: bool = False
    right: bool = False
    phone: bool = False
    phone_width: str | None = None
    described: str | None = None
    two_lines: bool = False


@dataclass(frozen=True, slots=True)
class RowAction:
    """Something to do with one row.

    Attributes:
        name: Given to the handler.
        label: In words.
        icon: Beside the words, or alone.
        quick: Shown in the row itself while the mouse or the focus is on it, and not only in its menu.
        key: Key that does it while the row has the focus.
        danger: Shown in red.
    """

    name: str
    label: str
    icon: str
    quick: bool = False
    key: str | None = None
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        id: Unique within the table, stable over refreshes.
        name: What people call it: read out by screen readers with its buttons.
        cells: By column name.
        actions: What can be done: an empty text, or why it cannot be done now.
        version: The row tints for a moment when this changes.
    """

    id: str
    name: str
    cells: dict[str, Cell]
    actions: dict[str, str] = field(default_factory=dict)
    version: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the browser gets it."""
        return {"id": self.id, "name": self.name, "c": self.cells, "a": self.actions or None, "v": self.version}


class DataTable(Element, component="data_table.js"):
    """A table of rows that keeps selection, focus and scroll while it is refreshed.

    While the mouse or the focus is in it, and for 3 s after an action, the browser leaves every row in its place: cells
    and actions are refreshed, but new rows wait and those that are gone stay, their actions disabled. Another page,
    order or filter is shown at once.

    Args:
        label: What it lists, for screen readers.
        columns: From left to right.
        actions: What a row's menu offers.
        selectable: Whether rows have a checkbox.
        prefix: Path under which a reverse proxy serves the app.
        on_sort: Told the column whose head was clicked.
        on_action: Told the name of the action and the id of the row.
        on_select: Told the ids of all selected rows.
        on_open: Told the id of a row that was clicked; without it a row follows its link.
        clickable: Whether a click or Enter opens a row.
    """

    def __init__(
        self,
        label: str,
        columns: Sequence[Column],
        *,
        actions: Sequence[RowAction] = (),
        selectable: bool = False,
        clickable: bool = True,
        prefix: str = "",
        on_sort: Callable[[str], Any] | None = None,
        on_action: Callable[[str, str], Any] | None = None,
        on_select: Callable[[list[str]], Any] | None = None,
        on_open: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        self.selected: list[str] = []
        self._props["label"] = label
        self._props["columns"] = [
            {
                "n": c.name,
                "l": c.label,
                "w": c.width,
                "pw": c.phone_width,
                "s": c.sortable and on_sort is not None,
                "r": c.right,
                "p": c.phone,
                "x": c.described,
                "t": c.two_lines or None,
            }
            for c in columns
        ]
        self._props["rows"] = self.rows
        self._props["selectable"] = selectable
        self._props["clickable"] = clickable
        self._props["opens"] = on_open is not None
        self._props["prefix"] = prefix
        self._props["actions"] = [
            {"n": a.name, "l": a.label, "i": a.icon, "q": a.quick, "k": a.key, "d": a.danger} for a in actions
        ]
        self._names = {a.name for a in actions}
        self._on_select = on_select
        self.on("select", self._selected)
        if on_sort is not None:
            sortable = {c.name for c in columns if c.sortable}
            self.on("sort", lambda event: on_sort(event.args) if event.args in sortable else None)
        if on_action is not None:
            self.on("action", lambda event: self._acted(event, on_action))
        if on_open is not None:
            self.on("open", lambda event: on_open(str(event.args)))

    def show(self, rows: Sequence[Row], *, sort: str | None = None, descending: bool = False) -> None:
        """Show these rows; sends nothing when they are the ones shown already."""
        new = [row.to_dict() for row in rows]
        # The address says what is listed: rows of another address are no refresh of those that are shown.
        asked = {"of": _listed(self.client.sub_pages_router.current_path), "sort": sort, "desc": descending}
        if new == self.rows and all(self._props.get(name) == value for name, value in asked.items()):
            return
        self.rows = new
        self._props["rows"] = new
        self._props["of"] = asked["of"]
        self._props["sort"] = sort
        self._props["desc"] = descending
        self.update()

    def clear_selection(self) -> None:
        """Select nothing."""
        self.selected = []
        self.run_method("clear", True)
        if self._on_select is not None:
            self._on_select([])

    def select(self, ids: Sequence[str]) -> None:
        """Select these rows, on this page or another."""
        self.run_method("choose", list(ids))
        self.selected = list(ids)
        if self._on_select is not None:
            self._on_select(list(ids))

    def mark_row(self, row_id: str | None) -> None:
        """Show which row is open beside the table; None for none."""
        if self._props.get("current") != row_id:
            self._props["current"] = row_id
            self.update()

    def _selected(self, event: GenericEventArguments) -> None:
        self.selected = [str(each) for each in event.args]
        if self._on_select is not None:
            self._on_select(list(self.selected))

    def _acted(self, event: GenericEventArguments, handler: Callable[[str, str], Any]) -> Any:
        # What the browser sends is not trusted: only an action that this row offers now is done.
        name, row_id = str(event.args.get("action")), str(event.args.get("id"))
        row = next((row for row in self.rows if row["id"] == row_id), None)
        if name not in self._names or row is None or (row["a"] or {}).get(name) != "":
            return None
        return handler(name, row_id)


def _listed(address: str) -> str:
    """Return an address without what is open beside the list."""
    path, _, query = address.partition("?")
    return f"{path}?{urlencode([part for part in parse_qsl(query) if part[0] not in BESIDE])}"
