"""What bounds a transaction: locks of others, a client that is gone, a statement that takes too long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cutting_proxy import CuttingProxy
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from OpenOrchestrator.common.errors import TransientDatabaseError
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.engine import connecting
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.driver_cursor import DriverStatement, DriverTransaction
from OpenOrchestrator.database.leases import LEASE_SECONDS

SETTINGS = {
    "postgresql": "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'), "
    "current_setting('statement_timeout')",
    "mysql": "SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout, @@idle_transaction_timeout, "
    "CAST(@@max_statement_time AS INT)",
    "sqlite": "PRAGMA busy_timeout",
}
EXPECTED = {"postgresql": ["5s", "15s", "20s"], "mysql": [5, 5, 15, 20], "sqlite": [5000]}
UNBOUNDED = {"postgresql": ["0", "0", "0"], "mysql": [50, 86400, 0, 0], "sqlite": [30000]}


def constant(name: str, value: str) -> sa.Update:
    return sa.update(Constant).where(Constant.name == name).values(value=value)


@contextmanager
def locked(database: Database, name: str) -> Iterator[None]:
    """Hold the lock on a constant's row, as somebody else's open transaction does."""
    engine = sa.create_engine(database.connection_string, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.execute(constant(name, "held"))
        yield
        connection.rollback()


def write_directly(database: Database, name: str, value: str) -> bool:
    """Write a constant on the driver's own cursor."""
    table = database.engine.dialect.identifier_preparer.quote("Constants")
    statement = DriverStatement(
        database.engine.dialect,
        f"UPDATE {table} SET value = :value WHERE name = :name",
        parameters={"value": sa.Unicode(100), "name": sa.Unicode(100)},
    )

    def work(transaction: DriverTransaction) -> bool:
        return transaction.count(statement, {"name": name, "value": value}) == 1

    return database.write_directly(work, read_back=lambda _transaction: None)


