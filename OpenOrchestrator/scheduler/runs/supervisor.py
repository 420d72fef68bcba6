"""Follows one run in a thread of its own: prepare, begin, start the robot, copy its output, store its end.

Owns the order of these steps and what happens when one fails. Must not choose what runs, and must never let a failure
of one run reach another. Everything slow (git, starting processes, waiting for a database that is away) happens in
the thread of the run, so that it delays nobody else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.trigger_claims import ClaimedRun
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler import failpoints
from OpenOrchestrator.scheduler.contact import Contact
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import PUMP_SECONDS
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.run_directory import ExitInfo, HostInfo, OutputRecord, RunDirectory
from OpenOrchestrator.scheduler.runs.run_record import RunRecord
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

KILL_GRACE_SECONDS = 5.0
"""How long a robot that is to be killed may clean up."""

ADOPTED_POLL_SECONDS = 0.2
"""Between two looks at a robot host that is not a child of this process."""

_ROBOT_START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A robot that can be started.

    Attributes:
        start: Starts it; raises LaunchError if that fails.
        commit: Commit of its repository, or None if it has none.
    """

    start: Callable[[], RunDirectory]
    commit: str | None


class Preparation(Protocol):
    """Makes a claimed run ready to start; may take minutes (git, environments)."""

    def __call__(self, run: ClaimedRun) -> Prepared:
        """Return what starts the robot.

        Raises:
            LaunchError: With the reason to store on the job.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the supervisors of one scheduler share.

    Attributes:
        database: Where jobs are kept.
        events: Told about every step.
        contact: Told about the health of the database.
        prepare: Makes a robot ready to start.
        on_over: Called from the run's thread when it needs nobody any more.
        on_record: Shown each piece of output; None for nobody.
    """

    database: Database
    events: Events
    contact: Contact
    prepare: Preparation
    on_over: Callable[[Supervisor], None]
    on_record: Callable[[OutputRecord], None] | None = None


class Phase(Enum):
    """How far a run has come."""

    PREPARING = auto()
    RUNNING = auto()
    ENDING = auto()
    OVER = auto()


