"""What a queue's rules mean for the loops of robots: its breaker, its lease, and its pause."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import element_leases
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.stores import queue_pauses, queue_rules
from OpenOrchestrator.database.stores.queue_pauses import QueuePause
from OpenOrchestrator.database.stores.queue_rules import QueueRules
from OpenOrchestrator.orchestrator_connection.connection import BusinessError, OrchestratorConnection

QUEUE = "Orders"
Robots = tuple[OrchestratorConnection, OrchestratorConnection]


@pytest.fixture
def robots(database: Database) -> Iterator[Robots]:
    one, other = (OrchestratorConnection(name, database.connection_string, "", "") for name in ("Payer", "Sender"))
    yield one, other
    one.close()
    other.close()


def say(database: Database, **rules: Any) -> None:
    chosen = queue_rules.checked(QueueRules(**rules))
    edition = database.read(lambda session: queue_rules.read(session, QUEUE)).edition
    now = datetime.now(timezone.utc)
    assert database.write(lambda session: queue_rules.write(session, QUEUE, chosen, edition, now=now))


def pause_of(database: Database) -> QueuePause | None:
    return database.read(lambda session: queue_pauses.read(session, QUEUE))


def errors(database: Database) -> int:
    return database.read(lambda session: queue_rules.read(session, QUEUE)).errors_in_row


def work_at(robot: OrchestratorConnection, reference: str, error: Exception | None) -> None:
    robot.create_queue_element(QUEUE, reference)
    for element in robot.work(QUEUE, reference=reference, stop_after=None):
        with element:
            if error is not None:
                raise error


def test_a_breaker_pauses_after_errors_in_a_row_of_all_robots(database: Database, robots: Robots) -> None:
    one, other = robots
    say(database, breaker_errors=3)
    work_at(one, "a", ValueError("down"))
    work_at(other, "b", ValueError("down"))
    assert errors(database) == 2
    work_at(one, "c", None)
    assert errors(database) == 0
    work_at(one, "d", ValueError("down"))
    work_at(other, "e", BusinessError("no such customer"))
    assert (errors(database), pause_of(database)) == (0, None)
    for robot, reference in ((one, "f"), (other, "g"), (one, "h")):
        work_at(robot, reference, ValueError("SAP is down"))
    pause = pause_of(database)
    assert pause is not None
    assert (pause.by, pause.until) == ("its breaker", None)
    assert pause.reason.startswith("3 errors in a row, the last one: ")
    assert "SAP is down" in pause.reason
    logged = database.read(lambda session: session.scalars(sa.select(Log.log_message)).all())
    assert sum("is paused by its breaker" in text for text in logged) == 1
    other.create_queue_element(QUEUE, "left")
    assert list(other.work(QUEUE)) == []
    assert other.get_next_queue_element(QUEUE) is None
    database.write(lambda session: queue_pauses.resume(session, QUEUE))
    assert errors(database) == 0
    work_at(one, "i", ValueError("SAP is down"))
    assert (errors(database), pause_of(database)) == (1, None)


def test_a_breaker_of_one_error_says_it_without_a_count(database: Database, robots: Robots) -> None:
    say(database, breaker_errors=1)
    work_at(robots[0], "a", ValueError("SAP is down"))
    pause = pause_of(database)
    assert pause is not None
    assert pause.reason.startswith("After an error: ")


@pytest.mark.kinds("sqlite")
def test_a_queue_without_a_breaker_counts_nothing(database: Database, robots: Robots) -> None:
    say(database, most_attempts=1)
    for reference in "abc":
        work_at(robots[0], reference, ValueError("down"))
    assert (errors(database), pause_of(database)) == (0, None)


def test_a_loop_without_a_job_holds_elements_as_long_as_the_queue_says(database: Database, robots: Robots) -> None:
    say(database, lease_seconds=7200)
    robots[0].create_queue_element(QUEUE, "a")
    for element in robots[0].work(QUEUE):
        with element:
            now, (lease,) = element_leases.read_leases(database)
            assert lease.longest == 7200
            assert timedelta(minutes=110) < lease.until - now < timedelta(minutes=121)


@pytest.mark.kinds("sqlite")
def test_a_loop_waits_at_a_paused_queue_as_at_an_empty_one(database: Database, robots: Robots) -> None:
    robots[0].create_queue_element(QUEUE, "a")
    database.write(lambda session: queue_pauses.pause(session, QUEUE, reason="Night"))
    assert list(robots[0].work(QUEUE)) == []
    loop = robots[0].work(QUEUE, wait=60)
    loop._sleep = lambda _seconds: database.write(lambda session: queue_pauses.resume(session, QUEUE))
    with next(loop) as element:
        assert element.reference == "a"
