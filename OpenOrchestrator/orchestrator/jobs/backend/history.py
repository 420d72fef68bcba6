"""What a trigger has done: its last jobs, how long they took, and what they logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    BAD_JOB_STATUSES,
    UNSTARTED_JOB_STATUSES,
    JobStatus,
)
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import JOBS
from OpenOrchestrator.orchestrator.jobs.backend.failure import Failure
from OpenOrchestrator.orchestrator.jobs.backend.messages import JobMessage, failure_of, last_messages
from OpenOrchestrator.orchestrator.jobs.backend.reasons import ReasonReader
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow, length, newest, read_rows
from OpenOrchestrator.orchestrator.queues.backend.new_elements import count_new

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

JOB_CAP = 10_000
WAITING_CAP = 1000
LOGGED_JOBS = 14
"""Of so many last jobs the messages are shown."""


@dataclass(frozen=True, slots=True)
class RunLength:
    """How long a run took.

    Attributes:
        claimed: Naive site time.
        seconds: None while it is active.
    """

    job_id: UUID
    status: JobStatus
    claimed: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class TriggerHistory:
    """What a trigger has done.

    Attributes:
        rows: The last jobs, the newest first.
        total: All of them, counted no further than one beyond JOB_CAP.
        lengths: Of the last runs, oldest first.
        logs: Of the last jobs, the newest first.
        failure: Of the last job, if that failed.
        waiting: New elements of its queue, counted no further than WAITING_CAP; None without a queue.
    """

    rows: tuple[JobRow, ...]
    total: int
    lengths: tuple[RunLength, ...]
    logs: tuple[JobMessage, ...]
    failure: Failure | None
    waiting: int | None


class TriggerHistoryBackend(Backend):
    """Histories of triggers, read along an index however long they are."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._reasons = ReasonReader()

    async def history(
        self, trigger_id: UUID, *, jobs: int, runs: int, logs: int, queue: str | None = None
    ) -> TriggerHistory:
        """Return what a trigger has done.

        Args:
            trigger_id: Which one.
            jobs: At most so many rows.
            runs: At most so many lengths.
            logs: At most so many messages.
            queue: Whose new elements are counted as well, up to WAITING_CAP.
        """

        def work(session: Session) -> TriggerHistory:
            of_trigger = (JOBS.c.trigger_id == trigger_id,)
            walk = newest(of_trigger, limit=jobs)
            rows = self._reasons.explained(session, read_rows(session, [row.id for row in session.execute(walk)]))
            counting = sa.select(JOBS.c.id).where(*of_trigger).limit(JOB_CAP + 1).subquery()
            total = session.execute(sa.select(sa.func.count()).select_from(counting)).scalar_one()
            lengths = run_lengths(session, of_trigger, runs, self._now(), self._zone())
            messages = last_messages(session, [row.id for row in rows[:LOGGED_JOBS]], logs)
            ended = next((row for row in rows if not row.active and row.ran), None)
            failure = failure_of(session, ended.id) if ended is not None and ended.status in BAD_JOB_STATUSES else None
            waiting = None if queue is None else count_new(session, [queue], WAITING_CAP)[queue]
            return TriggerHistory(rows, total, lengths, messages, failure, waiting)

        return await self._read(work)


def run_lengths(
    session: Session, conditions: Sequence[Any], count: int, now: datetime, zone: Any
) -> tuple[RunLength, ...]:
    """Return how long the last jobs that meet conditions took, oldest first.

    Args:
        session: Within a transaction.
        conditions: On JOBS; all of them hold.
        count: At most so many.
        now: Aware.
        zone: The site's.
    """
    columns = (JOBS.c.id, JOBS.c.status, JOBS.c.start_time, JOBS.c.started_at, JOBS.c.end_time)
    ran = JOBS.c.status.not_in(UNSTARTED_JOB_STATUSES)
    query = (
        sa.select(*columns).where(*conditions, ran).order_by(JOBS.c.start_time.desc(), JOBS.c.id.desc()).limit(count)
    )
    found = []
    for row in session.execute(query).all():
        started = row.started_at or row.start_time.replace(tzinfo=zone)
        active = row.status in ACTIVE_JOB_STATUSES
        seconds = None if active or row.end_time is None else length(started, row.end_time, now, zone)
        found.append(RunLength(row.id, row.status, row.start_time, seconds))
    return tuple(reversed(found))


def typical(lengths: Sequence[RunLength]) -> float | None:
    """Return the median length of the runs that succeeded; None without any."""
    return median([run.seconds for run in lengths if run.status is JobStatus.DONE and run.seconds is not None])


def median(lengths: Sequence[float]) -> float | None:
    """Return the middle one of lengths, of an even number the longer of the two in the middle; None without any."""
    return sorted(lengths)[len(lengths) // 2] if lengths else None
