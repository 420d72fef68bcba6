"""The two cards at the side of a trigger's page: when it runs next, and how it is set. No page of its own.

Owns drawing them into the card that is open. Must not know when that is needed.
"""

from datetime import datetime, tzinfo

from nicegui import ui

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import tip
from OpenOrchestrator.orchestrator.components.facts import term
from OpenOrchestrator.orchestrator.components.stored_json import pretty
from OpenOrchestrator.orchestrator.jobs.backend.history import WAITING_CAP
from OpenOrchestrator.orchestrator.jobs.backend.jobs import STOPPED_STATUSES
from OpenOrchestrator.orchestrator.jobs.page_side import PASSING_WORDS, start_pairs
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings
from OpenOrchestrator.orchestrator.triggers.cron_words import short
from OpenOrchestrator.orchestrator.triggers.failure_words import attempt_words, in_words
from OpenOrchestrator.orchestrator.triggers.missed_fields import in_words as missed_words
from OpenOrchestrator.orchestrator.triggers.next_run import next_words
from OpenOrchestrator.orchestrator.triggers.notes import skipped_of
from OpenOrchestrator.orchestrator.triggers.overlap_fields import limit_words, scaling_words
from OpenOrchestrator.orchestrator.triggers.pool_fields import pool_words
from OpenOrchestrator.orchestrator.triggers.schedule_words import calendar_words, moved_words

NEXT_RUNS = 5


def draw_next_runs(row: ListedTrigger, waiting: int | None, now: datetime, zone: tzinfo) -> None:
    """Draw when a trigger runs next, or why it does not.

    Args:
        row: The trigger.
        waiting: New elements of its queue.
        now: Aware.
        zone: The site's.
    """
    with ui.element("h2"):
        ui.label("Next runs")
    retry = row.retry if row.status is TriggerStatus.IDLE else None
    if retry is not None:
        with ui.element("div").classes("oo-next-run").mark("next-retry"):
            words = attempt_words(retry)
            day = f"{words[0].upper()}{words[1:]}, {times.day(retry.at, zone)}, {times.clock_time(retry.at, zone)}"
            tip(ui.label(day), times.absolute(retry.at, zone))
            ui.label(times.future(retry.at, now)).classes("oo-t3")
    if row.queue is not None:
        _draw_queue(row, row.queue, waiting or 0)
    elif row.cron is not None and row.status not in STOPPED_STATUSES:
        skipped = skipped_of(row, now, zone)
        begin = now if retry is None else max(now, retry.at)  # neither its schedule nor its queue starts it before
        _draw_schedule(row, None if skipped is None else skipped.due, now, zone, begin)
    elif row.next_run is not None and row.type is TriggerType.SINGLE and row.status is TriggerStatus.IDLE:
        instant = times.from_site(row.next_run, zone)
        with ui.element("div").classes("oo-next-run"):
            ui.label(times.full(instant, zone))
            ui.label(times.future(instant, now)).classes("oo-t3")
        ui.label(times.zone_text(instant, zone)).classes("oo-xs oo-t3")
    else:
        ui.label(next_words(row, now, zone)[1] or "None.").classes("oo-t2 oo-pre")


def draw_settings(settings: TriggerSettings) -> None:
    """Draw how a trigger is set."""
    with ui.element("h2"):
        ui.label("Settings")
    with ui.element("dl").classes("oo-kv"):
        for label, value, mono in setting_pairs(settings):
            with term(label):
                ui.label(value).classes("oo-mono" if mono else "")
    if settings.arguments:
        ui.label("Arguments").classes("oo-sm oo-t3").style("margin: 10px 0 4px")
        ui.label(pretty(settings.arguments)).classes("oo-code").mark("arguments")


def _draw_queue(row: ListedTrigger, queue: str, waiting: int) -> None:
    ui.label(f"Runs while {row.min_batch_size} or more New elements wait.").classes("oo-t2")
    if row.most_jobs > 1:
        words = scaling_words(row.most_jobs, row.min_batch_size or 1, row.elements_per_job)
        ui.label(words).classes("oo-t2").mark("scaling")
    with ui.element("div").classes("oo-next-run"):
        ui.link(queue, path_of(queue)).classes("oo-link oo-el")
        ui.label(f"{times.capped(waiting, WAITING_CAP)} New").classes("oo-t2")


