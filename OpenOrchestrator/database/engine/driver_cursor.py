"""Statements on the driver's own cursor, for the few that are run so often that the way there counts.

Owns what SQLAlchemy does around a statement and is still needed: the pool, types, and errors, which come out as
SQLAlchemy's. Must not know any table.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.types import TypeEngine

from OpenOrchestrator.database.engine import driver_errors

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.poolers import PoolerWatch
    from OpenOrchestrator.database.engine.watchdog import StatementWatchdog


class DriverStatement:
    """A statement compiled once for one kind of database. Safe to share between threads.

    Args:
        dialect: The kind of database.
        sql: The statement, with its parameters as ``:name``.
        parameters: Type of each parameter that may occur in it.
        columns: Type of each column it returns, in this order; empty if it returns none.
    """

    def __init__(
        self,
        dialect: Dialect,
        sql: str,
        *,
        parameters: Mapping[str, TypeEngine[Any]],
        columns: Sequence[TypeEngine[Any]] = (),
    ) -> None:
        used = [name for name in parameters if f":{name}" in sql]
        typed = sa.text(sql).bindparams(*(sa.bindparam(name, type_=parameters[name]) for name in used))
        compiled = typed.compile(dialect=dialect)
        self.sql = str(compiled)
        self._order = tuple(compiled.positiontup or ()) if compiled.positional else None
        sizes = [_null_size(parameters[name]) for name in self._order or ()]
        self._null_sizes = sizes if dialect.name == "mssql" and dialect.driver == "pyodbc" else None
        self._binds = [(name, parameters[name].dialect_impl(dialect).bind_processor(dialect)) for name in used]
        converters = [column.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._results = [(number, convert) for number, convert in enumerate(converters) if convert is not None]

    def arguments(self, values: Mapping[str, Any]) -> Any:
        """Return the values of its parameters as the driver takes them; others are left out."""
        given = {name: values[name] if convert is None else convert(values[name]) for name, convert in self._binds}
        return given if self._order is None else tuple(given[name] for name in self._order)

    def set_null_types(self, cursor: Any, arguments: Any) -> None:
        """Say of which type the parameters are that are NULL; else ODBC asks the server what the statement wants."""
        if self._null_sizes is not None:
            sizes = [size if value is None else None for size, value in zip(self._null_sizes, arguments, strict=True)]
            cursor.setinputsizes(sizes if any(sizes) else None)

    def converted(self, row: Sequence[Any]) -> list[Any]:
        """Return a row of the driver with its values as the column types give them."""
        found = list(row)
        for number, convert in self._results:
            found[number] = convert(found[number])
        return found


def _null_size(column: TypeEngine[Any]) -> tuple[int, int, int]:
    """Return ODBC's number of a type, and its size and digits."""
    if isinstance(column, sa.Uuid):
        return (-11, 36, 0)  # SQL_GUID
    if column._type_affinity is sa.DateTime:
        return (93, 26, 6)  # SQL_TYPE_TIMESTAMP
    return (-9, 4000, 0)  # SQL_WVARCHAR


class DriverTransactions:
    """Begins transactions on connections from the pool. Safe to share between threads.

    Where statements are saved at once, one connection stays at hand until ``give_back``, so that one statement after
    the other costs only itself. It does not where other threads may be waiting for a connection.

    Args:
        engine: Where to take connections from.
        watchdog: Bounds how long a silent server may keep a statement waiting.
        pooler: Sets time-outs in each transaction where a session does not keep them.
        at_once: Whether every statement is a transaction of its own, which spares the round trips that begin and
            commit one; for PostgreSQL alone.
    """

    def __init__(
        self, engine: Engine, watchdog: StatementWatchdog | None, pooler: PoolerWatch | None, *, at_once: bool
    ) -> None:
        self._engine = engine
        self._watchdog = watchdog
        self._pooler = pooler
        self._at_hand = _AtHand()
        self.at_once = at_once

    def begin(self) -> DriverTransaction:
        """Return a transaction, to be used in a ``with`` block."""
        kept = self._at_hand.take()
        if kept is not None:
            return kept
        return DriverTransaction(self._engine, self._watchdog, self._pooler, self._at_hand if self.at_once else None)

    def give_back(self) -> None:
        """Give the connection at hand back to the pool."""
        kept = self._at_hand.take()
        if kept is not None:
            kept.give_back()


class _AtHand:
    """Room for one transaction whose connection is kept."""

    def __init__(self) -> None:
        self._kept: list[DriverTransaction] = []
        self._lock = threading.Lock()

    def take(self) -> DriverTransaction | None:
        """Return what is kept, and keep it no longer."""
        with self._lock:
            return self._kept.pop() if self._kept else None

    def keep(self, transaction: DriverTransaction) -> bool:
        """Keep a transaction; return False, and do not, if there is one already."""
        with self._lock:
            if self._kept:
                return False
            self._kept.append(transaction)
            return True


