"""The jobs that hold queue elements, as a robot sees them: whether they still run.

A robot claims and finishes elements in its job's name, and must stop when that has ended. Must not change a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import OwnershipLostError
from OpenOrchestrator.database.engine.dialects import enum_type, text_type, uuid_type
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

# Not the model: a robot would have to wait for loading it.
JOBS = sa.table(
    "Jobs",
    sa.column("id", uuid_type()),
    sa.column("status", enum_type(JobStatus)),
    sa.column("process_name", text_type(100)),
    sa.column("scheduler_name", text_type(100)),
    sa.column("reason", text_type(1000)),
)


def require_running(connection: Connection, job_id: UUID, refused: str = "No queue element was handed out. ") -> None:
    """Return if a job runs or is not known; a robot that was started by hand may have any text as its job.

    Args:
        connection: Within a transaction.
        job_id: The job.
        refused: What did not happen, as the beginning of the message.

    Raises:
        OwnershipLostError: If it has ended; the message says how.
    """
    job = find_job(connection, job_id)
    if job is None or job.status in ACTIVE_JOB_STATUSES:
        return
    reason = f": {job.reason}" if job.reason else ""
    raise OwnershipLostError(
        f"{refused}The job of this robot, {job_id}, has ended as {job.status.value}{reason}. Its elements may be in "
        "other hands by now, so this robot has to stop."
    )


def find_job(connection: Connection, job_id: UUID) -> Any:
    """Return status, reason, process and scheduler of a job, or None."""
    columns = (JOBS.c.status, JOBS.c.reason, JOBS.c.process_name, JOBS.c.scheduler_name)
    return connection.execute(sa.select(*columns).where(JOBS.c.id == job_id)).first()
