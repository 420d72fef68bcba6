"""The daemon of a worker machine: looks at what is due, claims it, and has it run.

Owns the loop, the runs under way, and stopping. It sleeps until the next due time, the next poll, the end of a robot or
a request to stop, whichever is first. No exception leaves the loop: what concerns one trigger fails that trigger,
and what concerns the database is tried again until it answers.
"""

from __future__ import annotations

import os
import platform
import random
import threading
import time
from dataclasses import dataclass
from uuid import UUID

import psutil

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import DatabaseError, SchedulerNameInUseError
from OpenOrchestrator.common.settings import StopPolicy
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import LEFT_LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import ownership, runs
from OpenOrchestrator.database.lifecycle.trigger_claims import ClaimedRun
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.database.stores.due_triggers import DueTrigger
from OpenOrchestrator.scheduler import recovery
from OpenOrchestrator.scheduler.bell import Bell
from OpenOrchestrator.scheduler.claiming import Claiming
from OpenOrchestrator.scheduler.contact import Contact, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.housekeeping import Housekeeping
from OpenOrchestrator.scheduler.keeper import Keeper
from OpenOrchestrator.scheduler.options import SchedulerOptions
from OpenOrchestrator.scheduler.poison import Poison
from OpenOrchestrator.scheduler.preparation import RobotPreparation
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.run_record import SupervisedJob
from OpenOrchestrator.scheduler.runs.supervisor import Phase, Services, Supervisor

DATABASE_PATIENCE_SECONDS = 5.0
"""How long one transaction of the scheduler is repeated. Longer outages are for the loops to wait out."""

_LEAVE_SECONDS = 5.0
_STOP_NOW = 2
_GIVEN_BACK = "its scheduler was stopped before the robot was started"


@dataclass(frozen=True, slots=True)
class _Run:
    supervisor: Supervisor
    claimed: ClaimedRun | None


