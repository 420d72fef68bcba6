"""The retry that a trigger waits for, which is kept in its row until a claim takes it.

Owns the columns ``retry_at``, ``retry_number``, ``retry_of`` and ``retry_last_run`` of Triggers. There is one for a
trigger at a time, decided on in the transaction that ends the run. It counts while the trigger's last run is the one
that it was decided on after: a scheduler of an older version, which knows no retries, starts the trigger and leaves
these columns as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, TriggerRow, WaitingRetry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ROUNDED = timedelta(seconds=1)
"""How much columns of earlier versions may cut off a time."""

NONE: Mapping[str, Any] = MappingProxyType(
    dict.fromkeys(("retry_at", "retry_number", "retry_of", "retry_last_run")),
)
"""What a trigger holds that waits for no retry."""


def waiting(at: datetime, number: int, first: UUID | None) -> dict[str, Any]:
    """Return what a trigger holds that waits for a retry.

    Args:
        at: When it is due on the database's clock, aware.
        number: Which retry, from 1.
        first: The first attempt; None if that is not known.
    """
    return {
        "retry_at": at,
        "retry_number": number,
        "retry_of": first,
        "retry_last_run": TRIGGERS.c.last_run,
    }


def database_now(session: Session) -> datetime:
    """Return the instant on the database's clock, aware."""
    now: datetime | None = session.connection().scalar(sa.select(DatabaseUtcNow()))
    assert now is not None  # noqa: S101  (a clock always shows something)
    return now


def when_due(
    trigger: TriggerRow, retry: WaitingRetry, *, now: datetime, zone: ZoneInfo, database_now: datetime
) -> tuple[datetime, timedelta]:
    """Return when a retry is due, and how long that is from now; nothing or less if it is. Pure.

    Args:
        trigger: As it was read.
        retry: What it waits for.
        now: Aware instant, on this machine's clock.
        zone: The site's time zone.
        database_now: The same on the database's clock.
    """
    if trigger.type is TriggerType.SINGLE and trigger.next_run is not None:
        # Its next run was set to the retry, for schedulers that know none. Where it is another time now, it was edited,
        # by somebody whose clock is that of the machines.
        due_at = cron.resolve_due(trigger.next_run, trigger.due_at, zone)
        if abs(due_at - retry.at) > _ROUNDED:
            return due_at, due_at - now
    return retry.at, retry.at - database_now


def pass_over_missed(session: Session, trigger_id: UUID) -> None:
    """Give up the retry of a scheduled trigger whose time has come, as its due times are that were missed."""
    missed = (
        TRIGGERS.c.id == trigger_id,
        TRIGGERS.c.type == TriggerType.SCHEDULED,
        TRIGGERS.c.retry_at <= DatabaseUtcNow(),
    )
    session.connection().execute(sa.update(TRIGGERS).where(*missed).values(dict(NONE)))
