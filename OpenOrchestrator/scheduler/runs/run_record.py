"""Writes about one run: its beginning, its output, its end. Each is tried until the database has answered.

Owns what is retried and what is given up, and how a write that was saved without anybody hearing so is recognised. Must
not decide how a run goes on. Whatever fails here, foreseen or not, is told and tried again: a robot does not pay for
trouble of its scheduler.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar

from OpenOrchestrator.common.errors import DatabaseError, LaunchError
from OpenOrchestrator.common.printed_errors import PrintedError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus
from OpenOrchestrator.database.stores import job_logs, job_output, jobs
from OpenOrchestrator.database.stores.trigger_rows import WaitingRetry
from OpenOrchestrator.scheduler import failpoints
from OpenOrchestrator.scheduler.contact import Contact, is_outage, pause_after
from OpenOrchestrator.scheduler.events import Events, words_of
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.end_log import EndLog
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.refusals import ATTEMPTS, Refusals
from OpenOrchestrator.scheduler.runs.run_directory import HostInfo, RunDirectory
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

T = TypeVar("T")


class Standing(Enum):
    """Whose a job is, as the database says.

    Attributes:
        OURS: It has not ended and belongs to this scheduler.
        PASSED_ON: It has not ended, and another scheduler has taken it over.
        SETTLED: It has ended, or is gone.
    """

    OURS = auto()
    PASSED_ON = auto()
    SETTLED = auto()


class Stored(Enum):
    """What became of the end of a run.

    Attributes:
        ACCEPTED: It is stored.
        TOO_LATE: The job had been settled without it; that was told.
        PASSED_ON: Another scheduler follows the run, and stores its end.
        LEFT: The scheduler left before it could be stored.
    """

    ACCEPTED = auto()
    TOO_LATE = auto()
    PASSED_ON = auto()
    LEFT = auto()


class RunRecord:
    """What is stored about one run. For the thread that follows it; ``leave`` is for any thread.

    Args:
        job: The run.
        database: Where it is stored.
        events: Told what was stored, and what cannot be.
        contact: Told about the health of the database.
    """

    def __init__(self, job: SupervisedJob, database: Database, events: Events, contact: Contact) -> None:
        self._job = job
        self._database = database
        self._events = events
        self._contact = contact
        self._left = threading.Event()
        self._trouble_told = False
        self._pending_told = False
        self._refused_ends = Refusals()
        self._log: EndLog | None = None
        self._retry: WaitingRetry | None = None

    @property
    def is_left(self) -> bool:
        """Whether nothing more is to be stored here."""
        return self._left.is_set()

    @property
    def keeps_log(self) -> bool:
        """Whether an Error log that is not stored is kept with the files of the run."""
        return self._log is not None and self._log.is_kept

    def leave(self) -> None:
        """Try nothing again from now on."""
        self._left.set()

    def wait(self, failures: int) -> bool:
        """Wait before the next attempt after so many failures, unless the scheduler leaves; return whether it does."""
        return self._left.wait(pause_after(failures))

    def standing(self) -> Standing:
        """Return whose the job is now.

        Raises:
            DatabaseError: Nobody can tell now.
        """
        job = self._database.read(lambda session: jobs.get(session, self._job.job_id))
        if job is None or job.status not in ACTIVE_JOB_STATUSES:
            return Standing.SETTLED
        return Standing.OURS if job.fence == self._job.fence else Standing.PASSED_ON

    def begin(self, run: ClaimedRun) -> bool | None:
        """Say that the robot is about to be started; None if the scheduler leaves before that is stored.

        Returns:
            Whether it may be started.

        Raises:
            LaunchError: It failed again and again in a way that has nothing to do with the database.
        """
        unforeseen = 0

        def write() -> bool:
            nonlocal unforeseen
            try:
                return runs.begin_run(self._database, run) or self._has_become(JobStatus.RUNNING)
            except DatabaseError:
                raise
            except Exception as error:
                unforeseen += 1
                if unforeseen >= ATTEMPTS:
                    raise LaunchError(f"could not be started: {words_of(error)}") from error
                raise

        return self._insist(write)

    def give_back(self, run: ClaimedRun, reason: str) -> None:
        """Let the trigger be due again, before its robot was started; until that is stored, or the scheduler leaves."""
        if self._insist(lambda: runs.give_back(self._database, run, reason)):
            self._events.given_back(run.job_id, run.trigger_name, reason)

    def started(self, run: ClaimedRun, host: HostInfo, commit: str | None) -> bool:
        """Store which processes the run has.

        Returns:
            Whether that is settled. False: it could not be stored now.
        """
        try:
            runs.record_start(
                self._database,
                run,
                host_pid=host.host_pid,
                host_started=host.host_started,
                commit_sha=commit,
                started_at=host.started_at or datetime.now(timezone.utc),
            )
        except Exception as error:  # noqa: BLE001  (a robot does not pay for trouble of its scheduler)
            self._tell_pending(error)
            return False
        self._contact.succeeded()
        return True

    def copy_output(self, pump: OutputPump) -> None:
        """Store what the robot printed lately; what cannot be stored now comes with the next call."""
        try:
            if pump.pump():
                self._contact.succeeded()
        except Exception as error:  # noqa: BLE001  (a robot does not pay for trouble of its scheduler)
            self._tell_output_trouble(error)

    def copy_all_output(self, pump: OutputPump) -> str | None:
        """Store all output that is left, however long the database is away.

        What it refuses again and again is left out, and marked behind the output as far as the database takes that.

        Returns:
            Why some of the output is not stored; empty if all is. None: the scheduler left before.
        """
        failures = refused = 0
        cause = ""
        while True:
            singly = refused >= ATTEMPTS
            try:
                while pump.pump_storable() if singly else pump.pump():
                    continue
                if singly and pump.missing:
                    self._mark_missing(pump.missing, cause)
            except Exception as error:  # noqa: BLE001  (a robot does not pay for trouble of its scheduler)
                self._tell_output_trouble(error)
                if isinstance(error, DatabaseError) and is_outage(error):
                    self._tell_pending(error)
                else:
                    refused += 1
                    cause = words_of(error)
                if refused >= 2 * ATTEMPTS:
                    return cause
            else:
                return cause if singly and pump.missing else ""
            failures += 1
            if self.wait(failures):
                return None

    def asked_to_end(self, at: datetime) -> None:
        """Store that the robot was asked to come to an end; whom the job belongs to by now does so himself."""
        runs.note_asked(self._database, self._job.job_id, self._job.fence, at)

    def end(
        self,
        ending: Ending,
        *,
        directory: RunDirectory | None = None,
        error_tail: str = "",
        seconds: float | None = None,
    ) -> Stored:
        """Store how the run ended, once, and tell.

        Its Error log is stored with it. Where the database takes the end alone, the log comes later, and is kept with
        the files of the run until then.

        Args:
            ending: How.
            directory: The files of the run; None if it has none.
            error_tail: The end of its error output, for the Error log.
            seconds: How long the robot ran, if known.
        """
        job = self._job
        log = None if ending.succeeded else self._say(endings.end_log(ending, error_tail.strip()), directory)
        accepted = self._insist(lambda: self._finish(ending, log) or self._has_become(ending.status))
        if accepted is None:
            return Stored.LEFT
        if not accepted:
            return self._refused(ending, directory)
        failpoints.reach(failpoints.AFTER_FINISH)
        if ending.succeeded:
            self._events.ended(job.job_id, job.trigger_name, exit_code=ending.exit_code, seconds=seconds)
        else:
            self._events.failed(
                job.job_id,
                job.trigger_name,
                status=ending.status.value,
                reason=ending.reason or ending.status.value,
                exit_code=ending.exit_code,
                seconds=seconds,
                retry=self._retry,
            )
        if log is not None:
            if self._refused_ends.suffice:
                log.store(self._insist)
            else:
                log.drop()
        return Stored.ACCEPTED

    def explained(self, ending: Ending, printed: PrintedError | None, said: str) -> Ending:
        """Return an end with the best reason there is, where only the exit code is known.

        Args:
            ending: How the run ended.
            printed: The exception that counts in the robot's output.
            said: The last line of its error output that belongs to no exception.
        """
        if not endings.is_unexplained(ending):
            return ending
        settles = printed is not None and printed.is_near and not printed.is_of_another_program
        return endings.explained(ending, printed, None if settles else self._last_error_log(), said)

    def tell_trouble(self, error: Exception) -> None:
        """Tell once that output or files of this run make trouble."""
        if not self._trouble_told:
            self._trouble_told = True
            self._events.output_trouble(self._job.job_id, self._job.trigger_name, error)

    def _refused(self, ending: Ending, directory: RunDirectory | None) -> Stored:
        standing = self._insist(self.standing)
        if standing is None:
            return Stored.LEFT
        job = self._job
        if standing is Standing.PASSED_ON:
            self._events.passed_on(job.job_id, job.trigger_name)
            return Stored.PASSED_ON
        reason = ending.reason or ""
        self._events.late_finish(job.job_id, job.trigger_name, status=ending.status.value, reason=reason)
        log = self._say(
            f"The robot ended ({ending.status.value}{': ' + reason if reason else ''}) after its job had been settled "
            "without it, because its scheduler had been out of contact for too long.",
            directory,
        )
        log.keep()
        log.store(self._insist)
        return Stored.TOO_LATE

    def _say(self, message: str, directory: RunDirectory | None) -> EndLog:
        self._log = EndLog(self._events.redacted(message), self._job, directory, self._database, self._events)
        return self._log

    def _finish(self, ending: Ending, log: EndLog | None) -> bool:
        # Refused again and again, an end without its log is better than none.
        without_log = log is None or self._refused_ends.suffice
        if log is not None and without_log:
            log.keep()
        try:
            return runs.finish(
                self._database,
                self._job.job_id,
                self._job.fence,
                status=ending.status,
                exit_code=ending.exit_code,
                reason=None if ending.reason is None else self._events.redacted(ending.reason),
                error_log=None if log is None or without_log else log.message,
                tell_retry=self._note_retry,
            )
        except Exception as error:
            self._refused_ends.count(error)
            raise

    def _note_retry(self, retry: WaitingRetry | None) -> None:
        self._retry = retry

    def _has_become(self, status: JobStatus) -> bool:
        """Tell whether a refused write was refused because it had been saved before, its answer lost with an outage."""
        job = self._database.read(lambda session: jobs.get(session, self._job.job_id))
        return job is not None and (job.status, job.fence) == (status, self._job.fence)

    def _mark_missing(self, missing: int, cause: str) -> None:
        text = self._events.redacted(
            f"[Pieces of the output missing here or above, because the database did not take them: {missing}. "
            f"Cause: {cause} They are kept on {platform.node()} and stored as soon as it takes them.]\n"
        )
        job_id, now = self._job.job_id, self._database.utc_now()
        self._database.write(
            lambda session: job_output.mark_end(session, job_id, text, written_at=now), read_back=lambda _session: None
        )

    def _last_error_log(self) -> str | None:
        """Return the last Error message of the robot; what the database refuses again and again is done without."""
        refusals = Refusals()

        def last_error(session: Session) -> str | None:
            now, zone = self._database.utc_now(), self._database.zone
            return job_logs.last_error_of_job(session, self._job.job_id, now_utc=now, zone=zone)

        def read() -> str:
            try:
                return self._database.read(last_error) or ""
            except Exception as error:
                refusals.count(error)
                if not refusals.suffice:
                    raise
                self._events.unexpected(f'reading why "{self._job.trigger_name}" failed', error)
            return ""

        return self._insist(read)

    def _insist(self, write: Callable[[], T]) -> T | None:
        """Repeat a guarded write until the database has answered; None if the scheduler leaves before that.

        Raises:
            LaunchError: The write itself gives up.
        """
        failures = 0
        while True:
            try:
                result = write()
            except LaunchError:
                raise
            except Exception as error:  # noqa: BLE001  (a robot does not pay for trouble of its scheduler)
                self._tell_pending(error)
                failures += 1
            else:
                self._contact.succeeded()
                return result
            if self.wait(failures):
                return None

    def _tell_pending(self, error: Exception) -> None:
        if isinstance(error, DatabaseError) and is_outage(error):
            self._contact.failed(error)
        if not self._pending_told:
            self._pending_told = True
            self._events.step_pending(self._job.job_id, self._job.trigger_name, error)

    def _tell_output_trouble(self, error: Exception) -> None:
        if isinstance(error, DatabaseError) and is_outage(error):
            self._contact.failed(error)
        else:
            self.tell_trouble(error)
