"""Triggers that a failed run is to hold once their other jobs have ended, and how an admin lets them go on before that.

Owns what somebody who enables a trigger makes of its column ``status_after``; the ends of jobs own the rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

GOES_ON = sa.case((TRIGGERS.c.status_after.is_not(None), TriggerStatus.IDLE.name), else_=sa.null())
"""What ``status_after`` becomes: the other jobs are still counted, and nothing holds the trigger after them."""


def let_go_on(
    session: Session, trigger_id: UUID, *guards: sa.ColumnElement[bool], values: Mapping[str, Any] | None = None
) -> bool:
    """Let a trigger go on that runs, and that a failed one of its runs was to hold.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        guards: What has to hold as well.
        values: Other columns to set with it.

    Returns:
        False if nothing was to hold it, or if it does not run.
    """
    held = (
        TRIGGERS.c.id == trigger_id,
        TRIGGERS.c.process_status == TriggerStatus.RUNNING,
        TRIGGERS.c.status_after != TriggerStatus.IDLE.name,
    )
    update = (
        sa.update(TRIGGERS).where(*held, *guards).values({**(values or {}), "status_after": TriggerStatus.IDLE.name})
    )
    return session.connection().execute(update).rowcount == 1
