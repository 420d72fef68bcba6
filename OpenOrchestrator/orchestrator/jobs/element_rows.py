"""The queue elements that a job worked on, as a table shows them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS
from OpenOrchestrator.orchestrator.queues.address import path_of

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.jobs.backend.details import JobElement

ELEMENT_COLUMNS = (
    Column("reference", "Element", "26%", phone=True),
    Column("status", "Status", "124px", phone=True, phone_width="124px"),
    Column("started", "Taken", "110px"),
    Column("took", "Took", "86px", right=True),
    Column("message", "Message"),
)


def element_row(row: JobElement, now: datetime, zone: tzinfo) -> Row:
    """Return a queue element as a table shows it."""
    took = ""
    if row.started is not None and row.ended is not None and row.ended >= row.started:
        took = times.duration((row.ended - row.started).total_seconds())
    started = times.from_site(row.started, zone) if row.started is not None else None
    tone = "failed" if row.status is QueueStatus.FAILED else "t2"
    return Row(
        id=str(row.id),
        name=row.reference or str(row.id),
        version=row.status.name,
        cells={
            "reference": cells.text(
                row.reference or "(without reference)",
                second=row.queue,
                href=f"{path_of(row.queue)}/{row.id}",
            ),
            "status": cells.pill(ELEMENT_LOOKS[row.status]),
            "started": cells.moment(started, now, zone),
            "took": cells.text(took),
            "message": cells.text((row.message or "")[:300], tone=tone if row.message else None, tip=row.message),
        },
    )
