"""How robots log: the published part of the connection for that.

Loaded with every connection, so it loads nothing; what is done is in ``robot_calls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.database.statuses import LogLevel

if TYPE_CHECKING:
    import logging
    from uuid import UUID

    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    from OpenOrchestrator.orchestrator_connection.robot_calls import RobotCalls


@with_short_errors
class Logging:
    """What a connection can do with the log."""

    process_name: str
    job_id: UUID | str | None
    _calls: RobotCalls
    _batches_logs = False

    def log_trace(self, message: object) -> None:
        """Log what the robot is doing, at the level Trace.

        Args:
            message: Anything, stored as text; of more than 8000 characters the middle is cut out and marked.
                Connection string, its password and the crypto key are replaced by ``***``.

        Raises:
            InvalidInputError: If the process name or job id of the connection cannot be one.
        """
        self._log(LogLevel.TRACE, message)

    def log_info(self, message: object) -> None:
        """Log something worth knowing, at the level Info.

        Args:
            message: As for ``log_trace``.
        """
        self._log(LogLevel.INFO, message)

    def log_error(self, message: object) -> None:
        """Log that something went wrong, at the level Error.

        Args:
            message: As for ``log_trace``.
        """
        self._log(LogLevel.ERROR, message)

    def logging_handler(self, level: int | str = 0) -> logging.Handler:
        """Return a handler of the module ``logging`` that writes to this log what the robot and its libraries log.

        Use it once, for all loggers or for one::

            logging.getLogger().addHandler(connection.logging_handler(logging.INFO))

        Messages carry the job, and the queue element that the thread has in hand (see ``work``); they are redacted and
        shortened as those of ``log_info``, and hold the tracebacks of exceptions. DEBUG becomes Trace, INFO and
        WARNING Info, ERROR and CRITICAL Error; the name of the logger stands before the text, and the level where it
        has no equal here. A formatter of one's own may say otherwise.

        They are written in the background: after a second, at an error, and at the end of the Python process. While
        the database cannot be reached, the last 10,000 are kept.

        Args:
            level: The lowest level of records to write, as the module ``logging`` takes it.

        Raises:
            DatabaseError: If the site's time zone cannot be read.
        """
        from OpenOrchestrator.orchestrator_connection.log_handler import ConnectionHandler  # noqa: PLC0415

        handler = ConnectionHandler(cast("OrchestratorConnection", self), level)
        _ = self._calls.logs.batch  # raises here and not where the first message is logged
        return handler

    def batch_logs(self) -> None:
        """Write the messages of ``log_trace``, ``log_info`` and ``log_error`` in the background from now on.

        Many times as fast. They are written after a second, at an error, and at the end of the Python process; calls
        raise nothing if the database cannot be reached, and what was logged in the last second is lost if the process
        is killed.

        Raises:
            DatabaseError: If the site's time zone cannot be read.
        """
        _ = self._calls.logs.batch
        self._batches_logs = True

    def flush_logs(self) -> None:
        """Write the messages that wait now, as before ``os._exit``. What cannot be written waits on."""
        self._calls.logs.flush()

    def _log(self, level: LogLevel, message: object) -> None:
        calls = self._calls.logs
        write = calls.write_soon if self._batches_logs else calls.write
        write(self.process_name, level, self.job_id, message)
