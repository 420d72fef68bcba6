"""Keeps a scheduler alive in the eyes of the others, and looks after what the dead left.

Owns the thread of heartbeats and sweeps. The leases of jobs are in ``lease_keeper``, in another thread: nothing that is
slow here may let one run out. Must not start or finish runs of this scheduler.
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
from OpenOrchestrator.scheduler.contact import Contact, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import KEEP_SECONDS
from OpenOrchestrator.scheduler.presence.reaper import Reaper


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
    ) -> None:
        self._database = database
        self._identity = identity
        self._running_jobs = running_jobs
        self._events = events
        self._contact = contact
        self._enrolment = enrolment
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin, with the first heartbeat after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; waits for a statement under way, but not for a database that is away."""
        self._stop.set()
        self._thread.join(timeout=5)

    def keep(self) -> None:
        """Send one heartbeat, and settle jobs of the dead if that is safe.

        Raises:
            DatabaseError: If the database cannot be used now.
        """
        is_ours = schedulers.heartbeat(self._database, self._identity, running_jobs=self._running_jobs())
        if is_ours or self._enrolment.regain():
            self._enrolment.reaper.settle_if_safe()
        self._contact.succeeded()

    def _keep_on(self) -> None:
        failures = 0
        pause = KEEP_SECONDS
        while not self._stop.wait(pause * random.uniform(0.9, 1.0)):  # noqa: S311  (jitter, not a secret)
            try:
                self.keep()
            except DatabaseError as error:
                self._contact.failed(error)
                self._enrolment.reaper.contact_lost()
                failures += 1
                pause = pause_after(failures)
            except Exception as error:  # noqa: BLE001  (without this thread the scheduler would count as dead)
                self._events.unexpected("keeping contact", error)
                pause = KEEP_SECONDS
            else:
                failures = 0
                pause = KEEP_SECONDS
