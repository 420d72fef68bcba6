"""All jobs that match, as a CSV file, bit by bit.

Each part is a short transaction of its own and at most some hundred rows in memory, however many there are and however
slow whoever takes them. The generator blocks: run it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.backend import csv_format
from OpenOrchestrator.orchestrator.backend.csv_format import moment

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobQuery, JobsBackend
    from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow

ROWS_AT_ONCE = 500

JOB_HEAD = (
    "Trigger",
    "Process",
    "Status",
    "Scheduler",
    "Claimed",
    "Started",
    "Ended",
    "Seconds",
    "Exit code",
    "Reason",
    "Attempt",
    "Commit",
    "Trigger id",
    "Id",
    "Started by",
    "Retry",
    "Retry of",
)


def jobs(database: Database, backend: JobsBackend, query: JobQuery) -> Iterator[bytes]:
    """Return the jobs that match, in the order of the list, as a file.

    Args:
        database: Where they are.
        backend: Finds them.
        query: As ``JobsBackend.pinned`` returned it.

    Raises:
        DatabaseError: If the database is lost on the way; what was given so far is no whole file.
    """
    yield csv_format.beginning(JOB_HEAD)
    after: JobRow | None = None
    while True:
        place = after
        rows = database.read(lambda session: backend.next_rows(session, query, place, ROWS_AT_ONCE))  # noqa: B023
        if rows:
            zone = database.zone
            yield csv_format.encode(_cells(row, zone) for row in rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1]


def _cells(row: JobRow, zone: tzinfo) -> tuple[str | None, ...]:
    started: datetime | None = None
    if row.started_at is not None:
        started = row.started_at.astimezone(zone).replace(tzinfo=None)
    seconds = "" if row.ended is None or not row.ran else f"{row.seconds(row.started(zone), zone):.0f}"
    return (
        row.trigger_name,
        row.process,
        row.status.value,
        row.scheduler,
        moment(row.claimed),
        moment(started),
        moment(row.ended),
        seconds,
        "" if row.exit_code is None else str(row.exit_code),
        row.reason,
        str(row.attempt),
        row.commit,
        str(row.trigger_id or ""),
        str(row.id),
        "" if row.started_by is None else row.started_by.value,
        str(row.retry_number or ""),
        str(row.retry_of or ""),
    )
