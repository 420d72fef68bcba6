"""Messages of the scheduler in the log of a process, tied to the job they are about."""

from __future__ import annotations

from uuid import UUID, uuid4

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import logs


def log_error(database: Database, *, process_name: str, job_id: UUID | None, message: str) -> None:
    """Add an Error message to the log of a process.

    Raises:
        DatabaseError: If it cannot be stored.
    """
    _log(database, LogLevel.ERROR, process_name=process_name, job_id=job_id, message=message)


def log_info(database: Database, *, process_name: str, job_id: UUID | None, message: str) -> None:
    """Add an Info message to the log of a process; else as ``log_error``."""
    _log(database, LogLevel.INFO, process_name=process_name, job_id=job_id, message=message)


def _log(database: Database, level: LogLevel, *, process_name: str, job_id: UUID | None, message: str) -> None:
    now, log_id = database.site_now(), uuid4()
    database.write(
        lambda session: logs.insert(
            session,
            process_name=process_name,
            level=level,
            job_id=job_id,
            message=message,
            log_time=now,
            log_id=log_id,
        ),
        read_back=lambda session: log_id if logs.exists(session, log_id) else None,
    )
