"""What stands at the side of a job's page: the facts about it, and how long the runs before it took.

Owns drawing them. Must not know when that is needed.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.database.statuses import RobotEnvironment, SecretPassing, StartedBy, TriggerType
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import copy_button, tip
from OpenOrchestrator.orchestrator.components.facts import term
from OpenOrchestrator.orchestrator.components.stored_json import pretty
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS
from OpenOrchestrator.orchestrator.jobs.backend.details import Attempt, JobDetails, RanWith
from OpenOrchestrator.orchestrator.jobs.backend.history import RunLength, typical
from OpenOrchestrator.orchestrator.jobs.page_told import ResultCard
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.queues.elements.long_content import FilesCard

PASSING_WORDS = {
    SecretPassing.AUTO: "As the process needs it",
    SecretPassing.ENVIRONMENT: "Environment",
    SecretPassing.ARGUMENTS: "Arguments",
}


class JobSide:
    """The cards of one job.

    Args:
        details: The job; what can change is shown later.
        view: The page's.
    """

    def __init__(self, details: JobDetails, view: View) -> None:
        self._id = details.row.id
        self._zone = view.zone
        self._prefix = view.prefix
        with ui.element("div").classes("oo-card"):
            with ui.element("h2"):
                ui.label("Facts")
            with ui.element("dl").classes("oo-kv"):
                self._build_facts(details)
        if details.ran_with is not None:
            with ui.element("div").classes("oo-card"):
                self._build_ran_with(details.ran_with)
        self._result = ResultCard()
        self._files = FilesCard(view)
        self._shown_files: tuple[object, ...] = ()
        self._history = ui.element("div")

    def show_told(self, details: JobDetails) -> None:
        """Show what came of it and its files; nothing where there is none."""
        self._result.show(details.result)
        if details.files != self._shown_files:
            self._shown_files = details.files
            self._files.show(details.files)

    def show_elements(self, words: str) -> None:
        """Show how many elements are in which state; nothing where there are none."""
        self._elements_label.set_visibility(bool(words))
        self._elements_box.set_visibility(bool(words))
        if self._element_words.text != words:
            self._element_words.set_text(words)

    def show_history(self, history: Sequence[RunLength], now: datetime) -> None:
        """Show how long the runs of its trigger took, this one last; nothing where it is the only one."""
        zone = self._zone
        self._history.clear()
        self._history.set_visibility(len(history) > 1)
        if len(history) > 1:
            with self._history, ui.element("div").classes("oo-card"):
                with ui.element("div").classes("oo-row").style("margin-bottom: 8px"):
                    with ui.element("h2").style("margin: 0"):
                        ui.label(f"Duration, last {len(history)} runs")
                    ui.element("span").classes("oo-sp")
                usual = typical(history)
                length_bars(history, self._prefix, zone, this=self._id)
                with ui.element("div").classes("oo-row oo-xs oo-t3").style("margin-top: 4px"):
                    first = times.from_site(history[0].claimed, zone)
                    ui.label(times.calendar(first, now, zone)).classes("oo-grow")
                    if usual is not None:
                        ui.label(f"typical {times.exact_duration(usual)}")
                    ui.label("this job").classes("oo-grow").style("text-align: right")

    def _build_facts(self, details: JobDetails) -> None:
        row = details.row
        _pair("Process", row.process)
        if details.trigger_type is not None:
            _pair("Trigger", f"{row.trigger_name}, {details.trigger_type.value.lower()}")
        elif row.trigger_name:
            _pair("Trigger", f"{row.trigger_name}, deleted")
        if row.ran:
            _pair("Started by", started_by(details, self._zone))
        elif details.due_at is not None:
            _pair("Was due", times.full(details.due_at, self._zone))
        if row.started_at is not None:
            due = details.due_at or times.from_site(row.claimed, self._zone)
            waited = (row.started_at - due).total_seconds()
            if waited >= 0:
                _pair("Waited", times.exact_duration(round(waited, 1)))
        _copied_pair("Commit", row.commit or "")
        self._pair_of_jobs(details)
        with ui.element("dt") as self._elements_label:
            ui.label("Elements")
        with ui.element("dd") as self._elements_box:
            self._element_words = ui.label().mark("element-words")
        _copied_pair("Job id", str(row.id))

    def _pair_of_jobs(self, details: JobDetails) -> None:
        """Link to the job that this one repeats; to those that repeat this one when they are shown."""
        if details.row.retry_of is not None or details.attempts:
            _pair("Attempt", attempt_words(details))
        with ui.element("dt") as self._attempts_label:
            ui.label("Other attempts")
        with ui.element("dd") as self._attempts_box:
            pass
        self._attempts: tuple[Attempt, ...] | None = None
        self.show_attempts(details)
        if details.row.again_of is not None:
            with term("First run"):
                ui.link(str(details.row.again_of)[:8], f"/jobs/{details.row.again_of}").classes("oo-link oo-mono").mark(
                    "first-run"
                )
        with ui.element("dt") as self._again_label:
            ui.label("Run again")
        with ui.element("dd") as self._again_box:
            pass
        self._again: tuple[tuple[UUID, datetime], ...] | None = None
        self.show_again(details)

    def show_attempts(self, details: JobDetails) -> None:
        """Show the other attempts of its run; nothing where there are none."""
        if details.attempts == self._attempts:
            return
        self._attempts = details.attempts
        self._attempts_label.set_visibility(bool(details.attempts))
        self._attempts_box.set_visibility(bool(details.attempts))
        self._attempts_box.clear()
        with self._attempts_box, ui.element("div").classes("oo-col").mark("attempts"):
            for each in details.attempts:
                words = f"{each.number}: {JOB_LOOKS[each.status].word}"
                ui.link(words, f"/jobs/{each.job_id}").classes("oo-link").mark(f"attempt-{each.number}")

    def show_again(self, details: JobDetails) -> None:
        """Show the jobs that repeat this one; nothing where there are none."""
        if details.again == self._again:
            return
        self._again = details.again
        self._again_label.set_visibility(bool(details.again))
        self._again_box.set_visibility(bool(details.again))
        self._again_box.clear()
        with self._again_box, ui.element("div").classes("oo-col").mark("run-again-as"):
            for job_id, claimed in details.again:
                instant = times.from_site(claimed, self._zone)
                ui.link(times.full(instant, self._zone), f"/jobs/{job_id}").classes("oo-link")

    def _build_ran_with(self, ran: RanWith) -> None:
        with ui.element("h2"):
            ui.label("Ran with")
        with ui.element("dl").classes("oo-kv").mark("ran-with"):
            for label, value, mono in ran_with_pairs(ran):
                with term(label):
                    ui.label(value).classes("oo-mono" if mono else "")
        if ran.arguments:
            ui.label("Arguments").classes("oo-sm oo-t3").style("margin: 10px 0 4px")
            ui.label(pretty(ran.arguments)).classes("oo-code").mark("ran-arguments")


def ran_with_pairs(ran: RanWith) -> list[tuple[str, str, bool]]:
    """Return what a job ran with in words: label, value, whether it is shown in the fixed-width font. Pure."""
    pairs = [("Repository" if ran.is_git else "Path", ran.path, True)]
    if ran.is_git:
        pairs.append(("Branch", ran.branch or "the default one", bool(ran.branch)))
        pairs.append(("Folder", "Kept between runs" if ran.keep_files else "Fresh for every run", False))
    pairs += start_pairs(ran.entry, ran.environment, is_git=ran.is_git)
    pairs.append(("Secrets", PASSING_WORDS[ran.passing], False))
    pairs.append(("Time limit", times.limit(ran.timeout_seconds) if ran.timeout_seconds else "None", False))
    if ran.scheduler is not None:
        pairs.append(("Asked of", ran.scheduler, False))
    if not ran.arguments:
        pairs.append(("Arguments", "None", False))
    return pairs


def start_pairs(entry: str | None, environment: RobotEnvironment, *, is_git: bool) -> list[tuple[str, str, bool]]:
    """Return in words what of a robot's files is started, and in which environment; nothing of what is usual. Pure."""
    usual = "main.py" if is_git else "The file of the path"
    pairs = [] if entry is None and environment is RobotEnvironment.OWN else [("Entry", entry or usual, bool(entry))]
    if environment is RobotEnvironment.MANAGED:
        pairs.append(("Environment", "Managed", False))
    return pairs


