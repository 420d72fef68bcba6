"""Pauses that are over: their triggers run again, whichever scheduler looks first.

Owns the decision, and the end. A pause is over when its time has come; what is known of it is forgotten when somebody
ended it who does not know these columns, as older programs do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum, auto
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.statuses import RESTING_TRIGGER_STATUSES, TriggerStatus
from OpenOrchestrator.database.stores import pauses, triggers
from OpenOrchestrator.database.stores.pauses import PAUSED
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, date_or_none, raw

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ENDED = tuple(status for status in RESTING_TRIGGER_STATUSES if status is not TriggerStatus.PAUSED)
# After a date, and not just there: then every database walks the index that has the few paused ones at its end.
_NOTED = (
    sa.select(
        TRIGGERS.c.id,
        TRIGGERS.c.trigger_name,
        raw(TRIGGERS.c.process_status, "status"),
        raw(TRIGGERS.c.paused_until, "until"),
    )
    .where(TRIGGERS.c.paused_at > datetime(1970, 1, 1, tzinfo=timezone.utc))
    .order_by(TRIGGERS.c.id)
)


class Step(Enum):
    """What is to be done about what is known of a pause."""

    RESUME = auto()
    FORGET = auto()


@dataclass(frozen=True, slots=True)
class OverPause:
    """A trigger whose pause is over, as it was read.

    Attributes:
        step: What is to be done.
    """

    trigger_id: UUID
    trigger_name: str
    step: Step


def step_of(status: TriggerStatus | None, until: datetime | None, *, now: datetime) -> Step | None:
    """Return what is to be done about a trigger of which a pause is known; None for nothing now. Pure.

    A trigger that runs keeps what is known: it may run once while it is paused.

    Args:
        status: Its state; None for one that is none.
        until: When its pause ends by itself, aware; None for never.
        now: Aware.
    """
    if status in PAUSED:
        return Step.RESUME if until is not None and until <= now else None
    return Step.FORGET if status in _ENDED else None


def find_over(database: Database) -> tuple[OverPause, ...]:
    """Return the triggers whose pause is over. Reads only the few that were paused with a note."""
    now = database.utc_now()
    found = []
    for row in database.read(lambda session: session.connection().execute(_NOTED).all()):
        until = date_or_none(row.until)
        status = TriggerStatus.__members__.get(str(row.status))
        step = step_of(status, None if until is None else until.replace(tzinfo=timezone.utc), now=now)
        if step is not None:
            found.append(OverPause(row.id, row.trigger_name, step))
    return tuple(found)


def carry_out(database: Database, over: OverPause) -> bool:
    """End a pause, or forget what is known of one that was ended elsewhere; any number of schedulers may do this.

    One whose time came meanwhile is due; what a scheduled one does with the runs that it missed, it says itself.

    Returns:
        Whether it was done here. False: another scheduler did it, somebody changed the pause, or holds the row locked.
    """
    free = free_only(sa.select(TRIGGERS.c.id).where(TRIGGERS.c.id == over.trigger_id), TRIGGERS)

    def work(session: Session) -> bool:
        if session.connection().execute(free).first() is None:
            return False
        now = database.utc_now()
        if over.step is Step.RESUME:
            ended = (TRIGGERS.c.process_status.in_(PAUSED), TRIGGERS.c.paused_until <= now)
            return triggers.enable(session, over.trigger_id, *ended)
        forget = sa.update(TRIGGERS).where(
            TRIGGERS.c.id == over.trigger_id,
            TRIGGERS.c.process_status.in_(_ENDED),
            TRIGGERS.c.paused_at.is_not(None),
        )
        return session.connection().execute(forget.values(dict(pauses.NONE))).rowcount == 1

    return database.write(work, read_back=lambda _session: None)
