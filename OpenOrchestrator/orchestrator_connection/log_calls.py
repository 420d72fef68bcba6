"""What a robot's log messages become: written at once, or together with others in the background.

Loaded at the first call and not when a robot connects. When messages that wait are written is in ``log_batch``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import logs, validation
from OpenOrchestrator.orchestrator_connection import current_element

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from OpenOrchestrator.orchestrator_connection.log_batch import LogBatch

_BATCH = "_made_batch"
"""Where the messages that wait are kept once one may."""


class LogCalls:
    """The messages of one connection. Safe to share between threads.

    Args:
        database: The database of the connection.
        redacted: Returns a message as text without secrets.
        beside: Called after each message, for what may be done together with one.
    """

    def __init__(self, database: Database, redacted: Callable[[object], str], beside: Callable[[], object]) -> None:
        self._database = database
        self._redacted = redacted
        self._beside = beside

    @property
    def batch(self) -> LogBatch:
        """The messages that wait; made when the first one may, because few robots need that.

        Raises:
            DatabaseError: If the site's time zone cannot be read.
        """
        batch = self._find_batch()
        if batch is None:
            from OpenOrchestrator.orchestrator_connection.log_batch import LogBatch  # noqa: PLC0415

            # Of several threads that come here at once, all go on with what the first one made.
            batch = vars(self).setdefault(_BATCH, LogBatch(self._database))
        return batch

    @property
    def is_writing(self) -> bool:
        """Whether it is this thread that writes messages that waited at this moment."""
        batch = self._find_batch()
        return batch is not None and batch.is_writing_here

    def write(self, process_name: str, level: LogLevel, job_id: UUID | str | None, message: object) -> None:
        """Write a message now.

        Raises:
            InvalidInputError: If process name or job id cannot be one.
            DatabaseError: If it cannot be written.
        """
        line = self._line(process_name, level, validation.optional_identifier(job_id, "job"), message)
        batch = self._find_batch()
        # Later than what waits, so that all messages of a robot are in the order in which it wrote them.
        line["log_time"] = self._database.site_now() if batch is None else batch.next_time()

        def insert(connection: Connection) -> UUID:
            logs.insert_rows(connection, [line])
            return key

        key: UUID = line["id"]
        self._database.write_statement(
            insert, read_back=lambda connection: key if logs.exists(connection, key) else None
        )
        if batch is not None:
            batch.flush()
        self._beside()

    def write_soon(self, process_name: str, level: LogLevel, job_id: UUID | str | None, message: object) -> None:
        """Have a message written in the background, an error at once.

        Raises:
            InvalidInputError: If process name or job id cannot be one.
        """
        self._add(self._line(process_name, level, validation.optional_identifier(job_id, "job"), message))

    def write_record(self, process_name: str, level: LogLevel, job_id: UUID | str | None, text: str) -> None:
        """As ``write_soon``, for what the module ``logging`` hands over: a job id that is none counts as none.

        Raises:
            InvalidInputError: If the process name cannot be one.
        """
        self._add(self._line(process_name, level, validation.find_identifier(job_id), text))

    def flush(self) -> None:
        """Write the messages that wait."""
        batch = self._find_batch()
        if batch is not None:
            batch.flush()

    def _find_batch(self) -> LogBatch | None:
        found: LogBatch | None = vars(self).get(_BATCH)
        return found

    def _add(self, line: dict[str, Any]) -> None:
        batch = self.batch
        batch.add(line)
        if line["log_level"] is LogLevel.ERROR:
            batch.flush(unless_away=True)
        if not batch.is_writing_here:
            self._beside()

    def _line(self, process_name: str, level: LogLevel, job_id: UUID | None, message: object) -> dict[str, Any]:
        return logs.row(
            self._database.dialect_name,
            process_name=process_name,
            level=level,
            job_id=job_id,
            message=self._redacted(message),
            element_id=current_element.find(self._database.connection_string),
        )
