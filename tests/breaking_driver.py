"""Driver connections that raise errors of the driver's own where a test says so, on every way to the database."""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import psycopg.errors
import pymysql
import pymysql.cursors
import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database


class Moment(enum.Enum):
    """When a driver may be made to raise."""

    STATEMENT = "before a statement is sent"
    BEFORE_COMMIT = "before a commit is sent"
    AFTER_COMMIT = "after a commit was saved"


Decide = Callable[[Moment, str], "BaseException | None"]
"""Told a moment and the statement; returns what to raise, or None."""

UNDONE: dict[str, tuple[Callable[[], BaseException], ...]] = {
    "postgresql": (
        lambda: psycopg.errors.DeadlockDetected("deadlock detected"),
        lambda: psycopg.errors.SerializationFailure("could not serialize access"),
        lambda: psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"),
        lambda: psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction"),
    ),
    "mysql": (
        lambda: pymysql.err.OperationalError(1213, "Deadlock found when trying to get lock"),
        lambda: pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"),
        lambda: pymysql.err.OperationalError(1020, "Record has changed since last read"),
        lambda: pymysql.err.OperationalError(1290, "running with the --read-only option"),
    ),
    "sqlite": (
        lambda: _sqlite("SQLITE_BUSY", "database is locked"),
        lambda: _sqlite("SQLITE_LOCKED", "database table is locked"),
        lambda: _sqlite("SQLITE_READONLY", "attempt to write a readonly database"),
    ),
}
"""By kind of database: errors after which nothing was saved."""

LOST: dict[str, tuple[Callable[[], BaseException], ...]] = {
    "postgresql": (
        lambda: psycopg.OperationalError("server closed the connection unexpectedly"),
        lambda: psycopg.errors.AdminShutdown("terminating connection due to administrator command"),
    ),
    "mysql": (
        lambda: pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query"),
        lambda: pymysql.err.OperationalError(2006, "MySQL server has gone away"),
        lambda: pymysql.err.InterfaceError(0, ""),
    ),
    "sqlite": (lambda: _sqlite("SQLITE_IOERR_WRITE", "disk I/O error"),),
}
"""By kind of database: errors after which nobody knows what was saved. The connection is closed, too."""


def break_driver(database: Database, decide: Decide) -> None:
    """Let the connections that a database opens from now on raise what ``decide`` says."""
    name = database.dialect_name
    database.close()
    if name == "sqlite":
        dialect: Any = database.engine.dialect
        dialect.connect = partial(dialect.connect, factory=_sqlite_connection(decide))
    else:
        attribute, base = {
            "postgresql": ("cursor_factory", psycopg.Cursor),
            "mysql": ("cursorclass", pymysql.cursors.Cursor),
        }[name]
        sa.event.listen(database.engine, "connect", _preparing(decide, attribute, base))


def is_loss(error: BaseException, dialect_name: str) -> bool:
    """Tell whether a connection is lost with an error."""
    return any(
        type(error) is type(made) and error.args == made.args for made in (make() for make in LOST[dialect_name])
    )


def _preparing(decide: Decide, attribute: str, base: type[Any]) -> Callable[[Any, Any], None]:
    name = "postgresql" if attribute == "cursor_factory" else "mysql"

    def check(connection: Any, moment: Moment, sql: str) -> None:
        error = decide(moment, sql)
        if error is not None:
            if is_loss(error, name):
                connection.close() if name == "postgresql" else connection._force_close()
            raise error

    class Cursor(base):  # type: ignore[misc]
        def execute(self, query: Any, *arguments: Any, **named: Any) -> Any:
            check(self.connection, Moment.STATEMENT, str(query))
            return super().execute(query, *arguments, **named)

        def executemany(self, query: Any, *arguments: Any, **named: Any) -> Any:
            check(self.connection, Moment.STATEMENT, str(query))
            return super().executemany(query, *arguments, **named)

    def prepare(connection: Any, _record: Any) -> None:
        commit = connection.commit

        def break_commit() -> None:
            check(connection, Moment.BEFORE_COMMIT, "COMMIT")
            commit()
            check(connection, Moment.AFTER_COMMIT, "COMMIT")

        setattr(connection, attribute, Cursor)
        connection.commit = break_commit

    return prepare


def _sqlite_connection(decide: Decide) -> type[sqlite3.Connection]:
    def check(moment: Moment, sql: str) -> None:
        error = decide(moment, sql)
        if error is not None:
            raise error

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            check(Moment.STATEMENT, sql)
            return super().execute(sql, *arguments)

        def executemany(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            check(Moment.STATEMENT, sql)
            return super().executemany(sql, *arguments)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def commit(self) -> None:
            check(Moment.BEFORE_COMMIT, "COMMIT")
            super().commit()
            check(Moment.AFTER_COMMIT, "COMMIT")

    return Connection


def _sqlite(name: str, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name
    return error
