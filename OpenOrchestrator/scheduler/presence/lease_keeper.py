"""Keeps the leases of a scheduler's jobs from running out.

Owns a thread that does nothing else, so that nothing slow elsewhere in the scheduler can let a lease run out. Must not
start or finish runs; a run whose job belongs to somebody else now is told so.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import ownership
from OpenOrchestrator.scheduler.contact import Contact, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import KEEP_SECONDS
from OpenOrchestrator.scheduler.runs.supervisor import Phase, Supervisor

LOCKED_RETRY_SECONDS = 1.0
"""Until leases whose rows somebody else holds locked are tried again."""


class LeaseKeeper:
    """Prolongs the leases of all runs, in a thread of its own.

    Args:
        database: Where they are kept.
        identity: This scheduler.
        supervisors: Returns the runs of this scheduler.
        events: Told about what nobody foresaw.
        contact: Told about the health of the database.
        lease_seconds: How long leases last; they are prolonged three times as often.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        *,
        supervisors: Callable[[], Sequence[Supervisor]],
        events: Events,
        contact: Contact,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._database = database
        self._identity = identity
        self._supervisors = supervisors
        self._events = events
        self._contact = contact
        self._lease_seconds = lease_seconds
        scale = lease_seconds / LEASE_SECONDS
        self._pause_seconds = KEEP_SECONDS * scale
        self._retry_seconds = LOCKED_RETRY_SECONDS * scale
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="lease keeper", daemon=True)

    def start(self) -> None:
        """Begin, with the first lease prolonged after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; waits for a statement under way, but not for a database that is away."""
        self._stop.set()
        self._thread.join(timeout=5)

    def keep(self) -> bool:
        """Prolong all leases whose rows nobody else holds locked; stop the robots of jobs that are not ours any more.

        Returns:
            Whether that were all. False: the others are still ours, and have to be tried again soon.

        Raises:
            DatabaseError: If the database cannot be used now.
        """
        supervisors = self._supervisors()
        ids = [run.job.job_id for run in supervisors]
        extension = ownership.extend(self._database, self._identity, ids, seconds=self._lease_seconds)
        for run in supervisors:
            if run.job.job_id not in extension.ours and run.phase in (Phase.PREPARING, Phase.RUNNING):
                run.lose()
        if ids:  # without any the database was not asked
            self._contact.succeeded()
        return not extension.locked

    def _keep_on(self) -> None:
        failures = 0
        pause = self._pause_seconds
        while not self._stop.wait(pause * random.uniform(0.9, 1.0)):  # noqa: S311  (jitter, not a secret)
            try:
                pause = self._pause_seconds if self.keep() else self._retry_seconds
            except DatabaseError as error:
                self._contact.failed(error)
                failures += 1
                pause = min(pause_after(failures), self._pause_seconds)
            except Exception as error:  # noqa: BLE001  (without this thread every job here would be taken away)
                self._events.unexpected("prolonging leases", error)
                pause = self._retry_seconds
            else:
                failures = 0
