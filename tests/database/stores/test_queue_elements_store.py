"""Data access of queue elements."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores import queue_counts, queue_elements
from OpenOrchestrator.database.stores.queue_elements import ElementFilter

START = datetime(2026, 3, 1, 8)


def add(database: Database, queue_name: str = "work", **values: Any) -> UUID:
    given = {"reference": None, "data": None, "created_by": None, "created_date": START, **values}
    later = {name: given.pop(name) for name in ("status", "message") if name in given}
    element = database.write(lambda session: queue_elements.create(session, queue_name=queue_name, **given))
    if later:
        database.write(lambda session: queue_elements.update(session, element.id, later))
    return element.id


def get(database: Database, element_id: UUID) -> QueueElement:
    return database.read(lambda session: queue_elements.get(session, element_id))


def references(database: Database, order_by: str | None = None, **options: Any) -> list[str | None]:
    query = {name: options.pop(name) for name in ("descending", "offset", "limit") if name in options}
    wanted = ElementFilter(**{"queue_name": "work", **options})
    found = database.read(lambda session: queue_elements.select(session, wanted, order_by=order_by, **query))
    return [element.reference for element in found]


def count(database: Database, **options: Any) -> int:
    wanted = ElementFilter(**{"queue_name": "work", **options})
    return database.read(lambda session: queue_elements.count(session, wanted))


@pytest.fixture
def filled(database: Database) -> Database:
    """Five elements, an hour apart, b and d done."""
    for number, letter in enumerate("abcde"):
        status = QueueStatus.DONE if letter in "bd" else QueueStatus.NEW
        add(
            database,
            reference=letter,
            data=f"data {letter}",
            created_date=START + timedelta(hours=number),
            status=status,
        )
    add(database, "other", reference="x")
    return database


def test_a_created_element_is_new_and_complete(database: Database) -> None:
    element_id = add(database, reference="r", data="æ 😀", created_by="me")
    element = get(database, element_id)
    assert (element.queue_name, element.reference, element.data, element.created_by) == ("work", "r", "æ 😀", "me")
    assert (element.status, element.created_date) == (QueueStatus.NEW, START)
    rest = (element.start_date, element.end_date, element.message, element.job_id, element.claim_token)
    assert rest == (None,) * 5


@pytest.mark.parametrize(("column", "limit"), [("queue_name", 100), ("reference", 100), ("created_by", 100)])
def test_texts_are_stored_up_to_their_limit(database: Database, column: str, limit: int) -> None:
    fits = "ø" * limit
    element = get(database, add(database, **{column: fits}))
    assert getattr(element, column) == fits
    with pytest.raises(InvalidInputError, match=f"is {limit + 1} characters long, but at most {limit}"):
        add(database, **{column: fits + "ø"})
    for wrong in ("a\0b", "\udc80"):
        with pytest.raises(InvalidInputError):
            add(database, **{column: wrong})
    with database.connection() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(QueueElement)) == 1


def insert(database: Database, refs: Any, data: Any, queue_name: Any = "work", created_by: Any = None) -> None:
    rows = queue_elements.new_rows(
        database.dialect_name, queue_name=queue_name, references=refs, data=data, created_by=created_by
    )
    database.write(lambda session: queue_elements.insert_rows(session, rows, created_date=START))


def test_many_elements_keep_their_order(database: Database) -> None:
    names = [str(number) for number in range(2500)]
    insert(database, tuple(names), iter(names), created_by="me")
    assert references(database, limit=None) == names
    assert count(database) == 2500
    element = database.read(
        lambda session: queue_elements.select(session, ElementFilter(queue_name="work"), offset=2499)
    )[0]
    assert (element.data, element.created_by) == ("2499", "me")
    assert element.created_date == START + timedelta(microseconds=2499)


def test_many_elements_may_lack_references_and_data(database: Database) -> None:
    insert(database, [None, "a"], ["x", None])
    assert references(database) == [None, "a"]


@pytest.mark.parametrize(
    ("refs", "data", "message"),
    [
        ([], [], "No reference strings were given"),
        (["a"], (), "No data strings were given"),
        (["a"], ["a", "b"], "don't match: 1 != 2"),
        ("abc", ["a", "b", "c"], "references have to be a list or tuple of texts, not str"),
        (["a"], None, "data have to be a list or tuple of texts, not NoneType"),
        (["a", "x" * 101], ["a", "b"], "reference number 2 is 101 characters long"),
        (["a", "b", "c"], ["a", "b", {}], "data number 3 has to be a text"),
    ],
)
def test_many_elements_are_added_all_or_none(database: Database, refs: Any, data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        insert(database, refs, data)
    assert count(database) == 0


def test_filters(filled: Database) -> None:
    assert references(filled) == list("abcde")
    assert references(filled, queue_name="none") == []
    assert references(filled, reference="c") == ["c"]
    assert references(filled, reference="") == []
    assert references(filled, status=QueueStatus.DONE) == ["b", "d"]
    second, fourth = START + timedelta(hours=1), START + timedelta(hours=3)
    assert references(filled, from_date=second, to_date=fourth) == ["b", "c", "d"]
    assert count(filled, from_date=second, to_date=fourth, status=QueueStatus.DONE) == 2


def test_order_and_pages(filled: Database) -> None:
    assert references(filled, descending=True) == list("edcba")
    assert references(filled, "reference", descending=True, limit=2) == ["e", "d"]
    assert references(filled, "Created Date", offset=3) == ["d", "e"]
    assert references(filled, offset=1, limit=2) == ["b", "c"]
    assert references(filled, limit=0) == []
    assert references(filled, limit=99_999_999) == list("abcde")
    assert references(filled, limit=10**30, offset=0) == list("abcde")
    assert references(filled, offset=10**30) == []
    assert references(filled, offset=2, limit=None) == ["c", "d", "e"]


@pytest.mark.parametrize(
    "wrong",
    [{"limit": -1}, {"offset": -1}, {"limit": "5"}, {"order_by": "nope"}, {"status": "DONE"}, {"queue_name": None}],
)
def test_wrong_filters_are_refused_even_where_nothing_is_wanted(database: Database, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        references(database, **wrong)
    if "limit" not in wrong:
        with pytest.raises(InvalidInputError):
            references(database, **{**wrong, "limit": 0})


def test_equal_ones_have_a_firm_order(database: Database) -> None:
    ids = [add(database) for _ in range(20)]
    pages = [
        database.read(
            lambda session, first=first: queue_elements.select(
                session, ElementFilter(queue_name="work"), order_by="status", offset=first, limit=5
            )
        )
        for first in range(0, 20, 5)
    ]
    assert sorted(element.id for page in pages for element in page) == sorted(ids)


def test_search_finds_parts_of_reference_data_and_message_as_they_are(database: Database) -> None:
    add(database, reference="Alpha", data="100% sure")
    add(database, reference="beta_1", data="a/b", created_by="Alpha", created_date=START + timedelta(1))
    add(database, reference="gamma", message="went wrong: 5 % \\ [x]", created_date=START + timedelta(2))
    assert references(database, search_term="alph") == ["Alpha"]
    assert references(database, search_term="%") == ["Alpha", "gamma"]
    assert references(database, search_term="_") == ["beta_1"]
    assert references(database, search_term="a_") == ["beta_1"]
    assert references(database, search_term="/") == ["beta_1"]
    assert references(database, search_term="\\") == ["gamma"]
    assert references(database, search_term="[x]") == ["gamma"]
    assert references(database, search_term="WRONG") == ["gamma"]
    assert references(database, search_term="'; DROP") == []
    assert references(database, search_term="") == ["Alpha", "beta_1", "gamma"]
    assert count(database, search_term="%") == 2


def test_counts_by_status(filled: Database) -> None:
    counts = filled.read(queue_counts.count_by_status)
    assert counts == {"work": {QueueStatus.NEW: 3, QueueStatus.DONE: 2}, "other": {QueueStatus.NEW: 1}}


def test_admins_set_any_status_whoever_holds_it(database: Database) -> None:
    element_id = add(database)

    def set_status(status: QueueStatus, message: str | None = None) -> QueueElement:
        now = START + timedelta(hours=1)
        database.write(lambda session: queue_elements.set_status(session, element_id, status, message=message, now=now))
        return get(database, element_id)

    database.write(lambda session: session.execute(sa.update(QueueElement).values(job_id=uuid4(), claim_token=uuid4())))
    element = set_status(QueueStatus.ABANDONED, "why")
    assert (element.start_date, element.end_date, element.message) == (None, START + timedelta(hours=1), "why")
    assert element.job_id is not None
    assert element.claim_token is None, "whoever held it cannot write to it any more"
    element = set_status(QueueStatus.IN_PROGRESS)
    assert (element.start_date, element.message) == (START + timedelta(hours=1), "why")
    element = set_status(QueueStatus.NEW)
    assert (element.status, element.job_id, element.claim_token) == (QueueStatus.NEW, None, None)
    message = set_status(QueueStatus.DONE, "x" * 1001).message
    assert message is not None
    assert len(message) == 1000


def test_update_changes_what_is_given(database: Database) -> None:
    element_id = add(database, reference="r", data="d")

    def update(**changes: Any) -> QueueElement:
        database.write(lambda session: queue_elements.update(session, element_id, changes))
        return get(database, element_id)

    end = START + timedelta(days=1)
    element = update(reference="new", data=None, message="m", created_by="me", end_date=end)
    assert (element.reference, element.data, element.message, element.created_by) == ("new", None, "m", "me")
    assert (element.end_date, element.created_date, element.status) == (end, START, QueueStatus.NEW)
    database.write(lambda session: session.execute(sa.update(QueueElement).values(claim_token=uuid4())))
    assert update(status=QueueStatus.DONE).claim_token is not None
    assert update(status=QueueStatus.NEW).claim_token is None
    for wrong in ({"status": "NEW"}, {"created_date": None}, {"id": uuid4()}, {"reference": "x" * 101}):
        with pytest.raises(InvalidInputError):
            update(**wrong)


def test_what_is_not_there_is_told(database: Database) -> None:
    missing = uuid4()
    for work in (
        lambda session: queue_elements.get(session, missing),
        lambda session: queue_elements.delete(session, missing),
        lambda session: queue_elements.update(session, missing, {"data": "x"}),
        lambda session: queue_elements.update(session, missing, {}),
        lambda session: queue_elements.set_status(session, missing, QueueStatus.DONE, now=START),
    ):
        with pytest.raises(NotFoundError, match=f"No queue element with the given id was found: {missing}"):
            database.write(work)


def test_delete(database: Database) -> None:
    element_id, other = add(database), add(database)
    database.write(lambda session: queue_elements.delete(session, element_id))
    assert [
        database.read(lambda session, one=one: queue_elements.exists(session, one)) for one in (element_id, other)
    ] == [
        False,
        True,
    ]


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_counting_and_listing_walk_an_index(database: Database) -> None:
    for queue in ("work", "other"):
        insert(database, ["r"] * 3000, ["x" * 200] * 3000, queue)
    analyze = {"postgresql": "VACUUM ANALYZE", "mysql": "ANALYZE TABLE `Queues`", "sqlite": "ANALYZE"}
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(analyze[database.dialect_name]).close()
    plans = {}
    for name, work in (
        ("count", queue_counts.count_by_status),
        (
            "list",
            lambda session: queue_elements.select(session, ElementFilter(queue_name="work"), descending=True, limit=5),
        ),
    ):
        plans[name] = explained(database, work)
    assert "ix_Queues_next" in plans["count"]
    assert "Seq Scan" not in plans["count"]
    assert {"postgresql": "Index Only Scan", "mysql": "Using index", "sqlite": "COVERING INDEX"}[
        database.dialect_name
    ] in plans["count"]
    assert "ix_Queues_created" in plans["list"]
    for word in ("Sort", "filesort", "TEMP B-TREE"):
        assert word not in plans["list"], plans["list"]


def explained(database: Database, work: Any) -> str:
    """Return the plan of the last statement that a function of the store executes, after those before it."""
    prefix = {"postgresql": "EXPLAIN ", "mysql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}[database.dialect_name]
    seen: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if not statement.startswith("BEGIN"):
            seen.append((statement, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    database.read(work)
    sa.event.remove(database.engine, "before_cursor_execute", listen)
    with database.connection() as connection:
        for statement, parameters in seen[:-1]:
            connection.exec_driver_sql(statement, parameters).close()
        rows = connection.exec_driver_sql(prefix + seen[-1][0], seen[-1][1]).all()
    return "\n".join(str(row) for row in rows)
