"""PostgreSQL behind a pooler such as PgBouncer in transaction mode: found out, and lived with.

A pooler gives each transaction another session of the server. So nothing of a session can be counted on: settings given
at the start are refused or forgotten, and statements that were prepared are somebody else's. Owns noticing that, and
what takes the place of a session's settings: each transaction brings its own time-outs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection, Dialect

_MARK = "openorchestrator.session"
"""A setting of ours that a session has if what is given at its start arrives."""

_REFUSALS = ("unsupported startup parameter", "command-line options")
"""Parts of the messages with which PgBouncer, and other poolers, refuse settings of a session."""


class PoolerWatch:
    """Notices a pooler at the first connection of an engine, and sets time-outs in each transaction from then on.

    Safe to share between threads: who comes at the same time finds out the same.

    Args:
        timeouts: Settings of the server, such as ``lock_timeout``, and their values.
        own_options: What the connection string itself says; it is passed on as it is.
    """

    def __init__(self, timeouts: dict[str, str], own_options: str) -> None:
        settings = " ".join(f"-c {name}={value}" for name, value in {**timeouts, _MARK: "1"}.items())
        # Those of the connection string come last, and win.
        self._options = f"{settings} {own_options}".strip()
        self._own_options = own_options
        self._in_transaction = "SELECT " + ", ".join(
            f"set_config('{name}', '{value}', true)" for name, value in timeouts.items()
        )
        self.is_between: bool | None = None
        """Whether there is a pooler; None before the first connection."""

    def connect(self, dialect: Dialect, arguments: list[Any], named: dict[str, Any]) -> Any:
        """Open a connection; a refusal of our settings alone is no failure."""
        if self.is_between is None:
            try:
                connection = dialect.connect(*arguments, **named, options=self._options)
            except dialect.loaded_dbapi.OperationalError as error:
                if not any(words in str(error) for words in _REFUSALS):
                    raise
                self.is_between = True
            else:
                self.is_between = not _has_mark(connection)
                if not self.is_between:
                    return connection
                connection.close()
        if self.is_between:
            own = {"options": self._own_options} if self._own_options else {}
            return dialect.connect(*arguments, **named, **own, prepare_threshold=None)
        return dialect.connect(*arguments, **named, options=self._options)

    def begin(self, connection: Connection) -> None:
        """Bring the time-outs into a transaction of SQLAlchemy's."""
        if self.is_between and connection.get_isolation_level() != "AUTOCOMMIT":
            connection.exec_driver_sql(self._in_transaction)

    def begin_directly(self, cursor: Any) -> None:
        """Bring the time-outs into a transaction on the driver's own cursor."""
        if self.is_between:
            cursor.execute(self._in_transaction)


def _has_mark(connection: Any) -> bool:
    try:
        row = connection.execute(f"SELECT current_setting('{_MARK}', true)").fetchone()
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return row is not None and row[0] == "1"
