"""How robots log: the published part of the connection for that.

Loaded with every connection, so it loads nothing; what is done is in ``robot_calls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.database.statuses import LogLevel

if TYPE_CHECKING:
    from uuid import UUID

    from OpenOrchestrator.orchestrator_connection.robot_calls import RobotCalls


@with_short_errors
class Logging:
    """What a connection can do with the log."""

    process_name: str
    job_id: UUID | str | None
    _calls: RobotCalls

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

    def _log(self, level: LogLevel, message: object) -> None:
        self._calls.log(self.process_name, level, self.job_id, message)
