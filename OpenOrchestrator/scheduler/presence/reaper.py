"""Settles what schedulers that are gone left behind, when it is safe to judge that they are.

Owns the order of a sweep, and that nothing in it stops the rest: whatever is wrong with one row is told, and the next
one is settled. Whether a lease has run out is in ``lease_watch``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import ELEMENT_LEASE_SECONDS, LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import element_leases, reaping, stray_elements, stuck_triggers
from OpenOrchestrator.database.lifecycle.reaping import Lease, NotReaped, ReapedJob
from OpenOrchestrator.scheduler.contact import elapsed, is_outage
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.presence.lease_watch import (
    LONGEST_LOOK_SECONDS,
    LONGEST_WRITE_SECONDS,
    LeaseWatch,
    Look,
    Seen,
)

STRAYS_SECONDS = 60.0
"""Between two looks for queue elements that are In Progress for a job that has ended."""

_Key = tuple[UUID, int]


class Reaper:
    """Settles the jobs of the dead, triggers that wait for an end that never comes, and elements that nobody works on.

    For one thread.

    Args:
        database: Where they are.
        identity: This scheduler; its own jobs are never settled here.
        events: Told about each job, and about each row that makes trouble, once.
        lease_seconds: How long leases last.
        clock: Tells seconds that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        events: Events,
        *,
        lease_seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        self._database = database
        self._identity = identity
        self._events = events
        self._clock = clock
        self._sweep_seconds = LONGEST_LOOK_SECONDS * lease_seconds / LEASE_SECONDS
        self._write_seconds = LONGEST_WRITE_SECONDS * lease_seconds / LEASE_SECONDS
        self._watch: LeaseWatch[_Key] = LeaseWatch(lease_seconds)
        self._scale = lease_seconds / LEASE_SECONDS
        self._elements: LeaseWatch[UUID] = LeaseWatch(ELEMENT_LEASE_SECONDS * self._scale)
        self._next_look_for_strays = 0.0
        self._told: set[str] = set()

    def contact_lost(self) -> None:
        """Take note that the database did not answer or took no writes: everybody gets a whole lease to come back."""
        self._watch.forget()
        self._elements.forget()

    def wrote(self, began_at: float) -> bool:
        """Take note that something was written, or was to be; contact is lost if that had to wait.

        Args:
            began_at: When it began, on the reaper's clock.

        Returns:
            Whether it had not to wait.
        """
        if self._clock() - began_at <= self._write_seconds:
            return True
        self.contact_lost()
        return False

    def settle_if_safe(self) -> None:
        """Look at everything once, and settle what is safe to settle; to be called at every heartbeat.

        Raises:
            DatabaseError: If the database cannot be used now.
        """
        self._settle_the_dead()
        self._take_from_the_dead()
        for trigger_id in stuck_triggers.find_stuck(self._database):
            self._try(
                f"settling the trigger {trigger_id}",
                lambda: stuck_triggers.settle_if_free(self._database, trigger_id),  # noqa: B023  (called at once)
            )
        if self._clock() >= self._next_look_for_strays:
            self._abandon_strays()
            # Not all schedulers at the same moments.
            self._next_look_for_strays = self._clock() + STRAYS_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311

    def _settle_the_dead(self) -> None:
        asked_at = self._clock()
        reading = reaping.read_leases(self._database, self._identity)
        look = Look(asked_at, self._clock(), reading.database_now)
        leases = {(lease.job_id, lease.fence): lease for lease in reading.leases}
        overdue = self._watch.overdue(((key, Seen(one.until, one.longest)) for key, one in leases.items()), look)
        if not overdue:
            return
        began_at = self._clock()
        free = reaping.free_of_locks(self._database, [leases[key] for key in overdue])
        if not self.wrote(began_at):
            return
        is_free = {(lease.job_id, lease.fence) for lease in free}
        self._watch.note_free(is_free, asked=overdue, now=look.answered_at)
        run_out = self._watch.run_out()
        random.shuffle(run_out)  # many schedulers that sweep at the same time rarely come to the same row

        for key in run_out:
            began_at = self._clock()
            if began_at - asked_at > self._sweep_seconds:
                return  # the rest is looked at anew
            lease = leases[key]
            self._try(
                f"settling the job {lease.job_id}",
                lambda: self._settle(lease, asked_at),  # noqa: B023  (called at once)
            )
            if not self.wrote(began_at):
                return

    def _settle(self, lease: Lease, asked_at: float) -> None:
        began_at = self._clock()

        def is_current() -> bool:
            now = self._clock()
            return now - asked_at <= self._sweep_seconds and now - began_at <= self._write_seconds

        job = reaping.reap(self._database, lease, reaper=self._identity, is_current=is_current)
        if isinstance(job, ReapedJob):
            outcome = "it is due again" if job.is_due_again else "it is lost"
            self._events.settled(
                job.job_id, job.trigger_name, scheduler=job.scheduler_name, outcome=outcome, retry=job.retry
            )
        elif job is NotReaped.LOCKED:
            key = (lease.job_id, lease.fence)
            self._watch.note_free((), asked=[key], now=self._clock())

    def _take_from_the_dead(self) -> None:
        """Take elements from robots without a job that are not heard of any more."""
        asked_at = self._clock()
        database_now, found = element_leases.read_leases(self._database)
        leases = {lease.token: lease for lease in found}
        seen = ((token, Seen(lease.until, lease.longest * self._scale)) for token, lease in leases.items())
        look = Look(asked_at, self._clock(), database_now)
        overdue = self._elements.overdue(seen, look)
        if not overdue:
            return
        began_at = self._clock()
        free = element_leases.free_of_locks(self._database, [leases[token] for token in overdue])
        if not self.wrote(began_at):
            return
        self._elements.note_free(free, asked=overdue, now=look.answered_at)
        for token in self._elements.run_out():
            began_at = self._clock()
            if began_at - asked_at > self._sweep_seconds:
                return  # the rest is looked at anew
            lease = leases[token]
            self._try(
                f"settling the queue element {lease.element_id}",
                lambda: self._take(lease),  # noqa: B023  (called at once)
            )
            if not self.wrote(began_at):
                return

    def _take(self, lease: element_leases.ElementLease) -> None:
        if element_leases.settle(self._database, lease):
            self._events.stray_taken(lease.element_id, None)

    def _abandon_strays(self) -> None:
        for stray in stray_elements.find_strays(self._database):
            self._try(
                f"abandoning the queue element {stray.element_id}",
                lambda: self._abandon(stray),  # noqa: B023  (called at once)
            )

    def _abandon(self, stray: stray_elements.StrayElement) -> None:
        if stray_elements.abandon_stray(self._database, stray):
            self._events.stray_taken(stray.element_id, stray.job_id)

    def _try(self, what: str, act: Callable[[], object]) -> None:
        """Do one thing; what is wrong with it is told once, and stops nothing else.

        Raises:
            DatabaseError: If the database cannot be reached, so that nothing else could be done either.
        """
        try:
            act()
        except DatabaseError as error:
            if is_outage(error):
                raise
            self._tell(what, error)
        except Exception as error:  # noqa: BLE001  (whatever a row holds, the others have to be settled)
            self._tell(what, error)

    def _tell(self, what: str, error: Exception) -> None:
        if what not in self._told:
            self._told.add(what)
            self._events.unexpected(what, error)
