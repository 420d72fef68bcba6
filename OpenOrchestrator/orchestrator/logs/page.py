"""Log messages: newest first, filtered, followed live, exported."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from nicegui import background_tasks, ui

from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.backend.periods import ALL
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import ghost, secondary
from OpenOrchestrator.orchestrator.components.choices import join_choice
from OpenOrchestrator.orchestrator.components.tables import download
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar, PeriodChoice
from OpenOrchestrator.orchestrator.components.tables.period_filter import PRESETS
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.logs.address import LEVELS, query_of
from OpenOrchestrator.orchestrator.logs.backend import csv_export
from OpenOrchestrator.orchestrator.logs.backend.histogram import HistogramBackend
from OpenOrchestrator.orchestrator.logs.backend.logs import (
    COUNT_CAP,
    SEARCHED_PERIOD,
    FoundLogs,
    LogJob,
    LogRow,
    LogsBackend,
)
from OpenOrchestrator.orchestrator.logs.histogram import HistogramCard
from OpenOrchestrator.orchestrator.logs.log_lines import lines_of
from OpenOrchestrator.orchestrator.logs.log_list import Fact, LogList

MOST_FOLLOWED = 200
"""More new messages than this between two looks: the list is read anew."""

LATE = timedelta(seconds=60)
"""How late a message of a robot whose clock is behind is still noticed while following."""

COUNT_SECONDS = 30.0
NONE_YET = empty.NoneYet(
    "sym_r_notes",
    "No log messages yet",
    "Robots write them with log_trace, log_info and log_error; schedulers write what happens to jobs.",
)
NO_MORE = empty.NoneYet("sym_r_notes", "No more messages", "There are none beyond this place.")


async def build(view: View) -> None:
    """Show the messages that the address asks for, and follow new ones."""
    await LogsPage(view).build()


class LogsPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = LogsBackend(view.database, view.clock)
        self._histogram_backend = HistogramBackend(view.database, view.clock)
        self._names = NamesBackend(view.database, view.clock)
        self._query = query_of(view.query)
        self._page: FoundLogs | None = None
        self._rows: tuple[LogRow, ...] = ()
        self._newest: tuple[LogRow, ...] = ()
        self._follow_new = view.query.get("follow") != "0"
        self._away = False
        self._following: Any = None
        self._counting: Any = None
        self._drawing: Any = None
        self._asked = 0

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        page = await self._backend.page(self._query)
        jobs = await self._backend.latest_jobs(self._query.jobs)
        elements = {str(each): name for each, name in (await self._backend.element_names(self._query.elements)).items()}
        with view.head("Logs"):
            ui.element("span").classes("oo-vsep oo-no-phone")
            secondary("Export", self._export, icon="sym_r_download", marker="export").classes("oo-no-phone")
            self._follow_button = secondary(
                "Follow", self._toggle_follow, icon="sym_r_vertical_align_top", marker="follow"
            )
        self._filters = FilterBar(
            view.query,
            self._filtered,
            placeholder="Search messages",
            choices=(
                ChoiceFilter("level", "Level", {name: level.value for name, level in LEVELS.items()}),
                PeriodChoice("Time", times.abbreviated(view.now(), view.zone)),
                ChoiceFilter("process", "Process", self._backend.processes),
                ChoiceFilter("scheduler", "Scheduler", self._names.schedulers),
                ChoiceFilter("job", "Job", {str(job.id): self._job_words(job) for job in jobs}),
                *([ChoiceFilter("element", "Element", elements)] if elements else []),
            ),
        )
        self._waiting = secondary("", self._to_newest, icon="sym_r_arrow_upward", marker="new-lines")
        self._waiting.classes("oo-log-waiting").set_visibility(False)
        with ui.element("div").classes("oo-body"):
            self._histogram = HistogramCard(view.zone, on_period=self._zoom)
            self._list_card()
        self._show_page(page)
        self._follow()
        # Neither takes long, but the messages need not wait for them.
        background_tasks.create(self._show_counts(), name="log counts", context=ui.context.client)

    def _list_card(self) -> None:
        view = self._view
        with ui.element("div").classes("oo-card"):
            with ui.element("div").classes("oo-note") as self._hint:
                ui.icon("sym_r_info")
                self._hint_text = ui.label().mark("search-hint")
                self._hint_button = ghost("", self._search_on, small=True, marker="search-on")
            self._list = LogList(
                "Log messages, newest first",
                zone=f"Time, {times.abbreviated(view.now(), view.zone)}",
                prefix=view.prefix,
                on_open=self._open,
                on_only=self._only,
                on_away=self._went_away,
            ).mark("logs")
            self._empty = empty.EmptyPlace(self._list)
            with ui.element("div").classes("oo-log-foot") as self._foot:
                self._newer_button = ghost(
                    "Newer", self._turn_newer, icon="sym_r_chevron_left", small=True, marker="newer"
                )
                self._newest_button = ghost(
                    "Newest", self._to_newest, icon="sym_r_first_page", small=True, marker="newest"
                )
                ui.element("span").classes("oo-sp")
                self._foot_text = ui.label().mark("log-foot")
                ui.element("span").classes("oo-sp")
                self._older_button = secondary("Older", self._turn_older, small=True, marker="older")
                self._older_button.props("icon-right=sym_r_chevron_right")

    @property
    def _at_newest(self) -> bool:
        return self._query.before is None and self._query.after is None

    async def _change(self) -> None:
        """Show what the address asks for now; an answer that comes late is dropped."""
        query = self._query = query_of(self._view.query)
        self._asked += 1
        asked = self._asked
        self._view.unfollow(self._following)
        self._following = None
        page = await self._view.load(lambda: self._backend.page(query))
        if asked != self._asked:
            return
        if page is not None:
            self._show_page(page)
        self._follow()
        await self._show_counts()

    def _follow(self) -> None:
        self._view.unfollow(self._following)
        self._following = None
        if not self._at_newest:
            return
        query = self._query
        newest = self._rows[0].time if self._rows else self._site_now() - LATE
        # By the minute, so that tabs that were opened together share the query.
        floor = (min(newest, self._site_now()) - LATE).replace(second=0, microsecond=0)
        self._following = self._view.follow(
            ("logs", query, floor), lambda: self._backend.since(query, floor, MOST_FOLLOWED), self._show_new
        )

    def _site_now(self) -> datetime:
        return self._view.now().astimezone(self._view.zone).replace(tzinfo=None)

    def _show_page(self, page: FoundLogs) -> None:
        self._page = page
        self._rows = self._newest = page.rows
        self._waiting.set_visibility(False)
        self._show_rows()
        self._show_hint()
        newest = self._at_newest
        self._follow_button.set_enabled(newest)
        on = newest and self._follow_new
        self._follow_button.classes(add="oo-on" if on else "", remove="" if on else "oo-on")
        self._follow_button.props["aria-pressed"] = "true" if on else "false"
        self._newer_button.set_visibility(not newest and page.newer)
        self._newest_button.set_visibility(not newest)
        self._older_button.set_enabled(page.older is not None)
        self._older_button.set_text("Search further back" if page.searched_to is not None else "Older")
        self._foot.set_visibility(not newest or page.older is not None)

    def _show_rows(self) -> None:
        self._list.show(lines_of(self._rows, self._site_now(), self._view.zone))
        self._foot_text.set_text(self._span())
        self._empty.show(
            NONE_YET if self._at_newest else NO_MORE,
            shown=bool(self._rows),
            hidden_by=self._filters.description() if self._filters.active else "",
            on_clear=self._filters.clear_all,
            searched=self._searched(),
        )

    def _span(self) -> str:
        if not self._rows:
            return ""
        zone = self._view.zone
        first, last = (times.from_site(row.time, zone) for row in (self._rows[0], self._rows[-1]))
        return f"{times.full(last, zone)} to {times.full(first, zone)}"

    def _show_new(self, found: tuple[LogRow, ...]) -> None:
        """Take new messages in, or say how many wait while somebody reads."""
        if not self._at_newest:
            return
        known = {row.id for row in self._rows}
        oldest = self._rows[-1].time if self._rows and self._page is not None and self._page.older else None
        new = [row for row in found if row.id not in known and (oldest is None or row.time >= oldest)]
        if not new:
            return
        if self._follow_new and not self._away and len(found) < MOST_FOLLOWED:
            both = sorted((*new, *self._rows), key=lambda row: (row.time, row.id.hex), reverse=True)
            self._rows = tuple(both[: self._query.size])
            self._waiting.set_visibility(False)
            self._show_rows()
            return
        if self._follow_new and not self._away:
            background_tasks.create(self._to_newest(), name="log burst", context=self._view.container.client)
            return
        count = f"{MOST_FOLLOWED}+" if len(new) >= MOST_FOLLOWED else str(len(new))
        self._waiting.set_text(f"{count} new line{'' if len(new) == 1 else 's'}")
        self._waiting.set_visibility(True)

    def _searched(self) -> empty.SearchedInPart | None:
        """Return where a search has looked, if that is not everywhere."""
        page, query, zone = self._page, self._query, self._view.zone
        if not query.searches:
            return None
        if page is not None and page.searched_to is not None:
            to = times.full(times.from_site(page.searched_to, zone), zone)
            return empty.SearchedInPart(f"Searched back to {to}.", "Search further back", self._search_on)
        if query.effective_period != query.period:
            words = f"Searched the {PRESETS[SEARCHED_PERIOD.start].lower()}."
            return empty.SearchedInPart(words, "Search all time", self._search_on)
        return None

    def _show_hint(self) -> None:
        query, searched = self._query, self._searched()
        implied = query.effective_period != query.period
        self._filters.show_implied(PRESETS[SEARCHED_PERIOD.start].lower() if implied else None)
        # Of an empty list that is said where its rows would stand.
        self._hint.set_visibility(searched is not None and bool(self._rows))
        if searched is not None:
            self._hint_text.set_text(searched.sentence)
            self._hint_button.set_text(searched.action)

    async def _show_counts(self) -> None:
        await self._show_count()
        await self._show_histogram()

    async def _show_histogram(self) -> None:
        query = replace(self._query, before=None, after=None)
        self._view.unfollow(self._drawing)
        self._drawing = None
        histogram = await self._view.load(lambda: self._histogram_backend.histogram(query))
        if query != replace(self._query, before=None, after=None) or self._list.is_deleted:
            return
        self._histogram.show(histogram)
        self._drawing = self._view.follow(
            ("log histogram", query),
            lambda: self._histogram_backend.histogram(query),
            self._histogram.show,
            every=COUNT_SECONDS,
        )

    async def _zoom(self, start: datetime, end: datetime) -> None:
        await self._filters.set_period(start.isoformat(timespec="seconds"), end.isoformat(timespec="seconds"))

    async def _show_count(self) -> None:
        query = self._query
        page = self._page
        self._view.unfollow(self._counting)
        if query.searches:
            # Counting would read every message again; a page that holds all of them counts itself.
            whole = page is not None and self._at_newest and page.older is None
            self._view.count(_lines_text(len(self._rows)) if whole else "")
            return
        count = await self._view.load(lambda: self._backend.count(query))
        if count is None or query != self._query:
            return
        self._tell_count(count)
        key = ("log count", replace(query, before=None, after=None))
        self._counting = self._view.follow(
            key, lambda: self._backend.count(query), self._tell_count, every=COUNT_SECONDS
        )

    def _tell_count(self, count: int) -> None:
        self._view.count(_lines_text(count))

    async def _filtered(self, changes: dict[str, str | None]) -> None:
        self._view.set_query(**changes, before=None, after=None)
        self._away = False
        await self._change()

    async def _search_on(self) -> None:
        if self._page is not None and self._page.searched_to is not None:
            await self._turn_older()
        else:
            await self._filters.set_period(ALL)

    async def _turn_older(self) -> None:
        if self._page is not None and self._page.older is not None:
            self._view.set_query(before=str(self._page.older), after=None)
            self._list.to_top()
            await self._change()

    async def _turn_newer(self) -> None:
        if self._rows:
            self._view.set_query(after=f"{self._rows[0].time.isoformat()}~{self._rows[0].id.hex}", before=None)
            self._list.to_top()
            await self._change()

    async def _to_newest(self) -> None:
        self._view.set_query(before=None, after=None)
        self._away = False
        self._list.to_top()
        await self._change()

    async def _toggle_follow(self) -> None:
        self._follow_new = not self._follow_new
        self._view.set_query(follow=None if self._follow_new else "0")
        await self._to_newest()

    def _went_away(self, away: bool) -> None:
        self._away = away
        if not away:
            self._view.refresh()

    def _only(self, name: str, value: str) -> None:
        self._view.go(f"/logs?{urlencode({name: join_choice((value,), exclude=False)})}")

    async def _open(self, log_id: str) -> None:
        details = await self._view.act(lambda: self._backend.details(UUID(log_id)), name="Open this message")
        if details is None:
            return
        zone = self._view.zone
        row, job = details.row, details.job
        instant = times.from_site(row.time, zone)
        facts: list[Fact] = [("Time", f"{times.full(instant, zone)} {times.abbreviated(instant, zone)}", None)]
        facts.append(("Process", row.process, None))
        if job is not None:
            facts.append(("Job", f"{job.trigger or job.process}, {JOB_LOOKS[job.status].word}", f"/jobs/{job.id}"))
            facts.append(("Scheduler", job.scheduler, None))
        elif row.job_id is not None:
            facts.append(("Job", f"{row.job_id}, not there any more", None))
        self._list.fill(log_id, details.message, facts)

    async def _export(self) -> None:
        query = await self._view.load(lambda: self._backend.pinned(self._query))
        if query is None:
            return
        database = self._view.database
        with self._view.container:
            download.offer_csv("logs", self._site_now(), lambda: csv_export.messages(database, query))

    def _job_words(self, job: LogJob) -> str:
        now, zone = self._view.now(), self._view.zone
        return f"{job.trigger or job.process}, {times.calendar(times.from_site(job.started, zone), now, zone)}"


def _lines_text(count: int) -> str:
    return f"{times.capped(count, COUNT_CAP)} line{'' if count == 1 else 's'}"


PAGES = (PageSpec(path="/logs", title="Logs", build=build, nav=NavEntry("Operate", 50, "sym_r_notes")),)
