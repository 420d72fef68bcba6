"""What becomes of runs under way when the scheduler stops: waited for, left to themselves, or killed.

Owns the order: what has not begun is given back, then the policy for the rest, then whatever still runs is left, with
a lease long enough for the next start. Must not start anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.common.settings import StopPolicy
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import LEASE_SECONDS, LEFT_LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import ownership
from OpenOrchestrator.database.stores import cordons
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.dispatch import Dispatch
from OpenOrchestrator.scheduler.loop.run_table import RunTable
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests
from OpenOrchestrator.scheduler.options import KEEP_SECONDS, SchedulerOptions
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.services import Services
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

PROLONG_SECONDS = LEASE_SECONDS - 5.0
"""For how long the leases of robots that are left are tried to be prolonged: until shortly before they run out."""

_LEAVE_SECONDS = 5.0
_PROLONG_RETRY_SECONDS = 0.5
_GIVEN_BACK = "its scheduler was stopped before the robot was started"


class Shutdown:
    """Ends the work of one scheduler. For the thread of the loop.

    Args:
        database: Where the jobs are.
        identity: Their owner.
        options: What is to become of robots.
        runs: The runs under way.
        dispatch: Carries out requests to kill meanwhile.
        services: Of the runs' supervisors.
        bell: Wakes it at the end of a run.
        stop: Asked again, nothing is waited for any more.
        name_is_taken: Tells whether another daemon has this scheduler's name: then the runs are no longer its own.
        stop_keeping: Ends what prolongs leases as those of runs that are followed, which are shorter.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        options: SchedulerOptions,
        *,
        runs: RunTable,
        dispatch: Dispatch,
        services: Services,
        bell: Bell,
        stop: StopRequests,
        name_is_taken: Callable[[], bool],
        stop_keeping: Callable[[], object],
    ) -> None:
        self._database = database
        self._identity = identity
        self._options = options
        self._runs = runs
        self._dispatch = dispatch
        self._services = services
        self._bell = bell
        self._stop = stop
        self._name_is_taken = name_is_taken
        self._stop_keeping = stop_keeping

    def run(self) -> None:
        """Return when nothing runs any more, or is left to itself."""
        policy = StopPolicy.LEAVE if self._name_is_taken() else self._options.on_stop
        if self._stop.asked:
            self._services.events.stopping(policy.value, len(self._runs.supervisors()))
        self._dispatch.give_back_unstarted(_GIVEN_BACK)
        if policy is StopPolicy.KILL:
            self._kill_running()
        if policy is not StopPolicy.LEAVE:
            self._wait_for_robots()
        self._services.events.stopped(self._leave_running())

    def _kill_running(self) -> None:
        """Kill the robots; those of jobs that may be another scheduler's by now only if they turn out not to be."""
        running = self._runs.supervisors()
        ids = [supervisor.job.job_id for supervisor in running]
        try:
            ours = ownership.extend(self._database, self._identity, ids).ours
        except DatabaseError as error:
            # Nobody can tell, and those who stop it want them killed.
            self._services.contact.failed(error)
            ours = frozenset(ids)
        for supervisor in running:
            if supervisor.job.job_id in ours:
                supervisor.kill(endings.KILLED_BY_STOP)
            else:
                supervisor.lose()

    def _wait_for_robots(self) -> None:
        told = False
        while self._runs.supervisors() and not self._stop.insists and not self._name_is_taken():
            try:
                # So that robots that ask whether to end are told.
                told = told or self._database.write(
                    lambda session: cordons.tell_stopping(session, self._identity), read_back=lambda _session: None
                )
                self._dispatch.look_after_runs()
            except DatabaseError as error:
                self._services.contact.failed(error)
            except Exception as error:  # noqa: BLE001  (robots run, and nobody would prolong their leases any more)
                self._services.events.unexpected("waiting for robots", error)
            self._bell.sleep(self._options.poll_interval)

    def _leave_running(self) -> int:
        """Let go of whatever still runs, and return how many robots were left in all."""
        left = self._runs.supervisors()
        for supervisor in left:
            supervisor.detach()
        deadline = time.monotonic() + _LEAVE_SECONDS
        while self._runs.supervisors() and time.monotonic() < deadline:
            self._bell.sleep(deadline - time.monotonic())
        count = self._runs.left + len(self._runs.supervisors())
        # Nobody prolongs their leases until this scheduler is started again.
        jobs = [supervisor.job for supervisor in left if supervisor.ending is None]
        if jobs and not self._name_is_taken():
            self._prolong(jobs)
        return count

    def _prolong(self, jobs: Sequence[SupervisedJob]) -> None:
        """Prolong the leases of robots that are left; where rows are locked, or the database away, as soon as possible.

        Those for which it cannot be done are told: others may settle them soon.
        """
        self._stop_keeping()
        deadline = time.monotonic() + PROLONG_SECONDS
        # They were prolonged a moment ago, or almost one interval.
        run_out_at = self._database.utc_now() + timedelta(seconds=LEASE_SECONDS - KEEP_SECONDS)
        while True:
            try:
                ids = [job.job_id for job in jobs]
                extension = ownership.extend(self._database, self._identity, ids, seconds=LEFT_LEASE_SECONDS)
            except DatabaseError as error:
                self._services.contact.failed(error)
            else:
                self._services.contact.succeeded()
                jobs = [job for job in jobs if job.job_id in extension.locked]
            if not jobs:
                return
            if time.monotonic() >= deadline:
                break
            self._bell.sleep(_PROLONG_RETRY_SECONDS)
        for job in jobs:
            self._services.events.left_for_a_short_time(job.job_id, job.trigger_name, run_out_at)
