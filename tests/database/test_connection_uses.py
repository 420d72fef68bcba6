"""What a robot reads and writes is noted once a day, at no cost for its work, whatever becomes of it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import robot_that_ends
import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database import default
from OpenOrchestrator.database.engine import asides
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Use as Row
from OpenOrchestrator.database.statuses import Access, QueueStatus, UsedKind
from OpenOrchestrator.database.stores import constants, credentials
from OpenOrchestrator.database.stores.uses import Use
from OpenOrchestrator.orchestrator_connection import use_notes
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
from OpenOrchestrator.orchestrator_connection.use_notes import UseNotes

KEY = crypto_util.generate_key().decode()
NOW = datetime(2026, 11, 23, 10, tzinfo=timezone.utc)
READ_A = Use(UsedKind.CONSTANT, "a", "Robot", Access.READ)

Found = set[tuple[str, str, str, str]]


class Seconds:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _own_notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(use_notes, "_by_database", {})
    yield
    default.set_default(None)
    crypto_util.set_key(None)


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with a constant and a credential of the name ``a``."""

    def work(session: Any) -> None:
        now = database.site_now()
        constants.create(session, "a", "v", now=now)
        stored = credentials.values(database.dialect_name, username="u", password="p", key=KEY, now=now)
        credentials.create(session, "a", stored)

    database.write(work)
    return database


@pytest.fixture
def robot(filled: Database) -> Iterator[OrchestratorConnection]:
    connection = connect(filled)
    yield connection
    connection.close()


def connect(database: Database, process: str = "Robot") -> OrchestratorConnection:
    return OrchestratorConnection(process, database.connection_string, KEY, "")


def found(database: Database) -> Found:
    query = sa.select(Row.kind, Row.name, Row.process_name, Row.access)
    return database.read(lambda session: {tuple(row) for row in session.execute(query)})  # type: ignore[misc]


