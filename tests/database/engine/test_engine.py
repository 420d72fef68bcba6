"""Transactions: what is retried, what is read back, what is told."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cutting_proxy import CuttingProxy
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from OpenOrchestrator.common.errors import (
    CommitOutcomeUnknownError,
    ConfigurationError,
    ConnectionFailedError,
    DatabaseError,
)
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.engine import connecting
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.logs import Log, LogLevel


def log_row(log_id: UUID) -> Log:
    return Log(id=log_id, log_level=LogLevel.INFO, process_name="test", log_message="message")


def test_objects_stay_readable_after_the_transaction(database: Database) -> None:
    database.write(lambda session: session.add(Constant(name="a", value="b")))
    constant = database.read(lambda session: session.get_one(Constant, "a"))
    assert constant.value == "b"


def test_a_raised_error_rolls_everything_back(database: Database) -> None:
    def work(session: Session) -> None:
        session.add(Constant(name="a", value="b"))
        session.flush()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(work)
    assert database.read(lambda session: session.get(Constant, "a")) is None


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_deadlock_is_retried_until_both_have_written(database: Database) -> None:
    def prepare(session: Session) -> None:
        session.add_all([Constant(name="a", value="0"), Constant(name="b", value="0")])

    database.write(prepare)
    both_hold_one = threading.Barrier(2)
    errors: list[BaseException] = []

    def update(first: str, second: str) -> None:
        attempts = 0

        def work(session: Session) -> None:
            nonlocal attempts
            attempts += 1
            session.execute(sa.update(Constant).where(Constant.name == first).values(value=first + second))
            if attempts == 1:
                both_hold_one.wait(timeout=20)
            session.execute(sa.update(Constant).where(Constant.name == second).values(value=first + second))

        try:
            database.write(work)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=update, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    values = database.read(lambda session: set(session.scalars(sa.select(Constant.value))))
    assert values in ({"ab"}, {"ba"})


def kill_connection(session: Session) -> None:
    """Let the server cut the connection of this session, as it does with idle or unwanted ones."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with sa.create_engine(connection.engine.url, isolation_level="AUTOCOMMIT").connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
    else:
        pid = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        with sa.create_engine(connection.engine.url, isolation_level="AUTOCOMMIT").connect() as other:
            other.exec_driver_sql(f"KILL {pid}")


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_connection_lost_before_the_commit_is_made_anew(database: Database) -> None:
    attempts = 0

    def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        session.add(Constant(name="a", value=str(attempts)))
        session.flush()
        if attempts == 1:
            kill_connection(session)
            session.execute(sa.select(Constant.name)).all()

    database.write(work)
    assert attempts == 2
    assert database.read(lambda session: session.get_one(Constant, "a").value) == "2"


@pytest.fixture
def proxy(database: Database) -> Iterator[CuttingProxy]:
    url = make_url(database.connection_string)
    proxy = CuttingProxy(str(url.host), int(url.port or 0))
    yield proxy
    proxy.close()


@pytest.fixture
def through_proxy(database: Database, proxy: CuttingProxy) -> Iterator[Database]:
    url = make_url(database.connection_string).set(host="127.0.0.1", port=proxy.port)
    behind = Database(url.render_as_string(hide_password=False))
    yield behind
    behind.close()


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize("arrived", [True, False])
def test_an_unknown_commit_is_read_back(
    database: Database, through_proxy: Database, proxy: CuttingProxy, arrived: bool
) -> None:
    log_id = uuid4()
    written = 0

    def work(session: Session) -> UUID:
        nonlocal written
        written += 1
        session.add(log_row(log_id))
        return log_id

    def read_back(session: Session) -> UUID | None:
        return session.scalar(sa.select(Log.id).where(Log.id == log_id))

    through_proxy.read(lambda session: session.execute(sa.select(1)))
    proxy.cut_after(b"COMMIT", forward=arrived)
    assert through_proxy.write(work, read_back=read_back) == log_id
    assert proxy.cuts == 1
    assert database.read(lambda session: session.scalars(sa.select(Log.id)).all()) == [log_id]
    if not arrived:
        assert written == 2


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_commit_that_arrives_late_is_read_back_again(through_proxy: Database, proxy: CuttingProxy) -> None:
    log_id = uuid4()
    looks = 0

    def read_back(session: Session) -> UUID | None:
        nonlocal looks
        looks += 1
        if looks == 1:  # as if the server had not finished the commit yet
            return None
        return session.scalar(sa.select(Log.id).where(Log.id == log_id))

    def work(session: Session) -> UUID:
        session.add(log_row(log_id))
        return log_id

    through_proxy.read(lambda session: session.execute(sa.select(1)))
    proxy.cut_after(b"COMMIT", forward=True)
    assert through_proxy.write(work, read_back=read_back) == log_id
    assert looks == 2


