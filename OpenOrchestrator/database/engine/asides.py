"""Changes made on the side of a robot's work: they may be left out, so they keep nobody waiting.

Owns that such a change opens no connection, does not queue for one, and meets the locks of others for a moment only.
Must not know any table, nor what is done about a change that was left out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from OpenOrchestrator.database.engine import connecting, driver_errors

LOCK_MILLISECONDS = 300
"""How long a change waits for a lock. Whole seconds on MariaDB and MySQL, so a second there."""

STATEMENT_MILLISECONDS = 2000
"""How long one of its statements may take, where the server can be told so for a transaction."""

CONFLICT_SECONDS = 0.8
"""For how long a change that meets those of others is begun again: on MariaDB, inserts often end in a deadlock."""

T = TypeVar("T")

_POSTGRESQL = (
    f"SELECT set_config('lock_timeout', '{LOCK_MILLISECONDS}ms', true), "
    f"set_config('statement_timeout', '{STATEMENT_MILLISECONDS}ms', true)"
)

# How to ask for, and how to set, the time that a session waits for locks; and how long that is to be.
_SESSIONS = {
    "sqlite": ("PRAGMA busy_timeout", "PRAGMA busy_timeout = {}", LOCK_MILLISECONDS),
    "mysql": ("SELECT @@innodb_lock_wait_timeout", "SET innodb_lock_wait_timeout = {}", 1),
    "mariadb": ("SELECT @@innodb_lock_wait_timeout", "SET innodb_lock_wait_timeout = {}", 1),
    "mssql": ("SELECT @@LOCK_TIMEOUT", "SET LOCK_TIMEOUT {}", LOCK_MILLISECONDS),
}


def change_aside(
    engine: Engine, look: Callable[[Connection], T | None], change: Callable[[Connection, T], None]
) -> bool:
    """Look whether there is something to change, and change it in one transaction, if that can be done at once.

    Args:
        engine: Of a file or a server; a database in memory is never changed.
        look: By one statement that takes no locks; returns what is to be changed, None if nothing is.
        change: Guards its own changes. Both may run several times, each time after the changes were undone.

    Returns:
        False if no connection is open and free.

    Raises:
        Exception: Whatever the driver raises if a lock is not free or the database refuses: nothing was changed then,
            or, if the connection broke, perhaps everything.
    """
    deadline = time.monotonic() + CONFLICT_SECONDS
    while True:
        try:
            return _try(engine, look, change)
        except sa.exc.DBAPIError as error:
            if not driver_errors.is_conflict(error.orig, engine.dialect.name) or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0.002, 0.03))  # noqa: S311  (jitter, not a secret)


def _try(engine: Engine, look: Callable[[Connection], T | None], change: Callable[[Connection, T], None]) -> bool:
    if not _has_one_to_spare(engine):
        return False
    # On PostgreSQL the look is then a transaction of its own, which spares the round trips that begin and end one.
    looker = engine.execution_options(isolation_level="AUTOCOMMIT") if engine.name == "postgresql" else engine
    with looker.connect() as connection:
        found = look(connection)
    if found is None:
        return True
    if not _has_one_to_spare(engine):
        return False
    writer = engine.execution_options(**{connecting.WRITING: True})
    with writer.connect() as connection, _impatient(connection), connection.begin():
        if engine.name == "postgresql":
            connection.exec_driver_sql(_POSTGRESQL)
        change(connection, found)
    return True


def _has_one_to_spare(engine: Engine) -> bool:
    pool = engine.pool
    return isinstance(pool, connecting.WaitingPool) and pool.checkedin() > 0


@contextmanager
def _impatient(connection: Connection) -> Iterator[None]:
    """Wait for locks for a moment only, and as long as before from the end of the block on."""
    session = _SESSIONS.get(connection.dialect.name)
    if session is None:  # PostgreSQL can be told so for one transaction
        yield
        return
    ask, say, short = session
    # On the driver's own cursor, because SQLite takes its lock when SQLAlchemy's transaction begins.
    cursor: Any = connection.connection.cursor()
    cursor.execute(ask)
    (before,) = cursor.fetchone()
    try:
        cursor.execute(say.format(short))
        yield
    finally:
        if not connection.invalidated:
            try:
                cursor.execute(say.format(int(before)))
                cursor.close()
            except Exception:  # noqa: BLE001  (each driver has its own: such a connection is not given back)
                connection.invalidate()
