"""Data access of log messages.

Functions take an open session. Dates are site time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import validation
from OpenOrchestrator.database.stores.shortening import storable_message

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PROCESS_NAME_LENGTH = 100
MESSAGE_LENGTH = 8000

_TABLE = cast(sa.Table, Log.__table__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which messages to read; None means any.

    Attributes:
        from_date: Written then or later.
        to_date: Written then or earlier.
        process_name: The process.
        log_level: The level.
        job_id: The job.
    """

    from_date: datetime | None = None
    to_date: datetime | None = None
    process_name: str | None = None
    log_level: LogLevel | None = None
    job_id: UUID | None = None


def insert(
    session: Session | Connection,
    *,
    process_name: str,
    level: LogLevel,
    job_id: UUID | None,
    message: object,
    log_time: datetime,
    log_id: UUID | None = None,
    element_id: UUID | None = None,
) -> UUID:
    """Write a message and return its id. Messages of any type and length are taken; NUL and the like are replaced.

    Args:
        session: An open transaction, of a session or of a connection.
        process_name: The process it is from, or about.
        level: Its severity.
        job_id: The job it belongs to; None from robots run by hand.
        message: Anything.
        log_time: Site time.
        log_id: Its id, if the caller wants to recognise it after an unknown commit.
        element_id: The queue element it is about; None if it is not known to be about one.

    Raises:
        InvalidInputError: If process name or level cannot be one.
    """
    line = row(
        _dialect_name(session),
        process_name=process_name,
        level=level,
        job_id=job_id,
        message=message,
        log_id=log_id,
        element_id=element_id,
    )
    insert_rows(session, [line | {"log_time": log_time}])
    return cast(UUID, line["id"])


def row(
    dialect_name: str,
    *,
    process_name: str,
    level: LogLevel,
    job_id: UUID | None,
    message: object,
    log_id: UUID | None = None,
    element_id: UUID | None = None,
) -> dict[str, Any]:
    """Return the columns of a message to store, but for its time.

    Args:
        dialect_name: The kind of database.
        process_name: As for ``insert``, like the rest.
        level: As for ``insert``.
        job_id: As for ``insert``.
        message: As for ``insert``.
        log_id: As for ``insert``.
        element_id: As for ``insert``.

    Raises:
        InvalidInputError: If process name or level cannot be one.
    """
    return {
        "id": log_id or uuid4(),
        "log_level": validation.member(level, LogLevel, "log level"),
        "process_name": validation.text(process_name, "process name", PROCESS_NAME_LENGTH, dialect_name),
        "job_id": job_id,
        "log_message": storable_message(message, MESSAGE_LENGTH, dialect_name),
        "element_id": element_id,
    }


def insert_rows(session: Session | Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write messages.

    Args:
        session: An open transaction, of a session or of a connection.
        rows: What ``row`` returned, each with its ``log_time``.
    """
    session.execute(sa.insert(_TABLE), rows)


def exists(session: Session | Connection, log_id: UUID) -> bool:
    """Tell whether there is a message with this id."""
    return session.execute(sa.select(_TABLE.c.id).where(_TABLE.c.id == log_id)).first() is not None


def select(
    session: Session,
    wanted: LogFilter,
    *,
    order_by: str | None = None,
    descending: bool = True,
    offset: int = 0,
    limit: int | None = None,
) -> tuple[Log, ...]:
    """Return the messages that fit, readable after the session is closed.

    Args:
        session: An open transaction.
        wanted: Which.
        order_by: Name of a column; None means the time. Equal ones are ordered by time, then id.
        descending: The largest, newest or last first.
        offset: How many to leave out at the beginning.
        limit: How many at most; 0 returns none, None all.

    Raises:
        InvalidInputError: If an argument cannot be one.
    """
    name = validation.column(order_by, _TABLE.c.keys(), "log_time")
    first = validation.row_count(offset, "offset")
    most = None if limit is None else validation.row_count(limit, "limit")
    query = sa.select(Log).where(*_conditions(wanted, session.get_bind().dialect.name))
    if most == 0:
        return ()
    keys = dict.fromkeys((name, "log_time", "id"))
    query = query.order_by(*(_TABLE.c[key].desc() if descending else _TABLE.c[key] for key in keys))
    if first:
        query = query.offset(first)
    if most is not None:
        query = query.limit(most)
    return tuple(session.scalars(query))


def count(session: Session, wanted: LogFilter) -> int:
    """Return how many messages fit.

    Raises:
        InvalidInputError: If an argument cannot be one.
    """
    conditions = _conditions(wanted, session.get_bind().dialect.name)
    return session.scalar(sa.select(sa.func.count()).select_from(_TABLE).where(*conditions)) or 0


def process_names(session: Session) -> tuple[str, ...]:
    """Return the names of all processes that ever logged, in order.

    Steps through the index from name to name, one short query each: no database does that by itself for DISTINCT,
    and there are few names in many messages.
    """
    names: list[str] = []
    smallest = sa.select(sa.func.min(_TABLE.c.process_name))
    found = session.scalar(smallest)
    while found is not None:
        names.append(found)
        found = session.scalar(smallest.where(_TABLE.c.process_name > found))
    return tuple(names)


def _dialect_name(session: Session | Connection) -> str:
    return session.dialect.name if isinstance(session, Connection) else session.get_bind().dialect.name


def _conditions(wanted: LogFilter, dialect_name: str) -> list[sa.ColumnElement[bool]]:
    level = validation.optional_member(wanted.log_level, LogLevel, "log level")
    name = validation.optional_text(wanted.process_name, "process name", PROCESS_NAME_LENGTH, dialect_name)
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.from_date is not None:
        conditions.append(_TABLE.c.log_time >= wanted.from_date)
    if wanted.to_date is not None:
        conditions.append(_TABLE.c.log_time <= wanted.to_date)
    if name is not None:
        conditions.append(SameText(_TABLE.c.process_name, name))
    if level is not None:
        conditions.append(_TABLE.c.log_level == level)
    if wanted.job_id is not None:
        conditions.append(_TABLE.c.job_id == wanted.job_id)
    return conditions
