"""Coming runs: what is expected to run in the next 24 hours or 7 days, where, and what will not fit."""

from datetime import timedelta
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.coming.address import wanted_of
from OpenOrchestrator.orchestrator.coming.backend.coming import ComingBackend, Forecast
from OpenOrchestrator.orchestrator.coming.lanes import ComingLanes
from OpenOrchestrator.orchestrator.coming.rows import COLUMNS, TROUBLE_COLUMNS, coming_row, nowhere_row, trouble_row
from OpenOrchestrator.orchestrator.coming.words import looked_note, notes, runs_text, summary
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.chart import legend
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar
from OpenOrchestrator.orchestrator.components.tables.paging import Pager, resized, turned
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View

REFRESH_SECONDS = 60.0
MOST_LISTED_TROUBLES = 25

NONE_YET = empty.NoneYet(
    "sym_r_event_upcoming",
    "Nothing is scheduled",
    "Runs that triggers with a time will start are listed here. Queue triggers run when elements wait.",
)
PAUSED = empty.NoneYet(
    "sym_r_pause_circle",
    "Nothing is expected while the site is paused",
    "What is due by then starts when the pause ends, or somebody resumes the site.",
)
LEGEND = (("coming", "Expected"), ("blocks", "Blocking"), ("bad", "Will not fit"))


async def build(view: View) -> None:
    """Show what is expected in the span of the address."""
    await ComingPage(view).build()


