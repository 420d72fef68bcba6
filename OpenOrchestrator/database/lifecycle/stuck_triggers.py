"""Settles triggers that wait for the end of a run that there is none of.

A trigger is asked to pause or to be killed while it runs, and the end of its run answers. Older robots can ask when
nothing runs, and rows can be changed from outside: then nobody would ever answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.attention import stuck
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS
from OpenOrchestrator.database.transitions import TriggerEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def find_stuck(database: Database) -> tuple[UUID, ...]:
    """Return the triggers that are Pausing or Killing without a job that has not ended.

    A claim makes the trigger Running and its job in one transaction, so no trigger is caught between the two.
    """
    query = sa.select(TRIGGERS.c.id).where(stuck())
    return tuple(database.read(lambda session: session.connection().execute(query).scalars().all()))


def settle_if_free(database: Database, trigger_id: UUID) -> bool:
    """Settle one trigger that was found stuck; any number of schedulers may do this at the same time.

    Returns:
        Whether it was settled. False: it is not stuck any more, or somebody else holds its row locked.
    """
    locked = free_only(sa.select(TRIGGERS.c.id).where(TRIGGERS.c.id == trigger_id), TRIGGERS)

    def work(session: Session) -> bool:
        return session.connection().execute(locked).first() is not None and settle(session, trigger_id)

    return database.write(work, read_back=lambda _session: None)


def settle(session: Session, trigger_id: UUID) -> bool:
    """Set one trigger that is Pausing or Killing without a job that has not ended to Paused or Killed.

    Returns:
        False if it is in another state by now, has a job that runs, or is gone; nothing was changed.
    """
    return apply(session, TriggerEvent.SETTLE, trigger_id, stuck(), values={"status_after": None})
