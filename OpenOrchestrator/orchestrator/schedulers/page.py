"""The list of schedulers: when each was last heard from, and what runs on it."""

from datetime import datetime, tzinfo
from urllib.parse import urlencode

from nicegui import ui

from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.choices import join_choice, split_choice
from OpenOrchestrator.orchestrator.components.forms.ask_by_name import ask_by_name
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row, RowAction
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.schedulers.backend.badge import BADGE
from OpenOrchestrator.orchestrator.schedulers.backend.schedulers import SchedulerRow, SchedulersBackend
from OpenOrchestrator.orchestrator.schedulers.holds import ASKED, held_words, state_of

COLUMNS = (
    Column("name", "Scheduler", "24%", phone=True),
    Column("state", "State", "142px", phone=True, phone_width="136px"),
    Column("seen", "Last heartbeat", "132px"),
    Column("running", "Running", phone=False),
    Column("slots", "Jobs of slots", "100px", right=True),
    Column("last", "Last trigger", "22%"),
    Column("version", "Version", "96px"),
)
ACTIONS = (
    RowAction("jobs", "Jobs", "sym_r_play_circle", quick=True),
    RowAction("triggers", "Triggers", "sym_r_bolt"),
    RowAction("cordon", "Cordon", "sym_r_block"),
    RowAction("uncordon", "Uncordon", "sym_r_play_arrow"),
    RowAction("drain", "Drain", "sym_r_logout"),
    RowAction("forget", "Remove from the list", "sym_r_delete", danger=True),
)
NONE_YET = empty.NoneYet(
    "sym_r_dns",
    "No schedulers yet",
    "A scheduler runs robots on a worker machine. Start one there with: python -m OpenOrchestrator scheduler",
)


async def build(view: View) -> None:
    """Build the list, with what is filtered in the address."""
    await SchedulersPage(view).build()


class SchedulersPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = SchedulersBackend(view.database, view.clock)
        self._text = view.query.get("q", "")[:200]
        self._rows: tuple[SchedulerRow, ...] = ()

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        rows = await self._backend.rows()
        with view.head("Schedulers"):
            pass
        self._filters = FilterBar(
            view.query,
            self._filtered,
            placeholder="Filter by name, machine or label",
            choices=(ChoiceFilter("name", "Name", {}, when_set=True),),
            segments={"": "All", "silent": "Not heard from", "held": "Cordoned"},
        )
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
            self._table = DataTable(
                "Schedulers", COLUMNS, actions=ACTIONS, prefix=view.prefix, on_action=self._act
            ).mark("schedulers")
            self._empty = empty.EmptyPlace(self._table)
        self._show(rows)
        view.follow("schedulers", self._backend.rows, self._show)

    async def _filtered(self, changes: dict[str, str | None]) -> None:
        self._view.set_query(**changes)
        self._text = self._view.query.get("q", "")[:200]
        self._show(self._rows)

    def _show(self, rows: tuple[SchedulerRow, ...]) -> None:
        self._rows = rows
        text = self._text.casefold()
        names, but_these = split_choice(self._view.query.get("name", ""))
        segment = self._view.query.get("segment")
        shown = [
            row
            for row in rows
            if any(text in each.casefold() for each in (row.name, row.host or "", *row.labels))
            and (row.silent or segment != "silent")
            and (row.cordon or row.drain or row.stopping or segment != "held")
            and (not names or (row.name in names) is not but_these)
        ]
        now, zone = self._view.now(), self._view.zone
        self._table.show([table_row(row, now, zone) for row in shown])
        count = times.number(len(rows))
        self._view.count(f"{times.number(len(shown))} of {count}" if len(shown) != len(rows) else count)
        self._empty.show(
            NONE_YET,
            shown=bool(shown),
            hidden_by=self._filters.description() if rows else "",
            on_clear=self._filters.clear,
        )

    async def _act(self, action: str, name: str) -> None:
        row = next((each for each in self._rows if each.name == name), None)
        if row is None:
            return
        if action == "jobs":
            self._view.go(f"/jobs?{_choice(name)}")
        elif action == "triggers":
            self._view.go(f"/triggers?{_choice(name)}")
        elif action in ASKED:
            await self._ask(action, row)
        elif await confirm(
            f"Remove {name} from the list?",
            ["Its jobs and logs stay. It is on the list again as soon as it is heard from."],
            action=f"Remove {name}",
        ):
            await self._view.act(
                lambda: self._backend.forget(row),
                name=f"Remove {name}",
                done=f"{name} was removed from the list",
                lost="It has been heard from again, or somebody else removed it.",
            )

    async def _ask(self, action: str, row: SchedulerRow) -> None:
        view, name, asked = self._view, row.name, ASKED[action]
        if asked.refused(row):
            return
        wish = await ask_by_name(f"{asked.verb} {name}?", asked.sentences(row), action=f"{asked.verb} {name}")
        if wish is None:
            return
        work = {
            "cordon": lambda: self._backend.cordon(name, wish.by),
            "uncordon": lambda: self._backend.uncordon(name),
            "drain": lambda: self._backend.drain(name, wish.by),
        }[action]
        await view.act(work, name=f"{asked.verb} {name}", done=f"{name} {asked.done(row)}")


