"""All elements of a queue that match, as a CSV file, bit by bit.

Each part is a short transaction of its own and at most a thousand rows in memory, however many there are and however
slow whoever takes them. The generators block: run them in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database import element_data
from OpenOrchestrator.orchestrator.backend import csv_format
from OpenOrchestrator.orchestrator.backend.csv_format import moment
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.queues.backend.matching_elements import Matching, read_matching

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

ROWS_AT_ONCE = 1000

ELEMENT_HEAD = (
    "Reference",
    "Data",
    "Status",
    "Message",
    "Created",
    "Created by",
    "Started",
    "Ended",
    "Queue",
    "Job",
    "Id",
)


def elements(database: Database, matching: Matching) -> Iterator[bytes]:
    """Return the elements of a queue that match, oldest first, as a file.

    Raises:
        DatabaseError: If the database is lost on the way; what was given so far is no whole file.
    """
    yield csv_format.beginning(ELEMENT_HEAD)
    after: tuple[datetime, UUID] | None = None
    while True:
        place = after
        rows = database.read(lambda session: read_matching(session, matching, place, ROWS_AT_ONCE))  # noqa: B023
        if rows:
            yield csv_format.encode(
                (
                    row.reference,
                    _all_data(database, row.id, row.data),
                    row.status.value,
                    row.message,
                    moment(row.created),
                    row.created_by,
                    moment(row.started),
                    moment(row.ended),
                    row.queue,
                    str(row.job_id or ""),
                    str(row.id),
                )
                for row in rows
            )
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].created, rows[-1].id


def _all_data(database: Database, element_id: UUID, data: str | None) -> str | None:
    """Return all of an element's data, of which a list holds the beginning; one at a time, because it may be long."""
    if not element_data.may_be_beginning(data):
        return data
    query = sa.select(_Q.c.whole_data).where(_Q.c.id == element_id)
    return element_data.whole(data, database.read(lambda session: session.scalar(query)))
