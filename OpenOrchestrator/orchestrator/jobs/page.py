"""One job: how it stands, why it failed, what its robot prints, and what it logged and worked on."""

from datetime import datetime
from uuid import UUID

from nicegui import background_tasks, ui

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.statuses import (
    BAD_JOB_STATUSES,
    UNSTARTED_JOB_STATUSES,
    JobStatus,
)
from OpenOrchestrator.orchestrator.annotations.parts import draw_owner
from OpenOrchestrator.orchestrator.backend.ids import as_uuid
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.buttons import icon_button, secondary, tip
from OpenOrchestrator.orchestrator.components.facts import Fact, beside
from OpenOrchestrator.orchestrator.components.failure_card import failure_card
from OpenOrchestrator.orchestrator.components.tabs import Tabs
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, Pill
from OpenOrchestrator.orchestrator.jobs.actions import JobActions
from OpenOrchestrator.orchestrator.jobs.backend.details import LOG_CAP, JobDetails, JobDetailsBackend, Surroundings
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobsBackend
from OpenOrchestrator.orchestrator.jobs.job_rows import look_of, sentence, why_not_kill, why_not_run
from OpenOrchestrator.orchestrator.jobs.page_output import OutputPanel
from OpenOrchestrator.orchestrator.jobs.page_panels import JobElementsPanel, JobLogsPanel
from OpenOrchestrator.orchestrator.jobs.page_side import JobSide
from OpenOrchestrator.orchestrator.jobs.page_told import ToldCards
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.live.view import View

SHORT_COMMIT = 7
NEAR_LIMIT = 0.85


async def build(view: View) -> None:
    """Show the job of the address.

    Raises:
        NotFoundError: If there is no such job.
    """
    job_id = as_uuid(view.parameters["job_id"])
    if job_id is None:
        raise NotFoundError("This is not the address of a job.")
    await JobPage(view, job_id).build()