def table_row(row: SchedulerRow, now: datetime, zone: tzinfo) -> Row:
    """Return a scheduler as the table shows it."""
    seen = times.from_site(row.seen, zone)
    running = len(row.running)
    return Row(
        id=row.name,
        name=row.name,
        version=f"{row.silent} {state_of(row).word}",
        actions={
            "jobs": "",
            "triggers": "",
            **{name: asked.refused(row) for name, asked in ASKED.items()},
            "forget": "" if row.silent else "It is heard from",
        },
        cells={
            "name": cells.text(
                row.name,
                second=row.host or "",
                tags=row.labels,
                phone=_phone_line(seen, now, silent=row.silent),
                tip=held_words(row, zone) or None,
                href=f"/jobs?{_choice(row.name)}",
            ),
            "state": cells.pill(state_of(row), after={"tip": held_words(row, zone)} if held_words(row, zone) else None),
            "seen": _heartbeat(seen, now, zone, silent=row.silent),
            "running": cells.text(
                ", ".join(row.running) or "Nothing",
                tone=None if running else "t3",
                tip="\n".join(row.running) if running > 1 else None,
                href=f"/jobs?{_choice(row.name, status='starting,running')}" if running else None,
            ),
            "slots": cells.text(
                f"{running} of {row.slots}" if row.slots is not None else times.number(running),
                tone=None if running else "t3",
            ),
            "last": _last(row, now, zone),
            "version": cells.text(row.version or "before 4.0", tone="t2" if row.version else "t3"),
        },
    )


def _heartbeat(seen: datetime, now: datetime, zone: tzinfo, *, silent: bool) -> cells.Cell:
    tip = times.absolute(seen, zone)
    if silent:
        return cells.text(f"{times.duration((now - seen).total_seconds() // 60 * 60)} ago", tone="failed", tip=tip)
    # Not counted in seconds: a table that changes at every look would be sent at every look.
    return cells.text("just now", tone="t3", tip="Within the last minute: schedulers report every few seconds.")


def _phone_line(seen: datetime, now: datetime, *, silent: bool) -> str:
    if not silent:
        return "Heartbeat just now"
    return f"Heartbeat {times.duration((now - seen).total_seconds() // 60 * 60)} ago"


def _last(row: SchedulerRow, now: datetime, zone: tzinfo) -> cells.Cell:
    if row.last_trigger is None:
        return cells.text("None yet", tone="t3")
    started = times.from_site(row.last_start, zone) if row.last_start is not None else None
    return cells.text(
        row.last_trigger,
        second=times.past(started, now, zone) if started is not None else "",
        tip=times.absolute(started, zone) if started is not None else None,
    )


def _choice(name: str, **more: str) -> str:
    return urlencode({"scheduler": join_choice((name,), exclude=False), **more})


PAGES = (
    PageSpec(
        path="/schedulers",
        title="Schedulers",
        build=build,
        nav=NavEntry("Manage", 10, "sym_r_dns", badge=BADGE),
    ),
)
