"""How connections are made: how many, with which time-outs, and what is raised when there is none to have.

Owns everything that is set on a connection before its first statement, for SQLAlchemy and the driver's own cursor
alike. Must not know what is done with it.

A transaction of ours is short. So its time-outs are well below the lease of a running job (30 seconds): neither a row
that somebody else has locked nor a machine that died inside a transaction may keep a scheduler from prolonging its
leases. Work that may take long, such as migrations, has none of them.
"""

from __future__ import annotations

import logging
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Dialect, Engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

from OpenOrchestrator.common.private_files import make_file
from OpenOrchestrator.common.shortage import is_shortage
from OpenOrchestrator.database.engine import driver_errors, forks, named_files
from OpenOrchestrator.database.engine.poolers import PoolerWatch

CONNECT_TIMEOUT_SECONDS = 10
"""How long opening a connection may take before it counts as failed."""

STATEMENT_TIMEOUT_SECONDS = 60
"""How long one statement may take, where nothing else is asked for."""

SILENCE_GRACE_SECONDS = 5
"""How much longer than its statement time-out a server may be silent before its connection is given up."""

LOCK_TIMEOUT_SECONDS = 5
"""How long a statement waits for a lock that somebody else holds."""

IDLE_TRANSACTION_SECONDS = 15
"""How long the server keeps a transaction whose client says nothing; then it is undone, and its locks are free."""

POOL_TIMEOUT_SECONDS = 10
"""How long a thread waits for a connection while other threads use them all."""

POOL_SIZE = 5
"""Connections that stay open while nobody uses them, where nothing else is asked for."""

EXTRA_CONNECTIONS = 10
"""Connections beyond these that are opened for a moment when many threads need one, where nothing else is asked for."""

REST_SECONDS = 10
"""How long a fork waits for transactions on a SQLite file to end."""

WRITING = "openorchestrator_writing"
"""Execution option of connections whose transactions write."""

_NETWORK = (ConnectionError, TimeoutError, socket.gaierror)

_LONG_WORK_SECONDS = 30
"""How long work without a statement time-out waits for a SQLite file that is locked."""


class WaitingPool(sa.pool.QueuePool):
    """A pool whose threads wait for each other's connections, and are told as by a driver when that takes too long."""

    @property
    def is_exhausted(self) -> bool:
        """Whether all connections there may be are in use, so that somebody may be waiting for one."""
        return self._overflow >= self._max_overflow and self._pool.qsize() == 0

    def connect(self) -> sa.PoolProxiedConnection:
        """Return a connection. No fork falls into that: drivers, and SQLAlchemy at the first one, hold locks then.

        Raises:
            ShortageError: If none becomes free within the time-out of the pool.
        """
        try:
            with forks.connecting.inside():
                return super().connect()
        except sa.exc.TimeoutError as error:
            raise driver_errors.ShortageError(error) from error


