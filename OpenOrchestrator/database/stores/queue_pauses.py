"""Pauses of queues: nothing is handed out from a queue that is paused, and its triggers are not due.

Owns how a pause is written and when it is in force. It ends by itself: whether its end has come is read off the
database's clock by whoever asks. Robots of earlier versions know no pause. Must load no other model, because robots
load this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import unhindered
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.stores.queue_names import name_hash, queue_name_of
from OpenOrchestrator.database.stores.shortening import storable_message

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

REASON_LENGTH = 1000
NAME_LENGTH = 100

_TABLE = cast(sa.Table, QueueSetting.__table__)
_NOW = sa.select(DatabaseUtcNow()).scalar_subquery()

IN_FORCE: tuple[sa.ColumnElement[bool], ...] = (
    _TABLE.c.paused_at.is_not(None),
    sa.or_(_TABLE.c.paused_until.is_(None), _TABLE.c.paused_until > _NOW),
)
"""The conditions that the queue of a row of ``Queue_Settings`` is paused now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePause:
    """A pause of a queue.

    Attributes:
        since: Aware UTC.
        by: Who paused it; None if that is not known.
        reason: Why.
        until: When it ends by itself, aware UTC; None if somebody has to resume the queue.
    """

    since: datetime
    by: str | None
    reason: str
    until: datetime | None


def read(session: Session, queue_name: str) -> QueuePause | None:
    """Return the pause of a queue that is in force now; None for none."""
    return _read(session, _TABLE.c.name_hash == name_hash(queue_name)).get(queue_name)


def read_all(session: Session) -> dict[str, QueuePause]:
    """Return the pauses that are in force now, by the name of the queue."""
    return _read(session)


def paused_names(connection: Connection) -> frozenset[str]:
    """Return the names of the queues that are paused now."""
    query = unhindered(sa.select(_TABLE.c.queue_name).where(*IN_FORCE), _TABLE)
    return frozenset(connection.execute(query).scalars())


def pause(
    session: Session, queue_name: str, *, reason: str, by: str | None = None, until: datetime | None = None
) -> QueuePause:
    """Pause a queue, or give its pause another reason and end. What is in hand is finished.

    Args:
        session: An open transaction.
        queue_name: The queue, which need not have an element.
        reason: Why; not empty.
        by: Who.
        until: When it ends by itself, an aware instant; None if somebody has to resume it.

    Returns:
        The pause.

    Raises:
        InvalidInputError: If there is no reason, or the end has passed on the database's clock.
    """
    connection = session.connection()
    dialect_name = connection.dialect.name
    name = queue_name_of(queue_name, dialect_name)
    why = storable_message(" ".join(reason.split()), REASON_LENGTH, dialect_name)
    if not why:
        raise InvalidInputError("A pause of a queue needs a reason that others understand.")
    now = cast("datetime", connection.scalar(sa.select(DatabaseUtcNow())))
    if until is not None and until <= now:
        raise InvalidInputError(
            f"The pause would end at {until.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC, which has passed: it is "
            f"{now:%Y-%m-%d %H:%M} UTC on the database's clock. Give a later end, or none."
        )
    who = None if by is None else storable_message(by, NAME_LENGTH, dialect_name)
    found = QueuePause(since=now, by=who, reason=why, until=until)
    values: dict[str, Any] = {"paused_at": now, "paused_by": who, "pause_reason": why, "paused_until": until}
    key = name_hash(name)
    change = sa.update(_TABLE).where(_TABLE.c.name_hash == key).values(values)
    if connection.execute(change).rowcount == 1:
        return found
    try:
        with connection.begin_nested():
            row = {"name_hash": key, "queue_name": name, "edition": uuid4(), "changed_at": now}
            connection.execute(sa.insert(_TABLE).values(row | values))
    except sa.exc.IntegrityError:
        connection.execute(change)  # somebody else made the row at this moment
    return found


def resume(session: Session, queue_name: str) -> bool:
    """End the pause of a queue, and let its breaker count from 0.

    Returns:
        Whether there was one in force.
    """
    connection = session.connection()
    row = _TABLE.c.name_hash == name_hash(queue_name)
    emptied: dict[str, Any] = dict.fromkeys(("paused_at", "paused_by", "pause_reason", "paused_until"))
    emptied["errors_in_row"] = 0
    if connection.execute(sa.update(_TABLE).where(row, *IN_FORCE).values(emptied)).rowcount == 1:
        return True
    # One that ended by itself says nothing any more.
    connection.execute(sa.update(_TABLE).where(row, _TABLE.c.paused_at.is_not(None)).values(emptied))
    return False


def _read(session: Session, *where: sa.ColumnElement[bool]) -> dict[str, QueuePause]:
    query = unhindered(sa.select(_TABLE).where(*where, *IN_FORCE), _TABLE)
    return {
        row.queue_name: QueuePause(
            since=row.paused_at, by=row.paused_by, reason=row.pause_reason or "", until=row.paused_until
        )
        for row in session.connection().execute(query)
    }