def attempt_words(details: JobDetails) -> str:
    """Return which attempt of its run a job is: ``2 of 3``. Pure."""
    number, most = details.row.retry_number + 1, details.retry_times + 1
    return f"{number} of {most}" if number <= most else str(number)


def started_by(details: JobDetails, zone: tzinfo) -> str:
    """Return in words what a job was started by; empty where that is not known."""
    row = details.row
    if row.started_by is StartedBy.RETRY:
        return "Retry, because the attempt before failed"
    if details.due_at is not None:
        return f"Schedule, due {times.calendar(details.due_at, times.from_site(row.claimed, zone), zone)}"
    if row.started_by is StartedBy.REQUEST:
        return f"Request of {row.requested_by}" if row.requested_by else "Somebody's request"
    if row.started_by is StartedBy.AGAIN:
        return f"Run again by {row.requested_by}" if row.requested_by else "Run again on somebody's request"
    if row.started_by is StartedBy.BY_HAND:
        return "By hand, from a terminal"
    is_queue = row.started_by is None and details.trigger_type is TriggerType.QUEUE
    return StartedBy.QUEUE.value if is_queue or row.started_by is StartedBy.QUEUE else ""


def length_bars(lengths: Sequence[RunLength], prefix: str, zone: tzinfo, *, this: UUID | None = None) -> None:
    """Draw how long runs took as bars that link to their jobs; failed ones are told by colour and tooltip."""
    longest = max((run.seconds or 0.0 for run in lengths), default=0.0)
    usual = typical(lengths)
    with ui.element("div").classes("oo-lengths"):
        for run in lengths:
            look = JOB_LOOKS[run.status]
            took = times.exact_duration(run.seconds) if run.seconds is not None else "not ended"
            when = times.full(times.from_site(run.claimed, zone), zone)
            link = ui.element("a").classes("oo-this" if run.job_id == this else "")
            link.props["href"] = f"{prefix}/jobs/{run.job_id}"
            link.props["aria-label"] = f"{look.word}, {took}, {when}"
            link.props["data-tip"] = f"{look.word}, {took}\n{when}"
            share = (run.seconds or 0.0) / longest if longest else 0.0
            with link:
                ui.element("b").classes(f"oo-m-{look.tone}").style(f"height: {max(share * 92, 6):.0f}%")
        if usual and longest:
            ui.element("i").style(f"bottom: {usual / longest * 92:.0f}%")


def _pair(label: str, value: str) -> None:
    if value:
        with term(label):
            ui.label(value)


def _copied_pair(label: str, value: str) -> None:
    if value:
        with term(label).classes("oo-row oo-copied").style("gap: 2px"):
            tip(ui.label(value).classes("oo-mono oo-el"), value)
            copy_button(value, f"Copy: {label}")
