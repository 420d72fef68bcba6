"""Why jobs ended as they did, in words that help: where a job knows no more than an exit code, others are asked."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, JobStatus
from OpenOrchestrator.orchestrator.backend.causes import cause_key, says_nothing, telling_line
from OpenOrchestrator.orchestrator.jobs.backend.messages import failure_of, logged_failure_of
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_KEPT = 5_000
ASKED_AGAIN_AFTER = 30.0
"""Seconds after which is asked again why a job ended that had nothing to say."""

UNEXPLAINED = {
    JobStatus.FAILED: "The robot failed without saying why",
    JobStatus.TIMED_OUT: "Ran longer than its time limit",
    JobStatus.LOST: "What its robot did is not known",
    JobStatus.KILLED: "Killed",
}
Ended = tuple[UUID, JobStatus, str | None]
"""Id, status and own reason of a job that ended badly."""


class ReasonReader:
    """Explains jobs again and again; what is known of one that has ended is not asked twice."""

    def __init__(self) -> None:
        self._found: dict[UUID, str] = {}
        self._asked: dict[UUID, float] = {}

    def explain(self, session: Session, jobs: Sequence[Ended], *, most: int) -> bool:
        """Ask why jobs ended that do not say so themselves, at most so many; returns whether all were asked."""
        vague = [job for job in jobs if says_nothing(job[2]) and self._wants(job[0])]
        for job_id, status, _ in vague[:most]:
            # What a robot printed before it was stopped need not be why.
            read = failure_of if status is JobStatus.FAILED else logged_failure_of
            failure = read(session, job_id) if status is not JobStatus.KILLED else None
            self._found[job_id] = telling_line(failure.headline) if failure is not None else ""
            self._asked[job_id] = time.monotonic()
        while len(self._found) > MOST_KEPT:
            oldest = next(iter(self._found))
            del self._found[oldest], self._asked[oldest]
        return len(vague) <= most

    def _wants(self, job_id: UUID) -> bool:
        # The end of an output may be stored later than the end of its job.
        return not self._found.get(job_id) and time.monotonic() - self._asked.get(job_id, -math.inf) > ASKED_AGAIN_AFTER

    def reason(self, job: Ended) -> str:
        """Return why a job ended, as far as that is known by now; never a bare exit code."""
        job_id, status, own = job
        if not says_nothing(own):
            return own or ""
        return self._found.get(job_id) or UNEXPLAINED.get(status, "")

    def explained(self, session: Session, rows: Iterable[JobRow]) -> tuple[JobRow, ...]:
        """Return jobs with the reasons that help."""
        rows = tuple(rows)
        bad = [_ended(row) for row in rows if row.status in BAD_JOB_STATUSES]
        self.explain(session, bad, most=len(bad))
        return tuple(
            replace(row, reason=self.reason(_ended(row))) if row.status in BAD_JOB_STATUSES else row for row in rows
        )


def cause_of(row: JobRow) -> str:
    """Return what stands for the cause of a job in an address; empty if it did not end badly."""
    bad = row.status in (*BAD_JOB_STATUSES, JobStatus.KILLED)
    return cause_key(row.reason or UNEXPLAINED[row.status]) if bad else ""


def _ended(row: JobRow) -> Ended:
    return row.id, row.status, row.reason
