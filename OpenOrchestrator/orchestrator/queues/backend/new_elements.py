"""How many New elements wait in each of several queues: asked of all together, counted no further than asked."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_UNION = 40


def count_new(session: Session, queues: Iterable[str], cap: int) -> dict[str, int]:
    """Return how many New elements each queue has, by its name.

    Args:
        session: Within a transaction.
        queues: Names; one that is there twice is counted once.
        cap: Of each queue no more are counted: a short walk along one index.
    """
    names = list(dict.fromkeys(queues))
    found: dict[str, int] = {}
    for start in range(0, len(names), _UNION):
        some = names[start : start + _UNION]
        values = {f"queue_{number}": name for number, name in enumerate(some)}
        for number, new in session.execute(_counts(len(some), cap), values).all():
            found[some[number]] = int(new)
    return found


@cache
def _counts(queues: int, cap: int) -> Any:
    """Return the query for so many queues; kept, because to build it takes longer than to run it."""
    parts = []
    for number in range(queues):
        of_queue = (SameText(_Q.c.queue_name, sa.bindparam(f"queue_{number}")), _Q.c.status == QueueStatus.NEW)
        capped = sa.select(sa.literal(1).label("one")).where(*of_queue).limit(cap).subquery()
        parts.append(sa.select(sa.literal(number).label("number"), sa.func.count().label("new")).select_from(capped))
    return sa.union_all(*parts)
