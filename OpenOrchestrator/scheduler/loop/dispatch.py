"""From a due trigger to a supervisor that follows its run.

Owns the order: choose, claim, enter into the table of runs, start. Must not know when it is called (``polling`` and
``once`` do), nor what a supervisor does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import pauses, runs
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.stores.due_triggers import DueTrigger, DueTriggers
from OpenOrchestrator.scheduler.claiming.claiming import Claiming
from OpenOrchestrator.scheduler.contact import elapsed, is_outage
from OpenOrchestrator.scheduler.loop.run_table import RunTable
from OpenOrchestrator.scheduler.recovery.unfollowed import Unfollowed
from OpenOrchestrator.scheduler.runs import kill_requests
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.runs.services import Services
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob
from OpenOrchestrator.scheduler.runs.supervisor import NO_MEANS, Supervisor

CROWDED_SECONDS = 5.0
"""Pause in claiming after a run could not be started, because this machine has no means; longer each time in a row."""

LONGEST_CROWDED_SECONDS = 30.0
"""The longest of these pauses."""


class Dispatch:
    """Starts runs, and stops those that an admin wants killed. For the thread of the loop.

    Args:
        database: Where triggers and jobs are.
        claiming: What this scheduler takes.
        runs: The runs under way.
        services: What their supervisors work with.
        unfollowed: Gives back claims that nobody here follows.
    """

    def __init__(
        self, database: Database, claiming: Claiming, runs: RunTable, services: Services, unfollowed: Unfollowed
    ) -> None:
        self._database = database
        self._claiming = claiming
        self._runs = runs
        self._services = services
        self._unknown_claims = unfollowed
        self._unfollowed: deque[tuple[Supervisor, RunDirectory]] = deque()
        self._told: set[UUID] = set()
        self._is_crowded = False
        self._crowded_until = 0.0
        self._crowded_seconds = CROWDED_SECONDS

    def has_room(self) -> bool:
        """Tell whether anything could be started beside what runs."""
        if self._unfollowed or elapsed() < self._crowded_until:
            return False
        return self._claiming.has_room(self._runs.jobs())

    def look(self) -> DueTriggers:
        """Return what is due; poisoned triggers are reported.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        return self._claiming.look()

    def choose(self, due: Iterable[DueTrigger]) -> list[DueTrigger]:
        """Return what of it to start here now, in this order."""
        return self._claiming.choose(due, self._runs.jobs())

    def start(self, chosen: Sequence[DueTrigger]) -> None:
        """Claim these triggers, and start the runs that were won; others were faster at the rest.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        if not chosen:
            return
        won = 0
        try:
            for run in self._claiming.claim(chosen):
                won += 1
                self._begin(run)
        finally:
            if won < len(chosen):
                self._unknown_claims.look_soon()

    def skip(self, missed: Sequence[DueTrigger]) -> None:
        """Leave out what these triggers have missed, as they say themselves; it needs no room here.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        for skipped in self._claiming.skip(missed):
            self._services.events.skipped(skipped.trigger_name, skipped.reason)

    def is_busy(self) -> bool:
        """Tell whether anything runs here."""
        return bool(self._runs.supervisors())

    def give_back_unstarted(self, reason: str) -> None:
        """Give back the runs whose robots were not started yet, so that other schedulers take them at once.

        Args:
            reason: Why, for whoever looks at the job.
        """
        for supervisor, claimed in self._runs.unstarted():
            supervisor.withdraw()
            try:
                # Guarded: should the robot be started at this moment, only one of the two succeeds.
                if runs.give_back(self._database, claimed, reason):
                    self._services.events.given_back(claimed.job_id, claimed.trigger_name, reason)
                    self._services.on_over(supervisor)
            except DatabaseError as error:
                # Its lease runs out, and it is due again then.
                self._services.contact.failed(error)

    def rest(self) -> None:
        """Claim nothing for a while, because this machine has no means to start robots. For any thread."""
        now = elapsed()
        if now < self._crowded_until:
            return  # of several runs at the same time, the first one counts
        was_recent = now < self._crowded_until + LONGEST_CROWDED_SECONDS
        self._crowded_seconds = (
            min(2 * self._crowded_seconds, LONGEST_CROWDED_SECONDS) if was_recent else CROWDED_SECONDS
        )
        self._crowded_until = now + self._crowded_seconds

    def follow(self, job: SupervisedJob, directory: RunDirectory) -> None:
        """Follow a run that an earlier scheduler of this name started."""
        supervisor = Supervisor(job, self._services)
        self._runs.add(supervisor, None)
        self._unfollowed.append((supervisor, directory))
        self._follow_more()

    def look_after_runs(self) -> None:
        """Stop the robots that an admin asked to kill, and follow those that could not be followed so far.

        Claims that nobody follows, because it was not known that they were won, are given back.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        self._follow_more()
        self._unknown_claims.look_if_time()
        kill_requests.carry_out(self._database, self._runs.supervisors(), self._services.events)

    def end_pauses(self) -> None:
        """Let triggers run again whose pause has come to its end, whether there is room here to start them or not.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        for over in pauses.find_over(self._database):
            try:
                if pauses.carry_out(self._database, over) and over.step is pauses.Step.RESUME:
                    self._services.events.resumed(over.trigger_name)
            except Exception as error:  # whatever a row holds, the others go on
                if isinstance(error, DatabaseError) and is_outage(error):
                    raise
                if over.trigger_id not in self._told:
                    self._told.add(over.trigger_id)
                    self._services.events.unexpected(f'ending the pause of "{over.trigger_name}"', error)

    def _begin(self, run: ClaimedRun) -> None:
        """Start a run that was claimed; one that cannot be followed is given back, and holds up no other."""
        supervisor = Supervisor(SupervisedJob.of(run), self._services)
        try:
            late = None if run.due_at is None else (self._database.utc_now() - run.due_at).total_seconds()
            self._services.events.claimed(
                run.job_id, run.trigger_name, late_seconds=late, attempt=run.attempt, retry=run.retry
            )
            self._runs.add(supervisor, run)
            supervisor.start(run)
        except Exception as error:  # noqa: BLE001  (no more threads, or no memory)
            self._services.events.unexpected(f'starting "{run.trigger_name}"', error)
            self.rest()
            self._give_back(run)
            self._services.on_over(supervisor)

    def _give_back(self, run: ClaimedRun) -> None:
        try:
            if runs.give_back(self._database, run, NO_MEANS):
                self._services.events.given_back(run.job_id, run.trigger_name, NO_MEANS)
        except DatabaseError as error:
            self._unknown_claims.look_soon()
            self._services.contact.failed(error)

    def _follow_more(self) -> None:
        while self._unfollowed:
            supervisor, directory = self._unfollowed[0]
            try:
                supervisor.adopt(directory)
            except RuntimeError as error:  # no more threads: its robot goes on, and its lease is kept meanwhile
                if not self._is_crowded:
                    self._services.events.unexpected(f'following "{supervisor.job.trigger_name}"', error)
                self._is_crowded = True
                return
            self._is_crowded = False
            self._unfollowed.popleft()
