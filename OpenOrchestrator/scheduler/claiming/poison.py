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
from OpenOrchestrator.scheduler.runs.error_log import log_error

ASIDE_SECONDS = 300.0
"""How long a trigger that could not be claimed is left alone before it is tried again."""

PASSING_SECONDS = 2.0
"""The same, where it is not the trigger's own fault: somebody holds a lock on its row, or the database has no room."""


class Poison:
    """The unusable triggers that this scheduler came across.

    Args:
        database: Where the Error logs go.
        events: Told once about each.
    """

    def __init__(self, database: Database, events: Events) -> None:
        self._database = database
        self._events = events
        self._told: set[tuple[UUID | None, str, str]] = set()
        self._aside: dict[UUID, float] = {}

    def report(self, trigger_id: UUID | None, name: str, reason: str) -> None:
        """Tell in the log lines and in the Error log of the process, unless this was told before.

        Raises:
            DatabaseError: The database is away; call again.
        """
        if (trigger_id, name, reason) in self._told:
            return
        try:
            if trigger_id is not None:
                self._log(trigger_id, f'Trigger "{name}" is set aside until it is changed: {reason}')
        except DatabaseError as error:
            if is_outage(error):
                raise
            self._events.unexpected(f'logging about trigger "{name}"', error)
        self._told.add((trigger_id, name, reason))
        self._events.poisoned(name, reason)

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

    def _log(self, trigger_id: UUID, message: str) -> None:
        process_name = self._database.read(lambda session: process_names.of_trigger(session, trigger_id))
        if process_name is not None:  # deleted meanwhile
            log_error(self._database, process_name=process_name, job_id=None, message=self._events.redacted(message))
