"""The list of jobs: what ran, what runs, and how it went."""

from collections.abc import Mapping

from nicegui import ui

from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.orchestrator.backend.causes import title_of
from OpenOrchestrator.orchestrator.backend.ids import as_uuid
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.backend.periods import period_of
from OpenOrchestrator.orchestrator.components import empty, times
from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.choices import join_choice, split_choice
from OpenOrchestrator.orchestrator.components.tables import download
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.components.tables.filters import ChoiceFilter, FilterBar, PeriodChoice
from OpenOrchestrator.orchestrator.components.tables.paging import Pager, place_of
from OpenOrchestrator.orchestrator.jobs.actions import JobActions
from OpenOrchestrator.orchestrator.jobs.backend import csv_export
from OpenOrchestrator.orchestrator.jobs.backend.badge import BADGE
from OpenOrchestrator.orchestrator.jobs.backend.jobs import CAP, SEGMENTS, FoundJobs, JobQuery, JobsBackend
from OpenOrchestrator.orchestrator.jobs.backend.reasons import cause_of
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.jobs.job_rows import ACTIONS, COLUMNS, job_row
from OpenOrchestrator.orchestrator.live.address_list import AddressList
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View

MOST_PAGES = 4000
NONE_YET = empty.NoneYet(
    "sym_r_play_circle",
    "No jobs yet",
    "A job is one run of a trigger. The first one comes when a scheduler starts a trigger that is due.",
)


async def build(view: View) -> None:
    """Show the jobs that the address asks for."""
    await JobsPage(view).build()


class JobsPage:
    """The list in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = JobsBackend(view.database, view.clock)
        self._names = NamesBackend(view.database, view.clock)
        self._actions = JobActions(view, self._backend)
        self._list = AddressList(view, "jobs", query_of=query_of, ask=self._backend.page, show=self._show)
        self._rows: dict[str, JobRow] = {}

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        page = await self._list.first()
        shown = {**view.query, "trigger": await self._named(view.query.get("trigger", ""))}
        with view.head("Jobs"):
            ui.element("span").classes("oo-vsep oo-no-phone")
            secondary("Export", self._export, icon="sym_r_download", marker="export").classes("oo-no-phone")
        self._filters = FilterBar(
            shown,
            self._list.filter,
            placeholder="Filter by trigger, process or title",
            choices=(
                ChoiceFilter("status", "Status", {each.name.lower(): each.value for each in JobStatus}),
                ChoiceFilter("trigger", "Trigger", self._backend.trigger_names),
                ChoiceFilter("process", "Process", self._names.processes),
                ChoiceFilter("scheduler", "Scheduler", self._names.schedulers),
                ChoiceFilter("cause", "Cause", self._backend.causes, words=self._cause_words(page)),
                PeriodChoice("Time", times.zone_name(view.zone)),
            ),
            segments={"": "All", "running": "Running", "failed": "Failed", "partial": "Partially done"},
        )
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
            self._table = DataTable(
                "Jobs", COLUMNS, actions=ACTIONS, prefix=view.prefix, on_sort=self._sort, on_action=self._act
            ).mark("jobs")
            self._empty = empty.EmptyPlace(self._table)
            self._pager = Pager(on_page=self._list.turn, on_size=self._list.resize)
        self._show(page)
        self._list.follow()

    async def _named(self, value: str) -> str:
        """Return a filter by trigger as people read it: with the name where the address has the id."""
        trigger_id = as_uuid(value.removeprefix("-"))
        if trigger_id is None:
            return value
        name = await self._backend.name_of_trigger(trigger_id)
        if name is None:
            return value
        return join_choice((name,), exclude=value.startswith("-"))

    def _cause_words(self, page: FoundJobs) -> dict[str, str]:
        """Return the causes of an address in words, as far as what it lists tells."""
        wanted = self._list.query.causes
        rows = [row for row in reversed(page.rows) if cause_of(row) in wanted]  # the words of the newest
        return {cause_of(row): title_of(row.reason or row.status.value) for row in rows}

    def _show(self, page: FoundJobs) -> None:
        now, zone, query = self._view.now(), self._view.zone, self._list.query
        self._rows = {str(row.id): row for row in page.rows}
        rows = [job_row(row, now, zone) for row in page.rows]
        self._table.show(rows, sort="started", descending=query.descending)
        shown = len(page.rows)
        # Beyond where counting stopped, there is a next page as long as this one is full.
        seen = (query.page - 1) * query.size + shown + (1 if shown == query.size else 0)
        total = max(page.total, seen) if page.total > CAP else page.total
        cap = CAP if page.total > CAP else None
        self._pager.show(page=query.page, size=query.size, shown=shown, total=total, cap=cap)
        self._view.count(times.capped(page.total, CAP) if cap else times.number(page.total))
        self._empty.show(
            NONE_YET,
            shown=bool(page.rows),
            hidden_by=self._filters.description() if page.any else "",
            on_clear=self._filters.clear_all,
        )

    async def _export(self) -> None:
        database, backend = self._view.database, self._backend
        query = await self._view.load(lambda: backend.pinned(self._list.query))
        if query is None:
            return
        site_now = self._view.now().astimezone(self._view.zone)
        with self._view.container:
            download.offer_csv("jobs", site_now, lambda: csv_export.jobs(database, backend, query))

    async def _sort(self, _column: str) -> None:
        await self._list.change(sort="started" if self._list.query.descending else None, page=None)

    async def _act(self, action: str, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is None:
            return
        if action == "kill":
            await self._actions.kill(row)
        elif action == "trigger":
            self._view.go(f"/triggers/{row.trigger_id}")
        elif action == "logs":
            self._view.go(f"/logs?job={row.id}")
        elif action == "cause":
            self._view.go(f"/jobs?cause={cause_of(row)}")


def query_of(address: Mapping[str, str]) -> JobQuery:
    """Return what an address asks for; parts that mean nothing are left out."""
    statuses, not_statuses = split_choice(address.get("status", ""))
    processes, not_processes = split_choice(address.get("process", ""))
    schedulers, not_schedulers = split_choice(address.get("scheduler", ""))
    triggers, not_triggers = split_choice(address.get("trigger", ""))
    causes, not_causes = split_choice(address.get("cause", ""))
    segment = address.get("segment", "")
    page, size = place_of(address, MOST_PAGES)
    return JobQuery(
        text=address.get("q", "")[:200],
        statuses=tuple(JobStatus[each.upper()] for each in statuses if each.upper() in JobStatus.__members__),
        not_statuses=not_statuses,
        processes=processes,
        not_processes=not_processes,
        schedulers=schedulers,
        not_schedulers=not_schedulers,
        triggers=triggers,
        not_triggers=not_triggers,
        causes=causes[:20],
        not_causes=not_causes,
        segment=segment if segment in SEGMENTS else "",
        period=period_of(address),
        descending=address.get("sort", "") != "started",
        page=page,
        size=size,
    )


PAGES = (
    PageSpec(
        path="/jobs",
        title="Jobs",
        build=build,
        nav=NavEntry("Operate", 30, "sym_r_play_circle", badge=BADGE),
    ),
)
