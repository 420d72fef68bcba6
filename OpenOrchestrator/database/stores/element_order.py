"""In which order elements are handed out: by priority, then deadline; those that have the same by age.

Owns how both come to one number, which every kind of database has in an index in the same order: there is no agreement
among them about descending columns in an index, nor about where an empty deadline stands.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone
from typing import TYPE_CHECKING, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.stores import validation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_PRIORITY = 1_000_000
"""Priorities are from minus this to this."""

_NO_DEADLINE = 2**42
"""Milliseconds since 1970 up to the year 2109 are less."""
_PER_PRIORITY = 2 * _NO_DEADLINE
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_AT_ONCE = 500
"""Rows named in one statement: SQL Server takes 2100 parameters at most."""

_TABLE = cast(sa.Table, QueueElement.__table__)


def hand_out_order(priority: int, deadline: datetime | None) -> int:
    """Return the number of an element: the lowest is handed out first. 0 for the priority 0 without a deadline.

    Args:
        priority: From ``-MOST_PRIORITY`` to ``MOST_PRIORITY``.
        deadline: Aware instant; to the millisecond, up to the year 2109.
    """
    if deadline is None:
        return -priority * _PER_PRIORITY
    since = deadline - _EPOCH
    milliseconds = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return -priority * _PER_PRIORITY + min(max(milliseconds, 0), _NO_DEADLINE - 1) - _NO_DEADLINE


def checked_priority(value: object, what: str = "priority") -> int:
    """Return a priority.

    Raises:
        InvalidInputError: If it is none.
    """
    priority = validation.integer(value, what)
    if abs(priority) > MOST_PRIORITY:
        raise InvalidInputError(f"The {what} has to be from {-MOST_PRIORITY} to {MOST_PRIORITY}, not {priority}.")
    return priority


def set_priority(session: Session, element_ids: Collection[UUID], priority: int) -> int:
    """Give elements another priority, and return how many there were.

    Args:
        session: An open transaction.
        element_ids: Which; those that are gone are left out.
        priority: The new one.

    Raises:
        InvalidInputError: If it is none.
    """
    wanted = checked_priority(priority)
    ids = sorted(element_ids)
    connection = session.connection()
    order, present = _TABLE.c.hand_out_order, sa.cast(_TABLE.c.priority, sa.BigInteger())
    # In this order: MySQL and MariaDB compute with what the statement has already set.
    change = sa.update(_TABLE).ordered_values(
        (order, order + (present - wanted) * _PER_PRIORITY), (_TABLE.c.priority, wanted)
    )
    return sum(
        connection.execute(change.where(_TABLE.c.id.in_(ids[start : start + _AT_ONCE]))).rowcount
        for start in range(0, len(ids), _AT_ONCE)
    )
