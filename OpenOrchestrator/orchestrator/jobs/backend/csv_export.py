"""All jobs that match, as a CSV file, bit by bit.

Each part is a short transaction of its own and at most some hundred rows in memory, however many there are and however
slow whoever takes them. The generator blocks: run it in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.database.stores import job_reports
from OpenOrchestrator.orchestrator.backend import csv_format
from OpenOrchestrator.orchestrator.backend.csv_format import moment

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

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
    "Title",
    "Left undone",
    "Result",
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
        rows, results = database.read(_part(backend, query, after))
        if rows:
            zone = database.zone
            yield csv_format.encode(_cells(row, zone, results.get(row.id)) for row in rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1]


def _part(
    backend: JobsBackend, query: JobQuery, after: JobRow | None
) -> Callable[[Session], tuple[tuple[JobRow, ...], dict[UUID, str]]]:
    def read(session: Session) -> tuple[tuple[JobRow, ...], dict[UUID, str]]:
        rows = backend.next_rows(session, query, after, ROWS_AT_ONCE)
        return rows, job_reports.outputs_of(session, [row.id for row in rows])

    return read


def _cells(row: JobRow, zone: tzinfo, result: str | None) -> tuple[str | None, ...]:
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
        row.title,
        row.partial_message,
        result,
    )
