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
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS
from OpenOrchestrator.database.transitions import TriggerEvent, apply, apply_where

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def settle_stuck(database: Database) -> int:
    """Set triggers that are Pausing or Killing without a job that has not ended to Paused or Killed.

    A claim makes the trigger Running and its job in one transaction, so no trigger is caught between the two. Any
    number of schedulers may do this at the same time.

    Returns:
        How many were settled.
    """
    query = sa.select(TRIGGERS.c.id).where(stuck())
    found = database.read(lambda session: session.connection().execute(query).scalars().all())
    if not found:
        return 0

    def work(session: Session) -> int:
        return apply_where(session, TriggerEvent.SETTLE, TRIGGERS.c.id.in_(found), stuck())

    return database.write(work, read_back=lambda _session: None)


def settle(session: Session, trigger_id: UUID) -> bool:
    """Set one trigger that is Pausing or Killing without a job that has not ended to Paused or Killed.

    Returns:
        False if it is in another state by now, has a job that runs, or is gone; nothing was changed.
    """
    return apply(session, TriggerEvent.SETTLE, trigger_id, stuck())
