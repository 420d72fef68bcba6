"""JSON of elements, and the schema that a queue has for it: what does not fit is refused before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database import db_util, default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import queue_rules
from OpenOrchestrator.database.stores.queue_rules import QueueRules
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

SCHEMA = {"properties": {"lines": {"items": {"properties": {"amount": {"type": "number"}}}}}, "required": ["lines"]}
GOOD = {"lines": [{"amount": 1.5}]}
BAD = {"lines": [{}, {}, {}, {"amount": "1,5"}]}
LONG = {"lines": [], "text": "ø" * 50_000}


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    rules = queue_rules.checked(QueueRules(json_schema=json.dumps(SCHEMA)))
    assert database.write(
        lambda session: queue_rules.write(session, "strict", rules, None, now=datetime.now(timezone.utc))
    )
    connection = OrchestratorConnection("Payer", database.connection_string, None, "")
    yield connection
    connection.close()
    default.set_default(None)


def stored(robot: OrchestratorConnection, queue: str) -> list[object]:
    return [json.loads(each.data or '"none"') for each in robot.get_queue_elements(queue)][::-1]


def test_values_come_back_as_they_were(robot: OrchestratorConnection) -> None:
    values: list[object] = [{"ø": [1, None, True]}, "text", None, 0]
    for value in values:
        assert " " not in str(robot.create_queue_element("any", json=value).data)
    robot.bulk_create_queue_elements("any", ["a", "b"], json=[LONG, []])
    read = []
    for element in robot.work("any"):
        with element:
            read.append(element.json)
    assert read == [*values, LONG, []]


def test_only_one_of_data_and_json_is_given(robot: OrchestratorConnection) -> None:
    with pytest.raises(InvalidInputError, match="give one of them"):
        robot.create_queue_element("any", data="x", json=None)
    with pytest.raises(InvalidInputError, match="give one of them"):
        robot.bulk_create_queue_elements("any", ["a"], ["x"], json=[1])
    with pytest.raises(InvalidInputError, match="don't match"):
        robot.bulk_create_queue_elements("any", ["a"], json=[1, 2])
    with pytest.raises(InvalidInputError, match="data have to be a list"):
        robot.bulk_create_queue_elements("any", ["a"])
    with pytest.raises(InvalidInputError, match="has to be a list"):
        robot.bulk_create_queue_elements("any", ["a"], json={"a": 1})  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="cannot be the JSON"):
        robot.create_queue_element("any", json=object())
    assert stored(robot, "any") == []


def test_what_does_not_fit_is_refused_and_nothing_is_added(robot: OrchestratorConnection) -> None:
    what = r"does not fit the schema of the queue 'strict': \$\.lines\[3\]\.amount: '1,5' is not of type 'number'"
    with pytest.raises(InvalidInputError, match=f"The data {what}"):
        robot.create_queue_element("strict", json=BAD)
    with pytest.raises(InvalidInputError, match=f"The data {what}"):
        db_util.create_queue_element("strict", data=json.dumps(BAD))
    for bulk in (
        lambda: robot.bulk_create_queue_elements("strict", ["a", "b"], json=[GOOD, BAD]),
        lambda: db_util.bulk_create_queue_elements("strict", ["a", "b"], [json.dumps(GOOD), json.dumps(BAD)]),
    ):
        with pytest.raises(InvalidInputError, match=f"The data number 2 {what}"):
            bulk()
    for data, problem in ((None, "there is none"), ("4711;x", "it is no JSON")):
        with pytest.raises(InvalidInputError, match=problem):
            robot.create_queue_element("strict", data=data)
    assert stored(robot, "strict") == []
    robot.create_queue_element("strict", json=GOOD)
    robot.bulk_create_queue_elements("strict", ["a", "b"], json=[LONG, GOOD])
    assert stored(robot, "strict") == [GOOD, LONG, GOOD]
