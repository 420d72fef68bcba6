"""Elements found in all queues, on every kind of database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.queues.backend import find_elements
from OpenOrchestrator.orchestrator.queues.backend.find_elements import FindElementsBackend, references


def add(database: Database, queue: str, *references: str, **values: Any) -> None:
    now = database.site_now()
    rows = [
        {
            "id": uuid4(),
            "queue_name": queue,
            "status": QueueStatus.NEW,
            "reference": reference,
            "created_date": now + timedelta(seconds=number),
            **values,
        }
        for number, reference in enumerate(references)
    ]
    database.write(lambda session: session.execute(sa.insert(QueueElement), rows))


async def test_an_exact_reference_is_found_in_whichever_queue(database: Database) -> None:
    add(database, "a", "x-1", "X-1", "x-1 ", "x-10")
    add(database, "b", "other", "x-1", status=QueueStatus.FAILED)
    found = await FindElementsBackend(database, database.clock).by_reference("x-1")
    assert sorted((row.queue, row.reference) for row in found.rows) == [("a", "x-1"), ("b", "x-1")]
    assert not found.more


async def test_of_a_reference_that_many_share_some_are_shown(database: Database) -> None:
    add(database, "a", *["same"] * 10)
    found = await FindElementsBackend(database, database.clock).by_reference("same")
    assert (len(found.rows), found.more) == (find_elements.MOST_OF_A_QUEUE, True)


async def test_hundreds_of_queues_take_several_statements(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_elements, "QUEUES_AT_ONCE", 4)
    for number in range(9):
        add(database, f"q{number}", "x")
    add(database, "last", "wanted")
    backend = FindElementsBackend(database, database.clock)
    assert [row.queue for row in (await backend.by_reference("wanted")).rows] == ["last"]
    assert len((await backend.by_reference("x")).rows) == find_elements.MOST_FOUND


@pytest.mark.parametrize("reference", ["", "x" * 101, "a\0b"])
async def test_what_is_no_reference_is_not_asked_for(database: Database, reference: str) -> None:
    assert (await FindElementsBackend(database, database.clock).by_reference(reference)).rows == ()


async def test_a_word_is_looked_for_in_reference_data_and_message(database: Database) -> None:
    add(database, "a", "has NEEDLE", "none")
    add(database, "b", "x", data='{"k": "needle"}')
    add(database, "c", "y", message="a needle")
    found = await FindElementsBackend(database, database.clock).holding("needle")
    assert sorted(row.queue for row in found.rows) == ["a", "b", "c"]
    assert (found.queues, found.searched, found.complete) == (3, 3, True)


async def test_a_search_says_when_only_the_newest_elements_were_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_elements, "SEARCHED_ELEMENTS", 3)
    add(database, "a", "needle", *["x"] * 5)
    found = await FindElementsBackend(database, database.clock).holding("needle")
    assert (found.rows, found.searched, found.complete) == ((), 1, False)


async def test_a_search_ends_when_its_time_is_over(database: Database) -> None:
    for name in ("a", "b", "c"):
        add(database, name, "needle")
    seconds = iter(range(100))
    found = await FindElementsBackend(database, database.clock, monotonic=lambda: float(next(seconds))).holding(
        "needle"
    )
    assert (found.queues, found.searched, found.complete) == (3, 1, False)


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_a_reference_is_found_along_the_index_of_queue_and_reference(database: Database) -> None:
    names = [f"q{number:03}" for number in range(60)]
    for name in names[:3]:
        add(database, name, *(f"r{number}" for number in range(2000)), data="x" * 200)
    analyze = {"postgresql": 'ANALYZE "Queues"', "mysql": "ANALYZE TABLE `Queues`", "sqlite": "ANALYZE"}
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(analyze[database.dialect_name]).close()
    seen: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
        seen.append((text, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    database.read(lambda session: session.execute(references(names[:50], "r7")).all())
    sa.event.remove(database.engine, "before_cursor_execute", listen)
    text, parameters = next(each for each in reversed(seen) if "UNION" in each[0])
    prefix = {"postgresql": "EXPLAIN ", "mysql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}[database.dialect_name]
    with database.connection() as connection:
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(prefix + text, parameters).all())
    # A server that has looked at the rows may walk an empty queue along any index.
    assert plan.count("ix_Queues_reference") >= 3, plan
    for word in ("Seq Scan", "filesort", "TEMP B-TREE", "Bitmap"):
        assert word not in plan, plan
