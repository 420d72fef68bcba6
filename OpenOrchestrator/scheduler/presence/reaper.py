"""Settles what schedulers that are gone left behind, when it is safe to judge that they are.

Owns for how long the database has been in contact: expired leases of others mean something only after a whole lease
without a break, because before that the database may just have been away for everybody.
"""

from __future__ import annotations

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import LEASE_SECONDS
from OpenOrchestrator.database.lifecycle import ownership
from OpenOrchestrator.database.lifecycle.stuck_triggers import settle_stuck
from OpenOrchestrator.scheduler.contact import elapsed
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.error_log import log_error


class Reaper:
    """Settles the jobs of the dead, and triggers that wait for an end that never comes. For one thread.

    Args:
        database: Where they are.
        name: Of this scheduler, for the reason on the jobs.
        events: Told about each job.
    """

    def __init__(self, database: Database, name: str, events: Events) -> None:
        self._database = database
        self._name = name
        self._events = events
        self._in_contact_since: float | None = None
        self._last_contact: float | None = None

    def contact_lost(self) -> None:
        """Take note that the database did not answer: everybody gets a whole lease to come back."""
        self._in_contact_since = None

    def settle_if_safe(self) -> None:
        """Settle, if the database has answered for long enough; to be called at every heartbeat.

        Raises:
            DatabaseError: If the database cannot be used now.
        """
        if self._is_safe():
            self._settle()

    def _is_safe(self) -> bool:
        now = elapsed()
        broken = self._last_contact is None or now - self._last_contact > LEASE_SECONDS
        self._last_contact = now
        if broken or self._in_contact_since is None:
            self._in_contact_since = now
        return now - self._in_contact_since >= LEASE_SECONDS

    def _settle(self) -> None:
        for job in ownership.reap(self._database, reaper=self._name):
            outcome = "it is due again" if job.is_due_again else "it is lost"
            self._events.settled(job.job_id, job.trigger_name, scheduler=job.scheduler_name, outcome=outcome)
            log_error(self._database, process_name=job.process_name, job_id=job.job_id, message=job.reason)
        settle_stuck(self._database)
