"""The name of a scheduler on this machine: taken at the start, regained or lost meanwhile, given up at the end.

Owns whether the name is still this daemon's. Which of two daemons may have it is decided in ``stores.schedulers``: a
name is taken over from a daemon whose lease has run out, or whose process is certainly gone, which can only be said of
one of the same boot and container. Of any other it is not known whether it lives: its lease is waited for. That it has
run out is not enough: its owner may have been kept from prolonging it, and has to get the chance to do so first.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable

import psutil

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import DatabaseError, SchedulerNameInUseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.database.stores.schedulers import Hold
from OpenOrchestrator.scheduler.contact import elapsed
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.presence.lease_watch import FREE_SECONDS, LONGEST_GAP_SECONDS, LONGEST_WRITE_SECONDS
from OpenOrchestrator.scheduler.processes.process_identity import Sight, process_identity, sight_of


class SchedulerName:
    """The hold of one daemon on its name. Safe to use from all threads.

    Args:
        database: Where names are kept.
        identity: The name, and this start of it.
        slots: How many robots the daemon runs at once, for the list of schedulers.
        events: Told when the name is lost.
        on_lost: Called when another daemon has taken it.
        clock: Tells seconds that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        *,
        slots: int,
        events: Events,
        on_lost: Callable[[], object],
        clock: Callable[[], float] = elapsed,
    ) -> None:
        self._database = database
        self._identity = identity
        self._slots = slots
        self._events = events
        self._on_lost = on_lost
        self._is_lost = False
        self._holder_unseen = False
        self._silence = _Silence(clock)

    @property
    def holder_may_be_gone(self) -> bool:
        """Whether the name was refused because of a daemon of which it is not known whether it lives.

        It ran on this machine before that was started again, or in a container that may be gone; or it lives, in
        another one. Or its lease has run out, and it is about to prolong it if it lives.
        """
        return self._holder_unseen or self._silence.is_awaited

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
        self._holder_unseen = False
        self._silence.begin()
        try:
            schedulers.enroll(
                self._database,
                self._identity,
                version=__version__,
                slots=self._slots,
                pid=os.getpid(),
                pid_started=_create_time(),
                host_name=platform.node(),
                process_identity=process_identity(os.getpid()),
                previous_is_dead=self._is_gone,
                is_silent=self._silence.is_long_enough,
            )
        except DatabaseError:
            self._silence.is_broken()
            raise

    def regain(self) -> bool:
        """Take the name again after its row was found not to be this daemon's any more.

        Returns:
            Whether it could be taken. False: another daemon took it while this one was out of contact; or did so and is
            not heard of any more, and it has to be tried again.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        try:
            self.take()
        except SchedulerNameInUseError as error:
            if self._silence.is_awaited:
                return False
            self._is_lost = True
            self._events.name_taken(str(error))
            self._on_lost()
            return False
        return True

    def _is_gone(self, pid: int, identity: str | None) -> bool:
        sight = sight_of(pid, identity)
        self._holder_unseen = sight is Sight.UNKNOWN
        return sight is Sight.GONE

    def give_up(self) -> None:
        """Let the next daemon of this name have it at once.

        Raises:
            DatabaseError: The database cannot be used now; the lease of the name runs out by itself.
        """
        schedulers.leave(self._database, self._identity)


class _Silence:
    """For how long the owner of a lease that has run out did not prolong it, though it could have.

    An owner that was kept from writing tries about every second, and at most five seconds after it is free.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began_at = 0.0
        self._hold: Hold | None = None
        self._looked_at = 0.0
        self._silent_since = 0.0
        self.is_awaited = False

    def begin(self) -> None:
        """Before a try to take the name."""
        self._began_at = self._clock()
        self.is_awaited = False

    def is_long_enough(self, hold: Hold) -> bool:
        """Tell, once the name was written, whether the owner of this hold would have prolonged it by now."""
        now = self._clock()
        had_to_wait = now - self._began_at > LONGEST_WRITE_SECONDS
        if had_to_wait or hold != self._hold or now - self._looked_at > LONGEST_GAP_SECONDS:
            self._hold = hold
            self._silent_since = now
        self._looked_at = now
        self.is_awaited = now - self._silent_since < FREE_SECONDS
        return not self.is_awaited

    def is_broken(self) -> None:
        """After a try that the database did not answer."""
        self._hold = None


def _create_time() -> float | None:
    """Return when this process was started, for people; None in a container that has no /proc of its own."""
    try:
        return psutil.Process().create_time()
    except psutil.Error:
        return None
