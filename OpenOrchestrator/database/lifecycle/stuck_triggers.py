"""Settles triggers that wait for the end of a run that there is none of.

A trigger is asked to pause or to be killed while it runs, and the end of its run answers. Older robots can ask when
nothing runs, and rows can be changed from outside: then nobody would ever answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, TriggerStatus
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS
from OpenOrchestrator.database.transitions import TriggerEvent, apply_where

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_WAITING = TRIGGERS.c.process_status.in_([TriggerStatus.PAUSING, TriggerStatus.KILLING])
_NOTHING_RUNS = ~sa.exists().where(
    _JOBS.c.trigger_id == TRIGGERS.c.id, _JOBS.c.status.in_(sorted(ACTIVE_JOB_STATUSES, key=lambda status: status.name))
)


def settle_stuck(database: Database) -> int:
    """Set triggers that are Pausing or Killing without a job that has not ended to Paused or Killed.

    A claim makes the trigger Running and its job in one transaction, so no trigger is caught between the two. Any
    number of schedulers may do this at the same time.

    Returns:
        How many were settled.
    """
    query = sa.select(TRIGGERS.c.id).where(_WAITING, _NOTHING_RUNS)
    stuck = database.read(lambda session: session.connection().execute(query).scalars().all())
    if not stuck:
        return 0

    def work(session: Session) -> int:
        return apply_where(session, TriggerEvent.SETTLE, TRIGGERS.c.id.in_(stuck), _NOTHING_RUNS)

    return database.write(work, read_back=lambda _session: None)
