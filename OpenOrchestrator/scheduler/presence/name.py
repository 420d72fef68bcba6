"""The name of a scheduler on this machine: taken at the start, regained or lost meanwhile, given up at the end.

Owns whether the name is still this daemon's. Which of two daemons may have it is decided in ``stores.schedulers``: a
name is taken over from a daemon whose lease has run out, or whose process on this machine is gone.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable

import psutil

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import SchedulerNameInUseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.process_identity import is_gone


class SchedulerName:
    """The hold of one daemon on its name. Safe to use from all threads.

    Args:
        database: Where names are kept.
        identity: The name, and this start of it.
        slots: How many robots the daemon runs at once, for the list of schedulers.
        events: Told when the name is lost.
        on_lost: Called when another daemon has taken it.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        *,
        slots: int,
        events: Events,
        on_lost: Callable[[], object],
    ) -> None:
        self._database = database
        self._identity = identity
        self._slots = slots
        self._events = events
        self._on_lost = on_lost
        self._is_lost = False

    @property
    def is_lost(self) -> bool:
        """Whether another daemon has the name now."""
        return self._is_lost

    def take(self) -> None:
        """Take the name, over from a daemon of that name that is gone.

        Raises:
            SchedulerNameInUseError: Another live daemon has it.
            DatabaseError: The database cannot be used now.
        """
        schedulers.enroll(
            self._database,
            self._identity,
            version=__version__,
            slots=self._slots,
            pid=os.getpid(),
            pid_started=psutil.Process().create_time(),
            host_name=platform.node(),
            previous_is_dead=is_gone,
        )

    def regain(self) -> bool:
        """Take the name again after its row was found not to be this daemon's any more.

        Returns:
            Whether it could be taken. False: another daemon took it while this one was out of contact.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        try:
            self.take()
        except SchedulerNameInUseError as error:
            self._is_lost = True
            self._events.name_taken(str(error))
            self._on_lost()
            return False
        return True

    def give_up(self) -> None:
        """Let the next daemon of this name have it at once.

        Raises:
            DatabaseError: The database cannot be used now; the lease of the name runs out by itself.
        """
        schedulers.leave(self._database, self._identity)
