"""Triggers whose status is none that anybody knows, found without walking through all triggers there ever were.

Reads only, on behalf of ``due_triggers``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores.trigger_rows import BASE_COLUMNS, TRIGGERS, raw


def find(connection: Connection) -> list[tuple[Any, str]]:
    """Return them with what is wrong, where the column is a text: those between and around the known names."""
    if connection.dialect.name not in ("sqlite", "mssql"):
        return []
    rows = connection.execute(_UNKNOWN)
    return [(row, f"its column process_status holds {str(row.status)[:50]!r}") for row in rows]


def _unknown() -> sa.CompoundSelect[Any]:
    # One range of the index each, because joined by OR they would be a walk through all triggers there ever were.
    status = sa.type_coerce(TRIGGERS.c.process_status, sa.String(20))
    names = sorted(TriggerStatus.__members__)
    ranges = [
        status < names[0],
        *(sa.and_(status > low, status < high) for low, high in pairwise(names)),
        status > names[-1],
    ]
    columns = (*BASE_COLUMNS, raw(TRIGGERS.c.process_status, "status"))
    return sa.union_all(*(sa.select(*columns).where(between) for between in ranges))


_UNKNOWN = _unknown()
