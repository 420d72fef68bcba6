"""A handler of the module ``logging`` that writes to the log of a robot's connection.

Owns how a record becomes a message. When it is written is in ``log_batch``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from OpenOrchestrator.database.statuses import LogLevel

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

_OURS = __name__.partition(".")[0]

_OWN_LEVELS = frozenset({logging.DEBUG, logging.INFO, logging.ERROR})
"""Those that are told apart by the level of the message; the name of any other stands before its text."""


def level_of(level: int) -> LogLevel:
    """Return the level of a message for that of a record: Error from ERROR on, Info from INFO on, else Trace."""
    if level >= logging.ERROR:
        return LogLevel.ERROR
    return LogLevel.INFO if level >= logging.INFO else LogLevel.TRACE


class RecordFormatter(logging.Formatter):
    """Writes the name of the logger before the text of a record, and its level where the message has none such."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the name of logging)
        """Return the first line."""
        name = "" if record.name == "root" else f"{record.name}: "
        level = "" if record.levelno in _OWN_LEVELS else f"{record.levelname} "
        return f"{level}{name}{record.message}"


class ConnectionHandler(logging.Handler):
    """Writes records to the log of a connection, with the job and the queue element they belong to.

    In the background, in the order of all messages of the connection. What is logged while messages are written, by the
    libraries that do it, is left out: it would never come to an end. So are the records of this library itself.

    Args:
        connection: The robot's connection.
        level: The lowest level of records that are written.
    """

    def __init__(self, connection: OrchestratorConnection, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._connection = connection
        self.setFormatter(RecordFormatter())

    def createLock(self) -> None:  # noqa: N802  (the name of logging)
        """Have no lock: whoever waits for the database while it holds one would stop all others who log."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, unless a filter keeps it out."""
        if record.name.partition(".")[0] == _OURS or self._connection._calls.logs.is_writing:
            return False
        kept: object = self.filter(record)
        if kept:
            # Since Python 3.12 a filter may put another record in its place.
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written."""
        try:
            robot = self._connection
            text = self.format(record)
            robot._calls.logs.write_record(robot.process_name, level_of(record.levelno), robot.job_id, text)
        except Exception:  # noqa: BLE001  (a robot must not end because it logs)
            self.handleError(record)

    def flush(self) -> None:
        """Write what waits."""
        self._connection.flush_logs()
