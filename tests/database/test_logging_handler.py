"""What robots log through the module ``logging``, or in the background, gets to the log: all of it, in its order."""

from __future__ import annotations

import copy
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import robot_that_logs
import sqlalchemy as sa

from OpenOrchestrator.common.errors import ConnectionFailedError, DatabaseError, InvalidInputError
from OpenOrchestrator.database import default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import logs
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
from OpenOrchestrator.orchestrator_connection.log_batch import LogBatch

KEY = "Extra-secret-7"


@pytest.fixture(autouse=True)
def _no_default() -> Iterator[None]:
    yield
    default.set_default(None)


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    connection = OrchestratorConnection("Payer", database.connection_string, KEY, "")
    yield connection
    connection.close()


@pytest.fixture
def logger(robot: OrchestratorConnection) -> Iterator[logging.Logger]:
    """A logger of its own, whose records go to the log of the robot."""
    made = logging.getLogger("invoices")
    made.setLevel(logging.DEBUG)
    handler = robot.logging_handler()
    made.addHandler(handler)
    made.propagate = False
    yield made
    made.removeHandler(handler)
    made.propagate = True


@pytest.fixture
def batch(database: Database) -> Iterator[LogBatch]:
    """Messages that are written only when the test says so."""
    made = LogBatch(database, seconds=3600, most_lines=5)
    yield made
    made.flush()


def written(database: Database) -> list[Log]:
    return list(database.read(lambda session: session.scalars(sa.select(Log).order_by(Log.log_time, Log.id)).all()))


def texts(database: Database) -> list[str]:
    return [log.log_message for log in written(database)]


def line(text: str) -> dict[str, Any]:
    return logs.row("sqlite", process_name="p", level=LogLevel.INFO, job_id=None, message=text)


