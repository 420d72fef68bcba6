"""Settling what a whole site left: SQL Server takes 2100 parameters in one statement, and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import reaping, runs
from OpenOrchestrator.database.models import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores import schedulers

HERE = Identity("here")
THERE = Identity("there")
MANY = 2101


def _most_parameters(database: Database, act: Callable[[], Any]) -> tuple[Any, int]:
    counts = [0]

    def count(_connection: Any, _cursor: Any, _statement: str, parameters: Sequence[Any], *rest: Any) -> None:
        if rest[-1] is False:  # several sets of parameters are several statements
            counts.append(len(parameters))

    sa.event.listen(database.engine, "before_cursor_execute", count)
    try:
        return act(), max(counts)
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", count)


def test_a_job_that_holds_many_elements_is_settled(database: Database) -> None:
    make.single(database)
    (run,) = make.claim_all(database, HERE)
    assert runs.begin_run(database, run)
    held = {"queue_name": "Q", "status": QueueStatus.IN_PROGRESS, "job_id": run.job_id}
    rows = [{"id": uuid4(), "created_date": database.site_now(), **held} for _ in range(MANY)]
    database.write(lambda session: session.execute(sa.insert(QueueElement.__table__), rows))
    (lease,) = reaping.read_leases(database, THERE).leases

    settled, most = _most_parameters(database, lambda: reaping.reap(database, lease, reaper=THERE))

    assert isinstance(settled, reaping.ReapedJob)
    assert most < MANY
    left = sa.select(sa.func.count()).where(QueueElement.status == QueueStatus.ABANDONED)
    assert database.read(lambda session: session.scalar(left)) == MANY


def test_many_overdue_leases_are_looked_at(database: Database) -> None:
    make.single(database)
    make.claim_all(database, HERE)
    (lease,) = reaping.read_leases(database, THERE).leases
    leases = [*(replace(lease, job_id=uuid4()) for _ in range(MANY)), lease]

    free, most = _most_parameters(database, lambda: reaping.free_of_locks(database, leases))

    assert free == (lease,)
    assert most < MANY


def test_the_holds_of_many_schedulers_are_looked_at(database: Database) -> None:
    many = [uuid4() for _ in range(MANY)]

    held, most = _most_parameters(
        database, lambda: database.read(lambda session: schedulers.held_for_too_long(session, many))
    )

    assert held == frozenset()
    assert most < MANY
