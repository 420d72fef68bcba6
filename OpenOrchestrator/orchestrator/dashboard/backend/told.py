"""What robots told that somebody should look at: open alerts, and runs that left something undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.stores import job_reports
from OpenOrchestrator.orchestrator.backend.alerts import Alert
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_ALERTS = 50
MOST_PARTIAL = 500
"""Of so many of the newest, runs that left something undone are put together by what they are runs of."""


@dataclass(frozen=True, slots=True)
class PartialRuns:
    """Runs of one trigger, or of one process without one, that left something undone.

    Attributes:
        message: What the newest of them said.
        newest: Its id.
        first: Naive site time of the start of the oldest, like ``last``, that of the newest.
        trigger_id: None where that is not known.
    """

    name: str
    message: str
    newest: UUID
    first: datetime
    last: datetime
    count: int
    trigger_id: UUID | None
    process: str


@dataclass(frozen=True, slots=True)
class Told:
    """What robots told.

    Attributes:
        alerts: Open ones, the newest first.
        partial: The one seen last first.
    """

    alerts: tuple[Alert, ...] = ()
    partial: tuple[PartialRuns, ...] = ()


def read_told(session: Session, since: datetime, zone: tzinfo) -> Told:
    """Return what robots told that nobody took note of, and what their runs left undone since a naive site time."""
    # What a robot said within the span it said of a run that began before or in it: the index is on the saying.
    said = _J.c.partial_at >= since.replace(tzinfo=zone)
    columns = (_J.c.id, _J.c.trigger_id, _J.c.trigger_name, _J.c.process_name, _J.c.start_time, _J.c.partial_message)
    query = sa.select(*columns).where(said, job_reports.partially_done(), _J.c.start_time >= since)
    rows = session.execute(query.order_by(_J.c.partial_at.desc(), _J.c.id).limit(MOST_PARTIAL)).all()
    groups: dict[UUID | str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.trigger_id or row.process_name, []).append(row)
    partial = [
        PartialRuns(
            name=members[0].trigger_name or members[0].process_name,
            message=members[0].partial_message or "",
            newest=members[0].id,
            first=min(each.start_time for each in members),
            last=max(each.start_time for each in members),
            count=len(members),
            trigger_id=members[0].trigger_id,
            process=members[0].process_name,
        )
        for members in groups.values()
    ]
    return Told(job_reports.open_alerts(session, limit=MOST_ALERTS), tuple(partial))
