"""Where a trigger may run and what it needs there, as its columns hold it: whitelist and labels, blocking and screen.

Owns keeping columns in step that older clients write alone: the mark in the whitelist of a trigger that requires
labels, which hides it from schedulers that know none; and which of ``is_blocking`` and ``desktop`` counts.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.labels import NEEDS_LABELS
from OpenOrchestrator.database.statuses import Desktop
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, TriggerRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_WHITELIST = TRIGGERS.c.scheduler_whitelist
NAMES_NOBODY = sa.or_(
    _WHITELIST.is_(None), _WHITELIST == [], _WHITELIST == [NEEDS_LABELS], sa.cast(_WHITELIST, sa.String(250)) == ""
)
"""The condition that a whitelist names no scheduler."""

_REQUIRES_LABELS = sa.and_(TRIGGERS.c.labels.is_not(None), TRIGGERS.c.labels != [])
_REQUIRES_NONE = sa.or_(TRIGGERS.c.labels.is_(None), TRIGGERS.c.labels == [])


def desktop_of(is_blocking: bool, desktop: str | None) -> Desktop:
    """Return what a trigger needs of its machine. Pure."""
    if is_blocking:
        return Desktop.EXCLUSIVE
    return Desktop.SCREEN if desktop == Desktop.SCREEN.name else Desktop.BACKGROUND


def desktop_values(desktop: Desktop) -> dict[str, Any]:
    """Return the columns that say what a trigger needs of its machine. Pure."""
    return {
        "is_blocking": desktop is Desktop.EXCLUSIVE,
        "desktop": Desktop.SCREEN.name if desktop is Desktop.SCREEN else None,
    }


def required_labels(trigger: TriggerRow, *, once: bool = False) -> tuple[str, ...]:
    """Return the labels that a run of a trigger requires: none where somebody chose the scheduler for a run once."""
    return () if once and trigger.run_scheduler is not None else trigger.labels


def keep_mark(session: Session, trigger_id: UUID, changed: Collection[str]) -> None:
    """Put the mark into the whitelist of a trigger that requires labels and names no scheduler, or take it out.

    Args:
        session: A transaction in which the trigger was changed.
        trigger_id: Which one.
        changed: The columns that were changed; others than whitelist and labels need nothing.
    """
    if not {"scheduler_whitelist", "labels"}.intersection(changed):
        return
    own = (TRIGGERS.c.id == trigger_id, NAMES_NOBODY)
    for needs, names in ((_REQUIRES_LABELS, [NEEDS_LABELS]), (_REQUIRES_NONE, [])):
        session.connection().execute(sa.update(TRIGGERS).where(*own, needs).values(scheduler_whitelist=names))
