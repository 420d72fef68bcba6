"""Loading triggers as objects, each of the class of its kind, past rows that hold garbage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.stores import trigger_rows
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS
from OpenOrchestrator.database.triggers import Trigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def load_one(session: Session, trigger_id: UUID) -> Trigger | None:
    """Return a trigger, or None."""
    return session.scalars(sa.select(Trigger).where(Trigger.id == trigger_id)).one_or_none()


def load(session: Session, where: Iterable[sa.ColumnElement[bool]]) -> tuple[Trigger, ...]:
    """Return the triggers that fit, by name; rows that hold garbage are left out."""
    conditions = tuple(where)
    order = (TRIGGERS.c.trigger_name, TRIGGERS.c.id)
    try:
        return tuple(session.scalars(sa.select(Trigger).where(*conditions).order_by(*order)))
    except (LookupError, TypeError, ValueError):
        pass  # a row holds garbage: find out which ones do not
    session.expunge_all()
    found = []
    ids = sa.select(trigger_rows.raw(TRIGGERS.c.id, "id")).where(*conditions).order_by(*order)
    for value in session.connection().execute(ids).scalars().all():
        try:
            trigger = load_one(session, trigger_rows.trigger_id(value))
        except (LookupError, TypeError, ValueError):
            continue  # due_triggers reports it
        if trigger is not None:
            found.append(trigger)
    return tuple(found)
