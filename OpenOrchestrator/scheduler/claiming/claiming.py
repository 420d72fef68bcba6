"""What a scheduler claims: looks at what is due, chooses by the rules, and claims what it chose.

Owns which triggers are left out for now: poisoned ones, and queue triggers that were started a moment ago. Must not
start anything. For one thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError, TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.lifecycle.due_times import SkippedRuns
from OpenOrchestrator.database.lifecycle.selection import Candidate, select
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores.due_triggers import DueTrigger, DueTriggers
from OpenOrchestrator.database.stores.pools import EMPTY
from OpenOrchestrator.scheduler import failpoints
from OpenOrchestrator.scheduler.claiming.poison import Poison
from OpenOrchestrator.scheduler.contact import elapsed, is_outage
from OpenOrchestrator.scheduler.options import SchedulerOptions
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

QUEUE_PAUSE_SECONDS = 1.0
"""Between two starts of the same queue trigger here; those whose runs take nothing rest longer, see queue_backoff."""


class Claiming:
    """Claims for one scheduler.

    Args:
        database: Where the triggers are.
        identity: The scheduler.
        options: What it may run, and how much at once.
        poison: Told about triggers that cannot be used.
    """

    def __init__(self, database: Database, identity: Identity, options: SchedulerOptions, poison: Poison) -> None:
        self._database = database
        self._identity = identity
        self._options = options
        self._poison = poison
        self._screen_taken = False
        self._queue_starts: dict[UUID, float] = {}
        self._pools = EMPTY

    def has_room(self, running: Collection[SupervisedJob]) -> bool:
        """Tell whether anything could be started beside what runs."""
        return len(running) < self._options.max_jobs and not any(job.is_blocking for job in running)

    def look(self) -> DueTriggers:
        """Return what is due; poisoned triggers are reported, also those whose report was refused before.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        due = trigger_claims.due_triggers(
            self._database,
            scheduler_name=self._options.name,
            labels=self._options.labels,
            machine=self._identity.machine,
        )
        self._screen_taken = due.screen_taken
        for poisoned in due.poisoned:
            self._poison.report(poisoned.trigger_id, poisoned.name, poisoned.reason)
        self._poison.log_what_is_missing()
        self._pools = due.pools
        return due

    def choose(self, due: Iterable[DueTrigger], running: Collection[SupervisedJob]) -> list[DueTrigger]:
        """Return what of it to claim now, in this order; pools count as the last look found them."""
        by_id = {trigger.trigger_id: trigger for trigger in due if not self._has_to_wait(trigger)}
        selection = select(
            map(Candidate.of, by_id.values()),
            scheduler_name=self._options.name,
            whitelisted_only=self._options.whitelisted_only,
            free_slots=self._options.max_jobs - len(running),
            running=len(running),
            blocking_running=any(job.is_blocking for job in running),
            pools=self._pools,
            labels=self._options.labels,
            screen_taken=self._screen_taken,
        )
        return [by_id[candidate.trigger_id] for candidate in selection.claims]

    def claim(self, chosen: Sequence[DueTrigger]) -> list[ClaimedRun]:
        """Claim them, all in one go. One that cannot be claimed at all is set aside and does not hinder the others.

        Returns:
            The runs that were won.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        if not chosen:
            return []
        try:
            claimed = list(trigger_claims.claim(self._database, self._identity, chosen))
        except Exception as error:
            if isinstance(error, DatabaseError) and is_outage(error):
                raise
            claimed = self._claim_one_by_one(chosen)
        for run in claimed:
            if run.type is TriggerType.QUEUE:
                self._queue_starts[run.trigger_id] = elapsed()
        if claimed:
            failpoints.reach(failpoints.AFTER_CLAIM)
        return claimed

    def skip(self, missed: Sequence[DueTrigger]) -> tuple[SkippedRuns, ...]:
        """Leave out what these triggers have missed, each on its own, and return what was left out.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        skipped: list[SkippedRuns] = []
        for trigger in missed:
            if self._poison.is_aside(trigger.trigger_id):
                continue
            try:
                skipped += trigger_claims.skip_missed(self._database, self._identity, [trigger])
            except Exception as error:
                if isinstance(error, DatabaseError) and is_outage(error):
                    raise
                self._poison.set_aside(trigger.trigger_id, trigger.name, error)
        return tuple(skipped)

    def _claim_one_by_one(self, chosen: Sequence[DueTrigger]) -> list[ClaimedRun]:
        claimed: list[ClaimedRun] = []
        for trigger in chosen:
            try:
                claimed += trigger_claims.claim(self._database, self._identity, [trigger])
            except Exception as error:
                if isinstance(error, DatabaseError) and is_outage(error):
                    if claimed:
                        return claimed
                    raise
                self._poison.set_aside(trigger.trigger_id, trigger.name, error)
                if isinstance(error, TransientDatabaseError):
                    return claimed  # it took its time, and the next one may too: look at the others in the next round
        return claimed

    def _has_to_wait(self, trigger: DueTrigger) -> bool:
        started = self._queue_starts.get(trigger.trigger_id)
        if started is not None and elapsed() - started < QUEUE_PAUSE_SECONDS:
            return True
        return self._poison.is_aside(trigger.trigger_id)