def soon(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_records_become_messages_with_level_job_and_traceback(
    database: Database, robot: OrchestratorConnection, logger: logging.Logger
) -> None:
    robot.job_id = job = uuid4()
    logger.debug("looking at %s", "it")
    logging.getLogger("invoices.parts").info("key %s", KEY)
    logger.warning("odd")
    try:
        raise ValueError(f"no {KEY}")
    except ValueError:
        logger.exception("broken")
    debug, info, warning, error = written(database)
    assert [debug.log_level, info.log_level, warning.log_level] == [LogLevel.TRACE, LogLevel.INFO, LogLevel.INFO]
    assert debug.log_message == "invoices: looking at it"
    assert info.log_message == "invoices.parts: key ***"
    assert warning.log_message == "WARNING invoices: odd"
    assert error.log_level is LogLevel.ERROR
    assert error.log_message.startswith("invoices: broken\nTraceback (most recent call last):")
    assert error.log_message.endswith("ValueError: no ***")
    assert {log.job_id for log in written(database)} == {job}
    assert {log.process_name for log in written(database)} == {"Payer"}


def test_messages_of_both_ways_keep_their_order(
    database: Database, robot: OrchestratorConnection, logger: logging.Logger
) -> None:
    for number in range(20):
        (robot.log_info if number % 3 == 0 else logger.info)(f"{number}")
    logger.handlers[0].flush()
    assert [text.removeprefix("invoices: ") for text in texts(database)] == [str(number) for number in range(20)]


def test_they_carry_the_element_that_their_thread_has_in_hand(
    database: Database, robot: OrchestratorConnection, logger: logging.Logger
) -> None:
    robot.bulk_create_queue_elements("Orders", [str(number) for number in range(8)], [None] * 8)
    both = threading.Barrier(2, timeout=60)

    def drain() -> None:
        for element in robot.work("Orders", limit=4):
            with element:
                both.wait()  # the other thread has one in hand, too
                logger.info(element.id)
                robot.log_trace(element.id)
                both.wait()

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.info("none")
    logger.error("none")
    found = [(log.log_message.removeprefix("invoices: "), log.element_id) for log in written(database)]
    assert [element for text, element in found if text == "none"] == [None, None]
    of_elements = [(UUID(text), element) for text, element in found if text != "none"]
    assert len(of_elements) == 16
    assert all(told == element for told, element in of_elements)


def test_an_error_of_the_loop_says_which_element_it_is_of(database: Database, robot: OrchestratorConnection) -> None:
    element_id = robot.create_queue_element("Orders", "1").id
    for element in robot.work("Orders", stop_after=None):
        with element:
            raise ValueError("broken")
    robot.log_info("after")
    error, after = written(database)
    assert (error.element_id, after.element_id) == (element_id, None)


@pytest.mark.kinds("sqlite")
def test_an_element_is_of_one_database_only(database: Database, robot: OrchestratorConnection, tmp_path: Path) -> None:
    other = Database(f"sqlite+pysqlite:///{(tmp_path / 'other.db').as_posix()}", create=True)
    with other.connection(writing=True) as connection:
        Log.metadata.create_all(connection)
    elsewhere = OrchestratorConnection("Other", other.connection_string, KEY, "")
    robot.create_queue_element("Orders", "1")
    for element in robot.work("Orders"):
        with element:
            elsewhere.log_info("there")
    assert [log.element_id for log in written(other)] == [None]
    elsewhere.close()
    other.close()


def test_batched_messages_wait_and_are_written_in_the_background(
    database: Database, robot: OrchestratorConnection
) -> None:
    robot.batch_logs()
    robot.log_info("1")
    robot.log_trace("2")
    soon(lambda: texts(database) == ["1", "2"])
    robot.log_info("3")
    robot.close()
    assert texts(database) == ["1", "2", "3"]


@pytest.mark.kinds("sqlite")
def test_an_error_is_written_at_once_with_all_before_it(database: Database, robot: OrchestratorConnection) -> None:
    robot.batch_logs()
    robot._calls.logs.batch._seconds = 3600
    robot.log_info("before")
    assert texts(database) == []
    robot.log_error("error")
    assert texts(database) == ["before", "error"]


@pytest.mark.kinds("sqlite")
def test_a_name_that_cannot_be_one_is_refused_at_once_by_the_robots_own_calls(robot: OrchestratorConnection) -> None:
    robot.batch_logs()
    robot.process_name = "x" * 101
    with pytest.raises(InvalidInputError):
        robot.log_info("text")


@pytest.mark.kinds("sqlite")
def test_a_record_never_ends_a_robot(
    database: Database, robot: OrchestratorConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    robot.job_id = "job_id"
    handler = robot.logging_handler()
    handler.handle(logging.makeLogRecord({"name": "a", "msg": "%d", "args": ("no number",), "levelno": 20}))
    assert "no number" in capsys.readouterr().err
    handler.handle(logging.makeLogRecord({"name": "a", "msg": "counts", "levelno": 20}))
    handler.handle(logging.makeLogRecord({"name": "OpenOrchestrator.a", "msg": "ours", "levelno": 20}))
    handler.flush()
    assert texts(database) == ["a: counts"]


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("how", ["raises", "exits", "ends", "batches", "late", "child", "forks"])
def test_nothing_is_lost_when_a_robot_ends(database: Database, how: str) -> None:
    if how in ("child", "forks") and sys.platform == "win32":
        pytest.skip("os.fork is missing on this system")
    program = [sys.executable, robot_that_logs.__file__, database.connection_string, how]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == {"raises": 1, "exits": 3}.get(how, 0), done.stderr
    assert texts(database) == [f"{how} {number}" for number in range(robot_that_logs.MESSAGES)]


@pytest.mark.kinds("sqlite")
def test_what_writing_itself_logs_does_not_come_to_the_log(database: Database, robot: OrchestratorConnection) -> None:
    statements = logging.getLogger("sqlalchemy.engine")
    handler = robot.logging_handler()
    before = statements.level
    statements.addHandler(handler)
    statements.setLevel(logging.INFO)
    try:
        statements.info("by hand")
        handler.flush()
        batch = robot._calls.logs.batch
        assert not batch._lines
        assert texts(database) == ["sqlalchemy.engine: by hand"]
    finally:
        statements.setLevel(before)
        statements.removeHandler(handler)


@pytest.mark.kinds("sqlite")
def test_a_thread_that_waits_for_the_database_holds_up_nobody_who_logs(
    robot: OrchestratorConnection, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    batch = robot._calls.logs.batch

    def wait(_lines: Any) -> None:
        inside.set()
        assert go_on.wait(60)

    monkeypatch.setattr(batch, "_store", wait)
    writer = threading.Thread(target=logger.error, args=("waits",))
    writer.start()
    assert inside.wait(60)
    logger.info("passes")
    go_on.set()
    writer.join()


@pytest.mark.kinds("sqlite")
def test_the_newest_are_kept_while_the_database_is_away(
    database: Database, batch: LogBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ConnectionFailedError("away")

    with monkeypatch.context() as away:
        away.setattr(database, "write", refuse)
        batch.add(line("0"))
        batch.flush()
        for number in range(1, 9):
            batch.add(line(str(number)))
        batch.flush(unless_away=True)
    assert texts(database) == []
    batch.flush()
    notice, *rest = texts(database)
    assert rest == ["4", "5", "6", "7", "8"]
    assert notice.startswith("4 log messages before this one were dropped")
    batch.add(line("9"))
    batch.flush()
    assert texts(database)[-1] == "9"
    assert len(texts(database)) == 7


@pytest.mark.kinds("sqlite")
def test_what_could_not_be_written_at_the_end_is_told(
    database: Database, batch: LogBatch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ConnectionFailedError("away")

    with monkeypatch.context() as away:
        away.setattr(database, "write", refuse)
        batch.add(line("0"))
        batch.end()
    assert "1 log messages could not be written" in capsys.readouterr().err
    batch.add(line("1"))  # at once, because the process ends
    assert texts(database) == ["0", "1"]


@pytest.mark.kinds("sqlite")
def test_one_that_is_refused_keeps_no_other_back(
    database: Database, batch: LogBatch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    insert = logs.insert_rows

    def refuse_bad(session: Any, rows: Any) -> None:
        if any(row["log_message"] == "bad" for row in rows):
            raise DatabaseError("the row is bad")
        insert(session, rows)

    monkeypatch.setattr(logs, "insert_rows", refuse_bad)
    for text in ("a", "bad", "b"):
        batch.add(line(text))
    batch.flush()
    assert texts(database) == ["a", "b"]
    assert "The database refused 1 log messages: the row is bad" in capsys.readouterr().err


@pytest.mark.kinds("sqlite")
def test_what_was_written_after_all_is_not_written_twice(database: Database, batch: LogBatch) -> None:
    lines = [line("a") | {"log_time": database.site_now()}, line("b") | {"log_time": database.site_now()}]
    database.write(lambda session: logs.insert_rows(session, lines))
    batch._put_back(lines)
    batch.flush()
    assert sorted(texts(database)) == ["a", "b"]


@pytest.mark.kinds("sqlite")
def test_more_than_there_is_room_for_wait_for_a_database_that_is_there(database: Database, batch: LogBatch) -> None:
    for number in range(12):
        batch.add(line(str(number)))
    batch.flush()
    assert texts(database) == [str(number) for number in range(12)]


@pytest.mark.kinds("sqlite")
def test_times_grow_unless_the_clock_is_set_back(database: Database, batch: LogBatch, clock: Any) -> None:
    first, second = batch.next_time(), batch.next_time()
    assert second - first == timedelta(microseconds=1)
    clock.advance(timedelta(hours=-1))
    assert batch.next_time() == first - timedelta(hours=1)


@pytest.mark.kinds("sqlite")
def test_copies_of_a_connection_batch_as_well(database: Database, robot: OrchestratorConnection) -> None:
    robot.batch_logs()
    twin = copy.copy(robot)
    twin._calls.logs.batch._seconds = 3600
    twin.log_info("of the copy")
    assert texts(database) == []
    twin.close()
    assert texts(database) == ["of the copy"]
