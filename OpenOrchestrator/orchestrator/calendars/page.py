"""The list of calendars: which days are open, and which triggers follow each."""

from datetime import datetime, tzinfo

from nicegui import ui

from OpenOrchestrator.orchestrator.calendars.backend import CalendarRow, CalendarsBackend
from OpenOrchestrator.orchestrator.calendars.form import ICON, open_form
from OpenOrchestrator.orchestrator.calendars.words import country_words, own_dates_words, weekday_words
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import primary
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row, RowAction
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View

COLUMNS = (
    Column("name", "Calendar", "26%", phone=True),
    Column("days", "Working days", "18%", phone=True),
    Column("country", "Holidays of", "16%"),
    Column("dates", "Own dates", "16%"),
    Column("users", "Triggers", "12%"),
    Column("changed", "Changed", "150px"),
)
ACTIONS = (
    RowAction("edit", "Edit, preview a year", "sym_r_edit", quick=True, key="e"),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)
MEANING = "A calendar says on which days scheduled triggers run: working days, without holidays and dates of your own."


async def build(view: View) -> None:
    """Build the list."""
    await CalendarsPage(view).build()


class CalendarsPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = CalendarsBackend(view.database, view.clock)
        self._rows: tuple[CalendarRow, ...] = ()

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        rows = await self._backend.rows()
        with view.head("Calendars"):
            ui.element("span").classes("oo-vsep oo-no-phone")
            primary("New calendar", self._new, icon="sym_r_add", marker="new-calendar")
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
            self._table = DataTable(
                "Calendars",
                COLUMNS,
                actions=ACTIONS,
                prefix=view.prefix,
                on_action=self._act,
                on_open=lambda name: self._act("edit", name),
            ).mark("calendars")
            self._empty = empty.EmptyPlace(self._table)
        self._show(rows)
        view.follow("calendars", self._backend.rows, self._show)
        action, name = view.asked_form()
        if action == "new":
            await self._new()
        elif action == "edit" and name:
            await self._edit(name)

    def _show(self, rows: tuple[CalendarRow, ...]) -> None:
        self._rows = rows
        now, zone = self._view.now(), self._view.zone
        self._table.show([table_row(row, now, zone) for row in rows])
        self._view.count(times.number(len(rows)) if rows else "")
        none = empty.NoneYet(ICON, "No calendars yet", MEANING, action="New calendar", on_action=self._new)
        self._empty.show(none, shown=bool(rows), hidden_by="", on_clear=self._view.refresh)

    async def _new(self) -> None:
        countries = await self._view.load(self._backend.countries)
        if countries is not None:
            open_form(self._view, None, countries, self._view.refresh)

    async def _edit(self, name: str) -> None:
        row = await self._view.act(lambda: self._backend.get(name), name=f"Open {name}")
        countries = await self._view.load(self._backend.countries)
        if row is not None and row.edition is not None and countries is not None:
            open_form(self._view, row, countries, self._view.refresh)

    async def _act(self, action: str, name: str) -> None:
        if action == "edit":
            await self._edit(name)
        elif await confirm(
            f"Delete {name}?", ["No trigger follows it. Its dates are gone with it."], action=f"Delete {name}"
        ):
            await self._view.act(lambda: self._backend.delete(name), name=f"Delete {name}", done=f"{name} was deleted")


def table_row(row: CalendarRow, now: datetime, zone: tzinfo) -> Row:
    """Return a calendar as the table shows it."""
    calendar = row.calendar
    used = f"Used by {', '.join(row.users[:5])}" + (f" and {len(row.users) - 5} more" if len(row.users) > 5 else "")
    return Row(
        id=row.name,
        name=row.name,
        version=str(row.edition),
        actions={"edit": "" if row.edition is not None else row.problem, "delete": used if row.users else ""},
        cells={
            "name": cells.text(
                row.name,
                second=row.problem or None,
                tone="failed" if row.problem else None,
                tip=row.problem or None,
                strong=True,
            ),
            "days": cells.text("" if calendar is None else weekday_words(calendar.working_days)),
            "country": cells.text("" if calendar is None else country_words(calendar), tone="t2"),
            "dates": cells.text("" if calendar is None else own_dates_words(calendar), tone="t2"),
            "users": cells.text(
                times.number(len(row.users)), tone=None if row.users else "t3", tip="\n".join(row.users) or None
            ),
            "changed": cells.text("") if row.changed is None else cells.moment(row.changed, now, zone),
        },
    )


PAGES = (PageSpec(path="/calendars", title="Calendars", build=build, nav=NavEntry("Manage", 20, ICON)),)
