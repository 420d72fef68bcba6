"""Triggers that cannot be used: told once, and set aside so that everything else runs.

Owns what was told already, and what is the trigger's own fault. For one thread. Must not change a trigger.
"""

from __future__ import annotations

from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError, TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import process_names
from OpenOrchestrator.scheduler.contact import elapsed, is_outage
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.error_log import ErrorLog

ASIDE_SECONDS = 300.0
"""How long a trigger that could not be claimed is left alone before it is tried again."""

PASSING_SECONDS = 2.0
"""The same, where it is not the trigger's own fault: somebody holds a lock on its row, or the database has no room."""

LOG_REST_SECONDS = 60.0
"""How long no Error log is tried after one was refused for a reason that passes: each try may hold up all claims."""

_Told = tuple[UUID | None, str, str]


class Poison:
    """The unusable triggers that this scheduler came across.

    Args:
        database: Where the Error logs go.
        events: Told once about each.
    """

    def __init__(self, database: Database, events: Events) -> None:
        self._database = database
        self._events = events
        self._told: set[_Told] = set()
        self._logs: dict[_Told, ErrorLog] = {}
        self._logged: set[_Told] = set()
        self._log_again_at = 0.0
        self._aside: dict[UUID, float] = {}

    def report(self, trigger_id: UUID | None, name: str, reason: str) -> None:
        """Tell in the log lines and in the Error log of the process, each unless this was told there before.

        An Error log that is refused for a reason that passes is tried again later.

        Raises:
            DatabaseError: The database is away; call again.
        """
        told = (trigger_id, name, reason)
        if told not in self._told:
            self._told.add(told)
            self._events.poisoned(name, reason)
        if trigger_id is None or told in self._logged or elapsed() < self._log_again_at:
            return
        try:
            self._log(trigger_id, told)
        except TransientDatabaseError:
            self._log_again_at = elapsed() + LOG_REST_SECONDS
            return
        except DatabaseError as error:
            if is_outage(error):
                raise
            self._events.unexpected(f'logging about trigger "{name}"', error)
        self._logged.add(told)
        self._logs.pop(told, None)

    def log_what_is_missing(self) -> None:
        """Store the Error logs that were refused for a reason that passes, if it is time to try again.

        Raises:
            DatabaseError: The database is away; call again.
        """
        for told in list(self._logs):
            self.report(*told)

    def set_aside(self, trigger_id: UUID, name: str, error: Exception) -> None:
        """Leave a trigger that could not be claimed alone: for some minutes, and tell, if that is its own fault.

        Args:
            trigger_id: The trigger.
            name: Its name.
            error: What the claim raised. One that passes by itself is not told, and the trigger is tried again soon.

        Raises:
            DatabaseError: The database is away.
        """
        if isinstance(error, TransientDatabaseError):
            self._aside[trigger_id] = elapsed() + PASSING_SECONDS
            return
        self._aside[trigger_id] = elapsed() + ASIDE_SECONDS
        self.report(trigger_id, name, f"it cannot be claimed: {error}")

    def is_aside(self, trigger_id: UUID) -> bool:
        """Tell whether a trigger was set aside and its time is not over."""
        return self._aside.get(trigger_id, 0.0) > elapsed()

    def _log(self, trigger_id: UUID, told: _Told) -> None:
        log = self._logs.get(told)
        if log is None:
            _, name, reason = told
            message = f'Trigger "{name}" is set aside until it is changed: {reason}'
            log = self._logs[told] = ErrorLog.said_now(self._database, self._events.redacted(message))
        process_name = self._database.read(lambda session: process_names.of_trigger(session, trigger_id))
        if process_name is not None:  # deleted meanwhile
            log.store(self._database, process_name=process_name, job_id=None)
