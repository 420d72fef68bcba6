"""Idle triggers that are due, as programs of older versions ask for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores import due_triggers
from OpenOrchestrator.database.stores.trigger_objects import load
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS
from OpenOrchestrator.database.triggers import Trigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def find(session: Session, kind: TriggerType, *, now: datetime, zone: ZoneInfo) -> tuple[Trigger, ...]:
    """Return the idle triggers of one kind that are due, in the order in which they should run.

    Those that may have another job beside one that runs are left out: who asks here starts what is idle.

    Args:
        session: An open transaction.
        kind: Which ones.
        now: Aware instant.
        zone: The site's time zone.
    """
    found = due_triggers.find(session.connection(), now=now, zone=zone, scheduler_name=None)
    ids = [trigger.trigger_id for trigger in found.due if trigger.type is kind and not trigger.beside]
    if not ids:
        return ()
    by_id = {trigger.id: trigger for trigger in load(session, (TRIGGERS.c.id.in_(ids),))}
    return tuple(by_id[one] for one in ids if one in by_id)