def days(database: Database) -> list[date]:
    return database.read(lambda session: list(session.scalars(sa.select(Row.last_day))))


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect what is asked about uses."""
    asked: list[str] = []

    def collect(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "Uses" in statement:
            asked.append(statement.split(maxsplit=1)[0].upper())

    sa.event.listen(database.engine, "before_cursor_execute", collect)
    try:
        yield asked
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", collect)


def take(robot: OrchestratorConnection) -> None:
    element = robot.create_queue_element("other")
    robot.get_next_queue_element("q")
    robot.set_queue_element_status(element.id, QueueStatus.DONE)
    robot.delete_queue_element(element.id)


@pytest.mark.parametrize(
    ("work", "uses"),
    [
        (lambda robot: robot.get_constant(" a"), {("CONSTANT", "a", "READ")}),
        (lambda robot: robot.update_constant("a ", "new"), {("CONSTANT", "a", "WRITE")}),
        (lambda robot: robot.get_credential("a"), {("CREDENTIAL", "a", "READ")}),
        (lambda robot: robot.update_credential("a ", "u", "p"), {("CREDENTIAL", "a", "WRITE")}),
        (lambda robot: robot.create_queue_element("q"), {("QUEUE", "q", "WRITE")}),
        (lambda robot: robot.bulk_create_queue_elements("q", ["1"], [None]), {("QUEUE", "q", "WRITE")}),
        (lambda robot: robot.get_next_queue_element("q", set_status=False), {("QUEUE", "q", "READ")}),
        (lambda robot: robot.get_queue_elements("q"), {("QUEUE", "q", "READ")}),
        (take, {("QUEUE", "other", "WRITE"), ("QUEUE", "q", "READ")}),
        (lambda robot: robot.log_info("nothing"), set()),
    ],
    ids=["constant", "constant+", "credential", "credential+", "create", "bulk", "peek", "look", "take", "log"],
)
def test_what_a_robot_uses_is_noted_when_it_closes_its_connection(
    filled: Database, robot: OrchestratorConnection, work: Callable[[Any], object], uses: set[tuple[str, str, str]]
) -> None:
    work(robot)
    work(robot)
    assert found(filled) == set()
    robot.close()
    assert found(filled) == {(kind, name, "Robot", access) for kind, name, access in uses}


def test_what_is_not_there_is_not_noted(filled: Database, robot: OrchestratorConnection) -> None:
    for call in (robot.get_constant, robot.get_credential):
        with pytest.raises(NotFoundError):
            call("missing")
    with pytest.raises(NotFoundError):
        robot.update_constant("missing", "v")
    robot.close()
    assert found(filled) == set()


def test_a_process_is_called_what_the_robot_calls_it_at_the_time(
    filled: Database, robot: OrchestratorConnection
) -> None:
    for name in ("First", "Second", None, ["no name"], "x" * 101, "", "half \ud800"):
        robot.process_name = name  # type: ignore[assignment]
        assert robot.get_constant("a").value == "v"
    robot.close()
    assert {process for _, _, process, _ in found(filled)} == {"First", "Second"}


def test_a_name_costs_one_look_in_a_run_and_one_write_in_a_day(
    filled: Database, robot: OrchestratorConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = robot._database.clock = SettableClock(NOW)
    for number, expected in enumerate((["SELECT", "INSERT"], ["SELECT"], ["SELECT"])):
        monkeypatch.setattr(use_notes, "_by_database", {})
        with statements(robot._database) as asked:
            for _ in range(5):
                robot.get_constant("a")
                robot.get_next_queue_element("q")
            robot.close()
        assert asked == expected, number
        vars(robot).pop("_robot_calls")  # as if it was another run
    assert days(filled) == [date(2026, 11, 23)] * 2
    robot.get_constant("a")
    clock.advance(timedelta(days=1))
    with statements(robot._database) as asked:
        robot.get_constant("a")
        robot.get_constant("a")
        robot.close()
    assert asked == ["SELECT", "UPDATE"]
    assert sorted(days(filled)) == [date(2026, 11, 23), date(2026, 11, 24)]


def test_the_day_is_that_of_the_sites_wall_clock(filled: Database, robot: OrchestratorConnection) -> None:
    robot._database.clock = SettableClock(datetime(2026, 11, 23, 23, 30, tzinfo=timezone.utc))
    robot.get_constant("a")
    robot.close()
    assert days(filled) == [date(2026, 11, 24)]  # half past midnight in Copenhagen


def test_notes_come_along_with_a_later_call_and_not_with_the_first(
    filled: Database, robot: OrchestratorConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = Seconds()
    monkeypatch.setattr(robot._calls._uses, "_monotonic", seconds)
    robot.get_constant("a")
    seconds.now += use_notes.DELAY_SECONDS - 1
    robot.get_credential("a")
    assert found(filled) == set()
    seconds.now += 1
    robot.log_info("a robot that will be killed")
    assert {(kind, name) for kind, name, _, _ in found(filled)} == {("CONSTANT", "a"), ("CREDENTIAL", "a")}
    with statements(robot._database) as asked:
        seconds.now += 1000
        robot.get_constant("a")
        robot.log_info("x")
    assert asked == []


ENDS = {"end": 0, "exit": 3, "error": 1, "killed": -9, "forgotten": 0, "fork": 0, "spawn": 0, "forkserver": 0}


@pytest.mark.kinds("sqlite", "postgresql")
@pytest.mark.parametrize("way", ENDS)
def test_a_robot_that_ends_has_noted_what_it_used(filled: Database, way: str) -> None:
    if sys.platform == "win32" and way in ("killed", "fork", "forkserver"):
        pytest.skip("Windows has no fork and no signals")
    done = subprocess.run(
        # Newer Pythons warn of a fork beside threads, which is what is tried here.
        [sys.executable, "-W", "ignore::DeprecationWarning", robot_that_ends.__file__, filled.connection_string, way],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == ENDS[way], done.stderr
    assert not done.stderr or way == "error", done.stderr
    process = "Forgetful" if way == "forgotten" else "Robot"
    assert found(filled) == {("CONSTANT", "a", process, "READ")}


def test_robots_of_one_process_that_end_together_do_not_disturb_each_other(filled: Database) -> None:
    count = 6
    at_once = threading.Barrier(count)
    names = [f"name {number}" for number in range(5)]

    def end(number: int) -> bool:
        own = Database(filled.connection_string)
        own.read(lambda session: session.execute(sa.select(1)).all())
        notes = UseNotes()
        notes.write_to(own)
        for name in names[number % 2 :]:
            notes.add(Use(UsedKind.CONSTANT, name, "Robot", Access.READ), NOW, own.dialect_name)
        at_once.wait(60)
        notes.write()
        own.close()
        return notes._failed

    with ThreadPoolExecutor(count) as pool:
        assert list(pool.map(end, range(count))) == [False] * count
    assert found(filled) == {("CONSTANT", name, "Robot", "READ") for name in names}


def test_a_database_without_the_table_is_no_trouble(filled: Database, robot: OrchestratorConnection) -> None:
    Row.__table__.drop(filled.engine)  # type: ignore[attr-defined]
    try:
        seconds = robot._calls._uses._monotonic = Seconds()
        assert robot.get_constant("a").value == "v"
        seconds.now += use_notes.DELAY_SECONDS
        for _ in range(3):
            robot.log_info("goes on")
            assert robot.get_credential("a").password == "p"
        with statements(robot._database) as asked:
            seconds.now += use_notes.RETRY_SECONDS - 1
            robot.log_info("x")
            robot.close()
        assert asked == []
        assert robot.get_constant("a").value == "v"
    finally:
        Row.__table__.create(filled.engine)  # type: ignore[attr-defined]


@pytest.mark.kinds("postgresql")
def test_a_database_that_only_reads_is_no_trouble(filled: Database) -> None:
    only_reads = f"{filled.connection_string}?options=-c%20default_transaction_read_only%3Don"
    robot = OrchestratorConnection("Robot", only_reads, KEY, "")
    assert robot.get_constant("a").value == "v"
    robot.close()
    assert robot.get_constant("a").value == "v"
    assert found(filled) == set()


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Hold the row of the use, or on SQLite the whole file, in a transaction of somebody else."""
    with database.connection(writing=True) as connection:
        connection.execute(sa.update(Row).values(last_day=date(2000, 1, 1)))
        yield


