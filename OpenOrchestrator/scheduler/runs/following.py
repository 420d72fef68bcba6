"""Follows a robot from its start to its end: copies its output, sees how it ends, has it stopped.

Owns what ends a robot: a request, its time limit, and the knowledge that its job was settled without it. Trouble of the
scheduler does not: it is told, and everything is tried again. Must not store the end of a run.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler.contact import pause_after
from OpenOrchestrator.scheduler.options import PUMP_SECONDS
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.host_watch import HostWatch, Overdue, stop_seconds
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.run_directory import ExitInfo, RunDirectory
from OpenOrchestrator.scheduler.runs.run_record import RunRecord, Standing
from OpenOrchestrator.scheduler.runs.services import Services
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

ADOPTED_POLL_SECONDS = 0.2
"""Between two looks at a robot host that is not a child of this process."""

_START_POLL_SECONDS = 0.01
_START_LOOKS = 500
_HOST_LOOK_SECONDS = 5.0


class Following:
    """One robot that was started. ``until_end`` and ``record_start`` are for the run's thread, all others for any.

    Args:
        job: Its job.
        services: What this works with.
        record: Where everything about the run is stored.
        directory: Its files.
        claimed: The run, if its robot was started here and its processes are not stored yet; None for one of an
            earlier scheduler, whose host is no child of this process.
        commit: Commit of the robot's repository, if it has one.
    """

    def __init__(
        self,
        job: SupervisedJob,
        services: Services,
        record: RunRecord,
        directory: RunDirectory,
        *,
        claimed: ClaimedRun | None = None,
        commit: str | None = None,
    ) -> None:
        self.directory = directory
        self.pump = OutputPump(services.database, job.job_id, directory, on_record=services.on_record)
        self._job = job
        self._services = services
        self._record = record
        self._host_is_child = claimed is not None
        self._to_record = claimed
        self._commit = commit
        self._start_told = False
        self._watch = HostWatch(
            job.timeout_seconds, time.monotonic(), stop_seconds(job.soft_seconds, job.terminate_seconds)
        )
        self._wake = threading.Event()
        self._stop_reason: str | None = None
        self._stop_grace: float | None = None
        self._stop_is_pending = False
        self._asked_is_stored = job.soft_seconds <= 0  # then there is nothing to store
        self._is_in_doubt = False
        self._settled_elsewhere = False
        self._host_ended = False
        self._host_seen = time.monotonic()
        self._exit_info: ExitInfo | None = None

    @property
    def settled_elsewhere(self) -> bool:
        """Whether the robot was stopped because its job had been settled without it."""
        return self._settled_elsewhere

    @property
    def ended_at(self) -> datetime | None:
        """When the robot ended, aware; None while it runs, and if that is not known."""
        return None if self._exit_info is None else self._exit_info.ended_at

    @property
    def seconds(self) -> float | None:
        """How long the robot ran; None while it runs, and if that is not known."""
        if self._exit_info is None:
            return None
        try:
            host = self.directory.read_host()
        except OSError:
            # Only the duration in a log line is missing then.
            return None
        if host is None or host.started_at is None:
            return None
        return (self._exit_info.ended_at - host.started_at).total_seconds()

    def stop(self, reason: str, grace: float) -> None:
        """Have the robot stopped; asked again, that may shorten its grace. The first reason counts.

        Tried at once; should that fail, the run's thread tries again until it succeeds.

        Args:
            reason: For people.
            grace: Seconds it may clean up.
        """
        self._stop_reason = self._stop_reason or reason
        self._stop_grace = grace if self._stop_grace is None else min(grace, self._stop_grace)
        self._stop_is_pending = True
        try:
            self._ask_to_stop(self._stop_reason, grace)
        except Exception as error:  # noqa: BLE001  (tried again, see above)
            self._record.tell_trouble(error)
        else:
            self._stop_is_pending = False

    def doubt(self) -> None:
        """Take note that the job may belong to somebody else by now; the run's thread finds out."""
        self._is_in_doubt = True
        self._wake.set()

    def host_ended(self) -> None:
        """Take note that the robot host, a child of this process, has ended."""
        self._host_ended = True
        self._wake.set()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def until_end(self) -> Ending | None:
        """Follow the robot, and return how it ended; None if it was left, to itself or to another scheduler."""
        poll_seconds = PUMP_SECONDS if self._host_is_child else ADOPTED_POLL_SECONDS
        pause = 0.0 if self._host_is_child else poll_seconds
        failures = looks = 0
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            if self._record.is_left:
                return None
            try:
                ending = self._look()
            except Exception as error:  # noqa: BLE001  (a robot does not pay for trouble of its scheduler)
                if not failures:
                    self._services.events.following_trouble(self._job.job_id, self._job.trigger_name, error)
                failures += 1
                pause = pause_after(failures)
                continue
            if ending is not None:
                return ending
            failures = 0
            looks += 1
            is_starting = self._to_record is not None and looks < _START_LOOKS
            pause = _START_POLL_SECONDS if is_starting else poll_seconds

    def record_start(self) -> None:
        """Store which processes the run has, once that is known, some hundredths of a second after the start."""
        run = self._to_record
        if run is None:
            return
        host = self.directory.read_host()
        if host is None or (host.robot_pid is None and self._exit_info is None):
            return
        if not self._start_told:
            self._start_told = True
            self._services.events.started(run.job_id, run.trigger_name, pid=host.robot_pid, commit=self._commit)
        if self._record.started(run, host, self._commit):
            self._to_record = None

    def _look(self) -> Ending | None:
        """Do once what there is to do, and return how the robot ended if it has."""
        host_gone = self._host_is_gone()  # asked first: a host that is gone now has recorded all it will
        if (ending := self._recorded_end()) is not None:
            return ending
        if self._is_in_doubt or host_gone:
            standing = self._standing()
            if standing is Standing.PASSED_ON:
                self._pass_on()
                return None
            if standing is Standing.SETTLED:
                self._stop_for_good()
            if host_gone and (standing is not None or self._stop_reason is not None):
                return self._end_without_host()
        if self._stop_is_pending and self._stop_reason is not None:
            self.stop(self._stop_reason, self._stop_grace or 0)
        overdue = self._watch.look(time.monotonic(), grace=self._stop_grace)
        if overdue is not None:
            return self._end_by_force(overdue)
        self.record_start()
        self._record_asked()
        self._record.copy_output(self.pump)
        return None

    def _record_asked(self) -> None:
        """Store that the robot was asked to come to an end by itself, so that it learns of it by asking."""
        if not self._asked_is_stored and (asked_at := self.directory.read_asked()) is not None:
            self._record.asked_to_end(asked_at)
            self._asked_is_stored = True

    def _recorded_end(self) -> Ending | None:
        self._exit_info = self.directory.read_exit()
        if self._exit_info is None:
            return None
        zone = self._services.database.zone
        return endings.ending_of(self._exit_info, timeout_seconds=self._job.timeout_seconds, zone=zone)

    def _host_is_gone(self) -> bool:
        """Tell whether the robot host has ended: our child says so itself, others are looked for.

        Raises:
            OSError: Who it is cannot be read.
        """
        if self._host_ended:
            return True
        if self._host_is_child:
            # Looked for from time to time as well: there may have been no thread to wait for it.
            now = time.monotonic()
            if now - self._host_seen < _HOST_LOOK_SECONDS:
                return False
            self._host_seen = now
            if self.directory.read_host() is None:
                return False
        return not self.directory.host_alive()

    def _standing(self) -> Standing | None:
        """Return whose the job is; None while nobody can tell."""
        try:
            standing = self._record.standing()
        except DatabaseError as error:
            self._services.contact.failed(error)
            return None
        self._is_in_doubt = False
        return standing

    def _pass_on(self) -> None:
        """Leave robot and files to the scheduler that took the job over."""
        self._services.events.passed_on(self._job.job_id, self._job.trigger_name)
        self._record.leave()
        self._wake.set()

    def _stop_for_good(self) -> None:
        """Stop a robot whose job was settled without it; nothing more is written about it."""
        if not self._settled_elsewhere:
            self._settled_elsewhere = True
            self._services.events.ownership_lost(self._job.job_id, self._job.trigger_name)
            self.stop(endings.OWNERSHIP_LOST, 0)

    def _end_without_host(self) -> Ending:
        """End what is left of a robot whose host is gone: nobody else would, nor read what it writes."""
        self.directory.kill_leftovers()
        if self._stop_reason is not None:
            return endings.with_remark(Ending(JobStatus.KILLED, None, self._stop_reason), "its robot host was gone")
        return endings.host_lost()

    def _end_by_force(self, overdue: Overdue) -> Ending | None:
        """End a robot whose host should have done so long ago, the host included."""
        if self._standing() is Standing.PASSED_ON:
            self._pass_on()
            return None
        if overdue is Overdue.STOP and self._stop_reason is not None:
            ending = Ending(JobStatus.KILLED, None, self._stop_reason)
        else:
            ending = endings.timed_out(self._job.timeout_seconds)
        self._services.events.host_overdue(self._job.job_id, self._job.trigger_name, ending.reason or "")
        survivors = self.directory.kill_leftovers()
        recorded = self._recorded_end()  # in case the host came to itself at the last moment
        return recorded or endings.ended_by_force(ending, survivors)

    def _ask_to_stop(self, reason: str, grace: float) -> None:
        try:
            self.directory.request_stop(reason, grace)
        except OSError as error:
            # A full disk must not keep a robot alive: without its host's help, then.
            self._record.tell_trouble(error)
            self.directory.kill_leftovers()
