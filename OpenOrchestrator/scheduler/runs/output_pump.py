"""Moves what a robot printed from its run directory into the database while it runs.

Owns the position in the output. Must not decide when a run is over.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord, RunDirectory

TAIL_CHARACTERS = 6000
"""How much of the end of the error output goes into the Error log of a failed robot."""

STDERR = "stderr"

_BATCH = 200


class OutputPump:
    """Copies the output of one run, each record once, whoever copied before. For one thread.

    Args:
        database: Where the output goes.
        job_id: The run.
        directory: Where it comes from.
        on_record: Called once with each record, in order, before it is stored.
    """

    def __init__(
        self,
        database: Database,
        job_id: UUID,
        directory: RunDirectory,
        *,
        on_record: Callable[[OutputRecord], None] | None = None,
    ) -> None:
        self._database = database
        self._job_id = job_id
        self._directory = directory
        self._on_record = on_record
        self._offset = 0
        self._stored: int | None = None
        self._waiting: list[OutputRecord] = []
        self._tail = ""

    @property
    def error_tail(self) -> str:
        """The last part of what the robot wrote to its error output, as far as it was read."""
        return self._tail

    def pump(self) -> bool:
        """Copy what is new.

        Returns:
            Whether there was anything new; call again until there is not.

        Raises:
            OSError: The output cannot be read.
            DatabaseError: It cannot be stored; the next call tries the same records again.
        """
        if not self._waiting:
            self._waiting, self._offset = self._directory.read_output(self._offset)
            for record in self._waiting:
                if record.stream == STDERR:
                    self._tail = (self._tail + record.text)[-TAIL_CHARACTERS:]
                if self._on_record is not None:
                    self._on_record(record)
        if not self._waiting:
            return False
        while self._waiting:
            batch = self._waiting[:_BATCH]
            self._store(batch)
            del self._waiting[: len(batch)]
        return True

    def give_up(self) -> None:
        """Forget what could not be stored, but go on reading for the tail."""
        self._waiting = []

    def _store(self, batch: list[OutputRecord]) -> None:
        if self._stored is None:
            self._stored = self._database.read(lambda session: job_output.last_sequence(session, self._job_id))
        stored = self._stored
        new = [record for record in batch if record.sequence > stored]
        if not new:
            return
        self._database.write(lambda session: job_output.append(session, self._job_id, new))
        self._stored = new[-1].sequence
