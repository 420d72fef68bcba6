"""The job of a robot, as the robot sees it: what it tells people about this run.

Owns the published names. How it is written is in ``job_calls``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import UUID

from OpenOrchestrator.common.short_errors import short_errors, with_short_errors
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import validation

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    from OpenOrchestrator.orchestrator_connection.job_calls import JobCalls
    from OpenOrchestrator.orchestrator_connection.stored_files import StoredFile


@with_short_errors
class RobotJob:
    """This run, as ``OrchestratorConnection.job`` returns it.

    Everything told of a job that has ended raises ``OwnershipLostError``: somebody settled it, and the robot has to
    stop. A robot that was started by hand has no job; then nothing is stored, and nothing raised for that.

    Args:
        connection: The robot's connection.
        calls: What is asked of the database.
    """

    def __init__(self, connection: OrchestratorConnection, calls: JobCalls) -> None:
        self._connection = connection
        self._calls = calls

    def __repr__(self) -> str:
        return f"RobotJob(id={self.id})"

    @property
    def id(self) -> UUID | None:
        """The id of the job; None for a robot that was started by hand."""
        return validation.find_identifier(self._connection.job_id)

    @property
    def title(self) -> str | None:
        """What this run is about, shown and searched beside the name of its trigger; as it was set here.

        Anything may be set, and is stored as text without secrets; of more than 200 characters the middle is cut out.
        None takes it back.

        Raises:
            OwnershipLostError: When it is set, if the job has ended.
        """
        return self._calls.title

    @title.setter
    @short_errors
    def title(self, title: object) -> None:
        self._calls.set_title(self._connection.job_id, title)

    @property
    def output(self) -> object:
        """What came of this run: a text, or anything that can be JSON; as it was set here. The last one counts.

        Secrets are redacted. Of more than 100000 characters the middle is cut out, and what is left counts as text.

        Raises:
            InvalidInputError: When it is set, if it can be neither.
            OwnershipLostError: When it is set, if the job has ended.
        """
        return self._calls.output

    @output.setter
    @short_errors
    def output(self, output: object) -> None:
        self._calls.set_output(self._connection.job_id, output)

    def progress(self, fraction: float, text: object = None) -> None:
        """Say how far this run is. May be called as often as you like: it is written once a second at most.

        Args:
            fraction: From 0 to 1.
            text: What it is at, of 200 characters at most.

        Raises:
            InvalidInputError: If the fraction is none.
            OwnershipLostError: If the job has ended.
        """
        self._calls.progress(self._connection.job_id, fraction, text)

    def partially_done(self, message: object) -> None:
        """Say that something is left undone, though the run does not fail.

        If the job then ends as Done, it is marked as partially done and shown as needing a look. For retries and
        limits of failures it is a success. The last message counts. Without a job it is logged.

        Args:
            message: What, as text of 1000 characters at most, without secrets.

        Raises:
            OwnershipLostError: If the job has ended.
        """
        if not self._calls.partially_done(self._connection.job_id, message):
            self._log(LogLevel.INFO, f"Partially done: {self._calls.text(message)}")

    def alert(self, message: object) -> None:
        """Show something to the admins under *Needs attention* until one of them dismisses it, and log it as an Error.

        Without a job it is logged only.

        Args:
            message: What, as text of 1000 characters at most, without secrets.

        Raises:
            OwnershipLostError: If the job has ended.
        """
        if not self._calls.alert(self._connection.job_id, self._connection.process_name, message):
            self._log(LogLevel.ERROR, f"Alert: {self._calls.text(message)}")

    def attach(self, path: str | os.PathLike[str], name: str | None = None) -> StoredFile | None:
        """Store a file with this run, to be downloaded from the page of its job.

        Args:
            path: The file.
            name: What it is called there; None for its own name. Several files may have the same.

        Returns:
            What was stored; None without a job, where nothing is read either.

        Raises:
            InvalidInputError: If the file cannot be read, is too large, or cannot be called so.
            OwnershipLostError: If the job has ended.
        """
        return self._calls.attach(self._connection.job_id, path, name)

    def files(self) -> list[StoredFile]:
        """Return the files that are stored with this run, the first one first; none without a job."""
        return self._calls.files(self._connection.job_id)

    def _log(self, level: LogLevel, text: str) -> None:
        """Log without a job, whose id may be any text in a robot that was started by hand."""
        self._connection._calls.logs.write(self._connection.process_name, level, None, text)
