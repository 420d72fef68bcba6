"""When a trigger runs next, or why it does not: in words for its page, and as a cell of the list. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo
from enum import Enum, auto

from OpenOrchestrator.database.statuses import HELD_TRIGGER_STATUSES, TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.triggers.backend.last_runs import Run
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.waits import MOST_REASONS, Wait
from OpenOrchestrator.orchestrator.triggers.failure_words import attempt_words, when_words
from OpenOrchestrator.orchestrator.triggers.notes import pause_words, point, request_words, skip_words, skipped_of
from OpenOrchestrator.orchestrator.triggers.overlap_words import is_several, run_words, since_words
from OpenOrchestrator.orchestrator.triggers.reasons import reasons
from OpenOrchestrator.orchestrator.triggers.schedule_words import both_zones


class NextRun(Enum):
    """What is to be said about the next run of a trigger."""

    STUCK = auto()
    RUNNING = auto()
    HELD = auto()
    DISABLED = auto()
    HAS_RUN = auto()
    REQUESTED = auto()
    BACK_OFF = auto()
    RESTS = auto()
    ON_ELEMENTS = auto()
    LATE = auto()
    DUE = auto()


WORDS = {
    NextRun.HELD: "Will not run",
    NextRun.DISABLED: "Not enabled",
    NextRun.HAS_RUN: "Has run",
    NextRun.REQUESTED: "Run requested",
}
TIPS = {
    NextRun.HELD: "It failed, and runs again only after it was enabled.",
    NextRun.DISABLED: "It runs again only after it was enabled.",
    NextRun.HAS_RUN: "A single trigger runs once.",
    NextRun.REQUESTED: "The next free scheduler starts it.",
}

_KILLED = "It was killed, and runs again only after it was enabled."
_BACK_OFF = "Its last run failed and is tried again. Until then neither its schedule nor its queue starts it."
_RESTS = (
    "Its last run took nothing from the queue, though elements wait there. So it rests, longer from run to run; a new "
    "element starts it at once."
)


def next_run_of(row: ListedTrigger) -> NextRun:
    """Return what comes first of what is to be said."""
    if row.stuck:
        return NextRun.STUCK
    if row.active is not None:
        return NextRun.RUNNING
    if row.request is not None and row.request.once:
        return NextRun.REQUESTED
    if row.status in HELD_TRIGGER_STATUSES:
        return NextRun.HELD
    if row.status is TriggerStatus.PAUSED:
        return NextRun.DISABLED
    if row.status is TriggerStatus.DONE:
        return NextRun.HAS_RUN
    if row.run_requested:
        return NextRun.REQUESTED
    if row.retry is not None:
        return NextRun.BACK_OFF
    if row.rests_until is not None:
        return NextRun.RESTS
    if row.next_run is None:
        return NextRun.ON_ELEMENTS
    return NextRun.LATE if row.late else NextRun.DUE


def next_words(row: ListedTrigger, now: datetime, zone: tzinfo) -> tuple[str, str | None, str]:
    """Return when a trigger runs next: words, tooltip, tone."""
    state = next_run_of(row)
    if state is NextRun.STUCK:
        return "Stuck", f"It is {row.status.value}, but no job of it runs.", "timeout"
    if state is NextRun.RUNNING:
        return (run_words(row), since_words(row, zone), "") if is_several(row) else ("Running now", None, "")
    if state in WORDS:
        return WORDS[state], _tip(state, row, now, zone), "failed" if row.status is TriggerStatus.FAILED else ""
    if row.retry is not None:
        words = f"{attempt_words(row.retry)} {when_words(row.retry, now, zone)}"
        return words[0].upper() + words[1:], f"{_BACK_OFF}\n{times.absolute(row.retry.at, zone)}", ""
    if row.rests_until is not None:
        return f"At {_clock(row.rests_until, zone)}, or on a new element", _RESTS, ""
    if row.next_run is None:
        return "When New elements wait", None, ""
    instant = times.from_site(row.next_run, zone)
    if state is NextRun.LATE:
        return _late_words(instant, now), _late_tip(instant, zone), "timeout"
    return times.future(instant, now), both_zones(row, instant, zone), ""


def next_cell(row: ListedTrigger, now: datetime, zone: tzinfo, wait: Wait | None = None) -> cells.Cell:
    """Return when a trigger runs next as a cell: shorter, and for how long it runs or is stuck.

    Args:
        row: The trigger.
        now: Aware.
        zone: The site's.
        wait: Why it does not start, if it is due.
    """
    cell = _next_cell(row, now, zone)
    if wait is None:
        return cell
    if row.queue is not None and not row.run_requested and row.retry is None:
        cell = cells.text("Elements wait")
    lines = [str(cell.get("tip") or ""), *(reason.words for reason in wait.reasons[:MOST_REASONS])]
    return {**cell, "s": wait.short, "tip": "\n".join(line for line in lines if line)}


def _next_cell(row: ListedTrigger, now: datetime, zone: tzinfo) -> cells.Cell:
    state = next_run_of(row)
    active = row.active
    if state is NextRun.STUCK:
        since = row.last_ended.started if row.last_ended else row.last_run
        length = times.duration((now - times.from_site(since, zone)).total_seconds()) if since else ""
        return cells.text(f"Stuck {length}".strip(), tone="timeout", tip=f"{row.status.value}, but no job of it runs.")
    if active is not None:
        return _running_cell(row, active, now, zone)
    if state is NextRun.HELD:
        if row.odd_status is not None or row.odd_id is not None:
            return cells.text(WORDS[state], tone="t2", tip=reasons(row)["enable"])
        tip = _tip(state, row, now, zone)
        return cells.text(WORDS[state], tone="t2", tip=tip, second=_missed(row, now, zone), action=("enable", "Enable"))
    if state is NextRun.DISABLED:
        until = row.pause.until if row.pause is not None else None
        second = f"Until {point(until, now, zone)}" if until is not None else _missed(row, now, zone)
        return cells.text(WORDS[state], tone="t3", tip=_tip(state, row, now, zone), second=second)
    if state is NextRun.HAS_RUN:
        return cells.text(WORDS[state], tone="t3")
    if state is NextRun.REQUESTED:
        return cells.text(WORDS[state], tip=_tip(state, row, now, zone), action=("cancel", "Cancel"))
    if row.retry is not None:
        tip = f"{_BACK_OFF}\n{times.absolute(row.retry.at, zone)}"
        words = attempt_words(row.retry)
        return cells.text(f"{words[0].upper()}{words[1:]}", tip=tip, second=when_words(row.retry, now, zone))
    if row.rests_until is not None:
        return cells.text(f"At {_clock(row.rests_until, zone)}", tone="t3", tip=_RESTS)
    if row.next_run is None:
        return cells.text("On new elements" if row.queue else "", tone="t3")
    instant = times.from_site(row.next_run, zone)
    if state is NextRun.LATE:
        return cells.text(_late_words(instant, now), tone="timeout", tip=_late_tip(instant, zone))
    skipped = skipped_of(row, now, zone)
    if skipped is None:
        return {**cells.upcoming(instant, now, zone), "tip": both_zones(row, instant, zone)}
    tip = f"{both_zones(row, instant, zone)}\n{skip_words(skipped, now, zone)}"
    return cells.text(times.future(instant, now), tip=tip, second=f"Skips {point(skipped.due, now, zone)}")


def _running_cell(row: ListedTrigger, active: Run, now: datetime, zone: tzinfo) -> cells.Cell:
    started = times.from_site(active.started, zone)
    seconds = (now - started).total_seconds()
    words = "just started" if seconds < 60 else f"{times.duration(seconds // 60 * 60)} running"
    if is_several(row):
        href = f"/jobs?segment=running&trigger={row.id}"
        return cells.text(run_words(row), second=words, tip=since_words(row, zone), href=href)
    return cells.text(words, tip=f"Since {times.absolute(started, zone)}", href=f"/jobs/{active.job_id}")


def _missed(row: ListedTrigger, now: datetime, zone: tzinfo) -> str | None:
    """Return since when a trigger that may not run would be due; None if it would not be."""
    if row.next_run is None:
        return None
    instant = times.from_site(row.next_run, zone)
    return f"Was due {times.calendar(instant, now, zone)}" if instant <= now else None


def _tip(state: NextRun, row: ListedTrigger, now: datetime, zone: tzinfo) -> str:
    if state is NextRun.REQUESTED and row.request is not None:
        return f"{TIPS[state]}\n{request_words(row.request, now, zone)}"
    if state is NextRun.DISABLED and row.pause is not None:
        lines = [pause_words(row.pause, now, zone), row.pause.reason or ""]
        return "\n".join(line for line in lines if line)
    tip = _KILLED if row.status is TriggerStatus.KILLED else TIPS[state]
    if row.next_run is None or state not in {NextRun.HELD, NextRun.DISABLED} or not _missed(row, now, zone):
        return tip
    return f"{tip}\nIt was due {times.absolute(times.from_site(row.next_run, zone), zone)}"


def _clock(site_time: datetime, zone: tzinfo) -> str:
    return times.clock_time(times.from_site(site_time, zone), zone, seconds=True)


def _late_words(instant: datetime, now: datetime) -> str:
    return f"{times.span((now - instant).total_seconds())} late"


def _late_tip(instant: datetime, zone: tzinfo) -> str:
    return f"Due {times.absolute(instant, zone)}"