class DriverTransaction:
    """A transaction on a driver's connection: ``with`` begins it, ``commit`` saves it, the end undoes the rest.

    Args:
        engine: Where to take the connection from.
        watchdog: Bounds how long a silent server may keep a statement waiting.
        pooler: Sets time-outs in it where a session does not keep them.
        at_hand: Where it puts itself at its end to be used again, every statement being a transaction of its own;
            None if it gives its connection back.
    """

    def __init__(
        self,
        engine: Engine,
        watchdog: StatementWatchdog | None,
        pooler: PoolerWatch | None,
        at_hand: _AtHand | None,
    ) -> None:
        self._engine = engine
        self._pooler = pooler
        self._dialect = engine.dialect
        # With what else a statement is interrupted by: no file descriptors, no memory.
        self._driver_error = (engine.dialect.loaded_dbapi.Error, OSError, MemoryError)
        self._watchdog = watchdog
        self._at_hand = at_hand
        self._pooled: sa.PoolProxiedConnection | None = None
        self._driver: Any = None
        self._cursor: Any = None

    def __enter__(self) -> DriverTransaction:
        if self._pooled is not None:
            return self
        try:
            self._pooled = self._engine.raw_connection()
            driver: Any = self._pooled.driver_connection
            self._driver = driver
            self._cursor = driver.cursor()
            if self._at_hand is not None:
                driver.autocommit = True
            elif self._pooler is not None:
                self._pooler.begin_directly(self._cursor)
            elif self._dialect.name == "sqlite":
                # A writing transaction takes the lock at once: upgrading a read lock later fails under contention.
                self._cursor.execute("BEGIN IMMEDIATE")
        except self._driver_error as error:
            explained = self._explained(error, None)
            self.give_back()
            raise explained from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None or not self._stays():
            self.give_back()

    def row(self, statement: DriverStatement, values: Mapping[str, Any]) -> list[Any] | None:
        """Run a statement, and return the first row it returns; None if it returns none.

        Raises:
            sqlalchemy.exc.DBAPIError: If the database refuses it or is lost.
        """
        self._execute(statement, values)
        try:
            found = self._cursor.fetchone()
        except self._driver_error as error:
            raise self._explained(error, statement.sql) from error
        return None if found is None else statement.converted(found)

    def count(self, statement: DriverStatement, values: Mapping[str, Any]) -> int:
        """Run a statement, and return how many rows it changed.

        Raises:
            sqlalchemy.exc.DBAPIError: If the database refuses it or is lost.
        """
        self._execute(statement, values)
        return int(self._cursor.rowcount)

    def commit(self) -> None:
        """Save what was changed.

        Raises:
            sqlalchemy.exc.DBAPIError: If the database refuses it or is lost.
        """
        if self._at_hand is not None:
            return
        try:
            self._driver.commit()
        except self._driver_error as error:
            raise self._explained(error, None) from error

    def give_back(self) -> None:
        """Give the connection back to the pool, undoing what was not saved."""
        pooled, self._pooled = self._pooled, None
        if pooled is None:
            return
        try:
            self._cursor.close()
            if self._at_hand is not None:
                self._driver.autocommit = False
        except self._driver_error as error:  # it is lost, or was interrupted in a statement
            pooled.invalidate(error)
        else:
            pooled.close()

    def _stays(self) -> bool:
        """Stay at hand, unless another one does, or somebody may be waiting for the connection."""
        if self._at_hand is None or self._pooled is None or self._engine.pool.is_exhausted:  # type: ignore[attr-defined]
            return False
        return self._at_hand.keep(self)

    def _execute(self, statement: DriverStatement, values: Mapping[str, Any]) -> None:
        arguments = statement.arguments(values)
        try:
            statement.set_null_types(self._cursor, arguments)
            if self._watchdog is None:
                self._cursor.execute(statement.sql, arguments)
            else:
                self._watchdog.arm(self._driver)
                self._cursor.execute(statement.sql, arguments)
                self._watchdog.disarm(self._driver)
        except self._driver_error as error:
            raise self._explained(error, statement.sql) from error

    def _explained(self, error: Exception, sql: str | None) -> sa.exc.DBAPIError:
        """Return SQLAlchemy's error for one of the driver's, and drop a connection that is lost or of no use."""
        lost = driver_errors.ends_connection(error, self._dialect.name)
        own = isinstance(error, self._dialect.loaded_dbapi.Error)
        if own and not lost:
            lost = self._dialect.is_disconnect(error, self._pooled, None)  # type: ignore[arg-type]
        if lost and self._pooled is not None:
            self._pooled.invalidate(error)
            self._pooled = None
        if not own:
            return sa.exc.OperationalError(sql, None, error, connection_invalidated=True)
        explained = sa.exc.DBAPIError.instance(
            sql,
            None,
            error,
            self._dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=self._dialect,
        )
        assert isinstance(explained, sa.exc.DBAPIError)  # noqa: S101  (for a driver's own error it always is one)
        return explained