@pytest.mark.kinds("postgresql", "mariadb")
def test_an_unknown_commit_that_nobody_can_read_back_is_told(through_proxy: Database, proxy: CuttingProxy) -> None:
    through_proxy.read(lambda session: session.execute(sa.select(1)))
    proxy.cut_after(b"COMMIT", forward=False)
    with pytest.raises(CommitOutcomeUnknownError, match="look before you repeat it"):
        through_proxy.write(lambda session: session.add(log_row(uuid4())))


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_server_that_falls_silent_is_given_up(
    database: Database, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "SILENCE_GRACE_SECONDS", 0)
    url = make_url(database.connection_string).set(host="127.0.0.1", port=proxy.port)
    url = url.update_query_dict({"connect_timeout": "2"})
    behind = Database(url.render_as_string(hide_password=False), statement_timeout=1, patience_seconds=0.1)
    behind.read(lambda session: session.execute(sa.select(1)))
    proxy.fall_silent()
    with pytest.raises(ConnectionFailedError, match="Cannot connect to"):
        behind.read(lambda session: session.execute(sa.select(1)))
    behind.close()


def test_two_writers_wait_for_each_other(database: Database) -> None:
    database.write(lambda session: session.add(Constant(name="n", value="0")))

    def add_one(_number: int) -> None:
        def work(session: Session) -> None:
            session.execute(
                sa.update(Constant)
                .where(Constant.name == "n")
                .values(value=sa.cast(sa.cast(Constant.value, sa.Integer) + 1, sa.Unicode(100)))
            )

        database.write(work)

    threads = [threading.Thread(target=add_one, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert database.read(lambda session: session.get_one(Constant, "n").value) == "10"


def test_the_database_clock_moves_by_the_seconds_asked_for(database: Database) -> None:
    now, later = database.read(lambda session: session.execute(sa.select(DatabaseUtcNow(), DatabaseUtcNow(30.5))).one())
    assert 30.4 < (later - now).total_seconds() < 31.5
    assert now.tzinfo is not None


def test_a_statement_the_database_refuses_is_told_without_the_password(database: Database) -> None:
    with pytest.raises(DatabaseError, match="refused a statement"):
        database.read(lambda session: session.execute(sa.text("SELECT nothing FROM nowhere")))


@pytest.mark.parametrize(
    ("connection_string", "error", "words"),
    [
        ("nonsense", ConfigurationError, "not a SQLAlchemy URL"),
        ("", ConfigurationError, "not a SQLAlchemy URL"),
        ("postgresql+nothing://host/x", ConfigurationError, "No driver for 'postgresql.nothing'"),
        ("oracle://host/x", ConfigurationError, "does not work with databases of the kind 'oracle'"),
    ],
)
def test_a_connection_string_that_cannot_be_used(connection_string: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Database(connection_string)


def test_an_unreachable_server_is_told_at_once_without_the_password() -> None:
    database = Database("postgresql+psycopg://user:very%20secret@127.0.0.1:1/nothing")
    with pytest.raises(ConnectionFailedError, match="Cannot connect to") as caught:
        database.verify()
    assert "very secret" not in str(caught.value)
    assert "very%20secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("asked_for", [False, True])
def test_warnings_of_the_driver_are_written_only_where_a_robot_has_set_up_logging(asked_for: bool) -> None:
    code = f"""if True:
        import logging, sys
        from OpenOrchestrator.database.engine.database import Database
        Database("postgresql+psycopg://user@127.0.0.1:1/nothing")
        if {asked_for}:
            logging.basicConfig(stream=sys.stdout, format="%(message)s")
        logging.getLogger("psycopg").warning("a warning")
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("a warning" if asked_for else "", "")


def test_a_missing_sqlite_file_is_not_made_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "missing.db"
    database = Database(f"sqlite+pysqlite:///{path}")
    with pytest.raises(ConnectionFailedError, match="upgrade"):
        database.read(lambda session: session.execute(sa.select(1)))
    assert not path.exists()