class JobPage:
    """The page in one tab."""

    def __init__(self, view: View, job_id: UUID) -> None:
        self._view = view
        self._id = job_id
        self._backend = JobDetailsBackend(view.database, view.clock)
        self._jobs = JobsBackend(view.database, view.clock)
        self._actions = JobActions(view, self._jobs)
        self._seen: tuple[int, object] | None = None
        self._loading = False

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        self._details = await self._backend.get(self._id)
        around = await self._backend.surroundings(self._id)
        neighbours = await self._backend.neighbours(self._details.row)
        view.container.classes("oo-detail")
        row = self._details.row
        crumbs = [("Jobs", "/jobs")]
        if row.trigger_status is not None:
            crumbs.append((row.name, f"/triggers/{row.trigger_id}"))
        crumbs.append((str(row.id)[:8], f"/jobs/{row.id}"))
        with view.head(row.name, crumbs=crumbs):
            self._build_buttons()
        with beside(view.heading):
            self._pill = Pill()
        self._build_facts()
        self._told = ToldCards(view.zone)
        self._failure = ui.element("div")
        view.title(f"{row.name}, {JOB_LOOKS[row.status].word}")
        self._tabs = Tabs({"": "Output", "logs": "Logs", "elements": "Elements"}, view.query.get("tab", ""), self._tab)
        with ui.element("div").classes("oo-split"):
            with ui.element("div").classes("oo-split-main"):
                self._build_panels()
            with ui.element("div").classes("oo-split-side"):
                self._side = JobSide(self._details, view)
        self._show_around(around)
        self._show_neighbours(neighbours)
        self._show(self._details)
        await self._load_tab()
        view.follow(("job", self._id), lambda: self._backend.find(self._id), self._show)

    def _build_buttons(self) -> None:
        row = self._details.row
        self._older = icon_button("sym_r_chevron_left", "Previous run", lambda: self._turn(0), marker="previous-run")
        self._newer = icon_button("sym_r_chevron_right", "Next run", lambda: self._turn(1), marker="next-run")
        if row.trigger_status is not None:
            secondary(
                "Trigger",
                lambda: self._view.go(f"/triggers/{row.trigger_id}"),
                icon="sym_r_bolt",
                marker="open-trigger",
            )
        icon_button("sym_r_link", "Copy the link to this job", self._copy_link, marker="copy-link")
        self._kill = secondary("Kill", self._ask_kill, icon="sym_r_block", marker="kill").classes("oo-red")
        self._again = secondary("Run again", self._run_again, icon="sym_r_replay", marker="run-again")

    def _build_facts(self) -> None:
        with ui.element("div").classes("oo-facts"):
            self._started = Fact("Started", marker="started")
            self._duration = Fact("Duration", marker="duration")
            self._scheduler = Fact("Scheduler", marker="scheduler")
            self._commit = Fact("Commit", mono=True, marker="commit")
            self._exit_code = Fact("Exit code", mono=True, marker="exit-code")
            self._attempt = Fact("Attempt", marker="attempt")
            self._ended = Fact("Ended", marker="ended")
        self._limit = ui.element("div").classes("oo-card oo-card-b").style("margin: 0 var(--gutter) 12px")
        with self._limit:
            with ui.element("div").classes("oo-row"):
                ui.icon("sym_r_timer").classes("oo-i16 oo-t3")
                self._limit_text = ui.label().classes("oo-b").mark("limit")
            with ui.element("div").classes("oo-limit") as self._limit_bar:
                self._limit_part = ui.element("b")

    def _build_panels(self) -> None:
        active = self._details.row.active
        with ui.element("div").style("display: flex; flex: 1; min-width: 0") as panel:
            self._output = OutputPanel(self._view, self._id, live=active, follow=active)
        self._tabs.panel("", panel)
        self._logs = JobLogsPanel(self._view, self._details.row)
        self._tabs.panel("logs", self._logs.element)
        self._elements = JobElementsPanel(self._view)
        self._tabs.panel("elements", self._elements.element)

    def _show_around(self, around: Surroundings) -> None:
        """Show what changes only when the job ends."""
        now = self._view.now()
        self._failure.clear()
        if self._details.row.status in (*BAD_JOB_STATUSES, *UNSTARTED_JOB_STATUSES, JobStatus.KILLED):
            with self._failure:
                self._build_failure(around, now)
        self._side.show_history(around.history, now)

    def _build_failure(self, around: Surroundings, now: datetime) -> None:
        row, zone = self._details.row, self._view.zone
        look, failure = JOB_LOOKS[row.status], around.failure
        with failure_card(
            sentence(row.reason or look.word),
            look,
            headline=None if failure is None or failure.headline == row.reason else failure.headline,
            text=failure.text if failure else None,
            beneath=lambda: draw_owner(around.owner),
        ):
            if not row.ran or (around.last_success is None and around.bad_since < 2):
                return
            with ui.element("div").classes("oo-failure-aside"):
                if around.last_success is not None:
                    ui.label("Last success").classes("oo-t3")
                    instant = times.from_site(around.last_success[1], zone)
                    link = ui.link(times.calendar(instant, now, zone), f"/jobs/{around.last_success[0]}")
                    tip(link.classes("oo-link").mark("last-success"), times.absolute(instant, zone))
                if row.status in BAD_JOB_STATUSES:
                    ui.label("Failed since").classes("oo-t3")
                    words = f"{times.number(around.bad_since)} job{'s' if around.bad_since != 1 else ''}"
                    ui.link(words, f"/jobs?segment=failed&trigger={row.trigger_id}").classes("oo-link")

    def _show(self, details: JobDetails | None) -> None:
        if details is None:
            return
        before, self._details = self._details, details
        row, now, zone = details.row, self._view.now(), self._view.zone
        self._pill.show(look_of(row))
        self._told.show(details)
        self._side.show_told(details)
        started = row.started(zone)
        self._started.show(
            "Never" if not row.ran else times.full(started, zone).replace(f" {now.astimezone(zone).year}", ""),
            hint=times.absolute(started, zone),
        )
        seconds = row.seconds(now, zone)
        self._duration.show(
            times.exact_duration(seconds if not row.active else int(seconds))
            if row.active or (row.ended and row.ran)
            else ""
        )
        self._scheduler.show(row.scheduler)
        self._commit.show((row.commit or "")[:SHORT_COMMIT], hint=row.commit)
        # 0 and 1 say no more than the status does.
        telling = row.exit_code is not None and row.exit_code not in (0, 1)
        self._exit_code.show(str(row.exit_code) if telling else "", tone="failed")
        self._attempt.show(str(row.attempt) if row.attempt > 1 else "")
        ended = times.from_site(row.ended, zone) if row.ended is not None else None
        self._ended.show(
            times.past(ended, now, zone) if ended and row.ran else "",
            hint=times.absolute(ended, zone) if ended else None,
        )
        self._show_limit(details, seconds)
        self._show_buttons(details)
        self._side.show_attempts(details)
        self._side.show_again(details)
        self._tabs.count("logs", times.capped(details.logs, LOG_CAP) if details.logs else "")
        self._tabs.count("elements", times.number(details.element_count) if details.elements else "")
        self._side.show_elements(
            ", ".join(f"{times.number(count)} {status.value}" for status, count in details.elements)
        )
        self._output.reach(details.last_sequence, live=row.active)
        has_ended = before.row.active and not row.active
        if has_ended:
            self._view.title(f"{row.name}, {JOB_LOOKS[row.status].word}")
            background_tasks.create(self._ended_now(), name="job ended")
        has_more = self._seen not in (None, (details.logs, details.elements))
        may_have_more = self._counts_no_further(details) and (has_ended or (row.active and not self._loading))
        if has_more or may_have_more:
            background_tasks.create(self._load_tab(), name="job tab")

    def _counts_no_further(self, details: JobDetails) -> bool:
        """Tell whether the number of logs says no more whether some came since."""
        return self._tabs.chosen == "logs" and details.logs >= LOG_CAP

    async def _ended_now(self) -> None:
        around = await self._view.load(lambda: self._backend.surroundings(self._id))
        if around is not None and not self._failure.is_deleted:
            self._show_around(around)

    def _show_limit(self, details: JobDetails, seconds: float) -> None:
        limit = details.timeout_seconds
        if limit is None or not details.row.active or details.row.status is JobStatus.STARTING:
            self._limit.set_visibility(False)
            return
        self._limit.set_visibility(True)
        left = limit - seconds
        text = f"{times.exact_duration(int(left))} to the time limit of {times.limit(limit)}"
        if left <= 0:
            text = f"Past its time limit of {times.limit(limit)}"
        if self._limit_text.text != text:
            self._limit_text.set_text(text)
            self._limit_part.style(f"width: {min(seconds / limit, 1) * 100:.1f}%")
            near = seconds >= limit * NEAR_LIMIT
            self._limit_bar.classes(add="oo-near" if near else "", remove="" if near else "oo-near")

    def _show_buttons(self, details: JobDetails) -> None:
        row = details.row
        self._kill.set_visibility(row.active)
        reason = why_not_kill(row)
        self._kill.set_enabled(not reason)
        tip(self._kill, reason or "Stop the robot at once")
        self._again.set_visibility(not row.active and row.ran and row.trigger_id is not None)
        reason = why_not_run(row)
        self._again.set_enabled(not reason)
        tip(self._again, reason or "Run it once more, with the same arguments or others")

    async def _tab(self, value: str) -> None:
        self._view.set_query(tab=value or None)
        await self._load_tab()

    async def _load_tab(self) -> None:
        """Read what the chosen tab shows."""
        self._seen = (self._details.logs, self._details.elements)
        self._loading = True
        try:
            await self._read_tab()
        finally:
            self._loading = False

    async def _read_tab(self) -> None:
        if self._tabs.chosen == "logs":
            logs = await self._view.load(lambda: self._backend.logs(self._details.row))
            if logs is not None:
                self._logs.show(logs)
        elif self._tabs.chosen == "elements":
            elements = await self._view.load(lambda: self._backend.elements(self._id))
            if elements is not None:
                self._elements.show(elements, self._details.element_count)

    def _show_neighbours(self, found: tuple[UUID | None, UUID | None]) -> None:
        whose = "trigger" if self._details.row.trigger_id is not None else "process"
        for button, which, other in zip((self._older, self._newer), ("previous", "next"), found, strict=True):
            button.set_enabled(other is not None)
            words = f"{which.capitalize()} run of this {whose}"
            tip(button, words if other is not None else f"There is no {which} run of this {whose}")

    async def _turn(self, which: int) -> None:
        """Show the run before (0) or after (1), on the same tab."""
        found = await self._view.load(lambda: self._backend.neighbours(self._details.row))
        other = found[which] if found is not None else None
        if other is not None:
            tab = self._view.query.get("tab")
            self._view.go(f"/jobs/{other}" + (f"?tab={tab}" if tab else ""))

    async def _copy_link(self) -> None:
        # The host is the browser's: behind a proxy only that knows it.
        origin = await ui.run_javascript("location.origin", timeout=5)
        ui.clipboard.write(f"{origin}{self._view.prefix}/jobs/{self._id}")
        feedback.done("The link to this job was copied")

    async def _ask_kill(self) -> None:
        await self._actions.kill(self._details.row)

    async def _run_again(self) -> None:
        await self._actions.run_again(self._details.row)


PAGES = (PageSpec(path="/jobs/{job_id}", title="Job", build=build, under="/jobs"),)
