"""Triggers as the list shows them."""

from __future__ import annotations

from datetime import datetime, tzinfo

from OpenOrchestrator.orchestrator.annotations.backend import NOTHING_NOTED, Noted
from OpenOrchestrator.orchestrator.annotations.owner_words import noted_tip
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row, RowAction
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, TRIGGER_LOOKS, TYPE_ICONS, Look
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.waits import Wait
from OpenOrchestrator.orchestrator.triggers.cron_words import short
from OpenOrchestrator.orchestrator.triggers.next_run import next_cell
from OpenOrchestrator.orchestrator.triggers.notes import why_not_skip
from OpenOrchestrator.orchestrator.triggers.place_words import DESKTOP_TIPS
from OpenOrchestrator.orchestrator.triggers.reasons import reasons
from OpenOrchestrator.orchestrator.triggers.schedule_words import calendar_words, own_zone

COLUMNS = (
    Column("type", "", "42px", described="Kind"),
    Column("name", "Trigger", "16%", sortable=True, phone=True),
    Column("status", "Status", "106px", sortable=True, phone=True, phone_width="112px"),
    Column("last", "Last run", "188px", sortable=True),
    Column("runs", "Last 14 runs", "106px"),
    Column("next", "Next run", "182px", sortable=True),
    Column("schedule", "Schedule", two_lines=True),
    Column("where", "Scheduler", "118px"),
    Column("priority", "Priority", "74px", sortable=True, right=True),
)
ACTIONS = (
    RowAction("run", "Run now", "sym_r_play_arrow", quick=True, key="r"),
    RowAction("cancel", "Cancel the requested run", "sym_r_close"),
    RowAction("disable", "Pause", "sym_r_pause", quick=True, key="p"),
    RowAction("enable", "Enable", "sym_r_check", quick=True, key="p"),
    RowAction("once", "Run once with…", "sym_r_play_circle"),
    RowAction("pause", "Pause until…", "sym_r_pause_circle"),
    RowAction("skip", "Skip the next run", "sym_r_skip_next"),
    RowAction("why", "Why is it not running?", "sym_r_help"),
    RowAction("edit", "Edit", "sym_r_edit", quick=True, key="e"),
    RowAction("copy", "Copy", "sym_r_content_copy"),
    RowAction("notes", "Notes, owner, tags", "sym_r_sell"),
    RowAction("kill", "Kill", "sym_r_block", danger=True),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)


def trigger_row(
    row: ListedTrigger, now: datetime, zone: tzinfo, noted: Noted = NOTHING_NOTED, wait: Wait | None = None
) -> Row:
    """Return a trigger as the table shows it.

    Args:
        row: The trigger.
        now: Aware.
        zone: The site's.
        noted: Its owner and tags.
        wait: Why it does not start, if it is due.
    """
    why_not = reasons(row)
    offered = {
        name: reason for name, reason in why_not.items() if name not in ("enable", "disable", "kill") or not reason
    }
    if not why_not["disable"]:
        offered["pause"] = ""
    skip = why_not_skip(row, now, zone)
    if skip is not None:
        offered["skip"] = skip
    return Row(
        id=str(row.id),
        name=row.name,
        version=f"{row.status.name} {row.runs[-1].status.name if row.runs else ''}",
        actions={
            **offered,
            **({"cancel": ""} if row.run_requested else {}),
            **({"why": ""} if row.active is None or row.most_jobs > 1 else {}),
            "edit": "",
            "copy": "",
            "notes": "",
            "delete": "",
        },
        cells={
            "type": cells.text(None, icon=TYPE_ICONS[row.type], tip=f"{row.type.value} trigger"),
            "name": cells.text(
                row.name,
                second=row.process,
                phone=_phone_line(row, now, zone, wait),
                href=f"/triggers/{row.id}",
                tags=noted.tags,
                tip=noted_tip(noted),
            ),
            "status": cells.pill(TRIGGER_LOOKS[row.status] if row.odd_status is None else _odd(row.odd_status)),
            "last": _last(row, now, zone),
            "runs": cells.strip([JOB_LOOKS[run.status] for run in row.runs]),
            "next": next_cell(row, now, zone, wait),
            "schedule": _schedule(row, now, zone),
            "where": _where(row),
            "priority": cells.text(
                _priority(row.priority), tone="t3" if row.priority <= 0 else None, strong=row.priority > 0
            ),
        },
    )


def _phone_line(row: ListedTrigger, now: datetime, zone: tzinfo, wait: Wait | None) -> str:
    """Return what the columns of times say, which phones have no place for."""
    last = row.last_ended
    before = f"Last {times.past(times.from_site(last.started, zone), now, zone)}" if last is not None else "Never run"
    after = next_cell(row, now, zone).get("t")
    parts = [before, after, wait.short if wait is not None else ""]
    return " · ".join(part for part in parts if part)


def _odd(status: str) -> Look:
    return Look(status[:20], "timeout", "r_error")


def _last(row: ListedTrigger, now: datetime, zone: tzinfo) -> cells.Cell:
    run = row.last_ended
    if run is not None:
        when = cells.moment(times.from_site(run.started, zone), now, zone)
        return cells.pill(JOB_LOOKS[run.status], quiet=True, after={**when, "h": f"/jobs/{run.job_id}"})
    if row.last_run is not None:
        return cells.moment(times.from_site(row.last_run, zone), now, zone)
    return cells.text("Never run", tone="t3")


def _schedule(row: ListedTrigger, now: datetime, zone: tzinfo) -> cells.Cell:
    if row.cron is not None:
        elsewhere = own_zone(row, zone)
        tips = (row.cron, elsewhere, calendar_words(row.calendar, row.closed_days))
        return cells.text(short(row.cron), tone="t2", second=elsewhere, tip="\n".join(filter(None, tips)))
    if row.queue is not None:
        # The column has room for a name in two lines; the icon of its kind says that it is a queue's.
        tip = f"Queue {row.queue}: runs at {row.min_batch_size} or more New elements."
        return cells.text(row.queue, tone="t2", tip=tip)
    if row.next_run is not None:
        instant = times.from_site(row.next_run, zone)
        day = times.calendar(instant, now, zone)
        words = f"Once, today {day}" if len(day) == 5 and ":" in day else f"Once, {times.day(instant, zone)}"
        return cells.text(words, tone="t2", tip=times.absolute(instant, zone))
    return cells.text("", tone="t3")


def _where(row: ListedTrigger) -> cells.Cell:
    """Return where a trigger may run, and what it needs there; labels that nobody carries stand out."""
    names, needs = row.schedulers, DESKTOP_TIPS.get(row.desktop)
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    words = names[0] + more if names else "Any"
    if row.labels:
        listed = ", ".join(row.labels)
        words = f"{words}, {listed}" if names else listed
    tips = [
        *(names if more else ()),
        *([row.unmet or f"Requires the labels {', '.join(row.labels)}."] if row.labels else ()),
        *([needs] if needs else ()),
    ]
    tone = "timeout" if row.unmet else None if needs else "t2"
    second = row.desktop.value if needs else None
    return cells.text(words, second=second, tone=tone, tip="\n".join(tips) or None)


def _priority(priority: int) -> str:
    return "Normal" if priority == 0 else times.number(priority)
