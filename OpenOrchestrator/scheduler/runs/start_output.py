"""What a preparation that takes long prints, as the beginning of the output of its job.

Owns the numbers of these pieces: the robot's own follow them. A database that is away holds up nothing here; what it
has not taken is tried again with what comes next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord

FLUSH_SECONDS = 0.5
"""How long lines wait for others, so that they become one piece."""

MOST_CHARACTERS = 1_000_000
"""What is kept of it at most."""

_STREAM = "stdout"
_PIECE_CHARACTERS = 15_000


class StartOutput:
    """The output of one preparation. For the thread of the run.

    Args:
        database: Where it goes.
        job_id: Whose output it is.
        require_wanted: Raises StartUnwantedError when the robot is not to be started any more.
        on_trouble: Told once when it cannot be stored.
        on_record: Shown each piece; None for nobody.
        elapsed: Seconds.
    """

    def __init__(
        self,
        database: Database,
        job_id: UUID,
        *,
        require_wanted: Callable[[], None],
        on_trouble: Callable[[Exception], None],
        on_record: Callable[[OutputRecord], None] | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._job_id = job_id
        self._require_wanted = require_wanted
        self._on_trouble = on_trouble
        self._on_record = on_record
        self._elapsed = elapsed
        self._lines: list[str] = []
        self._waiting: list[OutputRecord] = []
        self._said = 0
        self._room = MOST_CHARACTERS
        self._flushed_at = elapsed()

    @property
    def said(self) -> int:
        """How many pieces of output that made; nothing may be said after it was asked."""
        self.flush()
        return self._said

    def say(self, line: str) -> None:
        """Show a line, without its end."""
        if self._room <= 0:
            return
        self._room -= len(line) + 1
        self._lines.append(line if self._room > 0 else "[The rest of this is left out, because it is too long.]")
        if self._elapsed() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()

    def require_wanted(self) -> None:
        """Do nothing as long as the robot is to be started; lines that waited long enough are stored.

        Raises:
            StartUnwantedError: It is not.
        """
        if self._elapsed() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()
        self._require_wanted()

    def flush(self) -> None:
        """Store what was said so far, as far as the database takes it now."""
        self._flushed_at = self._elapsed()
        text = "".join(f"{line}\n" for line in self._lines)
        self._lines = []
        for start in range(0, len(text), _PIECE_CHARACTERS):
            self._said += 1
            piece = text[start : start + _PIECE_CHARACTERS]
            record = OutputRecord(self._said, self._database.utc_now(), _STREAM, piece)
            self._waiting.append(record)
            if self._on_record is not None:
                self._on_record(record)
        if not self._waiting:
            return
        waiting = self._waiting
        try:
            self._database.write(
                lambda session: job_output.append(session, self._job_id, waiting), read_back=lambda _session: None
            )
        except Exception as error:  # noqa: BLE001  (a robot does not pay for trouble with output)
            self._on_trouble(error)
        else:
            self._waiting = []
