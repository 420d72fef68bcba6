"""What robots printed, for the viewer and for the download: the end first, and what came before on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import OUTPUT as _O

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

END_CHARACTERS = 200_000
"""What a viewer gets at first."""

MORE_CHARACTERS = 500_000
"""What it gets each time it asks for more."""

STDERR = "stderr"
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of output.

    Attributes:
        sequence: Its number in the run, from 1.
        is_error: Whether it was written to the error output.
        written_at: Aware UTC.
    """

    sequence: int
    is_error: bool
    written_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of the output without gaps, and how much comes before it.

    Attributes:
        pieces: In order.
        lines_before: Ends of lines before the first piece.
        bytes_before: As UTF-8.
    """

    pieces: tuple[Piece, ...]
    lines_before: int = 0
    bytes_before: int = 0


class JobOutputBackend(Backend):
    """The output of jobs; each method reads a bounded amount."""

    async def end(self, job_id: UUID, *, characters: int = END_CHARACTERS) -> Stretch:
        """Return the end of a job's output."""
        return await self._read(lambda session: _stretch(session, job_id, None, characters))

    async def before(self, job_id: UUID, sequence: int, *, characters: int = MORE_CHARACTERS) -> Stretch:
        """Return what comes directly before a piece."""
        return await self._read(lambda session: _stretch(session, job_id, sequence, characters))

    async def after(self, job_id: UUID, sequence: int, *, limit: int = _BATCH) -> tuple[Piece, ...]:
        """Return the pieces that follow one, at most ``limit`` of them; ask again until there are none."""

        def work(session: Session) -> tuple[Piece, ...]:
            found = job_output.read(session, job_id, after_sequence=sequence, limit=limit)
            return tuple(Piece(each.sequence, each.stream == STDERR, each.written_at, each.text) for each in found)

        return await self._read(work)

    async def text(self, job_id: UUID) -> AsyncIterator[str]:
        """Return all of the output as the robot printed it, in parts.

        Raises:
            DatabaseError: If the database cannot be reached; what was returned before is incomplete then.
        """
        sequence = 0
        while True:
            pieces = await self.after(job_id, sequence)
            if not pieces:
                return
            yield "".join(piece.text for piece in pieces)
            sequence = pieces[-1].sequence


def error_tail(session: Session, job_id: UUID, *, characters: int = 12_000) -> str:
    """Return the end of what a job wrote to its error output."""
    query = sa.select(_O.c.text).where(_O.c.job_id == job_id, _O.c.stream == STDERR)
    tail = ""
    for text in session.execute(query.order_by(_O.c.sequence.desc()).limit(_BATCH)).scalars():
        tail = text + tail
        if len(tail) >= characters:
            break
    return tail[-characters:]


def _stretch(session: Session, job_id: UUID, below: int | None, characters: int) -> Stretch:
    pieces: list[Piece] = []
    size = 0
    while size < characters:
        query = sa.select(_O.c.sequence, _O.c.stream, _O.c.written_at, _O.c.text).where(_O.c.job_id == job_id)
        if below is not None:
            query = query.where(_O.c.sequence < below)
        rows = session.execute(query.order_by(_O.c.sequence.desc()).limit(_BATCH)).all()
        if not rows:
            break
        for row in rows:
            pieces.append(Piece(row.sequence, row.stream == STDERR, row.written_at, row.text))
            size += len(row.text)
            if size >= characters:
                break
        below = pieces[-1].sequence
    pieces.reverse()
    if not pieces:
        return Stretch(())
    lines, size = _amount(session, job_id, pieces[0].sequence)
    return Stretch(tuple(pieces), lines, size)


def _amount(session: Session, job_id: UUID, below: int) -> tuple[int, int]:
    """Return how many ends of lines and bytes come before a piece."""
    lines = size = 0
    last = 0
    query = sa.select(_O.c.sequence, _O.c.text).where(_O.c.job_id == job_id, _O.c.sequence < below)
    while True:
        rows = session.execute(query.where(_O.c.sequence > last).order_by(_O.c.sequence).limit(_BATCH)).all()
        if not rows:
            return lines, size
        lines += sum(row.text.count("\n") for row in rows)
        size += sum(len(row.text.encode("utf-8", "replace")) for row in rows)
        last = rows[-1].sequence
