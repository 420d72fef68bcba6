"""Data access of what robots printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from OpenOrchestrator.database.jobs import JobOutput
from OpenOrchestrator.database.stores.validation import storable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

END_MARK = 2**31 - 1
"""Number of the piece that says, behind all others, that some are missing. No robot's output gets there."""

_OUTPUT = cast(sa.Table, JobOutput.__table__)
_IS_PRINTED = _OUTPUT.c.sequence < END_MARK


class OutputPiece(Protocol):
    """A piece of output to store: its number in the run (from 1), ``stdout`` or ``stderr``, an instant, a text."""

    @property
    def sequence(self) -> int: ...  # noqa: D102  (told by the class)
    @property
    def stream(self) -> str: ...  # noqa: D102
    @property
    def written_at(self) -> datetime: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """A piece of output as it is stored.

    Attributes:
        sequence: Number in the run, from 1.
        stream: ``stdout`` or ``stderr``.
        written_at: Aware UTC.
    """

    sequence: int
    stream: str
    written_at: datetime
    text: str


def append(session: Session, job_id: UUID, pieces: Iterable[OutputPiece]) -> None:
    """Store pieces of a job's output. A piece whose number is there already is left as it is.

    So it may be repeated after a commit whose outcome is not known.
    """
    rows = [
        {
            "job_id": job_id,
            "sequence": piece.sequence,
            "stream": piece.stream,
            "written_at": piece.written_at,
            "text": storable(piece.text),
        }
        for piece in pieces
    ]
    if rows:
        connection = session.connection()
        connection.execute(_insert(connection.dialect.name), rows)


def read(session: Session, job_id: UUID, *, after_sequence: int = 0, limit: int = 1000) -> tuple[StoredPiece, ...]:
    """Return the pieces that follow a number, in order, at most ``limit`` of them."""
    query = (
        sa.select(_OUTPUT.c.sequence, _OUTPUT.c.stream, _OUTPUT.c.written_at, _OUTPUT.c.text)
        .where(_OUTPUT.c.job_id == job_id, _OUTPUT.c.sequence > after_sequence)
        .order_by(_OUTPUT.c.sequence)
        .limit(limit)
    )
    return tuple(StoredPiece(*row) for row in _rows(session, query))


def read_last(session: Session, job_id: UUID, *, limit: int) -> tuple[StoredPiece, ...]:
    """Return the last pieces, in order, at most ``limit`` of them."""
    query = (
        sa.select(_OUTPUT.c.sequence, _OUTPUT.c.stream, _OUTPUT.c.written_at, _OUTPUT.c.text)
        .where(_OUTPUT.c.job_id == job_id)
        .order_by(_OUTPUT.c.sequence.desc())
        .limit(limit)
    )
    return tuple(StoredPiece(*row) for row in reversed(_rows(session, query)))


def mark_end(session: Session, job_id: UUID, text: str, *, written_at: datetime) -> None:
    """Say behind the output of a job that pieces of it are missing; said before, it stays as it was."""
    row = {"job_id": job_id, "sequence": END_MARK, "stream": "stderr", "written_at": written_at, "text": storable(text)}
    connection = session.connection()
    connection.execute(_insert(connection.dialect.name), [row])


def unmark_end(session: Session, job_id: UUID) -> None:
    """Take back what ``mark_end`` said, because nothing is missing any more."""
    session.connection().execute(sa.delete(_OUTPUT).where(_OUTPUT.c.job_id == job_id, ~_IS_PRINTED))


def stored_sequences(session: Session, job_id: UUID) -> frozenset[int]:
    """Return the numbers of the pieces of a job that are stored, the mark at the end left out."""
    query = sa.select(_OUTPUT.c.sequence).where(_OUTPUT.c.job_id == job_id, _IS_PRINTED)
    return frozenset(session.connection().execute(query).scalars())


def last_sequence(session: Session, job_id: UUID) -> int:
    """Return the highest number stored for a job, that of the mark at the end included; 0 if there is none."""
    query = sa.select(sa.func.max(_OUTPUT.c.sequence)).where(_OUTPUT.c.job_id == job_id)
    return session.connection().scalar(query) or 0


def _rows(session: Session, query: sa.Select[Any]) -> Sequence[Any]:
    return session.connection().execute(query).all()


def _insert(dialect_name: str) -> sa.Insert:
    if dialect_name == "sqlite":
        return sqlite.insert(_OUTPUT).on_conflict_do_nothing()
    if dialect_name == "postgresql":
        return postgresql.insert(_OUTPUT).on_conflict_do_nothing()
    if dialect_name in ("mysql", "mariadb"):
        return mysql.insert(_OUTPUT).on_duplicate_key_update(sequence=_OUTPUT.c.sequence)
    # SQL Server: one scheduler at a time writes the output of a job; two that do collide on the primary key.
    new = [sa.cast(sa.bindparam(column.name, type_=column.type), column.type) for column in _OUTPUT.c]
    there = sa.select(1).where(
        _OUTPUT.c.job_id == sa.bindparam("job_id", type_=_OUTPUT.c.job_id.type),
        _OUTPUT.c.sequence == sa.bindparam("sequence", type_=_OUTPUT.c.sequence.type),
    )
    return sa.insert(_OUTPUT).from_select([column.name for column in _OUTPUT.c], sa.select(*new).where(~there.exists()))