@pytest.fixture
def impatient(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A second pool on the database, which waits a second for locks and tries once."""
    monkeypatch.setattr(connecting, "LOCK_TIMEOUT_SECONDS", 1)
    made = Database(database.connection_string, patience_seconds=0)
    yield made
    made.close()


def test_all_time_outs_are_below_the_lease_on_either_way_to_the_database(database: Database) -> None:
    name = database.dialect_name
    if name not in SETTINGS:
        pytest.skip(f"{name} tells nobody its session's time-outs")
    own = Database(database.connection_string, statement_timeout=20)
    statement = DriverStatement(own.engine.dialect, SETTINGS[name], parameters={})

    def directly(transaction: DriverTransaction) -> list[object]:
        return transaction.row(statement, {}) or []

    assert own.write_directly(directly, read_back=lambda _transaction: None) == EXPECTED[name]
    assert own.read(lambda session: list(session.execute(sa.text(SETTINGS[name])).one())) == EXPECTED[name]
    own.close()
    assert max(connecting.LOCK_TIMEOUT_SECONDS, connecting.IDLE_TRANSACTION_SECONDS) < LEASE_SECONDS


def test_long_work_has_no_time_outs(database: Database) -> None:
    name = database.dialect_name
    if name not in SETTINGS:
        pytest.skip(f"{name} tells nobody its session's time-outs")
    own = Database(database.connection_string, statement_timeout=None)
    assert own.read(lambda session: list(session.execute(sa.text(SETTINGS[name])).one())) == UNBOUNDED[name]
    own.close()


def test_a_row_that_somebody_else_has_locked_is_given_up(database: Database, impatient: Database) -> None:
    database.write(lambda session: session.add(Constant(name="a", value="0")))
    with locked(database, "a"):
        with pytest.raises(TransientDatabaseError, match="nothing was changed"):
            impatient.write(lambda session: session.execute(constant("a", "1")))
        with pytest.raises(TransientDatabaseError):
            write_directly(impatient, "a", "1")
        with pytest.raises(TransientDatabaseError), impatient.connection(writing=True) as connection:
            connection.execute(constant("a", "1"))
    assert write_directly(impatient, "a", "1")
    assert database.read(lambda session: session.get_one(Constant, "a").value) == "1"


@pytest.mark.kinds("mariadb")
def test_a_table_that_somebody_else_has_locked_is_given_up_like_a_row(database: Database, impatient: Database) -> None:
    database.write(lambda session: session.add(Constant(name="a", value="0")))
    engine = sa.create_engine(database.connection_string, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLES Constants WRITE")
        for write in (
            lambda: impatient.write(lambda session: session.execute(constant("a", "1"))),
            lambda: write_directly(impatient, "a", "1"),
        ):
            # Not a statement that took too long: that would be the end of its own time-out, many seconds later.
            with pytest.raises(TransientDatabaseError, match="Lock wait timeout exceeded"):
                write()
    assert write_directly(impatient, "a", "1")


def test_a_lock_that_is_released_within_the_patience_is_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "LOCK_TIMEOUT_SECONDS", 1)
    own = Database(database.connection_string)
    database.write(lambda session: session.add(Constant(name="a", value="0")))
    with ExitStack() as stack:
        stack.enter_context(locked(database, "a"))

        def release_and_sleep(_seconds: float) -> None:
            stack.close()

        own._attempts = replace(own._attempts, sleep=release_and_sleep)
        own.write(lambda session: session.execute(constant("a", "1")))
    own.close()
    assert database.read(lambda session: session.get_one(Constant, "a").value) == "1"


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_machine_that_died_in_a_transaction_does_not_hold_its_locks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "IDLE_TRANSACTION_SECONDS", 2)
    database.write(lambda session: session.add(Constant(name="a", value="0")))
    url = make_url(database.connection_string)
    proxy = CuttingProxy(str(url.host), int(url.port or 0))
    dead = Database(url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False))
    opened = dead.engine.connect()
    opened.execute(constant("a", "of the dead"))
    proxy.fall_silent()
    database.write(lambda session: session.execute(constant("a", "of the living")))
    assert database.read(lambda session: session.get_one(Constant, "a").value) == "of the living"
    opened.invalidate()
    dead.close()
    proxy.close()


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_transaction_that_was_stopped_too_long_is_run_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "IDLE_TRANSACTION_SECONDS", 1)
    own = Database(database.connection_string)
    alive = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = :id"
        if database.dialect_name == "postgresql"
        else "SELECT count(*) FROM information_schema.processlist WHERE id = :id"
    )
    tries: list[int] = []
    deadline = time.monotonic() + 20

    def work(session: Session) -> UUID:
        number = session.scalar(
            sa.text("SELECT pg_backend_pid()" if own.dialect_name == "postgresql" else "SELECT CONNECTION_ID()")
        )
        tries.append(number)
        session.add(Constant(name=f"try {len(tries)}", value="x"))
        session.flush()
        while len(tries) == 1 and database.read(lambda other: other.scalar(alive, {"id": number})):
            assert time.monotonic() < deadline, "the server keeps the transaction"
        return uuid4()

    own.write(work, read_back=lambda _session: None)
    own.close()
    assert len(tries) == 2
    names = database.read(lambda session: list(session.scalars(sa.select(Constant.name))))
    assert names == ["try 2"]


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Database) -> None:
    own = Database(database.connection_string, statement_timeout=1, patience_seconds=0)
    sleep = "SELECT pg_sleep(600)"
    if own.dialect_name != "postgresql":
        sleep = "SELECT count(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq * b.seq = -1"
    with pytest.raises(TransientDatabaseError):
        own.read(lambda session: session.execute(sa.text(sleep)).all())
    own.close()


def test_what_the_connection_string_says_itself_comes_last() -> None:
    url = make_url("postgresql+psycopg://server/x?connect_timeout=3&options=-c%20lock_timeout%3D9s")
    arguments = connecting.connect_arguments(url)
    assert "connect_timeout" not in arguments
    pooler = connecting.pooler_watch(url, 60)
    assert pooler is not None
    assert pooler._options.endswith(" -c lock_timeout=9s")
    assert pooler._options.startswith("-c statement_timeout=60s -c lock_timeout=5s ")


def test_a_server_is_given_up_below_the_lease_if_its_statements_are_bounded_so() -> None:
    for url in ("postgresql+psycopg://server/x", "mysql+pymysql://server/x"):
        arguments = connecting.connect_arguments(make_url(url), 15)
        assert 20 in (arguments.get("read_timeout"), arguments.get("tcp_user_timeout", 0) // 1000)
