"""Follows one run in a thread of its own: prepare, begin, start the robot, copy its output, store its end.

Owns the order of these steps and what happens when one fails. Must not choose what runs, and must never let a failure
of one run reach another. Everything slow (git, starting processes, waiting for a database that is away) happens in
the thread of the run, so that it delays nobody else.

Before the robot was started, whatever fails fails the run, with the reason. From then on it is told and tried again:
see ``following``.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from enum import Enum, auto

from OpenOrchestrator.common.errors import DatabaseError, LaunchError
from OpenOrchestrator.common.shortage import is_shortage
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler import failpoints
from OpenOrchestrator.scheduler.events import words_of
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.error_log import log_info
from OpenOrchestrator.scheduler.runs.following import Following
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.runs.run_record import RunRecord, Stored
from OpenOrchestrator.scheduler.runs.services import Prepared, Services, StartUnwantedError
from OpenOrchestrator.scheduler.runs.start_output import StartOutput
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

KILL_GRACE_SECONDS = 5.0
"""How long a robot that is to be killed may clean up."""


NO_MEANS = "its scheduler had no means to start it"
"""Why a run is given back that this machine has too little for: descriptors, memory, processes, threads."""

_START_ATTEMPTS = 10


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
        self._following: Following | None = None
        self._kill_reason: str | None = None
        self._withdrawn = False
        self._host_ended = False
        self._ending: Ending | None = None
        self._had_no_means = False
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
    def had_no_means(self) -> bool:
        """Whether the run was given back because this machine has too little of something to start robots."""
        return self._had_no_means

    @property
    def was_left(self) -> bool:
        """Whether the robot was left, to itself or to another scheduler, before its end was stored."""
        return self._record.is_left and self._ending is None

    def start(self, run: ClaimedRun) -> None:
        """Prepare and start a run that was claimed.

        Raises:
            RuntimeError: There are no more threads; nothing was done.
        """
        self._begin_thread(lambda: self._run_claimed(run))

    def adopt(self, directory: RunDirectory) -> None:
        """Follow a run whose robot was started by an earlier scheduler, and may have ended meanwhile.

        Raises:
            RuntimeError: There are no more threads; it may be called again.
        """
        following = Following(self.job, self._services, self._record, directory)
        self._take_up(following)
        self._begin_thread(lambda: self._follow(following))

    def kill(self, reason: str) -> bool:
        """Stop the robot, or do not start it; the job is stored as killed for this reason.

        Returns:
            Whether this is the first request.
        """
        with self._lock:
            if self._kill_reason is not None:
                return False
            self._kill_reason = reason
            following = self._following
        if following is not None:
            following.stop(reason, KILL_GRACE_SECONDS)
        return True

    def lose(self) -> None:
        """Take note that the job may belong to somebody else now; the run's own thread finds out.

        A job that was settled has its robot stopped, and nothing more is written about it. One that another scheduler
        took over is left to that one, with robot and files. As long as nobody can tell, nothing changes.
        """
        if self._following is not None and self._phase is Phase.RUNNING:
            self._following.doubt()

    def withdraw(self) -> None:
        """Do not start the robot if that has not happened yet; give the run back."""
        self._withdrawn = True

    def detach(self) -> None:
        """Leave the robot to itself and end the thread; what is not stored yet is found again at the next start."""
        self._record.leave()
        if self._following is not None:
            self._following.wake()

    def host_ended(self) -> None:
        """Take note that the robot host, a child of this process, has ended."""
        with self._lock:
            self._host_ended = True
            following = self._following
        if following is not None:
            following.host_ended()

    def _begin_thread(self, work: Callable[[], None]) -> None:
        name = f"run {self.job.job_id}"
        threading.Thread(target=self._work_to_the_end, args=(work,), name=name, daemon=True).start()

    def _work_to_the_end(self, work: Callable[[], None]) -> None:
        failures = 0
        try:
            while True:
                try:
                    return work()
                except Exception as error:  # noqa: BLE001  (a defect must not leave a robot without anybody)
                    self._tell_trouble(error)
                    work = self._rest_after(error)
                failures += 1
                if self._record.wait(failures):
                    return None
        finally:
            self._phase = Phase.OVER
            try:
                self._services.on_over(self)
            except Exception as error:  # noqa: BLE001  (the run itself is over)
                self._tell_trouble(error)

    def _rest_after(self, error: Exception) -> Callable[[], None]:
        """Return what is left to do after an unforeseen error: a robot that was started is followed, come what may."""
        following = self._following
        if following is not None:
            return lambda: self._follow(following)
        ending = Ending(JobStatus.FAILED, None, f"could not be started: {words_of(error)}")
        return lambda: self._end_unstarted(ending)

    def _run_claimed(self, run: ClaimedRun) -> None:
        started = self._start_robot(run)
        if isinstance(started, Ending):
            self._end_unstarted(started)
        elif started is not None:
            self._follow(started)

    def _start_robot(self, run: ClaimedRun) -> Following | Ending | None:
        """Start the robot, once; or return how the run ends without one; None if somebody else sees to that."""
        output = StartOutput(
            self._services.database,
            run.job_id,
            require_wanted=self._require_wanted,
            on_trouble=self._record.tell_trouble,
            on_record=self._services.on_record,
        )
        try:
            prepared = self._services.prepare(run, output)
        except StartUnwantedError:
            output.flush()
            return None if self._kill_reason is None else Ending(JobStatus.KILLED, None, self._kill_reason)
        except Exception as error:  # noqa: BLE001  (whatever a repository or a disk comes up with fails this run alone)
            if is_shortage(error) and self._kill_reason is None:
                self._give_back(run, error)
                return None
            output.flush()
            words = str(error) if isinstance(error, LaunchError) else f"cannot be prepared: {words_of(error)}"
            return Ending(JobStatus.FAILED, None, words)
        if self._kill_reason is not None:
            return Ending(JobStatus.KILLED, None, self._kill_reason)
        if self._withdrawn:
            return None  # the one who withdrew it gives it back
        try:
            begun = self._record.begin(run)
            if not begun:
                if begun is False and not self._withdrawn:
                    self._services.events.ownership_lost(self.job.job_id, self.job.trigger_name)
                return None
            output.flush()  # what the database did not take before
            failpoints.reach(failpoints.AFTER_BEGIN)
            directory = self._insist_on_start(prepared)
        except LaunchError as error:
            return Ending(JobStatus.FAILED, None, str(error))
        except Exception as error:  # noqa: BLE001  (whatever it is, no robot was started)
            return Ending(JobStatus.FAILED, None, f"could not be started: {words_of(error)}")
        failpoints.reach(failpoints.AFTER_SPAWN)
        following = Following(self.job, self._services, self._record, directory, claimed=run, commit=prepared.commit)
        self._take_up(following)
        for sentence in prepared.missing:
            self._tell_missing(sentence)
        return following

    def _require_wanted(self) -> None:
        if self._kill_reason is not None or self._withdrawn or self._record.is_left:
            raise StartUnwantedError

    def _tell_missing(self, sentence: str) -> None:
        events = self._services.events
        events.files_missing(self.job.job_id, self.job.trigger_name, sentence)
        try:
            log_info(
                self._services.database,
                process_name=self.job.process_name,
                job_id=self.job.job_id,
                message=events.redacted(sentence),
            )
        except DatabaseError as error:
            events.following_trouble(self.job.job_id, self.job.trigger_name, error)

    def _give_back(self, run: ClaimedRun, error: Exception) -> None:
        """Return a run for which this machine has no means now, as long as nobody else does."""
        self._had_no_means = True
        if not self._withdrawn:
            self._services.events.unexpected(f'preparing "{run.trigger_name}"', error)
            self._record.give_back(run, NO_MEANS)

    def _insist_on_start(self, prepared: Prepared) -> RunDirectory:
        """Start the robot, and try again where this machine has no means for a while: no robot was started then.

        The job says already that one may have been, so the run cannot be given back any more.
        """
        failures = 0
        while True:
            try:
                return prepared.start()
            except Exception as error:
                failures += 1
                if not is_shortage(error) or failures >= _START_ATTEMPTS or self._kill_reason is not None:
                    raise
                if self._record.wait(failures):
                    raise

    def _take_up(self, following: Following) -> None:
        with self._lock:
            self._following = following
            self._phase = Phase.RUNNING
            reason, host_ended = self._kill_reason, self._host_ended
        if host_ended:
            following.host_ended()
        if reason is not None:
            following.stop(reason, KILL_GRACE_SECONDS)

    def _end_unstarted(self, ending: Ending) -> None:
        self._phase = Phase.ENDING
        if self._record.end(ending) is Stored.ACCEPTED:
            self._ending = ending

    def _follow(self, following: Following) -> None:
        """Follow a robot until its end is stored, or it is left."""
        ending = following.until_end()
        if ending is not None:
            self._phase = Phase.ENDING
            self._settle(following, ending)

    def _settle(self, following: Following, ending: Ending) -> None:
        """Store how a robot ended, and remove its files unless somebody needs them."""
        if following.settled_elsewhere:
            self._remove(following.directory)
            return
        screenshots = self._services.screenshots
        picture = None  # taken first: the screen soon shows something else
        if screenshots is not None:
            picture = screenshots.take(self.job, ending, following.ended_at, following.directory.path)
        missing = self._record.copy_all_output(following.pump)
        if missing is None:
            return
        following.record_start()
        failpoints.reach(failpoints.BEFORE_FINISH)
        ending = self._record.explained(ending, following.pump.last_error, following.pump.last_words)
        if missing:
            ending = endings.with_remark(ending, endings.output_kept(missing))
            self._services.events.output_kept(self.job.job_id, self.job.trigger_name, missing)
        stored = self._record.end(
            ending,
            directory=following.directory,
            error_tail=following.pump.error_tail,
            seconds=following.seconds,
        )
        if stored is Stored.ACCEPTED:
            self._ending = ending
            if screenshots is not None:
                screenshots.attach(self.job, picture)
        if stored is Stored.PASSED_ON:
            self._record.leave()
        elif stored is not Stored.LEFT and not missing and not self._record.keeps_log:
            self._remove(following.directory)

    def _remove(self, directory: RunDirectory) -> None:
        try:
            directory.remove()
        except Exception as error:  # noqa: BLE001  (found again and removed at the next start)
            self._tell_trouble(error)

    def _tell_trouble(self, error: Exception) -> None:
        # Telling may fail for the same reason, such as no memory; what it is about is tried again all the same.
        with contextlib.suppress(Exception):
            self._services.events.following_trouble(self.job.job_id, self.job.trigger_name, error)
