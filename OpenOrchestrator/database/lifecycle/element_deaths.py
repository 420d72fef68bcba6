"""What becomes of elements that a robot held when it died.

Owns taking them from it, in the transaction that settles its job or its lease. Whether the robot died is for whoever
calls this to know, what follows from it for ``element_retries``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.element_retries import Outcome, after_death
from OpenOrchestrator.database.lifecycle.waiting_elements import put_back_values
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import AttemptEnd, QueueStatus
from OpenOrchestrator.database.stores import queue_attempts, queue_rules
from OpenOrchestrator.database.stores.queue_rules import DEFAULT_RULES
from OpenOrchestrator.database.transitions import ElementEvent, apply_where

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_TABLE = cast(sa.Table, QueueElement.__table__)
_AT_ONCE = 500
"""Rows named in one statement: SQL Server takes 2100 parameters at most."""


@dataclass(frozen=True, slots=True)
class Death:
    """How elements were left.

    Attributes:
        message: For their message, storable.
        died: Whether the robot died with them in hand; False if it ended well and left them, as robots do that mean
            them to be looked at.
        process_name: The robot, where it is known.
        scheduler_name: Where it ran.
    """

    message: str
    died: bool
    process_name: str | None = None
    scheduler_name: str | None = None


def take_away(session: Session, database: Database, death: Death, *where: sa.ColumnElement[bool]) -> int:
    """Make the elements In Progress that fit Abandoned, or New once more where their queue says so.

    Their tokens go with them, so that a robot that is about to write to one at this moment is refused afterwards.

    Args:
        session: An open transaction, in which it is certain that nobody works on them.
        database: Whose clock it is.
        death: How they were left.
        where: Which elements.

    Returns:
        How many were taken.
    """
    connection = session.connection()
    held = (
        sa.select(_TABLE)
        .with_only_columns(
            _TABLE.c.id,
            _TABLE.c.queue_name,
            _TABLE.c.attempt,
            _TABLE.c.claim_token,
            _TABLE.c.job_id,
            _TABLE.c.start_date,
        )
        .where(*where, _TABLE.c.status == QueueStatus.IN_PROGRESS)
        .order_by(_TABLE.c.id)
        .with_for_update()
        .with_hint(_TABLE, "WITH (UPDLOCK, ROWLOCK)", "mssql")
    )
    rows = connection.execute(held).all()
    if not rows:
        return 0
    rules = queue_rules.read_some(session, {row.queue_name for row in rows}) if death.died else {}
    outcomes = {row.id: after_death(rules.get(row.queue_name, DEFAULT_RULES), row.attempt) for row in rows}
    now = database.site_now()
    taken: set[UUID] = set()
    for row in rows:
        outcome = outcomes[row.id]
        if outcome.ended_as is AttemptEnd.RETRIED and _try_again(session, row.id, outcome, death):
            taken.add(row.id)
    abandoned = [row.id for row in rows if outcomes[row.id].ended_as is AttemptEnd.ABANDONED]
    values = {"end_date": now, "message": death.message, "claim_token": None, "lease_until": None}
    for start in range(0, len(abandoned), _AT_ONCE):
        some = abandoned[start : start + _AT_ONCE]
        if apply_where(session, ElementEvent.ABANDON, _TABLE.c.id.in_(some), *where, values=values):
            taken.update(some)
    queue_attempts.insert(
        connection,
        [
            queue_attempts.EndedAttempt(
                token=row.claim_token,
                element_id=row.id,
                number=row.attempt,
                job_id=row.job_id,
                scheduler_name=death.scheduler_name,
                process_name=death.process_name,
                start_date=row.start_date,
                end_date=now,
                ended_as=outcomes[row.id].ended_as,
                message=death.message,
            )
            for row in rows
            if row.id in taken
        ],
    )
    return len(taken)


def _try_again(session: Session, element_id: UUID, outcome: Outcome, death: Death) -> bool:
    values: dict[str, Any] = put_back_values(outcome.pause_seconds)
    event = ElementEvent.TRY_AGAIN if values.pop("status") is QueueStatus.NEW else ElementEvent.PUT_OFF
    values |= {"attempt": _TABLE.c.attempt + 1, "message": death.message, "error_type": None, "error_code": None}
    return apply_where(session, event, _TABLE.c.id == element_id, values=values) == 1
