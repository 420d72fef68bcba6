"""Requests for a run of a trigger, which are kept in its row until a claim answers them.

Owns the columns ``run_*`` of Triggers: what sets them, and what empties them. There is one request for a trigger at a
time. An ordinary one is for the run that the trigger would have anyway, and is answered by any. One with arguments of
its own (``run_args`` is not None) is for a run beside the schedule, whatever state the trigger rests in: a claim for
that run alone answers it, and the run leaves the trigger as it found it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS
from OpenOrchestrator.database.transitions import TriggerEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_HAS_OWN_ARGUMENTS = sa.and_(TRIGGERS.c.run_requested_at.is_not(None), TRIGGERS.c.run_args.is_not(None))

NONE: Mapping[str, Any] = MappingProxyType(
    dict.fromkeys(
        ("run_requested_at", "run_requested_by", "run_args", "run_scheduler", "run_again_of", "run_request_id")
    )
)
"""What a trigger holds that nobody asked a run of."""

ANSWERED: Mapping[str, Any] = MappingProxyType(
    {
        "run_requested_at": sa.case((TRIGGERS.c.run_args.is_not(None), TRIGGERS.c.run_requested_at), else_=sa.null()),
        "run_requested_by": sa.case((TRIGGERS.c.run_args.is_not(None), TRIGGERS.c.run_requested_by), else_=sa.null()),
    }
)
"""What an ordinary start leaves of a request: it answers an ordinary one, and not one with arguments of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOnce:
    """A run that somebody wants beside the schedule.

    Attributes:
        arguments: What the robot gets; empty for none.
        scheduler_name: The one scheduler that may run it, whatever the whitelist says; None for any that this allows.
        again_of: The job it repeats.
        requested_by: Who wants it, as they call themselves.
        request_id: By which they find its job; None if they do not want to.
    """

    arguments: str
    scheduler_name: str | None = None
    again_of: UUID | None = None
    requested_by: str | None = None
    request_id: UUID | None = None


def request(session: Session, trigger_id: UUID, *, now: datetime, requested_by: str | None = None) -> bool:
    """Ask for an idle trigger to be run now, whether it is due or not.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        now: Aware instant.
        requested_by: Who asks, as they call themselves.

    Returns:
        False if it is not idle, or if a run with arguments of its own is waiting.
    """
    values = {**NONE, "run_requested_at": now, "run_requested_by": requested_by}
    return apply(session, TriggerEvent.REQUEST_RUN, trigger_id, sa.not_(_HAS_OWN_ARGUMENTS), values=values)


def request_once(
    session: Session, trigger_id: UUID, run: RunOnce, *guards: sa.ColumnElement[bool], now: datetime
) -> bool:
    """Ask for a trigger to be run once with these arguments, and to be left as it is.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        run: What is wanted.
        guards: What has to hold of the trigger as well.
        now: Aware instant.

    Returns:
        False if it runs, a run of it is waiting already, or a guard does not hold.
    """
    values = {
        "run_requested_at": now,
        "run_requested_by": run.requested_by,
        "run_args": run.arguments,
        "run_scheduler": run.scheduler_name,
        "run_again_of": run.again_of,
        "run_request_id": run.request_id,
    }
    free = TRIGGERS.c.run_requested_at.is_(None)
    return apply(session, TriggerEvent.REQUEST_ONCE, trigger_id, free, *guards, values=values)


def cancel(session: Session, trigger_id: UUID) -> bool:
    """Take back a request that no scheduler has answered. False if there is none any more."""
    asked = (TRIGGERS.c.id == trigger_id, TRIGGERS.c.run_requested_at.is_not(None))
    return session.connection().execute(sa.update(TRIGGERS).where(*asked).values(dict(NONE))).rowcount == 1
