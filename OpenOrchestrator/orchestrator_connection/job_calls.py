"""What a robot tells about its own job, as it is written: at once, or for progress at most once a second.

Loaded when a robot first tells something, because few do. What a robot without a job tells is kept here, so that the
same code runs under a debugger.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, OwnershipLostError
from OpenOrchestrator.database.engine import forks
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.holding_jobs import find_job, require_running
from OpenOrchestrator.database.statuses import AttachmentOwner
from OpenOrchestrator.database.stores import job_reports, validation
from OpenOrchestrator.database.stores.shortening import message_text, storable_message
from OpenOrchestrator.orchestrator_connection import stored_files
from OpenOrchestrator.orchestrator_connection.stored_files import StoredFile

OUTPUT_LENGTH = 100_000
PROGRESS_SECONDS = 1.0
"""Between two writes of progress."""

_log = logging.getLogger(__name__)


class JobCalls:
    """What the robot of one connection tells about its job. Safe to share between threads.

    Args:
        database: The database of the connection.
        redacted: Returns anything as text without secrets.
        clock: Tells seconds that only grow.
    """

    def __init__(
        self, database: Database, redacted: Callable[[object], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._redacted = redacted
        self._progress = ProgressWriter(self._write_progress, clock=clock)
        self.title: str | None = None
        self.output: object = None
        # At the end of the program, while there is a database to write to: the last progress must not get lost.
        weakref.finalize(self, _flush, weakref.ref(self._progress))

    def set_title(self, job_id: UUID | str | None, title: object) -> None:
        """Write what a job is about."""
        text = self._short(title, job_reports.TITLE_LENGTH)
        self._tell(job_id, {"title": text}, "The title was not set. ")
        self.title = text

    def set_output(self, job_id: UUID | str | None, output: object) -> None:
        """Write what came of a job.

        Raises:
            InvalidInputError: If it can be neither text nor JSON.
        """
        text, is_json = self._output(output)
        now = self._database.utc_now()
        self._guarded(
            job_id,
            lambda connection, job: job_reports.tell_output(connection, job, text, is_json=is_json, now=now),
            "The output was not set. ",
        )
        self.output = output

    def progress(self, job_id: UUID | str | None, fraction: object, text: object) -> None:
        """Write how far a job is, now or within a second.

        Raises:
            InvalidInputError: If the fraction is none.
        """
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 <= fraction <= 1:
            raise InvalidInputError(f"The progress of a job has to be a number from 0 to 1, not {fraction!r}.")
        self._progress.tell((job_id, float(fraction), text))

    def partially_done(self, job_id: UUID | str | None, message: object) -> bool:
        """Write what a job leaves undone; False if there is no job."""
        text = self._short(message, job_reports.MESSAGE_LENGTH)
        values = {"partial_message": text or "", "partial_at": self._database.utc_now()}
        return self._tell(job_id, values, "The job was not marked as partially done. ")

    def alert(self, job_id: UUID | str | None, process_name: str, message: object) -> bool:
        """Store an alert; False if there is no job."""
        text = self._short(message, job_reports.MESSAGE_LENGTH) or ""
        alert_id = uuid4()
        now, site_now = self._database.utc_now(), self._database.site_now()
        return self._guarded(
            job_id,
            lambda connection, job: job_reports.raise_alert(
                connection, job, alert_id, process_name, text, now=now, site_now=site_now
            ),
            "No alert was raised. ",
            read_back=lambda connection: job_reports.is_raised(connection, alert_id) or None,
        )

    def attach(self, job_id: UUID | str | None, path: str | os.PathLike[str], name: str | None) -> StoredFile | None:
        """Store a file with a job; None if there is none.

        Raises:
            InvalidInputError: If it cannot be read, is too large or cannot be called so.
            OwnershipLostError: If the job has ended.
        """
        job = validation.find_identifier(job_id)
        if job is None or not self._runs(job, "The file was not attached. "):
            return None
        return stored_files.attach(self._database, AttachmentOwner.JOB, job, path, name)

    def files(self, job_id: UUID | str | None) -> list[StoredFile]:
        """Return the files of a job, the first one first."""
        job = validation.find_identifier(job_id)
        return [] if job is None else stored_files.files(self._database, AttachmentOwner.JOB, job)

    def text(self, message: object) -> str:
        """Return a message as text without secrets."""
        return self._redacted(message)

    def flush(self) -> None:
        """Write the progress that waits."""
        self._progress.flush()

    def _write_progress(self, told: tuple[UUID | str | None, float, object]) -> None:
        job_id, fraction, text = told
        short = self._short(text, job_reports.PROGRESS_TEXT_LENGTH)
        self._tell(job_id, {"progress": fraction, "progress_text": short}, "Progress was not written. ")

    def _tell(self, job_id: UUID | str | None, values: dict[str, Any], refused: str) -> bool:
        """Set columns of the job; False if there is none."""
        job = validation.find_identifier(job_id)
        if job is None:
            return False
        told = self._database.write_statement(
            lambda connection: job_reports.tell(connection, job, values), read_back=lambda _connection: None
        )
        return told or self._refuse(job, refused)

    def _guarded(
        self,
        job_id: UUID | str | None,
        write: Callable[[Any, UUID], bool],
        refused: str,
        *,
        read_back: Callable[[Any], bool | None] = lambda _connection: None,
    ) -> bool:
        """Do a write of several statements that says whether the job had not ended; False if there is no job."""
        job = validation.find_identifier(job_id)
        if job is None:
            return False
        told = self._database.write(
            lambda session: write(session.connection(), job), read_back=lambda session: read_back(session.connection())
        )
        return told or self._refuse(job, refused)

    def _refuse(self, job: UUID, refused: str) -> bool:
        """Return False if there is no such job, as for a robot that was started by hand.

        Raises:
            OwnershipLostError: If it has ended.
        """
        if self._runs(job, refused):  # it was refused, and runs: an older scheduler set its status by hand meanwhile
            raise OwnershipLostError(f"{refused}The status of the job {job} was changed by other means. Try again.")
        return False

    def _runs(self, job: UUID, refused: str) -> bool:
        """Tell whether there is such a job.

        Raises:
            OwnershipLostError: If it has ended.
        """

        def look(session: Any) -> bool:
            require_running(session.connection(), job, refused)
            return find_job(session.connection(), job) is not None

        return self._database.read(look)

    def _short(self, text: object, length: int) -> str | None:
        if text is None:
            return None
        return storable_message(self._redacted(text), length, self._database.dialect_name)

    def _output(self, output: object) -> tuple[str | None, bool]:
        if output is None:
            return None, False
        is_json = not isinstance(output, str)
        text = output if isinstance(output, str) else _as_json(output)
        redacted = self._redacted(text)
        stored = storable_message(redacted, OUTPUT_LENGTH, self._database.dialect_name)
        return stored, is_json and stored == redacted


class ProgressWriter:
    """Writes the last of what is told, and no more than once in a while. Safe to share between threads.

    The first is written at once, and an error reaches who tells it. What follows too soon is written a little later by
    a thread that is there only then, so that pages do not stand where a robot has long left.

    Args:
        write: Writes what is told.
        clock: Tells seconds that only grow.
        seconds: Between two writes.
    """

    def __init__(
        self,
        write: Callable[[Any], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        seconds: float = PROGRESS_SECONDS,
    ) -> None:
        self._write = write
        self._clock = clock
        self._seconds = seconds
        self._begin_anew()
        forks.follow(self)

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Any] = []
        self._next = float("-inf")
        self._timer: threading.Timer | None = None

    def before_fork(self) -> None:
        """Nothing has to be prepared."""

    def after_fork_in_parent(self) -> None:
        """Nothing was prepared."""

    def after_fork_in_child(self) -> None:
        """Leave to the parent what waits there, and its thread."""
        self._begin_anew()

    def tell(self, told: Any) -> None:
        """Write this, now or soon, unless something newer is told before."""
        with self._lock:
            left = self._next - self._clock()
            if left > 0:
                self._waiting = [told]
                if self._timer is None:
                    self._timer = threading.Timer(left, self._write_late)
                    self._timer.daemon = True
                    self._timer.start()
                return
            self._waiting = []
            self._next = self._clock() + self._seconds
        self._write(told)

    def flush(self) -> None:
        """Write what waits. A failure is noted in the log of Python alone: the robot is at its end."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for told in waiting:
            self._write_quietly(told)

    def _write_late(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._timer = None
            self._next = self._clock() + self._seconds
        for told in waiting:
            self._write_quietly(told)

    def _write_quietly(self, told: Any) -> None:
        try:
            self._write(told)
        except (DatabaseError, OwnershipLostError) as error:
            _log.debug("Progress was not written: %s", type(error).__name__)


def _flush(writer: weakref.ref[ProgressWriter]) -> None:
    if (found := writer()) is not None:
        found.flush()


def _as_json(output: object) -> str:
    try:
        return json.dumps(output, ensure_ascii=False, default=message_text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"The output of a job has to be a text, or what can be JSON: {error}. Nothing was stored."
        ) from error
