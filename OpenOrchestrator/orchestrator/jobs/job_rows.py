"""Jobs as tables show them, and what can be done with them now."""

from __future__ import annotations

from datetime import datetime, tzinfo

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.progress import percent
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row, RowAction
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, PARTIALLY_DONE, TRIGGER_LOOKS, Look
from OpenOrchestrator.orchestrator.jobs.backend.jobs import STOPPED_STATUSES
from OpenOrchestrator.orchestrator.jobs.backend.reasons import cause_of
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow

COLUMNS = (
    Column("name", "Job", "24%", phone=True),
    Column("status", "Status", "134px", phone=True, phone_width="134px"),
    Column("started", "Started", "116px", sortable=True),
    Column("duration", "Duration", "110px", right=True),
    Column("where", "Scheduler", "136px"),
    Column("by", "Started by", "108px"),
    Column("reason", "Cause"),
)
ACTIONS = (
    RowAction("trigger", "Open trigger", "sym_r_bolt", quick=True, key="t"),
    RowAction("logs", "Logs", "sym_r_notes", quick=True, key="l"),
    RowAction("cause", "Jobs with this cause", "sym_r_filter_alt"),
    RowAction("kill", "Kill", "sym_r_block", danger=True),
)


def job_row(row: JobRow, now: datetime, zone: tzinfo, *, with_trigger: bool = True) -> Row:
    """Return a job as a table shows it.

    Args:
        row: The job.
        now: Aware.
        zone: The site's.
        with_trigger: Whether the trigger can be opened from it.
    """
    actions = {"logs": ""}
    if with_trigger:
        actions["trigger"] = "" if row.trigger_status is not None else "Its trigger was deleted"
    if cause_of(row):
        actions["cause"] = ""
    if row.active:
        actions["kill"] = why_not_kill(row)
    second = row.title or (row.process if row.trigger_name else None)
    started = row.started(zone)
    return Row(
        id=str(row.id),
        name=row.name,
        version=f"{row.status.name}{' killing' if row.killing else ''}",
        actions=actions,
        cells={
            "name": cells.text(
                row.name,
                second=second or "",
                phone=row.title or times.past(started, now, zone),
                tip=row.title,
                href=f"/jobs/{row.id}",
            ),
            "status": cells.pill(look_of(row)),
            "started": cells.moment(started, now, zone, tone="t2"),
            "duration": _duration(row, now, zone),
            "where": cells.text(row.scheduler, tone="t2"),
            "by": _started_by(row),
            "reason": _reason(row),
        },
    )


def look_of(row: JobRow) -> Look:
    """Return how the state of a job is shown."""
    if row.killing:
        return TRIGGER_LOOKS[TriggerStatus.KILLING]
    return PARTIALLY_DONE if row.partially_done else JOB_LOOKS[row.status]


def progress_words(fraction: float | None, text: str | None) -> str:
    """Return how far a job is in words: ``40 %, page 2 of 5``; empty where its robot did not say. Pure."""
    if fraction is None:
        return ""
    return f"{percent(fraction)} %" + (f", {text}" if text else "")


def _duration(row: JobRow, now: datetime, zone: tzinfo) -> cells.Cell:
    seconds = row.seconds(now, zone)
    if row.active:
        # By the minute, so that a list that nothing happened in is not sent anew all the time.
        minutes = times.clock_minutes(row.started(zone), now)
        return cells.text("< 1 m" if seconds < 60 else times.duration(minutes * 60))
    if row.ended is None or not row.ran:
        return cells.text("", tone="t3")
    return cells.text(times.duration(seconds), tip=times.exact_duration(seconds))


def _started_by(row: JobRow) -> cells.Cell:
    if row.started_by is None:
        return cells.text("", tone="t3")
    who = f"Asked for by {row.requested_by}" if row.requested_by else None
    origin = row.again_of or row.retry_of
    href = f"/jobs/{origin}" if origin is not None else None
    return cells.text(row.started_by.value, tone="t2", tip=who, href=href)


def _reason(row: JobRow) -> cells.Cell:
    words = (row.active and progress_words(row.progress, row.progress_text)) or row.reason
    if row.partially_done:
        words = " ".join((row.partial_message or "").split())
    if not words:
        return cells.text("", tone="t3")
    line = sentence(words).partition("\n")[0]
    tip = words[:600] if len(words) > 60 else None
    return cells.text(line[:200], tone="t2", tip=tip)


def sentence(reason: str) -> str:
    """Return a reason with a capital at its beginning."""
    return reason[:1].upper() + reason[1:]


def why_not_kill(row: JobRow) -> str:
    """Return why a job cannot be killed now; an empty text if it can."""
    if not row.active:
        return "It has ended"
    if row.killing:
        return "It is being killed already"
    if row.trigger_id is None:
        return "A scheduler of an earlier version started it, and that cannot be asked about a job without a trigger"
    return ""


def why_not_run(row: JobRow) -> str:
    """Return why a job cannot be run again now; an empty text if it can."""
    if not row.ran:
        return "It never ran: run its trigger instead"
    if row.trigger_status is None:
        return "Its trigger was deleted"
    if row.trigger_status is TriggerStatus.IDLE or row.trigger_status in STOPPED_STATUSES:
        return ""
    return f"Its trigger is {row.trigger_status.value.lower()}"
