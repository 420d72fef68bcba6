"""What the end of a job does to a trigger that may have other jobs: the last one out sets it.

Owns the column ``status_after`` of Triggers. It is empty while a trigger has one job at a time, and then the end of a
job is one guarded UPDATE, as it always was. A claim that starts a job beside others sets it in the same transaction, so
an end that reads it under the lock of the row knows whether it has to look for others: who ends a job while another is
claimed or ended waits for that, and counts then.

While others run the trigger stays Running (or Pausing, or Killing), so schedulers of every version leave it to those
that know more. An end that holds the trigger is remembered in ``status_after``: nothing starts any more, the robots
that run are not disturbed, and the last one out leaves the trigger Failed or Killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores import running_triggers
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, raw
from OpenOrchestrator.database.transitions import TriggerEvent, apply, moves_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ALONE = TRIGGERS.c.status_after.is_(None)
"""The condition that no job of a trigger was started beside another."""

_LEADING: Mapping[TriggerStatus, TriggerEvent] = MappingProxyType(
    {
        TriggerStatus.IDLE: TriggerEvent.FINISH,
        TriggerStatus.PAUSED: TriggerEvent.FINISH_PAUSED,
        TriggerStatus.FAILED: TriggerEvent.FAIL,
        TriggerStatus.KILLED: TriggerEvent.KILL,
        TriggerStatus.DONE: TriggerEvent.FINISH_SINGLE,
    }
)
"""The event that leads a running trigger to each of the states in which it rests."""


def leading_to(status: TriggerStatus) -> TriggerEvent:
    """Return the end of a run that leads a running trigger to a state in which it rests."""
    return _LEADING[status]


def written_in(status_after: object) -> TriggerStatus:
    """Return where a trigger is led after its last job, from what is stored; garbage holds it in no state. Pure."""
    status = TriggerStatus.__members__.get(str(status_after))
    return TriggerStatus.IDLE if status is None or status not in _LEADING else status


def outcome_of(before: TriggerStatus, event: TriggerEvent) -> TriggerStatus:
    """Return where several ends lead a trigger that nobody paused or killed. Pure.

    Args:
        before: Where those lead that were before; IDLE for none that hold it.
        event: What the next end does to it.
    """
    return moves_of(event)[TriggerStatus.RUNNING] if before is TriggerStatus.IDLE else before


def end(session: Session, event: TriggerEvent, trigger_id: UUID, *, values: Mapping[str, Any] | None = None) -> bool:
    """Let the end of a job happen to its trigger: to all of it if no other job runs, else to what it is to become.

    Args:
        session: The open transaction, in which the job has ended.
        event: What the end does to a trigger that has no other job.
        trigger_id: Which one.
        values: Other columns of the trigger to set with it.

    Returns:
        Whether the trigger was waiting for the end of its jobs. What an admin set it to meanwhile stays.
    """
    if apply(session, event, trigger_id, ALONE, values=values):
        return True
    return end_among_others(session, event, trigger_id, values=values) is not None


def end_among_others(
    session: Session, event: TriggerEvent, trigger_id: UUID, *, values: Mapping[str, Any] | None = None
) -> TriggerStatus | None:
    """Let the end of one job happen to a trigger that had several; else as ``end``.

    Returns:
        In which state the trigger waited for it; None if it did not, or had one job at a time.
    """
    connection = session.connection()
    this = TRIGGERS.c.id == trigger_id
    lock = sa.update(TRIGGERS).where(this, sa.not_(ALONE)).values(status_after=TRIGGERS.c.status_after)
    if connection.execute(lock).rowcount != 1:
        return None
    # In statements of their own, which see what those committed that this one had to wait for.
    columns = (raw(TRIGGERS.c.process_status, "status"), raw(TRIGGERS.c.status_after, "after"))
    row = connection.execute(sa.select(*columns).where(this)).one()
    others = running_triggers.active_jobs(connection).of(trigger_id)
    status = TriggerStatus.__members__.get(str(row.status))
    if status is None or status not in moves_of(event):
        if not others:
            connection.execute(sa.update(TRIGGERS).where(this).values(status_after=None))
        return None
    after = outcome_of(written_in(row.after), event)
    if others:
        stays = sa.update(TRIGGERS).where(this, TRIGGERS.c.process_status == status)
        done = connection.execute(stays.values({**(values or {}), "status_after": after.name})).rowcount == 1
    else:
        last = event if moves_of(event)[TriggerStatus.RUNNING] is after else leading_to(after)
        done = apply(session, last, trigger_id, values={**(values or {}), "status_after": None})
    return status if done else None
