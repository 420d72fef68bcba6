"""Which element of a queue is handed out next, without handing it out. The claim itself is in ``lifecycle``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow, UtcDateTime
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.queues import QueueElement

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_TABLE = cast(sa.Table, QueueElement.__table__)
# No model: robots wait for it.
_SETTINGS = sa.table(
    "Queue_Settings",
    sa.column("name_hash", sa.String(64)),
    sa.column("paused_at", UtcDateTime()),
    sa.column("paused_until", UtcDateTime()),
)


def first_new(
    session: Session, *, queue_name: str, queue_hash: str, reference: str | None = None
) -> QueueElement | None:
    """Return the New element that is handed out next; None if there is none, or the queue is paused.

    Args:
        session: An open transaction.
        queue_name: The queue, storable.
        queue_hash: Its ``name_hash``.
        reference: Only elements with this one, storable; None for all.
    """
    now = sa.select(DatabaseUtcNow()).scalar_subquery()
    until = _SETTINGS.c.paused_until
    is_paused = sa.exists().where(
        _SETTINGS.c.name_hash == queue_hash, _SETTINGS.c.paused_at.is_not(None), sa.or_(until.is_(None), until > now)
    )
    query = sa.select(QueueElement).where(
        SameText(_TABLE.c.queue_name, queue_name), _TABLE.c.status == sa.literal_column("'NEW'"), ~is_paused
    )
    if reference is not None:
        query = query.where(SameText(_TABLE.c.reference, reference))
    return session.scalars(query.order_by(_TABLE.c.hand_out_order, _TABLE.c.created_date, _TABLE.c.id).limit(1)).first()
