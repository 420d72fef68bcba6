"""A database that serves nobody for a while, and a process that has no connection to give: waited out, and told."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from breaking_driver import Moment, break_driver

from OpenOrchestrator.common.errors import ConnectionFailedError
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.engine import connecting
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.logs import Log, LogLevel
from OpenOrchestrator.database.stores import logs

CONSTANTS = sa.table("Constants", sa.column("name"), sa.column("value"))


def select_one(database: Database) -> None:
    database.read(lambda session: session.execute(sa.select(1)))


def write_log(database: Database) -> None:
    values = {"process_name": "p", "level": LogLevel.INFO, "job_id": None, "message": "m"}
    log_id, now = uuid4(), database.site_now()
    database.write_statement(
        lambda connection: logs.insert(connection, log_time=now, log_id=log_id, **values),
        read_back=lambda connection: True if logs.exists(connection, log_id) else None,
    )


def claim(database: Database) -> None:
    from OpenOrchestrator.database.lifecycle import element_claims

    element_claims.claim_next(database, "queue")


def in_a_connection(database: Database) -> None:
    with database.connection() as connection:
        connection.execute(sa.select(1))


def write_row(database: Database) -> None:
    log = {"id": uuid4(), "log_level": LogLevel.INFO, "process_name": "p", "log_message": "m"}
    database.write(
        lambda session: session.add(Log(**log)), read_back=lambda session: session.get(Log, log["id"]) and None
    )


PATHS = [select_one, write_row, write_log, claim, in_a_connection, Database.verify, Database.read_stamp]


@pytest.fixture
def narrow(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A pool on the database with one connection, whose threads do not wait for it for long."""
    monkeypatch.setattr(connecting, "POOL_TIMEOUT_SECONDS", 0.05)
    made = Database(database.connection_string, pool_size=1, extra_connections=0, patience_seconds=0)
    assert made.zone
    yield made
    made.close()


def waits(database: Database, act: Callable[[], None]) -> None:
    """Let a database keep trying, and act once before its next try."""
    actions = [act]

    def sleep(_seconds: float) -> None:
        if actions:
            actions.pop()()

    database._attempts = replace(database._attempts, patience_seconds=30, sleep=sleep)


@pytest.mark.parametrize("path", PATHS)
def test_a_pool_that_has_no_connection_to_give_is_told_as_ours(
    narrow: Database, path: Callable[[Database], None]
) -> None:
    with narrow.engine.connect(), pytest.raises(ConnectionFailedError, match=r"no connection to .* to give for now"):
        path(narrow)


@pytest.mark.parametrize("path", PATHS)
def test_a_connection_that_is_given_back_is_waited_for(narrow: Database, path: Callable[[Database], None]) -> None:
    taken = narrow.engine.connect()
    waits(narrow, taken.close)
    path(narrow)
    assert taken.closed


