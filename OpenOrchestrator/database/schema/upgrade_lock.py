"""One upgrade at a time: the lock that makes a second one wait.

Owns the transaction a migration runs in, and what protects the data meanwhile. Must not know what is changed.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine import driver_errors
from OpenOrchestrator.database.engine.database import Database

WAIT_SECONDS = 1800
"""How long an upgrade waits for another one to end."""

TABLE_WAIT_SECONDS = 60
"""How long an upgrade waits for a table that a robot, scheduler or app is using."""

_NAME = "OpenOrchestrator upgrade"
_NUMBER = int.from_bytes(hashlib.sha256(_NAME.encode()).digest()[:7], "big")


@contextmanager
def exclusive(database: Database, on_wait: Callable[[], None] | None = None) -> Iterator[Connection]:
    """Lend a connection that is alone in changing the tables, in a transaction that commits at the end.

    The lock ends with the transaction, on MariaDB and MySQL with the connection (``database.close()``), and in any case
    with the process. MariaDB and MySQL commit changes of tables one by one nevertheless. SQLite's foreign keys are off,
    because changing a table there means copying it; work that breaks references is rolled back.

    Args:
        database: Made for this work alone: its connections keep their settings.
        on_wait: Called once when another upgrade has to be waited for.

    Raises:
        DatabaseError: If the other upgrade does not end within half an hour, or the database refuses a statement.
        ConnectionFailedError: If the database cannot be reached.
    """
    if database.dialect_name == "sqlite" and not sa.event.contains(database.engine, "connect", _prepare_sqlite):
        sa.event.listen(database.engine, "connect", _prepare_sqlite)
    with ExitStack() as stack:
        stack.enter_context(_tables_in_use_explained(database))
        connection = _begin(database, stack, on_wait)
        _lock(connection, on_wait)
        broken = _broken_references(connection)
        yield connection
        newly_broken = _broken_references(connection) - broken
        if newly_broken:
            names = ", ".join(f"{table} -> {parent}" for table, parent in sorted(newly_broken))
            raise DatabaseError(
                f"The upgrade of {database.masked_connection_string} would have broken references between rows "
                f"({names}), so nothing was changed. Please report this as a defect."
            )


@contextmanager
def _tables_in_use_explained(database: Database) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        cause = error.__cause__
        if not isinstance(cause, sa.exc.DBAPIError) or not driver_errors.is_conflict(cause.orig, database.dialect_name):
            raise
        raise DatabaseError(
            f"A table of {database.masked_connection_string} was in use for too long, and the upgrade gave up. Stop "
            "schedulers, robots and apps, and run it again; it goes on where it was."
        ) from cause


def _begin(database: Database, stack: ExitStack, on_wait: Callable[[], None] | None) -> Connection:
    deadline = time.monotonic() + WAIT_SECONDS
    waiting = False
    while True:
        try:
            return stack.enter_context(database.connection(writing=True))
        except DatabaseError as error:
            cause = error.__cause__
            busy = (
                database.dialect_name == "sqlite"
                and isinstance(cause, sa.exc.DBAPIError)
                and driver_errors.is_conflict(cause.orig, "sqlite")
            )
            if not busy:
                raise
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"The database {database.masked_connection_string} is in use by another program: end it, and "
                    "try again."
                ) from error
        if on_wait is not None and not waiting:
            on_wait()
        waiting = True
        time.sleep(0.1)


def _lock(connection: Connection, on_wait: Callable[[], None] | None) -> None:
    take = _LOCKS.get(connection.dialect.name)
    if take is None or take(connection, 0):
        return
    if on_wait is not None:
        on_wait()
    if not take(connection, WAIT_SECONDS):
        raise DatabaseError(
            f"Another upgrade of this database has been running for more than {WAIT_SECONDS // 60} minutes. Find out "
            "who runs it, and try again when it is done."
        )


def _lock_postgresql(connection: Connection, seconds: int) -> bool:
    if seconds == 0:
        taken = bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_NUMBER))))
    else:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{seconds}s'")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_NUMBER)))
        taken = True
    if taken:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{TABLE_WAIT_SECONDS}s'")
    return taken


def _lock_mysql(connection: Connection, seconds: int) -> bool:
    query = sa.text("SELECT GET_LOCK(:name, :seconds)")
    taken = bool(connection.scalar(query, {"name": _mysql_name(connection), "seconds": seconds}) == 1)
    if taken:
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {TABLE_WAIT_SECONDS}")
    return taken


def _mysql_name(connection: Connection) -> str:
    # One name per database: these locks belong to the whole server, and may have 64 characters.
    return "oo-upgrade-" + hashlib.sha256(str(connection.engine.url.database).encode()).hexdigest()[:32]


def _lock_mssql(connection: Connection, seconds: int) -> bool:
    result = connection.exec_driver_sql(
        "SET NOCOUNT ON; DECLARE @result int; "
        f"EXEC @result = sp_getapplock @Resource = N'{_NAME}', @LockMode = N'Exclusive', "
        f"@LockOwner = N'Transaction', @LockTimeout = {seconds * 1000}; "
        "SELECT @result; SET NOCOUNT OFF"
    ).scalar()
    taken = result is not None and int(result) >= 0
    if taken:
        connection.exec_driver_sql(f"SET LOCK_TIMEOUT {TABLE_WAIT_SECONDS * 1000}")
    return taken


_LOCKS: dict[str, Callable[[Connection, int], bool]] = {  # on SQLite, the writing transaction is the lock
    "postgresql": _lock_postgresql,
    "mysql": _lock_mysql,
    "mariadb": _lock_mysql,
    "mssql": _lock_mssql,
}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.execute("PRAGMA busy_timeout=1000")  # so that waiting is soon noticed and told
    cursor.close()


def _broken_references(connection: Connection) -> Counter[tuple[str, str]]:
    # Older versions never enforced references on SQLite: what was broken before must not stop an upgrade.
    if connection.dialect.name != "sqlite":
        return Counter()
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return Counter((str(row[0]), str(row[2])) for row in rows)