class RestingPool(WaitingPool):
    """A pool that can be brought to rest: no connection is in use, and none is given, until it goes on.

    For SQLite, which must not be forked with a file open: its locks are partly in the memory of the process, where a
    child finds them held for ever by connections that it does not have.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._changed = threading.Condition()
        self._resting = 0
        self._entering = 0

    def connect(self) -> sa.PoolProxiedConnection:
        """As every pool, but wait while this one rests."""
        with self._changed:
            self._changed.wait_for(lambda: not self._resting)
            self._entering += 1
        try:
            return super().connect()
        finally:
            with self._changed:
                self._entering -= 1
                self._changed.notify_all()

    def rest(self) -> None:
        """Wait until all connections were given back, at most for some seconds, and close them."""
        with self._changed:
            self._resting += 1  # threads may fork at the same time
            self._changed.wait_for(lambda: not self._entering and not self.checkedout(), REST_SECONDS)
        self.dispose()

    def go_on(self) -> None:
        """Give connections again."""
        with self._changed:
            self._resting -= 1
            self._changed.notify_all()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        with self._changed:
            self._changed.notify_all()


def connect_arguments(url: URL, statement_timeout: int | None = STATEMENT_TIMEOUT_SECONDS) -> dict[str, Any]:
    """Return the driver arguments that keep a silent or unreachable server from blocking for ever.

    Args:
        url: The connection string. What it says itself is left as it is.
        statement_timeout: Seconds one statement may take; None for work that may take long, such as migrations.
    """
    driver = url.get_driver_name()
    arguments: dict[str, Any] = {}
    silence = None if statement_timeout is None else statement_timeout + SILENCE_GRACE_SECONDS
    if driver == "psycopg":
        arguments = {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": (silence or STATEMENT_TIMEOUT_SECONDS) * 1000,
        }
    elif driver == "pymysql":
        arguments = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "read_timeout": silence, "write_timeout": silence}
    elif url.get_backend_name() == "mssql" and driver == "pyodbc":
        arguments = {"timeout": CONNECT_TIMEOUT_SECONDS}
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    if driver == "psycopg" and statement_timeout is None:
        arguments["prepare_threshold"] = None  # a pooler may be between, which gives each transaction another session
    return arguments


def pooler_watch(url: URL, statement_timeout: int | None) -> PoolerWatch | None:
    """Return what sets the time-outs of connections to PostgreSQL, through a pooler too; None where there are none.

    Args:
        url: As for ``connect_arguments``.
        statement_timeout: As for ``connect_arguments``.
    """
    if url.get_driver_name() != "psycopg" or statement_timeout is None:
        return None
    # As options of the connection they cost no round trip.
    timeouts = {
        "statement_timeout": f"{statement_timeout}s",
        "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_SECONDS}s",
    }
    return PoolerWatch(timeouts, " ".join(_texts(url.query.get("options"))))


def engine_options(
    url: URL, *, pool_size: int, extra_connections: int, statement_timeout: int | None
) -> dict[str, Any]:
    """Return what SQLAlchemy is told about the connections of an engine and its transactions.

    Args:
        url: The connection string.
        pool_size: Connections that stay open while nobody uses them.
        extra_connections: How many more there may be at once.
        statement_timeout: As for ``connect_arguments``.
    """
    if url.get_backend_name() == "sqlite" and (not url.database or url.database == ":memory:"):
        return {"poolclass": sa.pool.StaticPool, "connect_args": {"check_same_thread": False}}
    is_file = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = {
        "poolclass": RestingPool if is_file else WaitingPool,
        "pool_size": pool_size,
        "max_overflow": extra_connections,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        "pool_reset_on_return": None,  # _undo_what_is_open does it
    }
    if is_file:
        return options
    # No ping at each checkout: a transaction whose connection turns out to be lost is run again anyway.
    options |= {"pool_recycle": 1800, "connect_args": connect_arguments(url, statement_timeout)}
    if url.get_backend_name() in ("mysql", "mariadb"):
        options["isolation_level"] = "READ COMMITTED"
    return options


def prepare_connections(engine: Engine, statement_timeout: int | None, pooler: PoolerWatch | None) -> None:
    """Set up each connection of an engine when it is made, where that is not done by its arguments.

    Args:
        engine: The engine.
        statement_timeout: As for ``connect_arguments``.
        pooler: What ``pooler_watch`` returned.
    """
    sa.event.listen(engine, "do_connect", _connecting(pooler))
    if pooler is not None:
        sa.event.listen(engine, "begin", pooler.begin)
    sa.event.listen(engine, "handle_error", _leave_no_transaction)
    sa.event.listen(engine, "handle_error", _mark_useless_connection)
    sa.event.listen(engine, "reset", _undo_what_is_open)
    if engine.dialect.driver == "psycopg":
        _leave_warnings_to_those_who_ask(logging.getLogger("psycopg"))
    if engine.dialect.driver == "pymysql":
        from OpenOrchestrator.database.engine.pymysql_tls import LeanConnection  # noqa: PLC0415  (pymysql only)

        engine.dialect.connect = LeanConnection  # type: ignore[method-assign,assignment]
    name = engine.dialect.name
    if name == "sqlite":
        wait = _LONG_WORK_SECONDS if statement_timeout is None else LOCK_TIMEOUT_SECONDS
        sa.event.listen(engine, "connect", _sqlite_preparation(wait))
        sa.event.listen(engine, "begin", _begin_sqlite)
    elif name in ("mysql", "mariadb") and statement_timeout is not None:
        sa.event.listen(engine, "connect", _mysql_preparation(statement_timeout))
    elif name == "mssql":
        sa.event.listen(engine, "connect", _sql_server_preparation(statement_timeout))


def _leave_warnings_to_those_who_ask(logger: logging.Logger) -> None:
    """Keep a library's warnings from standard error, where Python puts them if nobody has set up logging.

    They tell of lost connections, in words that help nobody: the call that met the loss has told of it.
    """
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _connecting(pooler: PoolerWatch | None) -> Callable[..., Any]:
    def connect(dialect: Dialect, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        try:
            if pooler is not None:
                named = {name: value for name, value in named.items() if name != "options"}  # the watch has them
                return pooler.connect(dialect, arguments, named)
            return dialect.connect(*arguments, **named)
        except dialect.loaded_dbapi.Error as error:
            cause = getattr(error, "original_exception", None)  # pymysql calls all of them an unreachable server
            if cause is not None and is_shortage(cause):
                raise driver_errors.ShortageError(cause) from error
            raise
        # Not the driver's own: it had not even what it takes to say so, or never came to asking a server.
        except (OSError, MemoryError, RuntimeError) as error:
            if is_shortage(error):
                raise driver_errors.ShortageError(error) from error
            if not isinstance(error, OSError):
                raise
            if isinstance(error, _NETWORK):
                raise sa.exc.OperationalError(None, None, error, connection_invalidated=True) from error
            raise driver_errors.MisconfiguredError(named_files.trouble(named, error)) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise driver_errors.MisconfiguredError(f"{type(error).__name__}: {error}") from error

    return connect


def _leave_no_transaction(context: sa.engine.ExceptionContext) -> None:
    """Undo a transaction whose commit failed: SQLAlchemy takes it for ended, but not every database has undone it."""
    if context.connection is None or context.statement is not None or context.is_disconnect:
        return
    try:
        context.connection.connection.rollback()
    except Exception:  # noqa: BLE001  (each driver has its own, and the first error is the one to tell)
        context.is_disconnect = True


def _mark_useless_connection(context: sa.engine.ExceptionContext) -> sa.exc.OperationalError | None:
    """Drop connections that the driver may think good, and make a driver's error of what is none."""
    original = context.original_exception
    if context.connection is None or not driver_errors.ends_connection(original, context.dialect.name):
        return None
    context.is_disconnect = True
    if context.sqlalchemy_exception is not None:
        return None
    return sa.exc.OperationalError(context.statement, None, original, connection_invalidated=True)


