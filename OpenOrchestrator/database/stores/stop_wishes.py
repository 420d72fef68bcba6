"""Whether a running robot is asked to come to an end by what it runs on: its site or its scheduler.

Reads only, and loads little, because robots ask. What is asked of its trigger is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow, uuid_type
from OpenOrchestrator.database.stores import site_pause

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# Not the models: few robots need them, and loading them takes time.
_JOBS = sa.table("Jobs", sa.column("id", uuid_type()), *map(sa.column, ("scheduler_name", "stop_asked_at")))
_SCHEDULERS = sa.table("Schedulers", *map(sa.column, ("machine_name", "drain_at", "stopping_at")))


def is_asked_to_end(session: Session, job_id: UUID | None) -> bool:
    """Tell whether the site is paused, a job is asked to come to an end, or its scheduler is drained or stops.

    A cordon alone asks no robot to end.

    Args:
        session: An open transaction.
        job_id: The robot's job; None if it has none, so that the site alone counts.
    """
    columns = (_JOBS.c.stop_asked_at, _SCHEDULERS.c.drain_at, _SCHEDULERS.c.stopping_at)
    ends = sa.or_(*(column.is_not(None) for column in columns))
    join = _JOBS.outerjoin(_SCHEDULERS, _SCHEDULERS.c.machine_name == _JOBS.c.scheduler_name)
    own = sa.select(sa.func.count()).select_from(join).where(_JOBS.c.id == job_id, ends)
    found: list[sa.ColumnElement[Any]] = [site_pause.value_query().label("stored"), DatabaseUtcNow().label("now")]
    if job_id is not None:
        found.append(own.scalar_subquery().label("own"))
    row = session.connection().execute(sa.select(*found)).one()
    return site_pause.in_force(row.stored, now=row.now) is not None or (job_id is not None and row.own > 0)
