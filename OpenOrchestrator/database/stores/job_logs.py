"""Which log messages are of a job, or of something else that began and ended at times the site's clock showed.

Apart from the store of messages, because robots log without knowing jobs, and loading them takes time.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, LogLevel

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session

_LOGS = cast(sa.Table, Log.__table__)


def written_between(
    first: datetime, last: datetime | None, now_utc: datetime, zone: ZoneInfo, *, until_utc: datetime | None = None
) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of messages that were written from one site time to another.

    In the hour that the clock shows twice nobody can tell which of the two a message is of: messages of both are found
    where both were lived through, if only in part.

    Args:
        first: Naive site time.
        last: Naive site time; None if there is no end yet, which finds what is written later, too.
        now_utc: Aware instant.
        zone: The site's time zone.
        until_utc: Aware instant shortly after the first time; tells which of two is meant, see ``instants_between``.
    """
    start, end = cron.instants_between(first, last, now_utc, zone, until_utc=until_utc)
    spans, time = cron.shown_between(start, end, zone), _LOGS.c.log_time
    from_first = time >= min(first, *(shown for shown, _ in spans))
    if last is None:
        return (from_first,)
    if len(spans) == 1:
        return from_first, time <= last
    # Besides the spans, one range around them, so that an index is walked.
    either = sa.or_(*(time.between(*span) for span in spans))
    return from_first, time <= max(last, *(shown for _, shown in spans)), either


def last_error_of_job(session: Session, job_id: UUID, *, now_utc: datetime, zone: ZoneInfo) -> str | None:
    """Return the last Error message of a robot whose job has not ended; None if there is none.

    Of a robot whose library knows no job ids, what its process logged without one since the job began counts. With the
    end of a job comes a message of ours about it, which the robot did not write.

    Args:
        session: Within a transaction.
        job_id: Of the job.
        now_utc: Aware instant.
        zone: The site's time zone.
    """
    query = sa.select(Job.process_name, Job.start_time, Job.started_at).where(Job.id == job_id)
    job = session.execute(query.where(Job.status.in_(ACTIVE_JOB_STATUSES))).one_or_none()
    if job is None:
        return None
    mine = sa.select(_LOGS.c.log_message).where(_LOGS.c.log_level == LogLevel.ERROR)
    newest = (_LOGS.c.log_time.desc(), _LOGS.c.id.desc())
    message: str | None = session.scalar(mine.where(_LOGS.c.job_id == job_id).order_by(*newest).limit(1))
    if message is not None:
        return message
    by_time = written_between(job.start_time, None, now_utc, zone, until_utc=job.started_at)
    query = mine.where(_LOGS.c.process_name == job.process_name, *by_time, _LOGS.c.job_id.is_(None))
    return cast("str | None", session.scalar(query.order_by(*newest).limit(1)))
