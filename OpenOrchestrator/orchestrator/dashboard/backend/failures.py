"""Reading failed jobs, with the reason that helps: grouped by their causes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from OpenOrchestrator.database.attention import ended_badly
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, JobStatus
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J
from OpenOrchestrator.orchestrator.dashboard.backend.causes import Cause, FailedJob, group
from OpenOrchestrator.orchestrator.jobs.backend.reasons import ReasonReader

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_READ = 1_000
MOST_ASKED = 200
"""Jobs whose output and logs are asked at one look; the rest at the next ones."""

Failures = tuple[int, int, tuple[Cause, ...], tuple[datetime, ...]]


class FailureReader:
    """Reads failures again and again; what is known of a job that has ended is not asked twice."""

    def __init__(self) -> None:
        self._reasons = ReasonReader()
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
        ended = [(row.id, row.status, row.reason) for row in rows]
        complete = self._reasons.explain(session, ended, most=MOST_ASKED)
        jobs = [
            FailedJob(
                job_id=row.id,
                status=row.status,
                name=row.trigger_name or row.process_name,
                trigger_id=row.trigger_id,
                scheduler=row.scheduler_name,
                reason=self._reasons.reason((row.id, row.status, row.reason)),
                ended=row.end_time or row.start_time,
            )
            for row in rows
        ]
        moments = tuple(job.ended for job in jobs if job.status in BAD_JOB_STATUSES)
        self._result = (int(failures or 0), len(moments), group(jobs), moments)
        self._seen = seen if complete else None
        return self._result
