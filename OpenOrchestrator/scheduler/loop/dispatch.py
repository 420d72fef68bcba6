"""From a due trigger to a supervisor that follows its run.

Owns the order: choose, claim, enter into the table of runs, start. Must not know when it is called (``polling`` and
``once`` do), nor what a supervisor does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores.due_triggers import DueTrigger, DueTriggers
from OpenOrchestrator.scheduler.claiming.claiming import Claiming
from OpenOrchestrator.scheduler.loop.run_table import RunTable
from OpenOrchestrator.scheduler.runs import kill_requests
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob
from OpenOrchestrator.scheduler.runs.supervisor import Services, Supervisor


class Dispatch:
    """Starts runs, and stops those that an admin wants killed. For the thread of the loop.

    Args:
        database: Where triggers and jobs are.
        claiming: What this scheduler takes.
        runs: The runs under way.
        services: What their supervisors work with.
    """

    def __init__(self, database: Database, claiming: Claiming, runs: RunTable, services: Services) -> None:
        self._database = database
        self._claiming = claiming
        self._runs = runs
        self._services = services

    def has_room(self) -> bool:
        """Tell whether anything could be started beside what runs."""
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
        for run in self._claiming.claim(chosen):
            late = None if run.due_at is None else (self._database.utc_now() - run.due_at).total_seconds()
            self._services.events.claimed(run.job_id, run.trigger_name, late_seconds=late, attempt=run.attempt)
            supervisor = Supervisor(SupervisedJob.of(run), self._services)
            self._runs.add(supervisor, run)
            try:
                supervisor.start(run)
            except RuntimeError as error:  # no more threads: its lease runs out, and it is due again
                self._services.events.unexpected(f'starting "{run.trigger_name}"', error)
                self._services.on_over(supervisor)

    def follow(self, job: SupervisedJob, directory: RunDirectory) -> None:
        """Follow a run that an earlier scheduler of this name started."""
        supervisor = Supervisor(job, self._services)
        self._runs.add(supervisor, None)
        supervisor.adopt(directory)

    def kill_as_requested(self) -> None:
        """Stop the robots that an admin asked to kill.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        kill_requests.carry_out(self._database, self._runs.supervisors(), self._services.events)
