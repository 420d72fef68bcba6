"""Queue elements that are In Progress for a job that has ended: nobody works on them, and nobody else would say so.

The end of a job abandons what it held in the same transaction. This finds what that could not reach: rows that somebody
else held locked just then, and jobs that were ended by other means than ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.lifecycle.run_endings import abandon_elements
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, QueueStatus

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ELEMENTS = cast(sa.Table, QueueElement.__table__)
_JOBS = cast(sa.Table, Job.__table__)
_ENDED = tuple(status for status in JobStatus if status not in ACTIVE_JOB_STATUSES)
_GRACE = timedelta(seconds=60)
"""How much later than the end of its job an element may have been taken, by clocks of several machines."""


@dataclass(frozen=True, slots=True)
class StrayElement:
    """An element that is In Progress for a job that has ended.

    Attributes:
        token: What it was handed out with; None if that is not known.
        status: How the job ended.
        reason: Why it did.
    """

    element_id: UUID
    job_id: UUID
    token: UUID | None
    status: JobStatus
    reason: str | None


def find_strays(database: Database) -> tuple[StrayElement, ...]:
    """Return the elements that are In Progress for a job that has ended; reads no more of them than are In Progress.

    Left out are elements that somebody set In Progress after the job's end: older robots and people do not say whose
    it is then, and the job in it is that of an earlier time.
    """
    query = (
        sa.select(
            _ELEMENTS.c.id,
            _ELEMENTS.c.job_id,
            _ELEMENTS.c.claim_token,
            _ELEMENTS.c.start_date,
            _ELEMENTS.c.end_date,
            _JOBS.c.status,
            _JOBS.c.reason,
            _JOBS.c.end_time,
        )
        .join(_JOBS, _JOBS.c.id == _ELEMENTS.c.job_id)
        .where(_ELEMENTS.c.status == QueueStatus.IN_PROGRESS, _JOBS.c.status.in_(_ENDED))
    )

    def work(session: Session) -> tuple[StrayElement, ...]:
        found: list[StrayElement] = []
        for name in _queue_names(session):
            for row in session.connection().execute(query.where(_ELEMENTS.c.queue_name == name)):
                if _was_held(row.start_date, row.end_date, row.end_time):
                    found.append(StrayElement(row.id, row.job_id, row.claim_token, row.status, row.reason))
        return tuple(found)

    return database.read(work)


def abandon_stray(database: Database, stray: StrayElement) -> bool:
    """Make an element that was found Abandoned, as the end of its job should have done.

    Returns:
        Whether it was done here. False: it is not as it was found any more, or somebody holds its row locked.
    """
    as_found = (
        _ELEMENTS.c.id == stray.element_id,
        _ELEMENTS.c.claim_token.is_(None) if stray.token is None else _ELEMENTS.c.claim_token == stray.token,
    )
    locked = free_only(sa.select(_ELEMENTS.c.id).where(_ELEMENTS.c.id == stray.element_id), _ELEMENTS)

    def work(session: Session) -> bool:
        if session.connection().execute(locked).first() is None:
            return False
        return abandon_elements(session, database, stray.job_id, stray.status, stray.reason, *as_found) == 1

    return database.write(work, read_back=lambda _session: None)


def _queue_names(session: Session) -> list[str]:
    """Return the names of all queues, by steps through the index: no database does that by itself for DISTINCT."""
    names: list[str] = []
    smallest = sa.select(sa.func.min(_ELEMENTS.c.queue_name))
    found = session.connection().scalar(smallest)
    while found is not None:
        names.append(found)
        found = session.connection().scalar(smallest.where(_ELEMENTS.c.queue_name > found))
    return names


def _was_held(start_date: datetime | None, end_date: datetime | None, job_ended: datetime | None) -> bool:
    """Tell whether the job held an element when it ended, by the dates of both (site time)."""
    if start_date is None:
        return True
    taken_later = job_ended is not None and start_date > job_ended + _GRACE
    finished_since = end_date is not None and end_date > start_date
    return not taken_later and not finished_since
