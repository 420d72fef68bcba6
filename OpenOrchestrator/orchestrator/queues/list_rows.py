"""Queues as the list shows them: rows, their order, and which of them match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from OpenOrchestrator.database.statuses import QueueStatus, TriggerStatus
from OpenOrchestrator.orchestrator.annotations.owner_words import noted_tip
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row, RowAction
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS, TRIGGER_LOOKS
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.queues.backend.queues import QueueRow
from OpenOrchestrator.orchestrator.queues.figures import age, age_text, age_tone
from OpenOrchestrator.orchestrator.queues.settings_words import pause_words

COLUMNS = (
    # Wide enough for their heads in the widest of the system fonts, with the arrow of the order.
    Column("name", "Queue", "18%", sortable=True, phone=True),
    Column("bar", "Elements", "10%"),
    Column("new", "New", "76px", sortable=True, right=True, phone=True, phone_width="66px"),
    Column("in_progress", "In Progress", "116px", sortable=True, right=True),
    Column("done", "Done", "80px", sortable=True, right=True),
    Column("failed", "Failed", "82px", sortable=True, right=True, phone=True, phone_width="74px"),
    Column("abandoned", "Abandoned", "116px", sortable=True, right=True),
    Column("oldest", "Oldest New", "116px", sortable=True),
    Column("rate", "Ended per hour", "148px", sortable=True, right=True),
    Column("trigger", "Trigger"),
)
ACTIONS = (RowAction("notes", "Notes, owner, tags", "sym_r_sell"),)
STATUSES = {status.name.lower(): status for status in QueueStatus}
BAR = (QueueStatus.DONE, QueueStatus.IN_PROGRESS, QueueStatus.NEW, QueueStatus.FAILED, QueueStatus.ABANDONED)
SEGMENTS = {"": "All", "new": "With New", "failed": "With failed"}


def sort_of(address: Mapping[str, str]) -> tuple[str, bool]:
    """Return column and direction of an address: by name unless it names a column that can be sorted by."""
    sort = address.get("sort", "")
    name = sort.removeprefix("-")
    if name in {column.name for column in COLUMNS if column.sortable}:
        return name, sort.startswith("-")
    return "name", False


def sort_key(row: QueueRow, column: str) -> Any:
    """Return what a queue is sorted by."""
    if column in STATUSES:
        return row.count(STATUSES[column])
    if column == "rate":
        return row.per_hour
    if column == "oldest":
        # The oldest is the largest age; queues where nothing waits come after all others.
        return -row.oldest_new.timestamp() if row.oldest_new is not None else float("-inf")
    return row.name.casefold()


def matching(
    rows: tuple[QueueRow, ...], text: str, segment: str, tags: Sequence[str] = (), *, not_tags: bool = False
) -> list[QueueRow]:
    """Return the queues whose name, or that of a trigger, holds a text, and that are in a segment.

    Args:
        rows: All queues.
        text: To look for; empty for any.
        segment: Key of SEGMENTS.
        tags: Only those with one of these tags; empty for all.
        not_tags: Only those with none of these tags instead.
    """
    if tags:
        chosen = {tag.lower() for tag in tags}
        rows = tuple(row for row in rows if chosen.isdisjoint(row.noted.tags) == not_tags)
    wanted = text.strip().casefold()
    status = STATUSES.get(segment) if segment in SEGMENTS else None
    return [
        row
        for row in rows
        if (status is None or row.count(status)) and any(wanted in name.casefold() for name in _names(row))
    ]


def _names(row: QueueRow) -> list[str]:
    return [row.name, *(part for trigger in row.triggers for part in (trigger.name, trigger.process))]


def queue_row(row: QueueRow, now: datetime, zone: tzinfo) -> Row:
    """Return a queue as the table shows it."""
    path = path_of(row.name)
    parts = [(ELEMENT_LOOKS[status], row.count(status)) for status in BAR]
    oldest = oldest_cell(row, now, zone)
    paused = "Paused. " if row.pause else ""
    why = pause_words(row.pause, now, zone) if row.pause else ""
    tip = "\n".join(f"{look.word}: {times.number(number)}" for look, number in parts if number)
    return Row(
        id=row.name,
        name=row.name,
        version=f"{row.count(QueueStatus.FAILED)}",
        actions={"notes": ""},
        cells={
            "name": cells.text(
                row.name,
                second=f"Paused, {triggers_text(row)}" if row.pause else triggers_text(row),
                phone=f"{paused}Oldest New: {oldest['t']}" if row.oldest_new else f"{paused}Nothing New",
                href=path,
                tags=row.noted.tags,
                tip="\n".join(filter(None, (why, noted_tip(row.noted)))) or None,
            ),
            "bar": cells.stack([(look.tone, number) for look, number in parts], tip=tip or None),
            "new": _count(row, QueueStatus.NEW, None),
            "in_progress": _count(row, QueueStatus.IN_PROGRESS, "running"),
            "done": _count(row, QueueStatus.DONE, "t2"),
            "failed": _count(row, QueueStatus.FAILED, "failed"),
            "abandoned": _count(row, QueueStatus.ABANDONED, "t2"),
            "oldest": oldest,
            "rate": cells.text(
                times.number(row.per_hour),
                tone=None if row.per_hour else "t3",
                tip=f"{times.number(row.per_hour)} ended in the last hour\n{times.number(row.arrived)} came in",
            ),
            "trigger": _trigger(row),
        },
    )


def triggers_text(row: QueueRow) -> str:
    """Return the names of the triggers of a queue."""
    return ", ".join(trigger.name for trigger in row.triggers) or "No trigger"


def oldest_cell(row: QueueRow, now: datetime, zone: tzinfo) -> cells.Cell:
    """Return how long the oldest New element waits."""
    seconds = age(row, now, zone)
    oldest = times.absolute(times.from_site(row.oldest_new, zone), zone) if row.oldest_new else None
    return cells.text(age_text(seconds), tone=age_tone(seconds, row), tip=oldest)


def _count(row: QueueRow, status: QueueStatus, tone: str | None) -> cells.Cell:
    number = row.count(status)
    return cells.text(times.number(number), tone=tone if number else "t3", strong=bool(number) and tone is None)


def _trigger(row: QueueRow) -> cells.Cell:
    if not row.triggers:
        tone = "timeout" if row.count(QueueStatus.NEW) else "t3"
        return cells.text("None", tone=tone, tip="No trigger runs for this queue.")
    # The one that somebody should look at first.
    ranked = sorted(row.triggers, key=lambda trigger: trigger.status in (TriggerStatus.RUNNING, TriggerStatus.IDLE))
    first = ranked[0]
    more = f"+{len(ranked) - 1}" if len(ranked) > 1 else None
    tip = "\n".join(f"{trigger.name}: {trigger.status.value}" for trigger in row.triggers)
    return cells.pill(TRIGGER_LOOKS[first.status], quiet=True, after=cells.text(more, tip=tip, tone="t3"))
