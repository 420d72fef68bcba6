"""Which idle queue triggers have a queue that is full enough, at a cost that does not grow with the queues.

Owns the queries alone; what else keeps a trigger from being due is in ``due_triggers``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import queue_pauses
from OpenOrchestrator.database.stores.trigger_rows import BASE_COLUMNS, QUEUE, TRIGGERS, number_or_none, raw

_ELEMENTS = cast(sa.Table, QueueElement.__table__)
# Those of which an ordinary run was asked for are found by that.
_IDLE_QUEUE = (
    TRIGGERS.c.process_status == TriggerStatus.IDLE,
    TRIGGERS.c.type == TriggerType.QUEUE,
    sa.or_(TRIGGERS.c.run_requested_at.is_(None), TRIGGERS.c.run_args.is_not(None)),
)
_QUEUE_JOIN = QUEUE.join(TRIGGERS, TRIGGERS.c.id == QUEUE.c.id)
_QUEUES = sa.select(
    *BASE_COLUMNS, raw(QUEUE.c.queue_name, "queue_name"), raw(QUEUE.c.min_batch_size, "size")
).select_from(_QUEUE_JOIN)
_SIZES = sa.select(raw(QUEUE.c.min_batch_size, "size")).distinct().select_from(_QUEUE_JOIN).where(*_IDLE_QUEUE)
_BATCHES_AT_ONCE = 20


def find(connection: Connection) -> tuple[list[sa.Row[Any]], list[tuple[Any, str]]]:
    """Return the idle queue triggers whose queues are full enough, and those that hold no size, with what is wrong.

    Queues that are paused are not full enough.
    """
    found: list[sa.Row[Any]] = []
    sizeless: list[tuple[Any, str]] = []
    needed: set[int] = set()
    for size in connection.execute(_SIZES).scalars():
        number = number_or_none(size)
        if number is not None:
            needed.add(max(number, 1))
            continue
        bad = sa.type_coerce(QUEUE.c.min_batch_size, sa.types.NullType())
        query = _QUEUES.where(*_IDLE_QUEUE, bad.is_(None) if size is None else bad == size)
        reason = f"its column min_batch_size holds {str(size)[:50]!r}"
        sizeless += [(row, reason) for row in connection.execute(query)]
    ordered = sorted(needed)
    for start in range(0, len(ordered), _BATCHES_AT_ONCE):
        batch = tuple(ordered[start : start + _BATCHES_AT_ONCE])
        found += connection.execute(_full_queues(batch, connection.dialect.name))
    if found:  # asked only where it counts: a poll comes every second
        paused = queue_pauses.paused_names(connection)
        found = [row for row in found if row.queue_name not in paused]
    return found, sizeless


@lru_cache
def _full_queues(sizes: tuple[int, ...], dialect_name: str) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    batches = [_QUEUES.where(*_IDLE_QUEUE, _full_enough(size, dialect_name)) for size in sizes]
    return batches[0] if len(batches) == 1 else sa.union_all(*batches)


def _full_enough(size: int, dialect_name: str) -> sa.ColumnElement[bool]:
    # The element at place ``size`` of the queue exists: the database walks that many entries of one index and stops,
    # where a count would walk them all. Literals, because plans for parameters do not know how common the value is.
    place = (
        sa.select(_ELEMENTS.c.id)
        .where(
            SameText(_ELEMENTS.c.queue_name, QUEUE.c.queue_name),
            _ELEMENTS.c.status == sa.literal_column("'NEW'"),
        )
        .order_by(_ELEMENTS.c.created_date)
        .correlate(QUEUE)
    )
    if dialect_name in ("mysql", "mariadb"):  # else they may walk all elements by date to save the sorting
        place = place.with_hint(_ELEMENTS, "FORCE INDEX (`ix_Queues_next`)", dialect_name)
    if dialect_name == "mssql":  # SQLAlchemy turns plain numbers alone into what SQL Server understands
        place = place.limit(1).offset(size - 1)
    else:
        place = place.limit(_literal(1)).offset(_literal(size - 1))
    wanted = QUEUE.c.min_batch_size
    fits = wanted <= _literal(size) if size == 1 else wanted == _literal(size)
    return sa.and_(fits, place.scalar_subquery().is_not(None))


def _literal(number: int) -> sa.BindParameter[int]:
    return sa.literal(number, sa.Integer(), literal_execute=True)