class ComingPage:
    """The forecast in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = ComingBackend(view.database, view.clock)
        self._names = NamesBackend(view.database, view.clock)
        self._wanted = wanted_of(view.query)
        self._forecast: Forecast | None = None
        self._following: Any = None
        self._asked = 0

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        forecast = await self._backend.forecast(self._wanted.horizon)
        with view.head("Coming runs"):
            pass
        self._filters = FilterBar(
            view.query,
            self._filtered,
            placeholder="Filter by trigger or process",
            choices=(ChoiceFilter("scheduler", "Scheduler", self._names.schedulers),),
            segments={"": "24 hours", "week": "7 days"},
        )
        with ui.element("div").classes("oo-body"):
            with ui.element("div").classes("oo-note") as self._hour_note:
                ui.icon("sym_r_schedule")
                self._hour_text = ui.label().mark("coming-hour")
                ghost("Show all", self._all_hours, small=True, marker="all-hours")
            with ui.element("div").classes("oo-card oo-no-phone") as self._lanes_card:
                with ui.element("div").classes("oo-card-h"):
                    with ui.element("h2"):
                        ui.label("By scheduler")
                    self._more_lanes = ui.label().classes("oo-sm oo-t3")
                    ui.element("span").classes("oo-sp")
                    legend(LEGEND)
                self._lanes = ComingLanes(prefix=view.prefix).mark("coming-lanes")
            with ui.element("div").classes("oo-card") as self._troubles_card:
                with ui.element("div").classes("oo-card-h"):
                    with ui.element("h2"):
                        ui.label("Will not fit")
                    self._troubles_text = ui.label().classes("oo-sm oo-t3").mark("troubles-text")
                self._troubles = DataTable("What will not fit", TROUBLE_COLUMNS, clickable=False, prefix=view.prefix)
                self._troubles.mark("troubles")
            with ui.element("div").classes("oo-card"):
                self._table = DataTable("Coming runs", COLUMNS, prefix=view.prefix).mark("coming")
                self._empty = empty.EmptyPlace(self._table)
                self._pager = Pager(on_page=self._turn, on_size=self._resize)
                self._notes = ui.element("div").classes("oo-coming-notes").mark("coming-notes")
        self._show(forecast)
        self._follow()

    def _follow(self) -> None:
        horizon = self._wanted.horizon
        self._view.unfollow(self._following)
        self._following = self._view.follow(
            ("coming", horizon), lambda: self._backend.forecast(horizon), self._show, every=REFRESH_SECONDS
        )

    async def _filtered(self, changes: dict[str, str | None]) -> None:
        self._view.set_query(**changes, page=None)
        await self._change()

    async def _change(self) -> None:
        before, self._wanted = self._wanted, wanted_of(self._view.query)
        if before.horizon is self._wanted.horizon and self._forecast is not None:
            self._show(self._forecast)
            return
        self._asked += 1
        asked = self._asked
        forecast = await self._view.load(lambda: self._backend.forecast(self._wanted.horizon))
        if asked == self._asked:
            if forecast is not None:
                self._show(forecast)
            self._follow()

    async def _turn(self, page: int) -> None:
        self._view.set_query(**turned(page))
        await self._change()

    async def _resize(self, size: int) -> None:
        self._view.set_query(**resized(size))
        await self._change()

    async def _all_hours(self) -> None:
        self._view.set_query(hour=None, page=None)
        await self._change()

    def _show(self, forecast: Forecast) -> None:
        self._forecast = forecast
        wanted, zone = self._wanted, self._view.zone
        live = [each.name for each in forecast.schedulers if each.takes_runs]
        found = [each for each in forecast.runs if wanted.has(each)]
        first = (wanted.page - 1) * wanted.size
        page = found[first : first + wanted.size]
        bad = {(run.trigger.id, run.start): trouble for trouble in forecast.troubles for run in trouble.runs}
        rows = [
            coming_row(each, bad.get((each.run.trigger.id, each.run.start)), forecast.now, live, zone) for each in page
        ]
        self._table.show(rows)
        self._pager.show(page=wanted.page, size=wanted.size, shown=len(page), total=len(found))
        shown = sum(each.run.count for each in found)
        total = runs_text(forecast.total)
        self._view.count(summary(forecast) if len(found) == len(forecast.runs) else f"{times.number(shown)} of {total}")
        self._empty.show(
            PAUSED if forecast.pause is not None else NONE_YET,
            shown=bool(page),
            hidden_by=self._hidden_by() if forecast.runs else "",
            on_clear=self._clear,
        )
        self._hour_note.set_visibility(wanted.hour is not None)
        if wanted.hour is not None:
            start, end = (times.clock_time(each, zone) for each in (wanted.hour, wanted.hour + timedelta(hours=1)))
            self._hour_text.set_text(f"Only runs that start on {times.day(wanted.hour, zone)}, {start} to {end}.")
        more = self._lanes.show(forecast, zone)
        self._more_lanes.set_text(f"{more} more lanes are not drawn" if more else "")
        self._lanes_card.set_visibility(bool(self._lanes.lanes))
        self._show_troubles(forecast, live)
        self._show_notes(forecast)

    def _show_troubles(self, forecast: Forecast, live: list[str]) -> None:
        zone = self._view.zone
        troubles = [each for each in forecast.troubles if self._wanted.has_trouble(each)]
        listed = troubles[:MOST_LISTED_TROUBLES]
        rows = [trouble_row(each, forecast.now, live, zone) for each in listed]
        if forecast.nowhere and not self._wanted.schedulers:
            rows.insert(0, nowhere_row(forecast))
        self._troubles.show(rows)
        more = len(troubles) - len(listed) + forecast.more_troubles
        first = f"The first {len(listed)}; {times.number(more)} more later" if more else ""
        self._troubles_text.set_text(looked_note(forecast, zone) or first)
        self._troubles_card.set_visibility(bool(rows))

    def _show_notes(self, forecast: Forecast) -> None:
        words = notes(forecast, self._view.zone)
        if [label.text for label in self._notes.default_slot.children if isinstance(label, ui.label)] == words:
            return
        self._notes.clear()
        with self._notes:
            for sentence in words:
                ui.label(sentence)

    def _hidden_by(self) -> str:
        return self._filters.description() if self._filters.active else "The hour"

    async def _clear(self) -> None:
        self._view.set_query(hour=None)
        await self._filters.clear()
        await self._change()


PAGES = (
    PageSpec(
        path="/coming",
        title="Coming runs",
        build=build,
        nav=NavEntry("Operate", 60, "sym_r_event_upcoming"),
    ),
)
