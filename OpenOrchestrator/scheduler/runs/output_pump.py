"""Moves what a robot printed from its run directory into the database while it runs.

Owns the position in the output, and which pieces the database refused. Must not decide when a run is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.common.printed_errors import PrintedError, PrintedErrors
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.scheduler.contact import is_outage
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord, RunDirectory

TAIL_CHARACTERS = 6000
"""How much of the end of the error output goes into the Error log of a failed robot."""

STDERR = "stderr"

_BATCH = 200
_MOST_REFUSALS = 20


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
        self._stored: frozenset[int] | None = None
        self._waiting: list[OutputRecord] = []
        self._tail = ""
        self._errors = PrintedErrors()
        self._refused_in_a_row = 0
        self._missing = 0
        self._added = 0

    @property
    def added(self) -> int:
        """How many records were stored that nobody had stored before."""
        return self._added

    @property
    def error_tail(self) -> str:
        """The last part of what the robot wrote to its error output, as far as it was read."""
        return self._tail

    @property
    def last_error(self) -> PrintedError | None:
        """The exception that counts in what the robot printed; to be asked when all was read."""
        return self._errors.last()

    @property
    def last_words(self) -> str:
        """The last line of the error output that belongs to no exception; to be asked when all was read."""
        return self._errors.last_words(STDERR)

    @property
    def missing(self) -> int:
        """How many records ``pump_storable`` had to leave out."""
        return self._missing

    def pump(self) -> bool:
        """Copy what is new.

        Returns:
            Whether there was anything new; call again until there is not.

        Raises:
            OSError: The output cannot be read.
            DatabaseError: It cannot be stored; the next call tries the same records again.
        """
        if not self._read():
            return False
        while self._waiting:
            batch = self._waiting[:_BATCH]
            self._store(batch)
            del self._waiting[: len(batch)]
        return True

    def pump_storable(self) -> bool:
        """Copy what is new, one record at a time, and leave out what the database refuses.

        After some refusals in a row it takes nothing at all, and the rest is left out without asking.

        Returns:
            Whether there was anything new; call again until there is not.

        Raises:
            OSError: The output cannot be read.
            DatabaseError: The database cannot be reached; the next call goes on with the same record.
        """
        if not self._read():
            return False
        while self._waiting:
            if self._refused_in_a_row >= _MOST_REFUSALS:
                self._missing += len(self._waiting)
                self._waiting = []
                break
            try:
                self._store(self._waiting[:1])
            except DatabaseError as error:
                if is_outage(error):
                    raise
                self._missing += 1
                self._refused_in_a_row += 1
            else:
                self._refused_in_a_row = 0
            del self._waiting[:1]
        return True

    def _read(self) -> bool:
        if not self._waiting:
            self._waiting, self._offset = self._directory.read_output(self._offset)
            for record in self._waiting:
                self._errors.read(record.text, record.stream)
                if record.stream == STDERR:
                    self._tail = (self._tail + record.text)[-TAIL_CHARACTERS:]
            if self._on_record is not None:
                self._show(self._waiting, self._on_record)
        return bool(self._waiting)

    def _show(self, records: Sequence[OutputRecord], on_record: Callable[[OutputRecord], None]) -> None:
        self._on_record = None  # shown once: whoever fails to show a record is shown no other
        for record in records:
            on_record(record)
        self._on_record = on_record

    def _store(self, batch: Sequence[OutputRecord]) -> None:
        if self._stored is None:
            self._stored = self._database.read(lambda session: job_output.stored_sequences(session, self._job_id))
        stored = self._stored
        new = [record for record in batch if record.sequence not in stored]
        if new:
            self._database.write(lambda session: job_output.append(session, self._job_id, new))
            self._added += len(new)
