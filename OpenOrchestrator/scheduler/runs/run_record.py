"""Writes about one run: its beginning, its output, its end. Each is tried until the database has answered.

Owns what is retried and what is given up, and how a write that was saved without anybody hearing so is recognised. Must
not decide how a run goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TypeVar

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.lifecycle.trigger_claims import ClaimedRun
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import jobs
from OpenOrchestrator.scheduler import failpoints
from OpenOrchestrator.scheduler.contact import Contact, is_outage, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.error_log import log_error
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.run_directory import HostInfo
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

T = TypeVar("T")

_ATTEMPTS_TO_STORE_OUTPUT = 3


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

    @property
    def is_left(self) -> bool:
        """Whether nothing more is to be stored here."""
        return self._left.is_set()

    def leave(self) -> None:
        """Try nothing again from now on."""
        self._left.set()

    def begin(self, run: ClaimedRun) -> bool | None:
        """Say that the robot is about to be started; None if the scheduler leaves before that is stored.

        Returns:
            Whether it may be started.
        """
        return self._insist(lambda: runs.begin_run(self._database, run) or self._has_become(JobStatus.RUNNING))

    def started(self, run: ClaimedRun, host: HostInfo, commit: str | None) -> None:
        """Store which processes the run has."""
        self._events.started(self._job.job_id, self._job.trigger_name, pid=host.robot_pid, commit=commit)
        started_at = host.started_at or datetime.now(timezone.utc)
        self._insist(
            lambda: runs.record_start(
                self._database,
                run,
                host_pid=host.host_pid,
                host_started=host.host_started,
                commit_sha=commit,
                started_at=started_at,
            )
        )

    def copy_output(self, pump: OutputPump) -> None:
        """Store what the robot printed lately; what cannot be stored now comes with the next call."""
        try:
            if pump.pump():
                self._contact.succeeded()
        except DatabaseError as error:
            if is_outage(error):
                self._contact.failed(error)
            else:
                self.tell_trouble(error)
        except OSError as error:
            self.tell_trouble(error)

    def copy_all_output(self, pump: OutputPump) -> bool:
        """Store all output that is left, however long the database is away; what it refuses is given up.

        Returns:
            Whether that is settled. False: the scheduler leaves before.
        """
        failures = 0
        refused = 0
        while True:
            try:
                while pump.pump():
                    continue
            except DatabaseError as error:
                if is_outage(error):
                    self._tell_pending(error)
                    self._contact.failed(error)
                else:
                    self.tell_trouble(error)
                    refused += 1
            except OSError as error:
                self.tell_trouble(error)
                refused += 1
            else:
                return True
            if refused >= _ATTEMPTS_TO_STORE_OUTPUT:
                pump.give_up()
                return True
            failures += 1
            if self._left.wait(pause_after(failures)):
                return False

    def end(self, ending: Ending, *, error_tail: str = "", seconds: float | None = None) -> bool | None:
        """Store how the run ended, once, and tell; None if the scheduler leaves before that is stored.

        Args:
            ending: How.
            error_tail: The end of its error output, for the Error log.
            seconds: How long the robot ran, if known.

        Returns:
            Whether it was accepted. False: the job had been settled without it.
        """
        job = self._job
        error_log = None if ending.succeeded else _error_log(ending, error_tail.strip())
        accepted = self._insist(lambda: self._finish(ending, error_log) or self._has_become(ending.status))
        if accepted is None:
            return None
        failpoints.reach(failpoints.AFTER_FINISH)
        if not accepted:
            self._tell_late(ending)
        elif ending.succeeded:
            self._events.ended(job.job_id, job.trigger_name, exit_code=ending.exit_code, seconds=seconds)
        else:
            self._tell_failure(ending, seconds)
        return accepted

    def tell_trouble(self, error: Exception) -> None:
        """Tell once that output or files of this run make trouble."""
        if not self._trouble_told:
            self._trouble_told = True
            self._events.output_trouble(self._job.job_id, self._job.trigger_name, error)

    def _tell_late(self, ending: Ending) -> None:
        job = self._job
        reason = ending.reason or ""
        self._events.late_finish(job.job_id, job.trigger_name, status=ending.status.value, reason=reason)
        self._log_error(
            f"The robot ended ({ending.status.value}{': ' + reason if reason else ''}) after its job had been settled "
            "without it, because its scheduler had been out of contact for too long."
        )

    def _tell_failure(self, ending: Ending, seconds: float | None) -> None:
        self._events.failed(
            self._job.job_id,
            self._job.trigger_name,
            status=ending.status.value,
            reason=_reason(ending),
            exit_code=ending.exit_code,
            seconds=seconds,
        )

    def _finish(self, ending: Ending, error_log: str | None) -> bool:
        return runs.finish(
            self._database,
            self._job.job_id,
            self._job.fence,
            status=ending.status,
            exit_code=ending.exit_code,
            reason=None if ending.reason is None else self._events.redacted(ending.reason),
            error_log=None if error_log is None else self._events.redacted(error_log),
        )

    def _has_become(self, status: JobStatus) -> bool:
        """Tell whether a refused write was refused because it had been saved before, its answer lost with an outage."""
        job = self._database.read(lambda session: jobs.get(session, self._job.job_id))
        return job is not None and (job.status, job.fence) == (status, self._job.fence)

    def _log_error(self, message: str) -> None:
        job = self._job
        shown = self._events.redacted(message)
        self._insist(lambda: log_error(self._database, process_name=job.process_name, job_id=job.job_id, message=shown))

    def _insist(self, write: Callable[[], T]) -> T | None:
        """Repeat a guarded write until the database has answered; None if the scheduler leaves before that."""
        failures = 0
        while True:
            try:
                result = write()
            except DatabaseError as error:
                self._tell_pending(error)
                if is_outage(error):
                    self._contact.failed(error)
                failures += 1
            else:
                self._contact.succeeded()
                return result
            if self._left.wait(pause_after(failures)):
                return None

    def _tell_pending(self, error: DatabaseError) -> None:
        if not self._pending_told:
            self._pending_told = True
            self._events.step_pending(self._job.job_id, self._job.trigger_name, error)


def _reason(ending: Ending) -> str:
    return ending.reason or ending.status.value


def _error_log(ending: Ending, error_tail: str) -> str:
    """Return the message for the log of the process."""
    return f"{_reason(ending)}\n\nEnd of its error output:\n{error_tail}" if error_tail else _reason(ending)