@pytest.mark.parametrize("path", PATHS)
def test_a_machine_without_file_descriptors_is_waited_out(
    narrow: Database, path: Callable[[Database], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_arguments: Any, **_named: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    narrow.close()
    with monkeypatch.context() as without_files:
        without_files.setattr(narrow.engine.dialect, "connect", connect)
        with pytest.raises(ConnectionFailedError, match="Too many open files"):
            path(narrow)
        waits(narrow, without_files.undo)
        path(narrow)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of open files to lower")
def test_a_real_limit_of_open_files_is_told_as_ours(narrow: Database) -> None:
    import resource

    select_one(narrow)
    narrow.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        with pytest.raises(ConnectionFailedError):
            select_one(narrow)
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    select_one(narrow)


@pytest.mark.parametrize("path", [select_one, write_row, write_log, claim])
def test_a_statement_interrupted_by_a_shortage_drops_its_connection_and_is_run_again(
    database: Database, path: Callable[[Database], None]
) -> None:
    own = Database(database.connection_string)
    waits(own, lambda: None)
    assert own.zone
    interrupted: list[str] = []

    def no_memory_once(moment: Moment, sql: str) -> BaseException | None:
        if moment is not Moment.STATEMENT or interrupted or sql.startswith(("SET", "PRAGMA", "BEGIN")):
            return None
        interrupted.append(sql)
        return MemoryError()

    dropped: list[object] = []
    break_driver(own, no_memory_once)
    sa.event.listen(own.engine, "invalidate", lambda connection, *_rest: dropped.append(connection))
    path(own)
    own.close()
    assert interrupted
    assert dropped


READ_ONLY = {
    "postgresql": "SET default_transaction_read_only = on",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "sqlite": "PRAGMA query_only = on",
}


@pytest.fixture
def standby(database: Database) -> Iterator[tuple[Database, Callable[[], None]]]:
    """A pool on the database whose connections cannot write, and what makes those to come able to."""
    statement = READ_ONLY.get(database.dialect_name)
    if statement is None:
        pytest.skip(f"{database.dialect_name} has no connections that are read-only")
    is_standby = [True]

    def prepare(connection: Any, _record: Any) -> None:
        if is_standby:
            cursor = connection.cursor()
            cursor.execute(statement)
            cursor.close()
            connection.commit()

    made = Database(database.connection_string, patience_seconds=0)
    sa.event.listen(made.engine, "connect", prepare)
    assert made.zone
    yield made, is_standby.clear
    made.close()


def add_element(database: Database) -> None:
    from OpenOrchestrator.database.stores import queue_elements

    database.write(
        lambda session: queue_elements.create(
            session,
            queue_name="queue",
            reference=None,
            data=None,
            created_by=None,
            created_date=database.site_now(),
            element_id=uuid4(),
        )
    )


@pytest.mark.parametrize("path", [write_row, write_log, claim])
def test_connections_that_became_read_only_are_dropped_and_the_work_is_run_again(
    database: Database, standby: tuple[Database, Callable[[], None]], path: Callable[[Database], None]
) -> None:
    add_element(database)
    own, become_primary = standby
    with pytest.raises(ConnectionFailedError, match="can be reached, but not used for now"):
        path(own)
    waits(own, become_primary)
    path(own)
    assert not database.read(lambda session: session.get(Constant, "none"))


def test_a_sqlite_file_that_cannot_be_written_for_now_is_waited_for(tmp_path: Path) -> None:
    own = Database(f"sqlite+pysqlite:///{tmp_path / 'a.db'}", create=True, patience_seconds=0)
    with own.connection(writing=True) as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
        connection.exec_driver_sql("PRAGMA query_only = on")
    inserting = sa.text("INSERT INTO t VALUES (1)")
    with pytest.raises(ConnectionFailedError):
        own.write(lambda session: session.execute(inserting))
    own.write(lambda session: session.execute(inserting))  # on a new connection
    own.close()


def test_a_connection_that_broke_while_it_was_used_is_replaced_without_a_word(
    narrow: Database, caplog: pytest.LogCaptureFixture
) -> None:
    pooled = narrow.engine.raw_connection()
    entry: Any = pooled._connection_record
    broken = entry.dbapi_connection = pooled.dbapi_connection = Broken(entry.dbapi_connection)  # type: ignore[misc, assignment]
    pooled.close()
    assert caplog.records == []
    with narrow.connection() as connection:
        assert connection.connection.dbapi_connection not in (broken, broken.connection)
        assert connection.scalar(sa.select(1)) == 1


class Broken:
    """A driver's connection that the network has taken away, as is only found out now."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def rollback(self) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def test_what_is_left_of_a_transaction_is_undone_when_its_connection_is_given_back(narrow: Database) -> None:
    narrow.write(lambda session: session.add(Constant(name="a", value="b")))
    pooled = narrow.engine.raw_connection()
    cursor = pooled.cursor()
    if narrow.engine.dialect.name == "sqlite":
        cursor.execute("BEGIN IMMEDIATE")
    cursor.execute(str(sa.delete(CONSTANTS).compile(narrow.engine)))
    pooled.close()
    with narrow.connection() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(CONSTANTS)) == 1


@pytest.mark.kinds("postgresql", "mariadb")
def test_connections_that_break_leave_nothing_in_memory(database: Database) -> None:
    ours = Database(database.connection_string)
    is_postgresql = database.dialect_name == "postgresql"
    number_of = sa.text("SELECT pg_backend_pid()" if is_postgresql else "SELECT CONNECTION_ID()")
    end = sa.text("SELECT pg_terminate_backend(:number)" if is_postgresql else "KILL :number")
    ended: set[int] = set()

    def end_connection() -> None:
        number = ours.read(lambda session: session.scalar(number_of))
        with database.connection() as connection:
            connection.execute(end, {"number": number})
        ended.add(number)

    def break_under_each_path(times: int) -> Counter[str]:
        for _ in range(times):
            for path in PATHS:
                end_connection()
                try:
                    path(ours)
                except ConnectionFailedError:  # where nothing is retried
                    select_one(ours)
        gc.collect()
        return Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())

    gc.unfreeze()  # what stood aside could be part of what is counted
    before = break_under_each_path(2)
    after = break_under_each_path(3)
    ours.close()
    assert len(ended) == 5 * len(PATHS)
    grown = {kind: count - before[kind] for kind, count in after.items() if count - before[kind] >= 3 * len(PATHS)}
    assert grown == {}