class Supervisor:
    """Follows one run. All public methods are safe to call from any thread, and return at once.

    Args:
        job: The run.
        services: What it works with.
    """

    def __init__(self, job: SupervisedJob, services: Services) -> None:
        self.job = job
        self._services = services
        self._lock = threading.Lock()
        self._phase = Phase.PREPARING
        self._directory: RunDirectory | None = None
        self._kill_reason: str | None = None
        self._lost = False
        self._withdrawn = False
        self._host_is_ours = True
        self._host_ended = False
        self._wake = threading.Event()
        self._ending: Ending | None = None
        self._record = RunRecord(job, services.database, services.events, services.contact)

    @property
    def phase(self) -> Phase:
        """How far the run has come."""
        return self._phase

    @property
    def ending(self) -> Ending | None:
        """How the run ended, once that is stored; None before, and for a run that was given back or left."""
        return self._ending

    @property
    def was_left(self) -> bool:
        """Whether the robot was left to itself before its end was stored."""
        return self._record.is_left and self._ending is None

    def start(self, run: ClaimedRun) -> None:
        """Prepare and start a run that was claimed."""
        self._begin_thread(lambda: self._run_claimed(run))

    def adopt(self, directory: RunDirectory) -> None:
        """Follow a run whose robot was started by an earlier scheduler, and may have ended meanwhile."""
        self._directory = directory
        self._phase = Phase.RUNNING
        self._host_is_ours = False
        self._begin_thread(lambda: self._follow(directory))

    def kill(self, reason: str) -> bool:
        """Stop the robot, or do not start it; the job is stored as killed for this reason.

        Returns:
            Whether this is the first request.
        """
        with self._lock:
            if self._kill_reason is not None:
                return False
            self._kill_reason = reason
        self._stop_robot(KILL_GRACE_SECONDS)
        return True

    def lose(self) -> None:
        """Stop the robot of a job that belongs to somebody else now, and write nothing more about it."""
        with self._lock:
            if self._lost or self._phase in (Phase.ENDING, Phase.OVER):
                return
            self._lost = True
            self._kill_reason = self._kill_reason or endings.OWNERSHIP_LOST
        self._services.events.ownership_lost(self.job.job_id, self.job.trigger_name)
        self._stop_robot(0)

    def withdraw(self) -> None:
        """Do not start the robot if that has not happened yet; give the run back."""
        self._withdrawn = True

    def detach(self) -> None:
        """Leave the robot to itself and end the thread; what is not stored yet is found again at the next start."""
        self._record.leave()
        self._wake.set()

    def host_ended(self) -> None:
        """Take note that the robot host, a child of this process, has ended."""
        self._host_ended = True
        self._wake.set()

    def _begin_thread(self, work: Callable[[], None]) -> None:
        def follow_to_the_end() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001  (a defect must not leave a robot without anybody)
                self._services.events.unexpected(f'following "{self.job.trigger_name}"', error)
                self._stop_robot(0)
            finally:
                self._phase = Phase.OVER
                self._services.on_over(self)

        threading.Thread(target=follow_to_the_end, name=f"run {self.job.job_id}", daemon=True).start()

    def _run_claimed(self, run: ClaimedRun) -> None:
        try:
            prepared = self._services.prepare(run)
        except LaunchError as error:
            self._end(Ending(JobStatus.FAILED, None, str(error)))
            return
        except Exception as error:  # noqa: BLE001  (whatever a repository or a disk comes up with fails this run alone)
            self._end(Ending(JobStatus.FAILED, None, f"cannot be prepared: {type(error).__name__}: {error}"))
            return
        if self._kill_reason is not None:
            self._end(Ending(JobStatus.KILLED, None, self._kill_reason))
            return
        if self._withdrawn:
            return  # the one who withdrew it gives it back
        begun = self._record.begin(run)
        if begun is None:
            return
        if not begun:
            if not self._withdrawn:
                self._services.events.ownership_lost(self.job.job_id, self.job.trigger_name)
            return
        failpoints.reach(failpoints.AFTER_BEGIN)
        try:
            directory = prepared.start()
        except LaunchError as error:
            self._end(Ending(JobStatus.FAILED, None, str(error)))
            return
        failpoints.reach(failpoints.AFTER_SPAWN)
        with self._lock:
            self._directory = directory
            self._phase = Phase.RUNNING
            kill_now = self._kill_reason is not None
        if kill_now:
            self._stop_robot(0 if self._lost else KILL_GRACE_SECONDS)
        host = self._await_robot(directory)
        if host is not None:
            self._record.started(run, host, prepared.commit)
        self._follow(directory)

    def _await_robot(self, directory: RunDirectory) -> HostInfo | None:
        """Wait the few hundredths of a second until the host has started the robot."""
        pause = threading.Event()
        host: HostInfo | None = None
        for _ in range(int(_ROBOT_START_SECONDS / 0.01)):
            try:
                host = directory.read_host()
            except OSError as error:
                self._record.tell_trouble(error)
                return None
            if (host is not None and host.robot_pid is not None) or self._wake.is_set():
                return host
            pause.wait(0.01)
        return host

    def _host_is_gone(self, directory: RunDirectory) -> bool:
        """Tell whether the robot host has ended: our child says so itself, that of an earlier scheduler is looked for.

        Raises:
            OSError: Who it is cannot be read.
        """
        return self._host_ended if self._host_is_ours else not directory.host_alive()

    def _follow(self, directory: RunDirectory) -> None:
        poll_seconds = PUMP_SECONDS if self._host_is_ours else ADOPTED_POLL_SECONDS
        pump = OutputPump(self._services.database, self.job.job_id, directory, on_record=self._services.on_record)
        exit_info: ExitInfo | None = None
        while exit_info is None:
            self._wake.wait(poll_seconds)
            self._wake.clear()
            if self._record.is_left:
                return
            host_gone = self._host_is_gone(directory)  # asked first: a host that is gone now has recorded all it will
            exit_info = directory.read_exit()
            if exit_info is None:
                if host_gone:
                    break
                self._record.copy_output(pump)
        if exit_info is None:
            directory.kill_leftovers()
            ending = endings.host_lost()
        else:
            ending = endings.ending_of(exit_info, timeout_seconds=self.job.timeout_seconds)
        with self._lock:
            lost = self._lost
            self._phase = Phase.ENDING
        if lost:
            directory.remove()
            return
        if not self._record.copy_all_output(pump):
            return
        failpoints.reach(failpoints.BEFORE_FINISH)
        seconds = _duration(directory, exit_info)
        if self._end(ending, error_tail=pump.error_tail, seconds=seconds):
            directory.remove()

    def _end(self, ending: Ending, *, error_tail: str = "", seconds: float | None = None) -> bool:
        """Store how the run ended; False if the scheduler left before that."""
        self._phase = Phase.ENDING
        accepted = self._record.end(ending, error_tail=error_tail, seconds=seconds)
        if accepted:
            self._ending = ending
        return accepted is not None

    def _stop_robot(self, grace: float) -> None:
        directory = self._directory
        if directory is None:
            return
        try:
            directory.request_stop(self._kill_reason or endings.KILLED_BY_STOP, grace)
        except OSError as error:
            # A full disk must not keep a robot alive: without its host's help, then.
            self._record.tell_trouble(error)
            directory.kill_leftovers()


def _duration(directory: RunDirectory, exit_info: ExitInfo | None) -> float | None:
    if exit_info is None:
        return None
    try:
        host = directory.read_host()
    except OSError:
        # Only the duration in a log line is missing then.
        return None
    if host is None or host.started_at is None:
        return None
    return (exit_info.ended_at - host.started_at).total_seconds()
