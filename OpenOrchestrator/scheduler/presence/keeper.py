"""Keeps a scheduler alive in the eyes of the others: the leases of its jobs, and its heartbeat.

Owns a thread of its own, so that nothing slow elsewhere in the scheduler can let a lease run out. Must not start or
finish runs of this scheduler.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.scheduler.contact import Contact, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import KEEP_SECONDS
from OpenOrchestrator.scheduler.presence.reaper import Reaper
from OpenOrchestrator.scheduler.runs.supervisor import Phase, Supervisor


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What only a scheduler that is enrolled has to keep.

    Attributes:
        regain: Called when its row is not its own any more; returns whether the name could be taken again.
        reaper: Settles what schedulers that are gone left behind.
    """

    regain: Callable[[], bool]
    reaper: Reaper


class Keeper:
    """Prolongs leases and sends heartbeats.

    Args:
        database: Where they are kept.
        identity: This scheduler.
        supervisors: Returns the runs of this scheduler.
        events: Told about what nobody foresaw.
        contact: Told about the health of the database.
        enrolment: None for a scheduler that has no name, such as a single run at a terminal: it keeps its lease alone.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        *,
        supervisors: Callable[[], Sequence[Supervisor]],
        events: Events,
        contact: Contact,
        enrolment: Enrolment | None,
    ) -> None:
        self._database = database
        self._identity = identity
        self._supervisors = supervisors
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
        """Prolong all leases, send one heartbeat, and settle jobs of the dead if that is safe.

        Raises:
            DatabaseError: If the database cannot be used now.
        """
        supervisors = self._supervisors()
        # Leases first: after an outage they are what others wait for.
        self._extend_leases(supervisors)
        if self._enrolment is not None:
            self._send_heartbeat(self._enrolment, running_jobs=len(supervisors))
        self._contact.succeeded()

    def _extend_leases(self, supervisors: Sequence[Supervisor]) -> None:
        ours = ownership.extend(self._database, self._identity, [run.job.job_id for run in supervisors])
        for run in supervisors:
            if run.job.job_id not in ours and run.phase in (Phase.PREPARING, Phase.RUNNING):
                run.lose()

    def _send_heartbeat(self, enrolment: Enrolment, *, running_jobs: int) -> None:
        is_ours = schedulers.heartbeat(self._database, self._identity, running_jobs=running_jobs)
        if is_ours or enrolment.regain():
            enrolment.reaper.settle_if_safe()

    def _keep_on(self) -> None:
        failures = 0
        pause = KEEP_SECONDS
        while not self._stop.wait(pause * random.uniform(0.9, 1.0)):  # noqa: S311  (jitter, not a secret)
            try:
                self.keep()
            except DatabaseError as error:
                self._contact.failed(error)
                if self._enrolment is not None:
                    self._enrolment.reaper.contact_lost()
                failures += 1
                pause = pause_after(failures)
            except Exception as error:  # noqa: BLE001  (without this thread every job here would be taken away)
                self._events.unexpected("keeping contact", error)
                pause = KEEP_SECONDS
            else:
                failures = 0
                pause = KEEP_SECONDS
