"""Data access of ended attempts at queue elements.

Rows are written in the transaction that ends the attempt, by whoever won the element; must not decide that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.database.queue_attempts import QueueAttempt
from OpenOrchestrator.database.statuses import AttemptEnd

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

_TABLE = cast(sa.Table, QueueAttempt.__table__)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """An attempt at an element that has ended otherwise than Done.

    Attributes:
        token: Of the hand-out; None if that is not known.
        element_id: The element.
        number: Which attempt it was, from 1.
        job_id: The job that held it.
        scheduler_name: Where the job ran.
        process_name: The robot.
        start_date: Site time of the hand-out.
        end_date: Site time of the end.
        ended_as: How it ended; None if the name that is stored is none that is known.
        message: Why, for people.
        error_type: Of the exception, or None.
        error_code: As the robot calls the reason, or None.
        traceback: Of the exception, without secrets, or None.
    """

    token: UUID | None
    element_id: UUID
    number: int
    job_id: UUID | None
    scheduler_name: str | None
    process_name: str | None
    start_date: datetime | None
    end_date: datetime
    ended_as: AttemptEnd | None
    message: str | None
    error_type: str | None = None
    error_code: str | None = None
    traceback: str | None = None


def insert(connection: Connection, attempts: Sequence[EndedAttempt]) -> None:
    """Store attempts that have ended, in the transaction that ends them."""
    rows = [
        {
            "id": attempt.token or uuid4(),
            "element_id": attempt.element_id,
            "attempt": attempt.number,
            "job_id": attempt.job_id,
            "scheduler_name": attempt.scheduler_name,
            "process_name": attempt.process_name,
            "start_date": attempt.start_date,
            "end_date": attempt.end_date,
            "ended_as": None if attempt.ended_as is None else attempt.ended_as.name,
            "message": attempt.message,
            "error_type": attempt.error_type,
            "error_code": attempt.error_code,
            "traceback": attempt.traceback,
        }
        for attempt in attempts
    ]
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(sa.insert(_TABLE), rows[start : start + _AT_ONCE])


def is_stored(connection: Connection, token: UUID, ended_as: AttemptEnd, end_date: datetime) -> bool:
    """Tell whether the attempt of a hand-out was stored with this very end."""
    query = sa.select(_TABLE.c.id).where(
        _TABLE.c.id == token, _TABLE.c.ended_as == ended_as.name, _TABLE.c.end_date == end_date
    )
    return connection.execute(query).first() is not None


def of_element(session: Session, element_id: UUID) -> tuple[EndedAttempt, ...]:
    """Return the ended attempts at an element, the first one first; one that ended Done is not among them."""
    query = sa.select(_TABLE).where(_TABLE.c.element_id == element_id)
    rows = session.execute(query.order_by(_TABLE.c.end_date, _TABLE.c.attempt, _TABLE.c.id))
    return tuple(
        EndedAttempt(
            token=row.id,
            element_id=row.element_id,
            number=row.attempt,
            job_id=row.job_id,
            scheduler_name=row.scheduler_name,
            process_name=row.process_name,
            start_date=row.start_date,
            end_date=row.end_date,
            ended_as=AttemptEnd.__members__.get(row.ended_as),
            message=row.message,
            error_type=row.error_type,
            error_code=row.error_code,
            traceback=row.traceback,
        )
        for row in rows
    )


def delete_of(session: Session, element_ids: sa.Select[tuple[UUID]] | Sequence[UUID]) -> None:
    """Delete the attempts at elements that are deleted."""
    session.execute(sa.delete(_TABLE).where(_TABLE.c.element_id.in_(element_ids)))
