"""What happens in a demo's database: read as values, and judged.

Owns the queries of the demo's display and when its robots count as successful. Must write nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, Log, QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, LogLevel, QueueStatus

NEWEST_RUNS = 50
NEWEST_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a trigger.

    Attributes:
        started: Site time of the claim.
        took: From claim to end, or until now.
        commit: Commit of the robot's repository, or None.
        reason: Why it ended badly, or None.
    """

    job_id: UUID
    trigger: str
    status: JobStatus
    started: datetime
    took: timedelta
    commit: str | None
    reason: str | None

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in ACTIVE_JOB_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One log message, at site time."""

    log_id: UUID
    time: datetime
    process: str
    level: LogLevel
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The demo's database at one moment.

    Attributes:
        runs: The newest, oldest first.
        lines: The newest log messages, oldest first.
        elements: How many elements of the queue are in each state.
    """

    runs: tuple[Run, ...] = ()
    lines: tuple[LogLine, ...] = ()
    elements: Mapping[QueueStatus, int]

    @property
    def active(self) -> tuple[Run, ...]:
        """The runs that have not ended yet."""
        return tuple(run for run in self.runs if run.active)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a demo must have done to count as successful.

    Attributes:
        triggers: Each of these has run at least once, and no run of any ended badly.
        queue: Its elements have all been worked on.
        elements: How many there are in the end.
        failing: How many of them fail on purpose.
    """

    triggers: tuple[str, ...]
    queue: str
    elements: int
    failing: int


def look(database: Database, queue: str, *, newest: int | None = NEWEST_RUNS) -> Snapshot:
    """Read the current state, in one transaction.

    Args:
        database: That of the demo.
        queue: Name of the queue whose elements are counted.
        newest: How many runs to read; None for all.
    """
    now = database.site_now()
    return database.read(lambda session: _read(session, queue, newest, now))


def shortcomings(snapshot: Snapshot, expected: Expectation) -> tuple[str, ...]:
    """Return why the demo was not a success, in sentences; nothing if it was."""
    return (
        *_unsuccessful_runs(snapshot.runs, expected.triggers),
        *_unsuccessful_elements(snapshot.elements, expected),
    )


def _read(session: Session, queue: str, newest: int | None, now: datetime) -> Snapshot:
    jobs = session.scalars(sa.select(Job).order_by(Job.start_time.desc(), Job.id.desc()).limit(newest)).all()
    logs = session.scalars(sa.select(Log).order_by(Log.log_time.desc(), Log.id.desc()).limit(NEWEST_LINES)).all()
    counts = session.execute(
        sa.select(QueueElement.status, sa.func.count())
        .where(QueueElement.queue_name == queue)
        .group_by(QueueElement.status)
    )
    return Snapshot(
        runs=tuple(_run(job, now) for job in reversed(jobs)),
        lines=tuple(
            LogLine(
                log_id=log.id,
                time=log.log_time,
                process=log.process_name,
                level=log.log_level,
                message=log.log_message,
            )
            for log in reversed(logs)
        ),
        elements={status: count for status, count in counts},  # noqa: C416  (dict() loses the types of the row)
    )


def _run(job: Job, now: datetime) -> Run:
    return Run(
        job_id=job.id,
        trigger=job.trigger_name or job.process_name,
        status=job.status,
        started=job.start_time,
        took=max((job.end_time or now) - job.start_time, timedelta()),
        commit=job.commit_sha,
        reason=job.reason,
    )


def _unsuccessful_runs(runs: Sequence[Run], triggers: Sequence[str]) -> list[str]:
    counts = Counter(run.trigger for run in runs)
    said = [f'The trigger "{name}" was not started.' for name in triggers if not counts[name]]
    for run in runs:
        if run.active:
            said.append(f'A run of "{run.trigger}" has not ended after {run.took.total_seconds():.0f} s.')
        elif run.status is not JobStatus.DONE:
            why = f": {run.reason}" if run.reason else "."
            said.append(f'A run of "{run.trigger}" ended as {run.status.value}{why}')
    return said


def _unsuccessful_elements(elements: Mapping[QueueStatus, int], expected: Expectation) -> list[str]:
    wanted = {QueueStatus.DONE: expected.elements - expected.failing, QueueStatus.FAILED: expected.failing}
    said = []
    for status in QueueStatus:
        there, due = elements.get(status, 0), wanted.get(status, 0)
        if there != due:
            said.append(f'Elements in the queue "{expected.queue}": {there} {status.value} instead of {due}.')
    return said
