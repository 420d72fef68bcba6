"""Reading failed jobs, with the reason that helps: where the job itself only knows an exit code, its log is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.attention import ended_badly
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, JobStatus, LogLevel
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J
from OpenOrchestrator.orchestrator.backend.tables import LOGS as _L
from OpenOrchestrator.orchestrator.dashboard.backend.causes import Cause, FailedJob, group, says_nothing
from OpenOrchestrator.orchestrator.jobs.backend.failure import find_failure

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_READ = 1_000
MOST_ASKED = 200
"""Jobs whose logs are asked at one look; the rest at the next ones."""

_UNEXPLAINED = {
    JobStatus.FAILED: "The robot failed without saying why",
    JobStatus.TIMED_OUT: "Ran longer than its time limit",
    JobStatus.LOST: "What its robot did is not known",
    JobStatus.KILLED: "Killed",
}
Failures = tuple[int, int, tuple[Cause, ...], tuple[datetime, ...]]


class FailureReader:
    """Reads failures again and again; what is known of a job that has ended is not asked twice."""

    def __init__(self) -> None:
        self._reasons: dict[UUID, str] = {}
        self._seen: tuple[Any, ...] | None = None
        self._result: Failures = (0, 0, (), ())

    def read(self, session: Session, since: datetime) -> Failures:
        """Return how many jobs failed, how many of these were read, the causes, and when each ended (site time).

        The causes are those of killed jobs as well.
        """
        bad = (ended_badly(), _J.c.start_time >= since)
        failed = sa.func.sum(sa.case((_J.c.status == JobStatus.KILLED, 0), else_=1))
        total, failures, newest = session.execute(
            sa.select(sa.func.count(), failed, sa.func.max(_J.c.start_time)).select_from(_J).where(*bad)
        ).one()
        seen = (since, total, failures, newest)
        if seen == self._seen:
            return self._result
        rows = session.execute(
            sa.select(_J.c.id, _J.c.status, _J.c.trigger_id, _J.c.trigger_name, _J.c.process_name)
            .add_columns(_J.c.scheduler_name, _J.c.reason, _J.c.start_time, _J.c.end_time)
            .where(*bad)
            .order_by(_J.c.start_time.desc(), _J.c.id.desc())
            .limit(MOST_READ)
        ).all()
        complete = self._ask_logs(session, rows)
        jobs = [
            FailedJob(
                job_id=row.id,
                status=row.status,
                name=row.trigger_name or row.process_name,
                trigger_id=row.trigger_id,
                scheduler=row.scheduler_name,
                reason=self._reasons.get(row.id) or _own_reason(row.status, row.reason),
                ended=row.end_time or row.start_time,
            )
            for row in rows
        ]
        ended = tuple(job.ended for job in jobs if job.status in BAD_JOB_STATUSES)
        self._result = (int(failures or 0), len(ended), group(jobs), ended)
        self._seen = seen if complete else None
        return self._result

    def _ask_logs(self, session: Session, rows: Sequence[Any]) -> bool:
        """Look for a better reason; returns whether all jobs that need one were asked."""
        kept = {row.id for row in rows}
        self._reasons = {job_id: reason for job_id, reason in self._reasons.items() if job_id in kept}
        vague = [row.id for row in rows if says_nothing(row.reason) and row.id not in self._reasons]
        for job_id in vague[:MOST_ASKED]:
            last = (
                sa.select(_L.c.log_message)
                .where(_L.c.job_id == job_id, _L.c.log_level == LogLevel.ERROR)
                .order_by(_L.c.log_time.desc(), _L.c.id.desc())
                .limit(1)
            )
            failure = find_failure(session.execute(last).scalar() or "")
            self._reasons[job_id] = failure.headline if failure is not None else ""
        return len(vague) <= MOST_ASKED


def _own_reason(status: JobStatus, reason: str | None) -> str:
    if status is not JobStatus.FAILED and says_nothing(reason):
        return _UNEXPLAINED[status]
    return reason or _UNEXPLAINED[status]
