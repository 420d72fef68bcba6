"""One run at a terminal: claims a trigger by name, follows it, and settles it, beside any scheduler.

Owns what such a run does instead of a daemon: it is not enrolled, claims nothing else, and settles nothing of others.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, SchedulerError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.scheduler.contact import Contact
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests
from OpenOrchestrator.scheduler.options import SchedulerOptions
from OpenOrchestrator.scheduler.presence.lease_keeper import LeaseKeeper
from OpenOrchestrator.scheduler.recovery.unfollowed import Unfollowed
from OpenOrchestrator.scheduler.runs import endings, kill_requests
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord
from OpenOrchestrator.scheduler.runs.screenshots import screenshots_for
from OpenOrchestrator.scheduler.runs.services import Services
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob
from OpenOrchestrator.scheduler.runs.supervisor import Supervisor
from OpenOrchestrator.scheduler.workspace.preparation import RobotPreparation

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    Attributes:
        job_id: Its job.
        ending: How it ended; None if that could not be stored, because the job was taken away.
    """

    job_id: UUID
    ending: Ending | None


class SingleRun:
    """Runs one trigger here and now.

    Args:
        database: The shared database.
        options: Name, workspace and Python of this machine's scheduler.
        crypto_key: Handed to the robot.
        events: Told about every step.
        on_record: Shown each piece of the robot's output as soon as it is there.
    """

    def __init__(
        self,
        database: Database,
        options: SchedulerOptions,
        *,
        crypto_key: str,
        events: Events,
        on_record: Callable[[OutputRecord], None],
    ) -> None:
        self._database = database
        self._options = options
        self._events = events
        self._identity = Identity(run_name(options.name, os.getpid()), machine=platform.node(), labels=options.labels)
        self._bell = Bell()
        self._contact = Contact(events)
        self._stop = StopRequests(self._bell)
        self._supervisor: Supervisor | None = None
        self._over = False
        self._preparation = RobotPreparation(
            options.workspace,
            options.python,
            connection_string=database.connection_string,
            crypto_key=crypto_key,
            on_end=self._host_ended,
        )
        self._services = Services(
            database=database,
            events=events,
            contact=self._contact,
            prepare=self._preparation,
            screenshots=screenshots_for(database, events),
            on_over=self._is_over,
            on_record=on_record,
        )

    def request_stop(self) -> None:
        """Kill the robot; asked again, leave without waiting for its end. Safe in signal handlers."""
        self._stop.add()

    def ring_on_signals(self) -> None:
        """Let signals that have a handler be noticed at once, on Windows too. Only from the main thread."""
        self._bell.ring_on_signals()

    def run(self, trigger_name: str) -> Outcome:
        """Claim the trigger, start its robot, and wait for its end.

        Raises:
            RevisionError: The database is of another revision than this program.
            NotFoundError: There is no such trigger.
            InvalidInputError: It cannot run now or here; the message says why.
            SchedulerError: There are no more threads.
            DatabaseError: The database cannot be used.
        """
        revisions.check_exact(self._database)
        claimed = self._claim(trigger_name)
        self._events.claimed(claimed.job_id, claimed.trigger_name, late_seconds=None, attempt=claimed.attempt)
        supervisor = self._supervisor = Supervisor(SupervisedJob.of(claimed), self._services)
        keeper = LeaseKeeper(
            self._database,
            self._identity,
            supervisors=lambda: [supervisor],
            events=self._events,
            contact=self._contact,
        )
        keeper.start()
        try:
            self._start(supervisor, claimed)
            while not self._over and not self._stop.insists:
                if self._stop.asked:
                    supervisor.kill(endings.KILLED_BY_TERMINAL)
                self._watch_for_kill(supervisor)
                self._bell.sleep(self._options.poll_interval)
        finally:
            supervisor.detach()
            self._preparation.await_builds()
            keeper.stop()
            self._bell.close()
            self._events.flush()
        return Outcome(claimed.job_id, supervisor.ending)

    def _claim(self, trigger_name: str) -> ClaimedRun:
        try:
            return trigger_claims.claim_by_name(
                self._database, self._identity, trigger_name, allowed_as=self._options.name
            )
        except (DatabaseError, InvalidInputError):
            # The claim may have been saved all the same. What is saved only after this look, or when the database is
            # back, a scheduler settles once its lease has run out.
            with contextlib.suppress(DatabaseError):  # the first error is the one to tell
                Unfollowed(self._database, self._identity, self._events, followed=tuple).give_back()
            raise

    def _start(self, supervisor: Supervisor, claimed: ClaimedRun) -> None:
        try:
            supervisor.start(claimed)
        except RuntimeError as error:
            runs.give_back(self._database, claimed, f"could not be started: {error}")
            raise SchedulerError(
                f'"{claimed.trigger_name}" cannot be started, because this process gets no more threads ({error}). Its '
                "trigger is due again."
            ) from error

    def _watch_for_kill(self, supervisor: Supervisor) -> None:
        try:
            kill_requests.carry_out(self._database, [supervisor], self._events)
        except DatabaseError as error:
            self._contact.failed(error)
        except Exception as error:  # noqa: BLE001  (the robot runs, and nobody would prolong its lease any more)
            self._events.unexpected("waiting for the robot", error)

    def _host_ended(self, _job_id: UUID) -> None:
        if self._supervisor is not None:
            self._supervisor.host_ended()

    def _is_over(self, supervisor: Supervisor) -> None:
        self._preparation.release(supervisor.job.job_id)
        self._over = True
        self._bell.ring()


def run_name(scheduler_name: str, process_id: int) -> str:
    """Return the scheduler name under which a run at a terminal owns its job."""
    suffix = f" (run {process_id})"
    return scheduler_name[: _LONGEST_NAME - len(suffix)] + suffix
