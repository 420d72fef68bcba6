"""Messages of the scheduler in the log of a process, tied to the job they are about.

Owns how such a message waits on this machine for a database that does not take it now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import logs
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """An Error message about a run, once: however often it is stored, it is there once.

    Attributes:
        log_id: What it is recognised by.
        log_time: When it was said, site time.
        message: Without secrets.
    """

    log_id: UUID
    log_time: datetime
    message: str

    @classmethod
    def said_now(cls, database: Database, message: str) -> ErrorLog:
        """Return a new message.

        Args:
            database: Whose site time it has.
            message: Without secrets.
        """
        return cls(uuid4(), database.site_now(), message)

    def store(
        self, database: Database, *, process_name: str, job_id: UUID | None, level: LogLevel = LogLevel.ERROR
    ) -> None:
        """Add it to the log of a process, unless it is there already.

        Raises:
            DatabaseError: If it cannot be stored.
        """

        def write(session: Session) -> bool:
            if not logs.exists(session, self.log_id):
                logs.insert(
                    session,
                    process_name=process_name,
                    level=level,
                    job_id=job_id,
                    message=self.message,
                    log_time=self.log_time,
                    log_id=self.log_id,
                )
            return True

        database.write(write, read_back=lambda session: logs.exists(session, self.log_id) or None)

    def keep(self, directory: RunDirectory) -> None:
        """Keep it with the files of its run until it is stored.

        Raises:
            OSError: The disk is full, or the directory is gone.
        """
        content = {"id": str(self.log_id), "time": self.log_time.isoformat(), "message": self.message}
        directory.keep_log(content)


def kept_in(directory: RunDirectory) -> ErrorLog | None:
    """Return the message that is kept with a run; None if there is none.

    Raises:
        OSError: It is there and cannot be read.
    """
    content = directory.kept_log()
    if content is None:
        return None
    return ErrorLog(UUID(content["id"]), datetime.fromisoformat(content["time"]), content["message"])


def log_error(database: Database, *, process_name: str, job_id: UUID | None, message: str) -> None:
    """Add an Error message to the log of a process.

    Raises:
        DatabaseError: If it cannot be stored.
    """
    ErrorLog.said_now(database, message).store(database, process_name=process_name, job_id=job_id)


def log_info(database: Database, *, process_name: str, job_id: UUID | None, message: str) -> None:
    """Add an Info message to the log of a process; else as ``log_error``."""
    said = ErrorLog.said_now(database, message)
    said.store(database, process_name=process_name, job_id=job_id, level=LogLevel.INFO)
