"""The process-wide default database: the one global state, there because published functions take none."""

from __future__ import annotations

from OpenOrchestrator.common.errors import NotConnectedError
from OpenOrchestrator.database.engine.database import Database

_database: Database | None = None


def set_default(database: Database | None) -> None:
    """Make a database the one that ``db_util`` works on; None takes it away."""
    global _database  # noqa: PLW0603  (the documented exception)
    _database = database


def get_default() -> Database:
    """Return the default database.

    Raises:
        NotConnectedError: If none was set.
    """
    if _database is None:
        raise NotConnectedError("Not connected to database. Call db_util.connect(connection_string) first.")
    return _database


def find_default() -> Database | None:
    """Return the default database, or None."""
    return _database
