"""What the database reads to find elements whose time has come, and leases of robots without a job."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.lifecycle import element_leases, waiting_elements
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.lifecycle.element_statements import claim_statements
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus

SITE_NOW = datetime(2026, 1, 1, 1)
NOW = datetime.now(timezone.utc)


def fill(database: Database, count: int, **values: Any) -> list[UUID]:
    rows = [
        {
            "id": uuid4(),
            "queue_name": f"queue {number % 3}",
            "status": QueueStatus.IN_PROGRESS,
            "created_date": SITE_NOW,
            **{key: value(number) if callable(value) else value for key, value in values.items()},
        }
        for number in range(count)
    ]
    database.write(lambda session: session.execute(sa.insert(QueueElement), rows))
    return [row["id"] for row in rows]


@pytest.fixture
def grown(database: Database) -> Database:
    """A database where many are done and held by jobs, many wait for long, and a few of each kind are due."""
    fill(database, 6000, status=QueueStatus.DONE, start_date=SITE_NOW, claim_token=lambda _: uuid4())
    fill(database, 500, job_id=lambda _: uuid4(), start_date=SITE_NOW, claim_token=lambda _: uuid4())
    fill(database, 3000, not_before=lambda number: NOW + timedelta(days=1, seconds=number))
    fill(database, 5, not_before=lambda number: NOW - timedelta(seconds=number + 1))
    lease = {"start_date": SITE_NOW, "claim_token": lambda _: uuid4(), "lease_until": NOW + timedelta(minutes=5)}
    fill(database, 5, **lease)
    with database.connection(writing=True) as connection:
        analyze = {"postgresql": "ANALYZE", "mysql": "ANALYZE TABLE `Queues`", "sqlite": "ANALYZE"}
        connection.exec_driver_sql(analyze[database.dialect_name]).close()
    return database


def explain(database: Database, query: sa.Select[Any]) -> str:
    prefix = {
        "postgresql": "EXPLAIN (FORMAT JSON, COSTS OFF) ",
        "mysql": "EXPLAIN FORMAT=JSON ",
        "sqlite": "EXPLAIN QUERY PLAN ",
    }[database.dialect_name]
    compiled = query.compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True})
    with database.connection() as connection:
        rows = connection.execute(sa.text(prefix + str(compiled).replace(":", "\\:"))).all()
    return " ".join(str(value) for row in rows for value in row)


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
@pytest.mark.parametrize("query", [waiting_elements._DUE, element_leases._LEASES], ids=["due", "leases"])
def test_one_end_of_an_index_tells_what_is_due_and_who_holds_without_a_job(
    grown: Database, query: sa.Select[Any]
) -> None:
    plan = explain(grown, query)
    assert "ix_Queues_held" in plan
    for word in ("Seq Scan", "SCAN Queues", "TEMP B-TREE", "filesort"):
        assert word not in plan, plan
    if grown.dialect_name == "postgresql" and query is waiting_elements._DUE:
        # It compares within the index, and not with each row that waits.
        assert re.search(r"Index Cond[^}]*not_before <= \$0", plan), plan


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_exactly_those_whose_time_has_come_are_made_new(grown: Database) -> None:
    def new() -> int:
        query = sa.select(sa.func.count()).select_from(QueueElement).where(QueueElement.status == QueueStatus.NEW)
        return grown.read(lambda session: session.scalar(query)) or 0

    assert waiting_elements.wake(grown) == 5
    assert new() == 5
    assert waiting_elements.wake(grown) == 0
    assert new() == 5
    assert len(element_leases.read_leases(grown)[1]) == 5


def test_many_are_made_new_by_and_by(database: Database) -> None:
    fill(database, waiting_elements.MOST_AT_ONCE + 1, not_before=NOW - timedelta(hours=1))
    assert [waiting_elements.wake(database) for _ in range(3)] == [waiting_elements.MOST_AT_ONCE, 1, 0]


@pytest.mark.kinds("postgresql", "mariadb")
def test_what_somebody_else_makes_new_at_this_moment_is_passed_over(database: Database) -> None:
    fill(database, 3, queue_name="q", not_before=NOW - timedelta(hours=1))
    other = Database(database.connection_string, clock=database.clock)
    with other.connection(writing=True) as connection:
        assert len(connection.execute(waiting_elements._FREE).all()) == 3
        assert waiting_elements.wake(database) == 0
    other.close()
    assert waiting_elements.wake(database) == 3


def test_a_claim_says_for_how_long_and_empties_what_was_left(database: Database) -> None:
    (element_id,) = fill(database, 1, status=QueueStatus.NEW, queue_name="q", not_before=NOW, progress=0.5)
    element = claim_next(database, "q", lease_seconds=300)
    assert element is not None
    assert (element.not_before, element.progress) == (None, None)
    stored = database.read(lambda session: session.get_one(QueueElement, element_id))
    now = database.read(lambda session: session.scalar(sa.select(DatabaseUtcNow())))
    assert (stored.not_before, stored.progress) == (None, None)
    assert stored.lease_until is not None
    assert now is not None
    assert 290 < (stored.lease_until - now).total_seconds() <= 300


def test_sql_server_leases_on_its_own_clock() -> None:
    statements = claim_statements(mssql.dialect(), by_reference=False, by_job=False, lease_seconds=300)
    assert "lease_until = DATEADD(MILLISECOND, CAST((300" in statements.claim.sql
    assert "SYSUTCDATETIME())" in statements.claim.sql
