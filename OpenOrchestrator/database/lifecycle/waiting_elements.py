"""Elements that wait for a time before which they are not handed out.

Programs of earlier versions hand out whatever is New and know no such time, so an element that waits is In Progress,
held by nobody: without a job, a token and a start date. Whoever takes it after all, because an admin made it New in an
older app, sets a start date, and then it does not wait any more. Owns how they are told and made New in time; decision
0042 has the reasons.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.database import Database

MOST_AT_ONCE = 500
"""How many elements one transaction makes New."""

_TABLE = cast(sa.Table, QueueElement.__table__)
_IN_PROGRESS = _TABLE.c.status == sa.literal_column("'IN_PROGRESS'")

IS_WAITING: tuple[sa.ColumnElement[bool], ...] = (
    _TABLE.c.job_id.is_(None),
    _IN_PROGRESS,
    _TABLE.c.not_before.is_not(None),
    _TABLE.c.start_date.is_(None),
    _TABLE.c.claim_token.is_(None),
)
"""The conditions that an element waits. The first three are for the index."""

# Asked once, as a subquery: PostgreSQL compares with a clock that goes on for each row, and not by an index.
_IS_DUE = _TABLE.c.not_before <= sa.select(DatabaseUtcNow()).scalar_subquery()
_DUE = sa.select(_TABLE.c.id).where(*IS_WAITING, _IS_DUE).order_by(_TABLE.c.not_before).limit(MOST_AT_ONCE)
_FREE = free_only(_DUE, _TABLE)


def put_back_values(wait: float | datetime) -> dict[str, Any]:
    """Return what an element holds that is put back: New, or waiting. Nobody holds it any more.

    Args:
        wait: For how many seconds from now on the database's clock, or until when (aware); 0 not at all.
    """
    values: dict[str, Any] = {"job_id": None, "claim_token": None, "lease_until": None}
    if isinstance(wait, datetime) or wait > 0:
        until = wait if isinstance(wait, datetime) else DatabaseUtcNow(wait)
        return values | {"status": QueueStatus.IN_PROGRESS, "not_before": until, "start_date": None}
    return values | {"status": QueueStatus.NEW, "not_before": None}


def wake(database: Database) -> int:
    """Make New the elements whose time has come, of all queues, and return how many.

    Any number of programs may do this at the same time. Nothing is written where none is due.
    """
    if not database.read(lambda session: session.connection().execute(_DUE.limit(1)).first()):
        return 0

    def work(session: Session) -> int:
        connection = session.connection()
        # Past what others make New at this moment: an UPDATE would wait for them, and then hold the rows locked until
        # its end, so that claims pass over them and find the queue empty.
        ids = connection.execute(_FREE).scalars().all()
        if not ids:
            return 0
        due = sa.update(_TABLE).where(_TABLE.c.id.in_(sorted(ids)), *IS_WAITING, _IS_DUE)
        return int(connection.execute(due.values(status=QueueStatus.NEW, not_before=None)).rowcount)

    return database.write(work, read_back=lambda _session: None)
