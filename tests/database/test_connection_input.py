"""What 3.0.0 got wrong about input: a clear error before the database sees it, the same on every database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import InvalidInputError, OpenOrchestratorError
from OpenOrchestrator.database import default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.queues import QueueStatus
from OpenOrchestrator.database.stores import constants
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

KEY = crypto_util.generate_key().decode()


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    now = database.site_now()
    database.write(lambda session: constants.create(session, "name", "value", now=now))
    connection = OrchestratorConnection("process", database.connection_string, KEY, "")
    connection.create_queue_element("work", "reference", "data", "me")
    yield connection
    connection.close()
    default.set_default(None)
    crypto_util.set_key(None)


def contents(database: Database) -> list[Any]:
    """Return every row of every table."""
    with database.connection() as connection:
        return [connection.execute(sa.select(table)).all() for table in Base.metadata.sorted_tables]


LONG = "x" * 10_001
WRONG = {
    "status as name": lambda c, e: c.set_queue_element_status(e, "DONE"),
    "status as value": lambda c, e: c.set_queue_element_status(e, "Done"),
    "no status": lambda c, e: c.set_queue_element_status(e, None),
    "status to filter by": lambda c, e: c.get_queue_elements("work", status="NEW"),
    "long queue name": lambda c, e: c.create_queue_element(LONG),
    "no queue name": lambda c, e: c.create_queue_element(None),
    "long reference": lambda c, e: c.create_queue_element("work", LONG),
    "long data": lambda c, e: c.create_queue_element("work", None, "x" * 3_000_001),
    "data of another type": lambda c, e: c.create_queue_element("work", None, {"a": 1}),
    "surrogate in data": lambda c, e: c.create_queue_element("work", None, "\ud800"),
    "long creator": lambda c, e: c.create_queue_element("work", created_by=LONG),
    "long reference in bulk": lambda c, e: c.bulk_create_queue_elements("work", ["a", LONG], ["", ""]),
    "nothing in bulk": lambda c, e: c.bulk_create_queue_elements("work", [], []),
    "unequal bulk": lambda c, e: c.bulk_create_queue_elements("work", ("a",), ("a", "b")),
    "bulk of a text": lambda c, e: c.bulk_create_queue_elements("work", "ab", "ab"),
    "missing element": lambda c, e: c.set_queue_element_status(uuid4(), QueueStatus.DONE),
    "no element id": lambda c, e: c.set_queue_element_status("1", QueueStatus.DONE),
    "element itself": lambda c, e: c.delete_queue_element(object()),
    "delete missing": lambda c, e: c.delete_queue_element(uuid4()),
    "negative limit": lambda c, e: c.get_queue_elements("work", limit=-1),
    "negative offset": lambda c, e: c.get_queue_elements("work", offset=-1),
    "date as text": lambda c, e: c.get_queue_elements("work", from_date="2026-01-01"),
    "next of no queue": lambda c, e: c.get_next_queue_element(None),
    "next of long reference": lambda c, e: c.get_next_queue_element("work", LONG),
    "missing constant": lambda c, e: c.get_constant("zz"),
    "constant with NUL": lambda c, e: c.get_constant("a\0"),
    "constant None": lambda c, e: c.get_constant(None),
    "update missing constant": lambda c, e: c.update_constant("zz", "1"),
    "long constant": lambda c, e: c.update_constant("name", LONG),
    "constant to None": lambda c, e: c.update_constant("name", None),
    "missing credential": lambda c, e: c.get_credential("zz"),
    "update missing credential": lambda c, e: c.update_credential("zz", "u", "p"),
    "long user name": lambda c, e: c.update_credential("zz", LONG, "p"),
    "long password": lambda c, e: c.update_credential("zz", "u", LONG),
    "password None": lambda c, e: c.update_credential("zz", "u", None),
    "no trigger": lambda c, e: c.pause_my_trigger(),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_wrong_input_is_a_clear_value_error_and_changes_nothing(
    robot: OrchestratorConnection, database: Database, case: str
) -> None:
    (element,) = robot.get_queue_elements("work")
    before = contents(database)
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+") as caught:
        WRONG[case](robot, element.id)
    assert isinstance(caught.value, OpenOrchestratorError)
    str(caught.value).encode()
    assert len(str(caught.value)) < 400
    assert contents(database) == before


def failed_with(robot: OrchestratorConnection, message: Any) -> str:
    """Let the robot fail an element with a message, and return what is stored of it."""
    element = robot.get_next_queue_element("work")
    assert element is not None
    robot.set_queue_element_status(element.id, QueueStatus.FAILED, message)
    (stored,) = robot.get_queue_elements("work", status=QueueStatus.FAILED)
    return str(stored.message)


@pytest.mark.parametrize("letter", ["x", "ø", "😀"])
def test_of_a_long_element_message_beginning_and_end_are_kept(robot: OrchestratorConnection, letter: str) -> None:
    stored = failed_with(robot, f"Traceback{letter * 2000}ValueError: why")
    assert stored.startswith("Traceback")
    assert stored.endswith("ValueError: why")
    assert "characters cut" in stored
    size = len(stored.encode("utf-16-le")) // 2 if robot._database.dialect_name == "mssql" else len(stored)
    assert size in ((999, 1000) if letter == "😀" else (1000,))


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        ("x" * 1000, "x" * 1000),
        ("a\0b\ud800", "a\ufffdb\ufffd"),
        (ValueError("why"), "ValueError: why"),
        (5, "5"),
        ("", ""),
        pytest.param(f"no login with {KEY}", "no login with ***", id="the key"),
    ],
)
def test_no_element_message_is_refused(robot: OrchestratorConnection, message: Any, stored: str) -> None:
    assert failed_with(robot, message) == stored


@pytest.mark.parametrize("name", ["x" * 101, None, "a\0"])
def test_a_process_name_that_cannot_be_stored_is_told_when_logging(
    database: Database, robot: OrchestratorConnection, name: Any
) -> None:
    robot.process_name = name
    with pytest.raises(InvalidInputError, match="process name"):
        robot.log_info("text")


def test_ids_that_are_none_are_told_where_they_are_used_and_not_before(robot: OrchestratorConnection) -> None:
    debugged = OrchestratorConnection("Test", robot._database.connection_string, KEY, "", "trigger_id", "job_id")
    assert (debugged.trigger_id, debugged.job_id) == ("trigger_id", "job_id")
    element = debugged.get_next_queue_element("work")
    assert element is not None
    assert element.job_id is None
    debugged.set_queue_element_status(element.id, QueueStatus.IN_PROGRESS)
    debugged.set_queue_element_status(element.id, QueueStatus.DONE, "done")
    with pytest.raises(InvalidInputError, match="'job_id' is not the id of a job: pass None if there is none"):
        debugged.log_info("text")
    for call in (debugged.is_trigger_pausing, debugged.pause_my_trigger):
        with pytest.raises(InvalidInputError, match="'trigger_id' is not the id of a trigger: pass None if there is"):
            call()
    debugged.close()


def test_numbers_are_stored_as_text_as_before(robot: OrchestratorConnection) -> None:
    robot.create_queue_element("numbers", 5, 2.5)  # type: ignore[arg-type]
    element = robot.get_next_queue_element("numbers", 5)  # type: ignore[arg-type]
    assert (element.reference, element.data) == ("5", "2.5")


def test_an_empty_reference_is_not_none(robot: OrchestratorConnection) -> None:
    robot.create_queue_element("work", "")
    assert robot.get_next_queue_element("work", "").reference == ""
    assert robot.get_next_queue_element("work", "") is None