def test_locks_of_others_hold_a_robot_up_for_a_moment_only(filled: Database, robot: OrchestratorConnection) -> None:
    earlier = Row(
        use_hash=hash_of(filled),
        kind="CONSTANT",
        name="a",
        process_name="Robot",
        access="READ",
        last_day=date(2000, 1, 1),
    )
    filled.write(lambda session: session.add(earlier))
    notes = robot._calls._uses
    with locked(filled):
        assert robot.get_constant("a").value == "v"
        begun = time.monotonic()
        robot._calls.note_uses()
        assert time.monotonic() - begun < 3  # others wait for 5 seconds, and on SQLite for 30
    assert days(filled) == [date(2000, 1, 1)]
    assert waits_as_before(robot._database)
    notes._due = 0.0
    robot.log_info("now it is free")
    assert days(filled) != [date(2000, 1, 1)]
    assert waits_as_before(robot._database)


def hash_of(database: Database) -> str:
    from OpenOrchestrator.database.stores.uses import _hash

    return _hash(READ_A)


def waits_as_before(database: Database) -> bool:
    """Tell whether the connection that was used waits for locks as long as one that never was."""
    ask = {
        "sqlite": "PRAGMA busy_timeout",
        "postgresql": "SHOW lock_timeout",
        "mysql": "SELECT @@innodb_lock_wait_timeout",
        "mariadb": "SELECT @@innodb_lock_wait_timeout",
        "mssql": "SELECT @@LOCK_TIMEOUT",
    }
    other = Database(database.connection_string)
    found = []
    for each in (database, other):
        with each.connection() as connection:
            found.append(connection.exec_driver_sql(ask[database.dialect_name]).scalar())
    other.close()
    return found[0] == found[1]


def test_no_connection_is_opened_or_waited_for(filled: Database) -> None:
    own = Database(filled.connection_string, pool_size=1, extra_connections=0)
    notes = UseNotes()
    notes.write_to(own)
    assert own.zone
    own.close()
    notes.add(READ_A, NOW, own.dialect_name)
    notes.write()
    assert own.engine.pool.checkedin() == 0
    with own.connection() as connection:
        connection.execute(sa.select(1))
        begun = time.monotonic()
        notes.write()
        assert time.monotonic() - begun < 2
    assert found(filled) == set()
    notes.write()
    assert found(filled) == {("CONSTANT", "a", "Robot", "READ")}
    own.close()


@pytest.mark.kinds("sqlite")
def test_a_database_in_memory_gets_no_notes() -> None:
    own = Database("sqlite://")
    assert not asides.change_aside(own.engine, lambda connection: pytest.fail("looked"), lambda connection, _: None)


def test_a_process_that_uses_endless_names_does_not_note_them_all(filled: Database) -> None:
    notes = UseNotes()
    notes.write_to(filled)
    for number in range(use_notes.MOST_USES + 50):
        notes.add(Use(UsedKind.QUEUE, f"q{number}", "Robot", Access.READ), NOW, filled.dialect_name)
    notes.write()
    assert len(found(filled)) == use_notes.MOST_USES
