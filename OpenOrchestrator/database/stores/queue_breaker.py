"""The breaker of a queue: it pauses the queue after so many errors in a row, of all robots.

Owns the count. Every write is guarded, so that robots count together. Nothing is written where a queue has no breaker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.stores.queue_names import name_hash
from OpenOrchestrator.database.stores.queue_pauses import IN_FORCE, REASON_LENGTH
from OpenOrchestrator.database.stores.shortening import storable_message

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

PAUSED_BY = "its breaker"

_TABLE = cast(sa.Table, QueueSetting.__table__)
_IS_ARMED = _TABLE.c.breaker_errors.is_not(None)


def is_armed(connection: Connection, queue_name: str) -> bool:
    """Tell whether a queue has a breaker."""
    query = sa.select(_TABLE.c.name_hash).where(_TABLE.c.name_hash == name_hash(queue_name), _IS_ARMED)
    return connection.execute(query).first() is not None


def count_error(connection: Connection, queue_name: str, error: str) -> str | None:
    """Count an error, in the transaction that writes what it meant for its element; pause the queue if it is too many.

    Args:
        connection: An open transaction.
        queue_name: The queue.
        error: What went wrong, without secrets.

    Returns:
        Why the queue was paused; None if this error did not pause it.
    """
    row = (_TABLE.c.name_hash == name_hash(queue_name), _IS_ARMED)
    counted = sa.update(_TABLE).where(*row).values(errors_in_row=_TABLE.c.errors_in_row + 1)
    if connection.execute(counted).rowcount != 1:
        return None
    found = connection.execute(sa.select(_TABLE.c.errors_in_row, _TABLE.c.breaker_errors).where(*row)).first()
    if found is None or found.errors_in_row < found.breaker_errors:
        return None
    several = f"{found.errors_in_row} errors in a row, the last one"
    text = f"{several if found.errors_in_row > 1 else 'After an error'}: {error}"
    reason = storable_message(text, REASON_LENGTH, connection.dialect.name)
    pause = sa.update(_TABLE).where(*row, sa.not_(sa.and_(*IN_FORCE)))
    values = {"paused_at": DatabaseUtcNow(), "paused_by": PAUSED_BY, "pause_reason": reason, "paused_until": None}
    return reason if connection.execute(pause.values(values)).rowcount == 1 else None


def end_row(connection: Connection, queue_name: str) -> bool:
    """Begin to count anew, because an element ended well or for a reason of its own; return whether that changed it."""
    row = (_TABLE.c.name_hash == name_hash(queue_name), _IS_ARMED, _TABLE.c.errors_in_row > 0)
    return connection.execute(sa.update(_TABLE).where(*row).values(errors_in_row=0)).rowcount == 1