def _draw_schedule(
    row: ListedTrigger, skipped: datetime | None, now: datetime, site_zone: tzinfo, begin: datetime
) -> None:
    try:
        schedule = row.schedule(site_zone)
        dues = () if schedule is None else schedule.next_dues(begin, NEXT_RUNS)
    except InvalidInputError as error:
        ui.label(str(error)).classes("oo-fg-failed oo-pre")
        return
    zone = site_zone if schedule is None else schedule.zone
    for due in dues:
        instant = due.at
        with ui.element("div").classes("oo-next-run"):
            tip(
                ui.label(f"{times.day(instant, zone)}, {times.clock_time(instant, zone)}"),
                times.absolute(instant, site_zone),
            )
            ui.label("skipped" if instant == skipped else times.future(instant, now)).classes("oo-t3")
        if schedule is not None and (moved := moved_words(due, schedule.closed_days)):
            ui.label(moved).classes("oo-t2 oo-sm").mark("moved")
    ui.label(times.zone_text(now, zone)).classes("oo-xs oo-t3").style("margin-top: 6px")


def stop_words(settings: TriggerSettings) -> str:
    """Return how a robot is stopped whose time is up: ``Asked for 1 min, terminated, killed after 5 s``. Pure."""
    if settings.timeout_seconds is None:
        return "There is no limit"
    asked = f"Asked for {times.limit(settings.stop_soft)}, terminated" if settings.stop_soft else "Terminated"
    grace = 5 if settings.stop_terminate is None else settings.stop_terminate
    if not grace:
        return f"{asked.removesuffix(', terminated')}, then killed" if settings.stop_soft else "Killed at once"
    return f"{asked}, killed after {times.limit(grace)}"


def setting_pairs(settings: TriggerSettings) -> list[tuple[str, str, bool]]:
    """Return what is set in words: label, value, whether it is shown in the fixed-width font."""
    pairs = [("Process", settings.process, False)]
    if settings.cron is not None:
        pairs += [("Schedule", short(settings.cron), False), ("Cron", settings.cron, True)]
    if settings.timezone is not None:
        pairs.append(("Time zone", settings.timezone, False))
    calendar = calendar_words(settings.calendar, settings.closed_days.name)
    if calendar is not None:
        pairs.append(("Calendar", calendar, False))
    if settings.cron is not None:
        pairs.append(("Missed runs", missed_words(settings.missed), False))
    if settings.queue is not None:
        pairs += [("Queue", settings.queue, False), ("Batch size", times.number(settings.min_batch_size or 1), False)]
    if settings.next_run is not None:
        pairs.append(("Date", f"{settings.next_run:%Y-%m-%d %H:%M}", False))
    pairs.append(("Repository" if settings.is_git else "Path", RepositoryAddress(settings.path).shown, True))
    if settings.is_git:
        pairs.append(("Branch", settings.branch or "the default one", bool(settings.branch)))
        pairs.append(("Folder", "Kept between runs" if settings.keep_files else "Fresh for every run", False))
    pairs += start_pairs(settings.entry, settings.environment, is_git=settings.is_git)
    pairs += [
        ("Desktop", settings.desktop.value, False),
        ("Jobs", limit_words(settings.jobs), False),
        ("Priority", "Normal" if settings.priority == 0 else times.number(settings.priority), False),
        ("Schedulers", ", ".join(settings.schedulers) or "Any", False),
        ("Labels", ", ".join(settings.labels) or "None required", False),
        ("Secrets", PASSING_WORDS[settings.passing], False),
        ("Time limit", times.limit(settings.timeout_seconds) if settings.timeout_seconds else "None", False),
        ("When time is up", stop_words(settings), False),
        ("When it fails", in_words(settings), False),
    ]
    if settings.queue is not None and settings.jobs > 1:
        per_job = settings.elements_per_job or settings.min_batch_size or 1
        pairs.append(("Elements per job", times.number(per_job), False))
    if settings.pools:
        pairs.append(("Needs", pool_words(settings.pools), False))
    return pairs
