"""Pauses of triggers, with who paused, why and until when.

Owns the columns ``pause*`` of Triggers. They belong to the pause they came with: they count while the trigger is Paused
or Pausing, everything that ends the pause empties them, and a scheduler empties what older programs left, which set the
status alone (``lifecycle.pauses``). So the reason of one pause is never shown for a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores import run_requests
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS
from OpenOrchestrator.database.transitions import TriggerEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NONE: Mapping[str, Any] = MappingProxyType(dict.fromkeys(("paused_at", "paused_by", "pause_reason", "paused_until")))
"""What a trigger holds that nobody paused, or nobody who said why."""

PAUSED = (TriggerStatus.PAUSED, TriggerStatus.PAUSING)
"""In these states counts what is known of a pause."""

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseNote:
    """What is known of a pause.

    Attributes:
        by: Who paused it, as they call themselves.
        reason: Why.
        until: When it ends by itself, an aware instant; None if somebody has to enable the trigger.
    """

    by: str | None = None
    reason: str | None = None
    until: datetime | None = None


def pause(session: Session, trigger_id: UUID, note: PauseNote, *, now: datetime) -> bool:
    """Keep a trigger from running again until its pause ends or it is enabled; a run that goes on may end.

    A run that was asked for and has not started is not wanted any more.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        note: Who, why, until when.
        now: Aware instant.

    Returns:
        False if its state does not allow it; nothing was changed.
    """
    values = {"paused_at": now, "paused_by": note.by, "pause_reason": note.reason, "paused_until": note.until}
    return apply(session, TriggerEvent.DISABLE, trigger_id, values={**run_requests.NONE, **values})


def change(session: Session, trigger_id: UUID, note: PauseNote, *, now: datetime) -> bool:
    """Give the pause of a trigger another reason and another end; else as ``pause``.

    Returns:
        False if it is not paused any more.
    """
    values = {"paused_at": now, "paused_by": note.by, "pause_reason": note.reason, "paused_until": note.until}
    paused = (TRIGGERS.c.id == trigger_id, TRIGGERS.c.process_status.in_(PAUSED))
    return session.connection().execute(sa.update(TRIGGERS).where(*paused).values(values)).rowcount == 1
