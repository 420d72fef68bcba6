"""All messages that match, as a CSV file, bit by bit.

Each part is a short transaction of its own and at most a thousand rows in memory, however many there are and however
slow whoever takes them. The generators block: run them in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.backend import csv_format
from OpenOrchestrator.orchestrator.backend.csv_format import moment
from OpenOrchestrator.orchestrator.logs.backend.logs import Cursor, LogQuery, read_older

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

ROWS_AT_ONCE = 1000

LOG_HEAD = ("Time", "Level", "Process", "Message", "Job")


def messages(database: Database, query: LogQuery) -> Iterator[bytes]:
    """Return the messages that match, newest first, as a file.

    Args:
        database: Where they are.
        query: As ``LogsBackend.pinned`` returned it.

    Raises:
        DatabaseError: If the database is lost on the way; what was given so far is no whole file.
    """
    yield csv_format.beginning(LOG_HEAD)
    before: Cursor | None = None
    while True:
        place = before
        rows = database.read(lambda session: read_older(session, query, place, ROWS_AT_ONCE))  # noqa: B023
        if rows:
            yield csv_format.encode(
                (
                    moment(row.log_time, fraction=True),
                    row.log_level.value,
                    row.process_name,
                    row.log_message,
                    str(row.job_id or ""),
                )
                for row in rows
            )
        if len(rows) < ROWS_AT_ONCE:
            return
        before = Cursor(rows[-1].log_time, rows[-1].id)
