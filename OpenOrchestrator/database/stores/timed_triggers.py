"""Which idle triggers may be due by the clock, on request or for a retry, and when the next of the others may be.

Reads only, on behalf of ``due_triggers``, which reads the rows more closely.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.database.stores.trigger_rows import (
    BASE_COLUMNS,
    SCHEDULED,
    SINGLE,
    TIME_COLUMNS,
    TIME_JOIN,
    TRIGGERS,
    date_or_none,
    raw,
)

_IDLE = TRIGGERS.c.process_status == TriggerStatus.IDLE
_LAST_DATE = datetime.max  # noqa: DTZ901  (site time is naive)
_LATEST = sa.bindparam("latest", type_=SINGLE.c.next_run.type)


def find(connection: Connection, latest: datetime) -> list[sa.Row[Any]]:
    """Return those that may be due.

    Args:
        connection: An open transaction.
        latest: The latest site time that now may be, naive.
    """
    return list(connection.execute(query(connection.dialect.name), {"latest": latest}))


@lru_cache
def query(dialect_name: str) -> sa.Select[Any]:
    """Return the query of the idle triggers that may be due without a queue; ``latest`` is the latest site time."""

    def may_be_due(next_run: sa.Column[datetime]) -> sa.ColumnElement[bool]:
        found = sa.or_(next_run <= _LATEST, next_run.is_(None))
        if dialect_name == "sqlite":  # dates are texts there: one behind all dates is none
            found = sa.or_(found, next_run > _LAST_DATE)
        return found

    kind = TRIGGERS.c.type
    return (
        sa.select(*BASE_COLUMNS, *TIME_COLUMNS)
        .select_from(TIME_JOIN)
        .where(
            _IDLE,
            sa.or_(
                sa.and_(TRIGGERS.c.run_requested_at.is_not(None), TRIGGERS.c.run_args.is_(None)),
                TRIGGERS.c.retry_at.is_not(None),
                sa.and_(kind == TriggerType.SINGLE, may_be_due(SINGLE.c.next_run)),
                sa.and_(kind == TriggerType.SCHEDULED, may_be_due(SCHEDULED.c.next_run)),
                kind.not_in(list(TriggerType)),
            ),
        )
    )


def later(connection: Connection, latest: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return instants before which no trigger falls due by the clock that is not due yet; none if none ever does."""
    row = connection.execute(_FIRST_LATER, {"latest": latest}).one()
    # In the hour that occurs twice this may be too early, never too late.
    return [cron.to_utc(first, zone) for first in map(date_or_none, row) if first is not None]


def _first_later(child: sa.Table, kind: TriggerType) -> sa.Label[Any]:
    join = child.join(TRIGGERS, TRIGGERS.c.id == child.c.id)
    ahead = (child.c.next_run > _LATEST, child.c.next_run <= _LAST_DATE)
    first = sa.select(sa.func.min(child.c.next_run)).select_from(join).where(_IDLE, TRIGGERS.c.type == kind, *ahead)
    return raw(first.scalar_subquery(), kind.name)


_FIRST_LATER = sa.select(_first_later(SINGLE, TriggerType.SINGLE), _first_later(SCHEDULED, TriggerType.SCHEDULED))