def _undo_what_is_open(connection: Any, record: ConnectionPoolEntry | None, state: PoolResetState) -> None:
    """Give a connection back to its pool without the rest of a transaction, or not at all if it is broken.

    SQLAlchemy would do the same, and write a traceback to standard error for each broken one, which says nothing: the
    call that met the break has told of it.
    """
    if state.transaction_was_reset or not state.asyncio_safe:
        return
    try:
        connection.rollback()
    except Exception as error:
        if record is None:
            raise
        record.invalidate(error)


def create_privately(engine: Engine) -> None:
    """Let a SQLite file that is missing be made for this account alone, before the driver makes it for everybody.

    The files that SQLite puts beside it get its rights.
    """
    file = sqlite_file(engine.url)
    if file is None:
        return

    def make(*_: Any) -> None:
        with suppress(OSError):  # the driver says it next, in words that are known here
            make_file(file)

    sa.event.listen(engine, "do_connect", make)


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for one in memory, and for another kind of database."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or "memory" in (url.query.get("mode"), name.strip(":")):
        return None
    if name.startswith("file:"):
        name = "" if "mode=memory" in name else unquote(urlsplit(name).path)
    return Path(name) if name and name != ":memory:" else None


def _sqlite_preparation(wait_seconds: int) -> Callable[[sqlite3.Connection, Any], None]:
    pragmas = (f"busy_timeout={wait_seconds * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")

    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by the event below, never by the driver
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare


def _begin_sqlite(connection: Connection) -> None:
    # A writing transaction takes the lock at once: upgrading a read lock later fails under contention.
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _mysql_preparation(statement_timeout: int) -> Callable[[Any, Any], None]:
    # MariaDB alone reads what is in the comment, and MySQL knows none of it.
    statement = (
        f"SET innodb_lock_wait_timeout = {LOCK_TIMEOUT_SECONDS}, lock_wait_timeout = {LOCK_TIMEOUT_SECONDS} /*M!100300 "
        f", idle_transaction_timeout = {IDLE_TRANSACTION_SECONDS}, max_statement_time = {statement_timeout} */"
    )

    def prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return prepare


def _sql_server_preparation(statement_timeout: int | None) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _record: Any) -> None:
        connection.timeout = statement_timeout or 0
        if statement_timeout is not None:
            cursor = connection.cursor()
            cursor.execute(f"SET LOCK_TIMEOUT {LOCK_TIMEOUT_SECONDS * 1000}")
            cursor.close()

    return prepare


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value
