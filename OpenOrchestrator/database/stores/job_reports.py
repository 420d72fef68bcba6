"""What robots tell about their own jobs: title, progress, output, what was left undone, and alerts.

Owns these writes. A robot may write about its job while that has not ended: each write names that, and whoever is
refused finds out why in ``holding_jobs``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.job_reports import JobAlert, JobResult
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, LogLevel
from OpenOrchestrator.database.stores import logs

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

TITLE_LENGTH = 200
PROGRESS_TEXT_LENGTH = 200
MESSAGE_LENGTH = 1000

_JOBS = cast(sa.Table, Job.__table__)
_RESULTS = cast(sa.Table, JobResult.__table__)
_ALERTS = cast(sa.Table, JobAlert.__table__)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is shown.

    Attributes:
        name: Of the trigger of its job, or of its process.
        raised_at: Aware, like ``dismissed_at``.
        dismissed_by: Who dismissed it, as they call themselves.
        trigger_id: Of its job; None where that is not known.
    """

    id: UUID
    job_id: UUID
    name: str
    message: str
    raised_at: datetime
    dismissed_at: datetime | None
    dismissed_by: str | None
    trigger_id: UUID | None


def tell(connection: Connection, job_id: UUID, values: dict[str, Any]) -> bool:
    """Set columns of a job that has not ended.

    Args:
        connection: Within a transaction, or one statement.
        job_id: The job.
        values: By name of their columns; they may be NULL or storable.

    Returns:
        False if there is no such job, or it has ended.
    """
    active = (_JOBS.c.id == job_id, _JOBS.c.status.in_(ACTIVE_JOB_STATUSES))
    return connection.execute(sa.update(_JOBS).where(*active).values(values)).rowcount == 1


def tell_output(connection: Connection, job_id: UUID, output: str | None, *, is_json: bool, now: datetime) -> bool:
    """Set what came of a job that has not ended; None takes back what was said.

    Returns:
        False if there is no such job, or it has ended.
    """
    if not _lock_active(connection, job_id):
        return False
    connection.execute(sa.delete(_RESULTS).where(_RESULTS.c.job_id == job_id))
    if output is not None:
        result = {"job_id": job_id, "output": output, "is_json": is_json, "changed_at": now}
        connection.execute(sa.insert(_RESULTS).values(result))
    return True


def raise_alert(
    connection: Connection,
    job_id: UUID,
    alert_id: UUID,
    process_name: str,
    message: str,
    *,
    now: datetime,
    site_now: datetime,
) -> bool:
    """Store an alert of a job that has not ended, and log it.

    Args:
        connection: Within a transaction.
        job_id: The job.
        alert_id: Of the new alert, so that it can be read back.
        process_name: Of the robot.
        message: Storable, and as long as MESSAGE_LENGTH at most.
        now: Aware instant.
        site_now: The same in site time.

    Returns:
        False if there is no such job, or it has ended.

    Raises:
        InvalidInputError: If the process name cannot be one.
    """
    if not _lock_active(connection, job_id):
        return False
    logs.insert(
        connection,
        process_name=process_name,
        level=LogLevel.ERROR,
        job_id=job_id,
        message=f"Alert: {message}",
        log_time=site_now,
    )
    alert = {"id": alert_id, "job_id": job_id, "process_name": process_name, "message": message, "raised_at": now}
    connection.execute(sa.insert(_ALERTS).values(alert))
    return True


def is_raised(connection: Connection, alert_id: UUID) -> bool:
    """Tell whether there is an alert with this id, open or not."""
    return connection.execute(sa.select(_ALERTS.c.id).where(_ALERTS.c.id == alert_id)).first() is not None


def dismiss(session: Session, alert_id: UUID, *, by: str | None, now: datetime, site_now: datetime) -> bool:
    """Say that an admin took note of an alert, and log that.

    Args:
        session: An open transaction.
        alert_id: The alert.
        by: Who, as they call themselves; None if they did not say.
        now: Aware instant.
        site_now: The same in site time.

    Returns:
        False if it was dismissed before, or is gone.
    """
    connection = session.connection()
    is_open = (_ALERTS.c.id == alert_id, _ALERTS.c.dismissed_at.is_(None))
    update = sa.update(_ALERTS).where(*is_open).values(dismissed_at=now, dismissed_by=by)
    if connection.execute(update).rowcount != 1:
        return False
    alert = connection.execute(sa.select(_ALERTS).where(_ALERTS.c.id == alert_id)).one()
    logs.insert(
        connection,
        process_name=alert.process_name,
        level=LogLevel.INFO,
        job_id=alert.job_id,
        message=f"Alert dismissed by {by or 'an admin'}: {alert.message}",
        log_time=site_now,
    )
    return True


def open_alerts(session: Session, *, limit: int) -> tuple[Alert, ...]:
    """Return the alerts that nobody dismissed, the newest first."""
    query = _shown().where(_ALERTS.c.dismissed_at.is_(None))
    query = query.order_by(_ALERTS.c.raised_at.desc(), _ALERTS.c.id).limit(limit)
    return tuple(Alert(*row) for row in session.connection().execute(query))


def alerts_of(session: Session, job_id: UUID, *, limit: int) -> tuple[Alert, ...]:
    """Return the alerts of a job, the newest first, whether they were dismissed or not."""
    query = _shown().where(_ALERTS.c.job_id == job_id)
    query = query.order_by(_ALERTS.c.raised_at.desc(), _ALERTS.c.id).limit(limit)
    return tuple(Alert(*row) for row in session.connection().execute(query))


def output_of(session: Session, job_id: UUID) -> tuple[str, bool] | None:
    """Return what came of a job, and whether it is JSON; None where nothing was said."""
    query = sa.select(_RESULTS.c.output, _RESULTS.c.is_json).where(_RESULTS.c.job_id == job_id)
    row = session.connection().execute(query).first()
    return None if row is None else (row.output, bool(row.is_json))


def outputs_of(session: Session, job_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what came of some jobs, of those that say so."""
    if not job_ids:
        return {}
    query = sa.select(_RESULTS.c.job_id, _RESULTS.c.output).where(_RESULTS.c.job_id.in_(list(job_ids)))
    return {row.job_id: row.output for row in session.connection().execute(query)}


def partially_done() -> sa.ColumnElement[bool]:
    """Return the condition that a job ended well, and its robot said that something was left undone."""
    return sa.and_(_JOBS.c.status == JobStatus.DONE, _JOBS.c.partial_at.is_not(None))


def _lock_active(connection: Connection, job_id: UUID) -> bool:
    """Hold a job until the transaction ends, so that it does not end meanwhile; False if it has ended."""
    return tell(connection, job_id, {"title": _JOBS.c.title})


def _shown() -> sa.Select[Any]:
    name = sa.func.coalesce(_JOBS.c.trigger_name, _ALERTS.c.process_name, type_=_ALERTS.c.process_name.type)
    shown = (_ALERTS.c.id, _ALERTS.c.job_id, name, _ALERTS.c.message, _ALERTS.c.raised_at, _ALERTS.c.dismissed_at)
    join = _ALERTS.outerjoin(_JOBS, _JOBS.c.id == _ALERTS.c.job_id)
    return sa.select(*shown, _ALERTS.c.dismissed_by, _JOBS.c.trigger_id).select_from(join)
