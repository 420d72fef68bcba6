"""Data access of the names of processes, whatever else the rows of their triggers hold.

Reads single columns: a trigger that cannot be used because of another column still has a process to report to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def of_trigger(session: Session, trigger_id: UUID) -> str | None:
    """Return the name of the process that a trigger starts; None if there is no such trigger."""
    return session.connection().scalar(sa.select(TRIGGERS.c.process_name).where(TRIGGERS.c.id == trigger_id))
