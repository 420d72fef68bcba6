"""Adding elements by the rules of their queue, and references that are taken."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import element_creation
from OpenOrchestrator.database.lifecycle.element_creation import CreatedElements
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus, UniqueReferences
from OpenOrchestrator.database.stores import element_order, queue_elements, queue_rules
from OpenOrchestrator.database.stores.element_order import hand_out_order
from OpenOrchestrator.database.stores.queue_rules import QueueRules

NOW = datetime(2026, 3, 1, 8, tzinfo=timezone.utc)
START = datetime(2026, 3, 1, 8)
NO_WISHES: dict[str, Any] = dict.fromkeys(("priority", "not_before", "deadline", "parent")) | {"unique": False}


def create(database: Database, reference: str | None = None, queue: str = "work", **wishes: Any) -> QueueElement:
    return element_creation.create(
        database,
        queue_name=queue,
        reference=reference,
        data=None,
        created_by=None,
        created_date=START,
        element_id=uuid4(),
        wishes=element_creation.wishes_of(database, **(NO_WISHES | wishes)),
    )


def create_many(
    database: Database, references: list[str | None], queue: str = "work", **wishes: Any
) -> CreatedElements:
    rows = queue_elements.new_rows(
        database.dialect_name, queue_name=queue, references=references, data=references, created_by=None
    )
    chosen = element_creation.wishes_of(database, **(NO_WISHES | wishes))
    return element_creation.create_many(database, rows, created_date=START, wishes=chosen)


def in_an_hour() -> datetime:
    """Return when that is on the clock of the databases; that of the program is one of the tests."""
    return datetime.now(timezone.utc) + timedelta(hours=1)


def insert_plainly(database: Database, reference: str, status: QueueStatus = QueueStatus.NEW) -> UUID:
    """Insert an element as programs of earlier versions do."""
    row = {"id": uuid4(), "queue_name": "work", "reference": reference, "status": status, "created_date": START}
    database.write(lambda session: session.execute(sa.insert(QueueElement.__table__), row))
    return row["id"]


def say(database: Database, **rules: Any) -> None:
    chosen = queue_rules.checked(QueueRules(**rules))
    edition = database.read(lambda session: queue_rules.read(session, "work")).edition
    assert database.write(lambda session: queue_rules.write(session, "work", chosen, edition, now=NOW))


def end(database: Database, element_id: UUID, status: QueueStatus = QueueStatus.DONE) -> None:
    database.write(lambda session: queue_elements.set_status(session, element_id, status, now=START))


def stored(database: Database, queue: str = "work") -> list[QueueElement]:
    wanted = queue_elements.ElementFilter(queue_name=queue)
    return list(database.read(lambda session: queue_elements.select(session, wanted)))


def test_an_element_without_wishes_is_as_one_of_an_older_program(database: Database) -> None:
    ours, plain = create(database, "a").id, insert_plainly(database, "b")
    found = {element.id: element for element in stored(database)}
    for key in (ours, plain):
        element = found[key]
        assert (element.priority, element.hand_out_order, element.attempt) == (0, 0, 1)
        assert (element.deadline, element.not_before, element.parent_id) == (None, None, None)
        assert element.status is QueueStatus.NEW


def test_what_is_wished_is_stored(database: Database) -> None:
    parent = create(database, "parent")
    deadline = NOW + timedelta(days=2, microseconds=1)
    create(database, "child", priority=7, deadline=deadline, parent=parent)
    create_many(database, ["x", None], priority=-3, deadline=timedelta(hours=1), parent=str(parent.id))
    child, first, second = (element for element in stored(database) if element.id != parent.id)
    if child.reference != "child":
        child, first, second = sorted((child, first, second), key=lambda element: element.priority, reverse=True)
    assert (child.priority, child.deadline, child.parent_id) == (7, deadline, parent.id)
    assert child.hand_out_order == hand_out_order(7, deadline)
    for element in (first, second):
        assert (element.priority, element.parent_id) == (-3, parent.id)
        assert element.hand_out_order == hand_out_order(-3, element.deadline)


def test_one_that_is_not_to_be_handed_out_yet_waits(database: Database) -> None:
    element = create(database, not_before=in_an_hour())
    assert element.status is QueueStatus.IN_PROGRESS
    assert element.not_before is not None
    assert (element.start_date, element.job_id, element.claim_token) == (None, None, None)
    assert create(database, not_before=NOW - timedelta(days=900)).status is QueueStatus.NEW
    create_many(database, ["a", "b"], queue="many", not_before=in_an_hour())
    assert {one.status for one in stored(database, "many")} == {QueueStatus.IN_PROGRESS}


def test_a_queue_gives_priority_and_deadline(database: Database) -> None:
    say(database, default_priority=4, finish_within_seconds=3600)
    before = in_an_hour() - timedelta(hours=1)
    given, chosen = create(database), create(database, priority=0, deadline=NOW)
    later = create(database, not_before=in_an_hour())
    assert given.deadline is not None
    assert timedelta(minutes=59) < given.deadline - before < timedelta(minutes=61)
    assert (given.priority, given.hand_out_order) == (4, hand_out_order(4, given.deadline))
    assert (chosen.priority, chosen.deadline) == (0, NOW)
    assert later.deadline is not None
    assert later.not_before is not None
    assert later.deadline - later.not_before == timedelta(hours=1)
    assert create(database, queue="other").deadline is None


@pytest.mark.parametrize("plainly", [False, True])
def test_open_references_are_unique_while_they_are_open(database: Database, plainly: bool) -> None:
    say(database, unique_references=UniqueReferences.OPEN)
    first = insert_plainly(database, "a") if plainly else create(database, "a").id
    assert create(database, "a").id == first
    end(database, first, QueueStatus.IN_PROGRESS)
    assert create(database, "a", unique=True).id == first
    assert create(database, "A").id != first
    assert create(database, "a ").id != first
    assert create(database, "a", queue="other").id != first
    end(database, first)
    second = create(database, "a").id
    assert second != first
    assert create(database, "a").id == second
    assert create(database).id != create(database).id


def test_references_that_are_unique_for_ever_outlive_their_elements(database: Database) -> None:
    say(database, unique_references=UniqueReferences.EVER)
    first = create(database, "a").id
    end(database, first)
    assert create(database, "a").id == first
    database.write(lambda session: queue_elements.delete(session, first))
    known = create(database, "a")
    assert (known.id, known.status, known.reference, known.data) == (first, QueueStatus.DONE, "a", None)
    assert stored(database) == []
    assert create_many(database, ["a"]).existing == {"a": first}
    plain = insert_plainly(database, "a")  # by a program that knows nothing of it
    assert create(database, "a").id == plain
    database.write(lambda session: queue_elements.delete(session, plain))
    assert create(database, "a").id == first
    say(database)
    assert create(database, "a").id not in (first, plain)


def test_a_call_can_want_what_the_queue_does_not(database: Database) -> None:
    first = insert_plainly(database, "a", QueueStatus.DONE)
    assert create(database, "a", unique=True).id == first
    assert create(database, "a").id != first
    database.write(lambda session: session.execute(sa.delete(QueueElement)))
    assert create(database, "a", unique=True).id != first


def test_many_are_added_but_for_those_that_exist(database: Database) -> None:
    first = create(database, "b").id
    made = create_many(database, ["a", "b", None, "c", "a", None], unique=True)
    elements = {element.reference: element.id for element in stored(database)}
    assert made.created == 4
    assert made.existing == {"a": elements["a"], "b": first}
    assert len(stored(database)) == 5
    again = create_many(database, ["a", "b", "c"], unique=True)
    assert (again.created, set(again.existing)) == (0, {"a", "b", "c"})
    assert create_many(database, ["a", "a"]).created == 2
    assert create_many(database, [f"n{number}" for number in range(1203)], unique=True).created == 1203
    assert create_many(database, [f"n{number}" for number in range(1204)], unique=True).created == 1


def test_of_many_that_ask_at_the_same_time_one_adds(database: Database) -> None:
    references: list[str | None] = [f"r{number}" for number in range(30)]
    workers = 6
    barrier = threading.Barrier(workers)

    def ask(number: int) -> tuple[int, list[UUID]]:
        own = Database(database.connection_string)
        try:
            barrier.wait(60)
            turned = references[number:] + references[:number]
            created = create_many(own, turned, unique=True).created
            return created, [create(own, f"single {one}", unique=True).id for one in range(10)]
        finally:
            own.close()

    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(ask, range(workers)))
    assert sum(created for created, _ in answers) == len(references)
    assert len({tuple(ids) for _, ids in answers}) == 1
    assert len(stored(database)) == len(references) + 10


def test_priorities_are_changed_in_the_order_too(database: Database) -> None:
    deadline = NOW + timedelta(days=1)
    ids = [create(database, priority=2).id, create(database, priority=-2, deadline=deadline).id, uuid4()]
    assert database.write(lambda session: element_order.set_priority(session, ids, 9)) == 2
    orders = {(element.priority, element.hand_out_order) for element in stored(database)}
    assert orders == {(9, hand_out_order(9, None)), (9, hand_out_order(9, deadline))}


@pytest.mark.parametrize(
    ("wishes", "problem"),
    [
        ({"priority": 2_000_000}, "from -1000000 to 1000000"),
        ({"priority": "high"}, "priority"),
        ({"not_before": "tomorrow"}, "not_before has to be a datetime"),
        ({"deadline": 5}, "deadline has to be a datetime"),
        ({"deadline": timedelta.max}, "outside of what a date can be"),
        ({"unique": "yes"}, "unique has to be True or False"),
        ({"parent": "x"}, "not the id of a parent element"),
    ],
)
@pytest.mark.kinds("sqlite")
def test_wishes_that_cannot_be_are_refused(database: Database, wishes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        create(database, **wishes)
    assert stored(database) == []
