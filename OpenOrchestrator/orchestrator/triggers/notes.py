"""What people did to a trigger and when: a pause, a skipped run, a run that was asked for. In words; pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.missed_runs import MissedRuns
from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger, Pause, RunRequest, SkippedRun


def skipped_of(row: ListedTrigger, now: datetime, zone: tzinfo) -> SkippedRun | None:
    """Return the run that is passed over; None if there is none, or if what moved the next run was something else."""
    if row.skipped is None or row.next_run is None:
        return None
    counts = now < row.skipped.due < times.from_site(row.next_run, zone)
    return row.skipped if counts else None


def why_not_skip(row: ListedTrigger, now: datetime, zone: tzinfo) -> str | None:
    """Return why the next run cannot be skipped; an empty text if it can, None where there is none to skip."""
    if row.cron is None or row.next_run is None:
        return None
    if row.status not in (TriggerStatus.IDLE, TriggerStatus.RUNNING):
        busy = "" if row.status in BUSY_TRIGGER_STATUSES else ", so it has no next run"
        return f"It is {row.status.value.lower()}{busy}"
    return "Its next run is skipped already" if skipped_of(row, now, zone) is not None else ""


def following(row: ListedTrigger, now: datetime, zone: tzinfo) -> datetime | None:
    """Return when a trigger runs if its next run is skipped, aware; None if its schedule does not tell."""
    try:
        schedule = row.schedule(zone)
        if schedule is None or row.next_run is None:
            return None
        due = times.from_site(row.next_run, zone)
        # Where each missed run is run, those after it go on waiting.
        return schedule.next_due(due if row.missed.run is MissedRuns.EACH else max(due, now))
    except InvalidInputError:
        return None


def pause_words(pause: Pause, now: datetime, zone: tzinfo) -> str:
    """Return ``Paused by Anna 12 min ago, until Mon 06:00``."""
    until = f", until {point(pause.until, now, zone)}" if pause.until is not None else ""
    return f"Paused{_by(pause.by)} {times.past(pause.at, now, zone)}{until}"


def request_words(request: RunRequest, now: datetime, zone: tzinfo) -> str:
    """Return ``A run with arguments of its own was asked for by Anna just now, for worker-1``."""
    what = "A run with arguments of its own" if request.once else "A run"
    where = f", for {request.scheduler}" if request.scheduler else ""
    return f"{what} was asked for{_by(request.by)} {times.past(request.at, now, zone)}{where}"


def skip_words(skipped: SkippedRun, now: datetime, zone: tzinfo) -> str:
    """Return ``The run of Mon 08:30 is skipped, asked for by Anna 5 min ago``."""
    words = f"The run of {point(skipped.due, now, zone)} is skipped"
    return words if skipped.at is None else f"{words}, asked for{_by(skipped.by)} {times.past(skipped.at, now, zone)}"


def point(instant: datetime, now: datetime, zone: tzinfo) -> str:
    """Return a point in time, always with the time of day: ``07:41``, ``Sat 02:00``, ``Mon 30 Nov 06:00``."""
    words = times.calendar(instant, now, zone)
    return words if ":" in words else f"{times.day(instant, zone)} {times.clock_time(instant, zone)}"


def _by(name: str | None) -> str:
    return f" by {name}" if name else ""
