"""Data of any length: what is created is what is handed out, and clients that know nothing of it see its beginning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database import db_util, default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores import queue_elements
from OpenOrchestrator.database.stores.queue_elements import ElementFilter
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

LONG = '{"text": "' + "ø'\\😀\n" * 40_000 + '"}'


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    connection = OrchestratorConnection("Payer", database.connection_string, None, "")
    yield connection
    connection.close()
    default.set_default(None)


def columns(database: Database, reference: str) -> tuple[str | None, str | None]:
    """What an element's row holds, as a client sees it that knows nothing of ours."""
    table = sa.table("Queues", sa.column("data"), sa.column("whole_data"), sa.column("reference"))
    query = sa.select(table.c.data, table.c.whole_data).where(table.c.reference == reference)
    return tuple(database.read(lambda session: session.execute(query).one()))  # type: ignore[return-value]


def test_every_way_to_an_element_gives_all_of_its_data(database: Database, robot: OrchestratorConnection) -> None:
    assert robot.create_queue_element("q", "1", LONG).data == LONG
    robot.bulk_create_queue_elements("q", ["2", "3", "4"], ["short", LONG, None])
    expected = {"1": LONG, "2": "short", "3": LONG, "4": None}
    assert {each.reference: each.data for each in robot.get_queue_elements("q")} == expected
    peeked, taken = (robot.get_next_queue_element("q", set_status=set_status) for set_status in (False, True))
    assert peeked is not None
    assert taken is not None
    assert peeked.data == taken.data == LONG
    worked = {}
    for element in robot.work("q"):
        with element:
            worked[element.reference] = element.data
    assert worked == {each: expected[each] for each in "234"}
    assert db_util.get_queue_element(taken.id).data == LONG
    with pytest.raises(InvalidInputError, match="3000001 characters long"):
        robot.create_queue_element("q", "5", "x" * 3_000_001)


def test_an_older_client_sees_the_beginning(database: Database, robot: OrchestratorConnection) -> None:
    robot.create_queue_element("q", "1", LONG)
    shown, whole = columns(database, "1")
    assert shown is not None
    assert LONG.startswith(shown[:1500])
    assert f"beginning of {len(LONG)} characters" in shown
    assert whole == LONG
    for term, found in (("beginning of", 1), ("not in it", 0)):
        assert (
            database.read(
                lambda session, term=term: queue_elements.count(
                    session, ElementFilter(queue_name="q", search_term=term)
                )
            )
            == found
        )


def test_what_is_written_later_counts(database: Database, robot: OrchestratorConnection) -> None:
    element_id = robot.create_queue_element("q", "1", LONG).id
    older = sa.update(sa.table("Queues", sa.column("data"), sa.column("reference"))).values(data="new")
    database.write(lambda session: session.execute(older) and None)
    assert db_util.get_queue_element(element_id).data == "new"
    db_util.update_queue_element(element_id, data=LONG + "x")
    assert db_util.get_queue_element(element_id).data == LONG + "x"
    db_util.update_queue_element(element_id, reference="2")
    assert db_util.get_queue_element(element_id).data == LONG + "x"
    db_util.update_queue_element(element_id, data="short")
    assert columns(database, "2") == ("short", None)


@pytest.mark.kinds("sqlite")
def test_a_claim_needs_no_statement_more(database: Database, robot: OrchestratorConnection) -> None:
    for data in ("short", LONG):
        robot.create_queue_element("q", data=data)
    counts = []
    for _ in range(3):
        statements: list[str] = []
        own = Database(database.connection_string)
        own.read(lambda session: session.execute(sa.text("SELECT 1")) and None)
        connection = own.engine.raw_connection()
        connection.driver_connection.set_trace_callback(statements.append)  # type: ignore[union-attr]
        connection.close()
        from OpenOrchestrator.database.lifecycle import element_claims

        element_claims.claim_next(own, "q")
        counts.append([text.split()[0] for text in statements])
        own.close()
    short, long, none = counts
    assert short == long
    assert "UPDATE" in short
    assert "UPDATE" not in none


def test_the_object_that_is_created_is_not_written_again(database: Database) -> None:
    with database.engine.connect() as connection, sa.orm.Session(connection, expire_on_commit=False) as session:
        element = queue_elements.create(
            session, queue_name="q", reference="1", data=LONG, created_by=None, created_date=database.site_now()
        )
        session.commit()
        assert not session.dirty
        element.status = QueueStatus.DONE
        session.commit()
    assert database.read(lambda s: s.get_one(QueueElement, element.id)).data == LONG
    shown, whole = columns(database, "1")
    assert shown is not None
    assert (len(shown) <= 2000, whole) == (True, LONG)
