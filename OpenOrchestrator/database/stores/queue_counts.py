"""How many elements queues have.

Functions take an open session. Texts are compared exactly, whatever the collation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine import dialects, exact_texts
from OpenOrchestrator.database.engine.exact_texts import TextBytes
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_TABLE = cast(sa.Table, QueueElement.__table__)


def count_by_status(session: Session) -> dict[str, dict[QueueStatus, int]]:
    """Return how many elements each queue has in each status it has any in; walks an index, not the table."""
    dialects.prefer_index(session.connection(), _TABLE.name)
    name, status = _TABLE.c.queue_name, _TABLE.c.status
    query = sa.select(name, status, sa.func.count()).group_by(name, status)
    counts: dict[str, dict[QueueStatus, int]] = {}
    if exact_texts.is_exact(session.get_bind().dialect.name):
        for queue_name, of_status, number in session.execute(query):
            counts.setdefault(queue_name, {})[of_status] = number
        return counts
    # Names that the collation takes for the same come as one; whether there are several shows in the same walk.
    spelling = TextBytes(name)
    several: dict[str, None] = {}
    for queue_name, of_status, number, first, last in session.execute(
        query.add_columns(sa.func.min(spelling), sa.func.max(spelling))
    ):
        if first == last:
            counts.setdefault(queue_name, {})[of_status] = number
        else:
            several[queue_name] = None
    for queue_name in several:
        apart = sa.select(sa.func.min(name), status, sa.func.count()).where(name == queue_name)
        for spelled, of_status, number in session.execute(apart.group_by(spelling, status)):
            counts.setdefault(spelled, {})[of_status] = number
    return counts