class Daemon:
    """One scheduler.

    Args:
        database: The shared database.
        options: How it works.
        crypto_key: Handed to robots.
        events: Told about everything it does.
    """

    def __init__(self, database: Database, options: SchedulerOptions, *, crypto_key: str, events: Events) -> None:
        self._database = database
        self._options = options
        self._events = events
        self._identity = Identity(options.name)
        self._bell = Bell()
        self._contact = Contact(events)
        self._lock = threading.Lock()
        self._runs: dict[UUID, _Run] = {}
        self._left = 0
        self._all_succeeded = True
        self._stop_requests = 0
        self._name_taken = False
        self._failures = 0
        self._claiming = Claiming(database, self._identity, options, Poison(database, events))
        self._preparation = RobotPreparation(
            options.workspace,
            options.python,
            connection_string=database.connection_string,
            crypto_key=crypto_key,
            on_end=self._host_ended,
        )
        self._services = Services(
            database=database, events=events, contact=self._contact, prepare=self._preparation, on_over=self._over
        )
        self._housekeeping = Housekeeping(self._preparation.clean_up, events)
        self._keeper = Keeper(
            database,
            self._identity,
            supervisors=self._supervisors,
            events=events,
            contact=self._contact,
            on_name_lost=self._regain_name,
        )

    def request_stop(self) -> None:
        """Ask the daemon to stop; the second time, not to wait for robots. Safe in signal handlers and all threads."""
        self._stop_requests += 1
        self._bell.ring()

    def ring_on_signals(self) -> None:
        """Let signals that have a handler wake the daemon at once, on Windows too. Only from the main thread."""
        self._bell.ring_on_signals()

    def run(self) -> int:
        """Work until asked to stop, or once if the options say so.

        Returns:
            The exit status: 0, or 1 if a run of ``once`` failed or another daemon took the name.

        Raises:
            RevisionError: The database is of another revision than this program.
            SchedulerNameInUseError: Another live scheduler has this name.
            DatabaseError: The database cannot be used at the start.
        """
        revisions.check_exact(self._database)
        self._enroll()
        try:
            self._events.started_up(
                name=self._options.name,
                version=__version__,
                database=self._database.masked_connection_string,
                max_jobs=self._options.max_jobs,
                workspace=self._options.workspace,
            )
            self._keeper.start()
            self._recover()
            self._housekeeping.start()
            if self._options.once:
                self._run_once()
            else:
                self._loop()
            self._shut_down()
        finally:
            self._sign_off()
            self._bell.close()
        return 1 if self._name_taken or (self._options.once and not self._all_succeeded) else 0

    # The loop

    def _loop(self) -> None:
        while not self._stop_requests:
            self._bell.sleep(self._tick())

    def _tick(self) -> float:
        """Do what there is to do now, and return how many seconds to sleep at most."""
        try:
            self._watch_for_kills()
            pause = self._start_due()
        except DatabaseError as error:
            return self._database_failed(error)
        except Exception as error:  # noqa: BLE001  (a scheduler that stops starts nothing any more)
            self._events.unexpected("looking for work", error)
            return self._options.poll_interval
        self._failures = 0
        self._contact.succeeded()
        return pause

    def _database_failed(self, error: DatabaseError) -> float:
        self._contact.failed(error)
        self._failures += 1
        return pause_after(self._failures, shortest=self._options.poll_interval)

    def _start_due(self) -> float:
        poll = self._options.poll_interval * random.uniform(0.8, 1.0)  # noqa: S311  (jitter, not a secret)
        if not self._claiming.has_room(self._running()):
            return poll
        asked_at = self._database.utc_now()
        due = self._claiming.look()
        self._start(self._claiming.choose(due.due, self._running()))
        if due.next_due is None or due.next_due <= asked_at:
            return poll  # in the hour that occurs twice, the next due time is only known to be no earlier
        return min(poll, max(0.0, (due.next_due - self._database.utc_now()).total_seconds()))

    def _start(self, chosen: list[DueTrigger]) -> None:
        for run in self._claiming.claim(chosen):
            late = None if run.due_at is None else (self._database.utc_now() - run.due_at).total_seconds()
            self._events.claimed(run.job_id, run.trigger_name, late_seconds=late, attempt=run.attempt)
            supervisor = Supervisor(SupervisedJob.of(run), self._services)
            with self._lock:
                self._runs[run.job_id] = _Run(supervisor, run)
            try:
                supervisor.start(run)
            except RuntimeError as error:  # no more threads: its lease runs out, and it is due again
                self._events.unexpected(f'starting "{run.trigger_name}"', error)
                self._over(supervisor)

    def _watch_for_kills(self) -> None:
        supervisors = {run.job.job_id: run for run in self._supervisors()}
        if not supervisors:
            return
        for job_id in runs.kill_requests(self._database, list(supervisors)):
            if supervisors[job_id].kill(endings.KILLED_BY_ADMIN):
                self._events.kill_requested(job_id, supervisors[job_id].job.trigger_name)

    # Once

    def _run_once(self) -> None:
        began = self._database.utc_now()
        seen: set[UUID] = set()
        while not self._stop_requests:
            try:
                self._watch_for_kills()
                due = [
                    trigger
                    for trigger in self._claiming.look().due
                    if trigger.trigger_id not in seen and (trigger.due_at is None or trigger.due_at <= began)
                ]
                chosen = self._claiming.choose(due, self._running())
                seen |= {trigger.trigger_id for trigger in chosen}
                self._start(chosen)
            except DatabaseError as error:
                if not self._supervisors():
                    raise
                self._bell.sleep(self._database_failed(error))
                continue
            if not chosen and not self._supervisors():
                return
            self._bell.sleep(self._options.poll_interval)

    # Starting and stopping

    def _enroll(self) -> None:
        process = psutil.Process()
        schedulers.enroll(
            self._database,
            self._identity,
            version=__version__,
            slots=self._options.max_jobs,
            pid=os.getpid(),
            pid_started=process.create_time(),
            host_name=platform.node(),
            previous_is_dead=recovery.is_dead_here,
        )

    def _recover(self) -> None:
        for adopted in recovery.recover(
            self._database, self._identity, workspace=self._options.workspace, events=self._events
        ):
            supervisor = Supervisor(adopted.job, self._services)
            with self._lock:
                self._runs[adopted.job.job_id] = _Run(supervisor, None)
            supervisor.adopt(adopted.directory)

    def _shut_down(self) -> None:
        policy = StopPolicy.LEAVE if self._name_taken else self._options.on_stop
        if self._stop_requests:
            self._events.stopping(policy.value, len(self._supervisors()))
        self._give_back_unstarted()
        if policy is StopPolicy.KILL:
            for supervisor in self._supervisors():
                supervisor.kill(endings.KILLED_BY_STOP)
        if policy is not StopPolicy.LEAVE:
            while self._supervisors() and self._stop_requests < _STOP_NOW and not self._name_taken:
                try:
                    self._watch_for_kills()
                except DatabaseError as error:
                    self._contact.failed(error)
                self._bell.sleep(self._options.poll_interval)
        self._leave_running()
        self._events.stopped(self._left)

    def _give_back_unstarted(self) -> None:
        with self._lock:
            current = list(self._runs.values())
        for run in current:
            if run.claimed is None or run.supervisor.phase is not Phase.PREPARING:
                continue
            run.supervisor.withdraw()
            try:
                # Guarded: should the robot be started at this moment, only one of the two succeeds.
                if runs.give_back(self._database, run.claimed, _GIVEN_BACK):
                    self._events.given_back(run.claimed.job_id, run.claimed.trigger_name, _GIVEN_BACK)
                    self._over(run.supervisor)
            except DatabaseError as error:
                # Its lease runs out, and it is due again then.
                self._contact.failed(error)

    def _leave_running(self) -> None:
        left = self._supervisors()
        for run in left:
            run.detach()
        deadline = time.monotonic() + _LEAVE_SECONDS
        while self._supervisors() and time.monotonic() < deadline:
            self._bell.sleep(deadline - time.monotonic())
        self._left += len(self._supervisors())
        if left and not self._name_taken:
            try:
                # Nobody prolongs them until this scheduler is started again.
                jobs = [run.job.job_id for run in left if run.ending is None]
                ownership.extend(self._database, self._identity, jobs, seconds=LEFT_LEASE_SECONDS)
            except DatabaseError as error:
                self._contact.failed(error)

    def _sign_off(self) -> None:
        self._housekeeping.stop()
        self._keeper.stop()
        try:
            schedulers.leave(self._database, self._identity)
        except DatabaseError as error:
            # The lease of the name runs out by itself.
            self._contact.failed(error)

    # Called from other threads

    def _running(self) -> list[SupervisedJob]:
        return [supervisor.job for supervisor in self._supervisors()]

    def _supervisors(self) -> list[Supervisor]:
        with self._lock:
            return [run.supervisor for run in self._runs.values()]

    def _host_ended(self, job_id: UUID) -> None:
        with self._lock:
            run = self._runs.get(job_id)
        if run is not None:
            run.supervisor.host_ended()

    def _over(self, supervisor: Supervisor) -> None:
        with self._lock:
            if self._runs.pop(supervisor.job.job_id, None) is None:
                return
            if supervisor.was_left:
                self._left += 1
            if supervisor.ending is None or not supervisor.ending.succeeded:
                self._all_succeeded = False
        self._bell.ring()
        if not supervisor.was_left:
            self._preparation.release(supervisor.job.job_id)

    def _regain_name(self) -> bool:
        """Enrol again; False if another daemon took the name while this one was out of contact."""
        try:
            self._enroll()
        except SchedulerNameInUseError as error:
            self._name_taken = True
            self._events.name_taken(str(error))
            self.request_stop()
            return False
        return True
