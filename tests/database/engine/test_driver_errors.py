"""How each driver's errors are read."""

from __future__ import annotations

import sqlite3

import psycopg
import psycopg.errors
import pymysql
import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.engine import driver_errors


class OdbcError(Exception):
    """As pyodbc raises: SQLSTATE and a text that ends in the server's number."""


def sql_server(state: str, number: int, text: str = "text") -> OdbcError:
    return OdbcError(state, f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{text} ({number}) (SQL)")


def sqlite(name: str, text: str) -> sqlite3.Error:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name
    return error


def read(original: BaseException, dialect_name: str) -> tuple[bool, bool, bool]:
    """Return whether the work was undone, is not served for now, and whether the connection has to go."""
    error = sa.exc.OperationalError("UPDATE", None, original)
    return (
        driver_errors.is_undone(error, dialect_name),
        driver_errors.is_unserved(original, dialect_name),
        driver_errors.ends_connection(original, dialect_name),
    )


UNDONE = (True, False, False)
UNSERVED = (False, True, True)
LOST = (False, False, True)
REFUSED = (False, False, False)

NO_ROOM = ("Full", "full", "Memory", "QueryCanceled", "max_statement_time", "9002", "Query timeout")

CASES: list[tuple[str, BaseException, tuple[bool, bool, bool]]] = [
    ("postgresql", psycopg.errors.DeadlockDetected(), UNDONE),
    ("postgresql", psycopg.errors.SerializationFailure(), UNDONE),
    ("postgresql", psycopg.errors.LockNotAvailable(), UNDONE),
    ("postgresql", psycopg.errors.QueryCanceled(), UNDONE),
    ("postgresql", psycopg.errors.DiskFull(), UNDONE),
    ("postgresql", psycopg.errors.OutOfMemory(), UNDONE),
    ("postgresql", psycopg.errors.ReadOnlySqlTransaction(), UNSERVED),
    ("postgresql", psycopg.errors.TooManyConnections(), UNSERVED),
    ("postgresql", psycopg.errors.AdminShutdown(), LOST),
    ("postgresql", psycopg.errors.CrashShutdown(), LOST),
    ("postgresql", psycopg.errors.CannotConnectNow(), LOST),
    ("postgresql", psycopg.errors.UniqueViolation(), REFUSED),
    ("postgresql", psycopg.errors.UndefinedTable(), REFUSED),
    ("mysql", pymysql.err.OperationalError(1213, "deadlock"), UNDONE),
    ("mysql", pymysql.err.OperationalError(1205, "lock wait timeout"), UNDONE),
    ("mysql", pymysql.err.OperationalError(1020, "record has changed"), UNDONE),
    ("mysql", pymysql.err.OperationalError(1969, "max_statement_time"), UNDONE),
    ("mysql", pymysql.err.OperationalError(1021, "disk full"), UNDONE),
    ("mariadb", pymysql.err.OperationalError(1114, "table is full"), UNDONE),
    ("mysql", pymysql.err.OperationalError(1290, "--read-only"), UNSERVED),
    ("mysql", pymysql.err.OperationalError(1792, "READ ONLY transaction"), UNSERVED),
    ("mariadb", pymysql.err.OperationalError(1836, "read only mode"), UNSERVED),
    ("mysql", pymysql.err.OperationalError(1040, "too many connections"), UNSERVED),
    ("mysql", pymysql.err.OperationalError(1053, "shutdown"), LOST),
    ("mysql", pymysql.err.IntegrityError(1062, "duplicate"), REFUSED),
    ("mssql", sql_server("40001", 1205), UNDONE),
    ("mssql", sql_server("HY000", 1222), UNDONE),
    ("mssql", sql_server("42000", 3960), UNDONE),
    ("mssql", sql_server("42000", 9002), UNDONE),
    ("mssql", sql_server("HYT00", 0, "Query timeout expired"), UNDONE),
    ("mssql", sql_server("42000", 3906), UNSERVED),
    *(("mssql", sql_server("42000", number), UNSERVED) for number in (976, 978, 979, 982, 983)),
    *(("mssql", sql_server("42000", number), UNSERVED) for number in (921, 922, 927, 952, 954)),
    ("mssql", sql_server("42000", 6005), LOST),
    ("mssql", sql_server("23000", 2627, "duplicate key"), REFUSED),
    ("sqlite", sqlite("SQLITE_BUSY_SNAPSHOT", "database is locked"), UNDONE),
    ("sqlite", sqlite("SQLITE_LOCKED", "database table is locked"), UNDONE),
    ("sqlite", sqlite("SQLITE_FULL", "database or disk is full"), UNDONE),
    ("sqlite", sqlite("SQLITE_READONLY", "attempt to write a readonly database"), UNSERVED),
    ("sqlite", sqlite("SQLITE_CANTOPEN", "unable to open database file"), UNSERVED),
    ("sqlite", sqlite("SQLITE_IOERR_WRITE", "disk I/O error"), LOST),
    ("sqlite", sqlite("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed"), REFUSED),
    ("sqlite", sqlite3.OperationalError("database is locked"), UNDONE),  # before Python 3.11
    ("sqlite", sqlite3.OperationalError("attempt to write a readonly database"), UNSERVED),
    ("sqlite", OSError(24, "Too many open files"), LOST),
    ("postgresql", MemoryError(), LOST),
]


@pytest.mark.parametrize(("dialect_name", "original", "expected"), CASES)
def test_an_error_is_read(dialect_name: str, original: BaseException, expected: tuple[bool, bool, bool]) -> None:
    assert read(original, dialect_name) == expected


@pytest.mark.parametrize(("dialect_name", "original", "expected"), CASES)
def test_only_what_cannot_have_been_saved_is_run_again_blindly(
    dialect_name: str, original: BaseException, expected: tuple[bool, bool, bool]
) -> None:
    error = sa.exc.OperationalError("UPDATE", None, original)
    assert driver_errors.is_transient(error, dialect_name) is (expected in (UNDONE, UNSERVED))


def test_only_what_others_do_is_a_conflict() -> None:
    conflicts = [
        repr(original) for dialect_name, original, _ in CASES if driver_errors.is_conflict(original, dialect_name)
    ]
    undone = [repr(original) for _, original, expected in CASES if expected == UNDONE]
    assert set(conflicts) < set(undone)
    no_room = [text for text in undone if text not in conflicts]
    assert all(any(word in text for word in NO_ROOM) for text in no_room)
    assert not any(any(word in text for word in NO_ROOM) for text in conflicts)


def test_a_login_that_takes_too_long_is_no_statement_that_does() -> None:
    original = sql_server("HYT00", 0, "Login timeout expired")
    assert not driver_errors.is_undone(sa.exc.OperationalError(None, None, original), "mssql")


def connecting(original: BaseException, dialect_name: str) -> bool:
    return driver_errors.is_login_refused(sa.exc.OperationalError(None, None, original), dialect_name)


def postgresql(words: str) -> psycopg.OperationalError:
    return psycopg.OperationalError(f'connection failed: connection to server at "10.0.0.1", port 5432 failed: {words}')


LOGINS: list[tuple[str, BaseException]] = [
    ("postgresql", postgresql('FATAL:  password authentication failed for user "robot"')),
    ("postgresql", postgresql('FATAL:  LDAP authentication failed for user "robot"')),
    ("postgresql", postgresql('FATAL:  database "orchestrator" does not exist')),
    ("postgresql", postgresql('FATAL:  role "robot" does not exist')),
    ("postgresql", postgresql('FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "robot", database "o"')),
    ("postgresql", postgresql('root certificate file "/etc/ca.pem" does not exist')),
    ("postgresql", postgresql('could not load private key file "/etc/a.key": Permission denied')),
    ("postgresql", postgresql("FATAL:  channel binding required, but server authenticated client without it")),
    ("postgresql", psycopg.ProgrammingError('invalid connection option "sslrotcert"')),
    ("postgresql", psycopg.OperationalError('connection is bad: invalid sslmode value: "ful"')),
    ("postgresql", psycopg.OperationalError('connection is bad: definition of service "o" not found')),
    *(("mysql", pymysql.err.OperationalError(number, "denied")) for number in (1044, 1045, 1049, 1698)),
    ("mysql", pymysql.err.OperationalError(2003, "Can't connect ([SSL: CERTIFICATE_VERIFY_FAILED] verify failed)")),
    ("mysql", pymysql.err.OperationalError(2026, "SSL is required but the server doesn't support it")),
    *(("mssql", sql_server("42000", number)) for number in (4060, 18452, 18456)),
    ("mssql", sql_server("28000", 0, "Login failed")),
    ("mssql", OdbcError("IM002", "[IM002] Data source name not found and no default driver specified (0)")),
    ("mssql", OdbcError("01000", "[01000] Can't open lib 'ODBC Driver 99' : file not found (0)")),
]

PASSING: list[tuple[str, BaseException]] = [
    ("postgresql", postgresql("Connection refused")),
    ("postgresql", postgresql("FATAL:  the database system is starting up")),
    ("postgresql", postgresql("FATAL:  sorry, too many clients already")),
    ("postgresql", psycopg.OperationalError('failed to resolve host "db": Name or service not known')),
    ("postgresql", psycopg.OperationalError('connection to server on socket "/x" failed: No such file or directory')),
    ("mysql", pymysql.err.OperationalError(2003, "Can't connect to MySQL server on 'db' (Connection refused)")),
    ("mysql", pymysql.err.OperationalError(1040, "too many connections")),
    ("mssql", sql_server("08001", 53)),
    ("mssql", sql_server("HYT00", 0, "Login timeout expired")),
    ("mssql", sql_server("42000", 40613)),
    ("sqlite", sqlite("SQLITE_CANTOPEN", "unable to open database file")),
    ("mysql", OSError(24, "Too many open files")),
    ("mysql", ConnectionResetError(104, "Connection reset by peer")),
]


@pytest.mark.parametrize(("kind", "original"), LOGINS)
def test_a_login_that_is_refused_stays_refused(kind: str, original: BaseException) -> None:
    assert connecting(original, kind)
    assert not driver_errors.is_login_refused(sa.exc.OperationalError("SELECT 1", None, original), kind)


@pytest.mark.parametrize(("kind", "original"), PASSING)
def test_what_passes_while_connecting_is_no_refused_login(kind: str, original: BaseException) -> None:
    assert not connecting(original, kind)
