"""Keeps a scheduler alive in the eyes of the others, and looks after what the dead left.

Owns the thread of heartbeats and sweeps, and another one for heartbeats that are late because the row is locked or a
sweep is slow. The leases of jobs are in ``lease_keeper``: nothing that is slow here may let one run out. Must not start
or finish runs of this scheduler.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.database.stores.schedulers import Beat
from OpenOrchestrator.scheduler.contact import Contact, elapsed, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import KEEP_SECONDS
from OpenOrchestrator.scheduler.presence.reaper import Reaper

LATE_SECONDS = KEEP_SECONDS + 1.0
"""After the last heartbeat that was stored, the next one is late."""

LATE_RETRY_SECONDS = 1.0
"""Between two tries of a heartbeat that is late."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a scheduler that is enrolled has to keep.

    Attributes:
        regain: Called when its row is not its own any more; returns whether the name could be taken again.
        reaper: Settles what schedulers that are gone left behind.
    """

    regain: Callable[[], bool]
    reaper: Reaper


class Keeper:
    """Sends heartbeats, and settles what the dead left.

    Args:
        database: Where they are kept.
        identity: This scheduler.
        running_jobs: Returns how many runs this scheduler has.
        events: Told about what nobody foresaw.
        contact: Told about the health of the database.
        enrolment: What is kept.
        clock: Tells seconds that nobody sets; the reaper's.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        *,
        running_jobs: Callable[[], int],
        events: Events,
        contact: Contact,
        enrolment: Enrolment,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        self._database = database
        self._identity = identity
        self._running_jobs = running_jobs
        self._events = events
        self._contact = contact
        self._enrolment = enrolment
        self._clock = clock
        self._beaten_at = clock()
        self._stop = threading.Event()
        self._threads = (
            threading.Thread(target=self._keep_on, name="keeper", daemon=True),
            threading.Thread(target=self._make_up, name="late heartbeats", daemon=True),
        )

    def start(self) -> None:
        """Begin, with the first heartbeat after one interval."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; waits for a statement under way, but not for a database that is away."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def keep(self) -> None:
        """Send one heartbeat, and settle jobs of the dead if that is safe.

        Raises:
            DatabaseError: If the database cannot be used now. Then everybody gets a whole lease to come back.
        """
        began_at = self._clock()
        reaper = self._enrolment.reaper
        try:
            beat = self._beat()
            reaper.wrote(began_at)
            if beat is not Beat.LOST or self._enrolment.regain():
                reaper.settle_if_safe()
        except DatabaseError:
            reaper.contact_lost()
            raise
        self._contact.succeeded()

    def make_up(self) -> None:
        """Send a heartbeat if the last one that was stored is too long ago: its row was locked, or a sweep is slow.

        To be called every second. Whoever wants the name, and finds its row free again, waits for that.

        Raises:
            DatabaseError: If the database cannot be used now.
        """
        if self._clock() - self._beaten_at >= LATE_SECONDS:
            self._beat()

    def _beat(self) -> Beat:
        began_at = self._clock()
        beat = schedulers.heartbeat(self._database, self._identity, running_jobs=self._running_jobs())
        if beat is Beat.STORED:
            self._beaten_at = began_at
        return beat

    def _keep_on(self) -> None:
        failures = 0
        pause = KEEP_SECONDS
        while not self._stop.wait(pause * random.uniform(0.9, 1.0)):  # noqa: S311  (jitter, not a secret)
            try:
                self.keep()
            except DatabaseError as error:
                self._contact.failed(error)
                failures += 1
                pause = pause_after(failures)
            except Exception as error:  # noqa: BLE001  (without this thread the scheduler would count as dead)
                self._events.unexpected("keeping contact", error)
                pause = KEEP_SECONDS
            else:
                failures = 0
                pause = KEEP_SECONDS

    def _make_up(self) -> None:
        while not self._stop.wait(LATE_RETRY_SECONDS):
            try:
                self.make_up()
            except DatabaseError as error:
                self._contact.failed(error)
            except Exception as error:  # noqa: BLE001  (the keeper itself goes on, but its name may be taken)
                self._events.unexpected("sending a heartbeat that is late", error)
                self._stop.wait(KEEP_SECONDS)
