"""The Error log of one run's end where it cannot be stored together with that end.

Owns that it is not lost meanwhile: it is kept with the files of the run, where clearing up finds it, until it is
stored. Must not decide whether the end waits for it.
"""

from __future__ import annotations

from collections.abc import Callable

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.error_log import ErrorLog
from OpenOrchestrator.scheduler.runs.refusals import Refusals
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob


class EndLog:
    """One Error log. For the thread that follows the run.

    Args:
        message: Without secrets.
        job: The run.
        directory: Its files; None if it has none.
        database: Where the log goes.
        events: Told what becomes of it.
    """

    def __init__(
        self, message: str, job: SupervisedJob, directory: RunDirectory | None, database: Database, events: Events
    ) -> None:
        self._log = ErrorLog.said_now(database, message)
        self._job = job
        self._directory = directory
        self._database = database
        self._events = events
        self._is_kept = False

    @property
    def message(self) -> str:
        """What it says."""
        return self._log.message

    @property
    def is_kept(self) -> bool:
        """Whether it lies with the files of the run, which must stay therefore."""
        return self._is_kept

    def keep(self) -> None:
        """Have it found with the files of the run if this process dies before it is stored."""
        if self._directory is None or self._is_kept:
            return
        try:
            self._log.keep(self._directory)
        except OSError as error:
            if not self._directory.path.exists():
                # A successor took the run over and cleared up. The end itself, which comes next, is refused and told.
                self._directory = None
                return
            self._tell(error)
        else:
            self._is_kept = True

    def store(self, insist: Callable[[Callable[[], bool]], bool | None]) -> None:
        """Store it by itself. What is refused for good is given up, and told; what takes too long stays kept.

        Without files it can be kept with, that takes as long as it takes.

        Args:
            insist: Repeats a write until that returns; returns None if the scheduler leaves before.
        """
        refusals = Refusals()

        def write() -> bool:
            try:
                self._log.store(self._database, process_name=self._job.process_name, job_id=self._job.job_id)
            except Exception as error:
                refusals.count(error)
                if refusals.are_for_good:
                    self._tell(error)
                elif refusals.suffice and self._is_kept:
                    return False
                else:
                    raise
            return True

        is_settled = insist(write)
        if is_settled:
            self.drop()
        elif self._is_kept:
            self._events.log_kept(self._job.job_id, self._job.trigger_name)

    def drop(self) -> None:
        """Keep it no longer, nor what an earlier scheduler kept in its place: it is stored, or given up."""
        if self._directory is None:
            return
        try:
            self._directory.drop_log()
        except OSError as error:
            # Stored once more, it is recognised.
            self._tell(error)
        else:
            self._is_kept = False

    def _tell(self, error: Exception) -> None:
        self._events.unexpected(f'logging the end of "{self._job.trigger_name}"', error)
