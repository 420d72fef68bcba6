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
}
ACTIONS = (
    RowAction("new", "Set to New", "sym_r_replay", quick=True, key="r"),
    RowAction("edit", "Edit", "sym_r_edit", quick=True, key="e"),
    RowAction("abandon", "Abandon", "sym_r_cancel", danger=True),
    RowAction("delete", "Delete", "sym_r_delete", danger=True),
)
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
        },
    )


def _one_line(text: str | None, most: int = 160) -> str:
    return " ".join((text or "")[: most * 2].split())[:most]
