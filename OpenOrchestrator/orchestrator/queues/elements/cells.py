"""Queue elements as tables show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row, RowAction
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS, WAITING
from OpenOrchestrator.orchestrator.queues.address import path_of

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementRow

ALL_COLUMNS = {
    "status": Column("status", "Status", "122px", sortable=True, phone=True, phone_width="112px"),
    "reference": Column("reference", "Reference", "17%", sortable=True, phone=True),
    "data": Column("data", "Data"),
    "message": Column("message", "Message"),
    "created": Column("created", "Created", "112px", sortable=True),
    "changed": Column("changed", "Changed", "112px"),
    "by": Column("by", "Created by", "13%"),
    "job": Column("job", "Job", "92px"),
    "attempt": Column("attempt", "Attempt", "92px", right=True),
    "priority": Column("priority", "Priority", "92px", right=True),
    "deadline": Column("deadline", "Deadline", "112px"),
    "progress": Column("progress", "Progress", "104px", right=True),
    "error": Column("error", "Error", "15%"),
}
ACTIONS = (
    RowAction("new", "Set to New", "sym_r_replay", quick=True, key="r"),
    RowAction("edit", "Edit", "sym_r_edit", quick=True, key="e"),
    RowAction("abandon", "Abandon", "sym_r_cancel", danger=True),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)
_OPEN = (QueueStatus.NEW, QueueStatus.IN_PROGRESS)
DEFAULT_COLUMNS = ("status", "reference", "data", "message", "created", "changed")


def element_row(row: ElementRow, reasons: Mapping[str, str], now: datetime, zone: tzinfo) -> Row:
    """Return an element as the table shows it.

    Args:
        row: The element.
        reasons: Why each action cannot be done now; only those without a reason are offered.
        now: Aware.
        zone: The site's.
    """
    offered: dict[str, str] = {name: reason for name, reason in reasons.items() if not reason}
    changed = max(filter(None, (row.started, row.ended)), default=None)
    return Row(
        id=str(row.id),
        name=row.name,
        version=row.status.name,
        actions=offered,
        cells={
            "status": cells.pill(WAITING if row.waits else ELEMENT_LOOKS[row.status]),
            "reference": cells.text(
                row.name,
                mono=True,
                phone=times.past(times.from_site(row.created, zone), now, zone),
                href=f"{path_of(row.queue)}/{row.id}",
                tip=None if row.reference else "No reference",
            ),
            "data": cells.text(_one_line(row.data), mono=True, tone="t2"),
            "message": cells.text(
                _one_line(row.message),
                tone="t2" if row.status is not QueueStatus.FAILED else None,
                tip=row.message if row.message and len(row.message) > 60 else None,
            ),
            "created": cells.moment(times.from_site(row.created, zone), now, zone),
            "changed": cells.moment(
                times.from_site(changed, zone) if changed else None, now, zone, empty=cells.NOTHING
            ),
            "by": cells.text(row.created_by, tone="t2"),
            "job": cells.text(str(row.job_id)[:8], mono=True, href=f"/jobs/{row.job_id}")
            if row.job_id
            else cells.text(cells.NOTHING, tone="t3"),
            "attempt": cells.text(str(row.attempt), tone=None if row.attempt > 1 else "t3"),
            "priority": cells.text(times.number(row.priority), tone=None if row.priority else "t3"),
            "deadline": _deadline(row, now, zone),
            "progress": _progress(row),
            "error": _error(row),
        },
    )


def is_overdue(row: ElementRow, now: datetime) -> bool:
    """Tell whether an element that has not ended should have. Pure."""
    return row.deadline is not None and row.deadline < now and row.status in _OPEN


def error_words(row: ElementRow) -> str:
    """Return what went wrong last: what it is called, and its code; empty for nothing. Pure."""
    return " · ".join(filter(None, (row.error_type, row.error_code)))


def _deadline(row: ElementRow, now: datetime, zone: tzinfo) -> cells.Cell:
    if row.deadline is None:
        return cells.text(cells.NOTHING, tone="t3")
    if row.deadline >= now:
        return cells.upcoming(row.deadline, now, zone)
    return cells.moment(row.deadline, now, zone, tone="failed" if is_overdue(row, now) else "t3")


def _progress(row: ElementRow) -> cells.Cell:
    if row.progress is None:
        return cells.text(cells.NOTHING, tone="t3")
    return cells.text(f"{row.progress:.0%}", tip=row.progress_text)


def _error(row: ElementRow) -> cells.Cell:
    words = error_words(row)
    return cells.text(words or cells.NOTHING, tone=None if words else "t3", tip=words or None)


def _one_line(text: str | None, most: int = 160) -> str:
    return " ".join((text or "")[: most * 2].split())[:most]
