"""Keeps a scheduler alive in the eyes of the others: heartbeat, leases of its jobs, and the jobs of the dead.

Owns a thread of its own, so that nothing slow elsewhere in the scheduler can let a lease run out. Must not start or
finish runs of this scheduler.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import ownership
from OpenOrchestrator.database.lifecycle.stuck_triggers import settle_stuck
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.scheduler.contact import Contact, elapsed, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import KEEP_SECONDS
from OpenOrchestrator.scheduler.runs.error_log import log_error
from OpenOrchestrator.scheduler.runs.supervisor import Phase, Supervisor


class Keeper:
    """Sends heartbeats, prolongs leases, and settles what schedulers that are gone left behind.

    Args:
        database: Where they are kept.
        identity: This scheduler.
        supervisors: Returns the runs of this scheduler.
        events: Told about settled jobs.
        contact: Told about the health of the database.
        on_name_lost: Called when the row of this scheduler is not its own any more; returns whether it could be taken
            again. None for a scheduler that is not enrolled, such as a single run at a terminal, which settles
            nothing of others either.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        *,
        supervisors: Callable[[], Sequence[Supervisor]],
        events: Events,
        contact: Contact,
        on_name_lost: Callable[[], bool] | None,
    ) -> None:
        self._database = database
        self._identity = identity
        self._supervisors = supervisors
        self._events = events
        self._contact = contact
        self._on_name_lost = on_name_lost
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="keeper", daemon=True)
        self._in_contact_since: float | None = None
        self._last_contact: float | None = None

    def start(self) -> None:
        """Begin, with the first heartbeat after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; waits for a statement under way, but not for a database that is away."""
        self._stop.set()
        self._thread.join(timeout=5)

    def keep(self) -> None:
        """Send one heartbeat, prolong all leases, and settle jobs of the dead if that is safe.

        Raises:
            DatabaseError: If the database cannot be used now.
        """
        runs = {run.job.job_id: run for run in self._supervisors()}
        # Leases first: after an outage they are what others wait for.
        ours = ownership.extend(self._database, self._identity, list(runs))
        for job_id, run in runs.items():
            if job_id not in ours and run.phase in (Phase.PREPARING, Phase.RUNNING):
                run.lose()
        if self._on_name_lost is not None:
            is_ours = schedulers.heartbeat(self._database, self._identity, running_jobs=len(runs))
            if not is_ours and not self._on_name_lost():
                return
            if self._may_settle():
                self._settle()
        self._contact.succeeded()

    def _may_settle(self) -> bool:
        """Tell whether the database has been in contact for a whole lease without a break.

        Before that, expired leases of others may just mean that the database was away for everybody.
        """
        now = elapsed()
        broken = self._last_contact is None or now - self._last_contact > LEASE_SECONDS
        self._last_contact = now
        if broken or self._in_contact_since is None:
            self._in_contact_since = now
        return now - self._in_contact_since >= LEASE_SECONDS

    def _settle(self) -> None:
        for job in ownership.reap(self._database, reaper=self._identity.name):
            outcome = "it is due again" if job.is_due_again else "it is lost"
            self._events.settled(job.job_id, job.trigger_name, scheduler=job.scheduler_name, outcome=outcome)
            log_error(self._database, process_name=job.process_name, job_id=job.job_id, message=job.reason)
        settle_stuck(self._database)

    def _keep_on(self) -> None:
        failures = 0
        pause = KEEP_SECONDS
        while not self._stop.wait(pause * random.uniform(0.9, 1.0)):  # noqa: S311  (jitter, not a secret)
            try:
                self.keep()
            except DatabaseError as error:
                self._contact.failed(error)
                self._in_contact_since = None
                failures += 1
                pause = pause_after(failures)
            except Exception as error:  # noqa: BLE001  (without this thread every job here would be taken away)
                self._events.unexpected("keeping contact", error)
                pause = KEEP_SECONDS
            else:
                failures = 0
                pause = KEEP_SECONDS
