"""One database: its engine, its transactions and its clock.

Owns: opening, the ways to run a transaction, and explaining errors. When one is run again is in ``transactions``, how
the connections of each kind of database are set up in ``dialects``.
Must not know any table but the two that say what the database is: its revision and its site's time zone.
Imports of ``sqlalchemy.orm`` wait for the first transaction, because a robot that only connects does not need it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from OpenOrchestrator.common.clock import Clock, SystemClock
from OpenOrchestrator.common.errors import ConfigurationError, ConnectionFailedError, DatabaseError
from OpenOrchestrator.common.redaction import mask_connection_string, redact, secrets_of
from OpenOrchestrator.database.engine import dialects
from OpenOrchestrator.database.engine.transactions import Attempts, Transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.driver_cursor import DriverTransaction, DriverTransactions
    from OpenOrchestrator.database.engine.stamp import Stamp
    from OpenOrchestrator.database.engine.watchdog import StatementWatchdog

T = TypeVar("T")
X = TypeVar("X", bound=Transaction)

SILENCE_GRACE_SECONDS = 10
"""How much longer than its statement time-out a server may be silent before its connection is given up."""


class Database:
    """A database with its connections.

    Transactions are given as functions, so that one that the database rolled back for a passing reason (deadlock,
    conflict, busy, lost connection) can be run again as a whole. Safe to share between threads.

    Args:
        connection_string: SQLAlchemy URL.
        clock: Tells the time that is written into rows.
        pool_size: Connections kept open; more are opened for a moment when needed.
        patience_seconds: How long to keep trying after a passing error before raising.
        statement_timeout: Seconds one statement may take; None for work that may take long, such as migrations.
        create: Whether a SQLite file that does not exist may be made.

    Raises:
        ConfigurationError: If the connection string cannot be understood or its driver is not installed.
    """

    def __init__(
        self,
        connection_string: str,
        *,
        clock: Clock | None = None,
        pool_size: int = 5,
        patience_seconds: float = 30.0,
        statement_timeout: int | None = dialects.STATEMENT_TIMEOUT_SECONDS,
        create: bool = False,
    ) -> None:
        self._connection_string = connection_string
        self._secrets = secrets_of(connection_string, None)
        self.clock: Clock = clock or SystemClock()
        self._create = create
        self._statement_timeout = statement_timeout
        self._stamp: Stamp | None = None
        self._zone: ZoneInfo | None = None
        self._zone_lock = threading.Lock()
        self._watchdog: StatementWatchdog | None = None
        self._direct: DriverTransactions | None = None
        self.engine: Engine = self._make_engine(pool_size)
        self._writer = self.engine.execution_options(**{dialects.WRITING: True})
        self._autocommitter = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._attempts = Attempts(
            dialect_name=self.dialect_name,
            shown=self.masked_connection_string,
            cause=self._cause,
            explain=self.explain,
            patience_seconds=patience_seconds,
        )

    @property
    def connection_string(self) -> str:
        """The connection string with its password, as it was given."""
        return self._connection_string

    @property
    def masked_connection_string(self) -> str:
        """The connection string for people to read: without its password."""
        return mask_connection_string(self._connection_string)

    @property
    def dialect_name(self) -> str:
        """Name of the kind of database: sqlite, postgresql, mysql, mariadb or mssql."""
        return self.engine.dialect.name

    def read(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in a transaction that writes nothing, and return its result.

        Objects it returns stay readable afterwards.

        Raises:
            ConnectionFailedError: If the database cannot be reached within the patience.
            DatabaseError: If it refuses the statement.
        """
        return self._run(lambda: self._session(self.engine), _flushed(work), writing=False, read_back=None)

    def write(self, work: Callable[[Session], T], *, read_back: Callable[[Session], T | None] | None = None) -> T:
        """Run ``work`` in a transaction, commit it, and return its result.

        Args:
            work: May run several times, each time in a fresh transaction after the former was rolled back.
            read_back: Asked in a new transaction when the connection broke while committing: returns the result if
                the commit was saved (recognised by an id or token the caller made), None if it was not.

        Raises:
            CommitOutcomeUnknownError: If the connection broke while committing and nobody can tell the outcome.
            ConnectionFailedError: If the database cannot be reached within the patience.
            DatabaseError: If it refuses the statement.
        """
        return self._run(lambda: self._session(self._writer), _flushed(work), writing=True, read_back=read_back)

    def write_statement(self, work: Callable[[Connection], T], *, read_back: Callable[[Connection], T | None]) -> T:
        """Run ``work``, which makes its whole change by one statement, and return its result.

        As ``write``, but for what happens very often: without the cost of a session, and on PostgreSQL the statement
        is a transaction of its own, which spares the round trips that begin and commit one. Reading beside it is
        allowed, but sees what others changed meanwhile.

        Args:
            work: May run several times, each time after the change was found not to be saved.
            read_back: As for ``write``.

        Raises:
            CommitOutcomeUnknownError: If the connection broke and nobody can tell whether the change was saved.
            ConnectionFailedError: If the database cannot be reached within the patience.
            DatabaseError: If it refuses the statement.
        """
        at_once = self.dialect_name == "postgresql"
        engine = self._autocommitter if at_once else self._writer
        self._spare_connection()
        return self._run(engine.connect, work, writing=True, read_back=read_back, at_once=at_once)

    def write_directly(
        self, work: Callable[[DriverTransaction], T], *, read_back: Callable[[DriverTransaction], T | None]
    ) -> T:
        """As ``write_statement``, on the driver's own cursor: for the statements that run most often."""
        direct = self._direct
        if direct is None:
            from OpenOrchestrator.database.engine.driver_cursor import DriverTransactions  # noqa: PLC0415

            direct = self._direct = DriverTransactions(self.engine, self._watchdog)
        return self._run(direct.begin, work, writing=True, read_back=read_back, at_once=direct.at_once)

    @contextmanager
    def connection(self, *, writing: bool = False) -> Iterator[Connection]:
        """Lend a connection in a transaction that commits at the end of the block; nothing is retried.

        Raises:
            ConnectionFailedError: If the database cannot be reached.
            DatabaseError: If it refuses a statement.
        """
        engine = self._writer if writing else self.engine
        self._spare_connection()
        try:
            with engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise self.explain(error) from error

    def verify(self) -> None:
        """Open a connection at once, so that a wrong connection string is told here and not later.

        Raises:
            ConnectionFailedError: With the cause and what to do about it.
        """
        self._require_file()
        try:
            with self.engine.connect():
                pass
        except sa.exc.DBAPIError as error:
            raise self._connection_failed(error) from error

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone: the one stored at ``upgrade``, or the machine's where none is stored.

        Raises:
            DatabaseError: If the stored one is not known here.
        """
        if self._zone is None:
            with self._zone_lock:
                if self._zone is None:
                    self._zone = self._zone_of(self._stamp or self.read_stamp())
        return self._zone

    def read_stamp(self) -> Stamp:
        """Read anew what revision the database has; its time zone comes along, so that ``zone`` need not ask.

        Raises:
            ConnectionFailedError: If the database cannot be reached; nothing is tried twice.
            DatabaseError: If it refuses the statement.
        """
        from OpenOrchestrator.database.engine.stamp import read_stamp  # noqa: PLC0415

        self._require_file()
        try:
            connection = self.engine.connect()
        except sa.exc.DBAPIError as error:
            raise self._connection_failed(error) from error
        with connection:
            try:
                self._stamp = read_stamp(connection)
            except sa.exc.DBAPIError as error:
                raise self.explain(error) from error
        return self._stamp

    def utc_now(self) -> datetime:
        """Return the current instant on this machine's clock, aware UTC."""
        return self.clock.utc_now()

    def site_now(self) -> datetime:
        """Return the current date and time on the site's wall clock, naive."""
        return self.clock.utc_now().astimezone(self.zone).replace(tzinfo=None)

    def forget_zone(self) -> None:
        """Read the site's time zone anew at its next use."""
        self._stamp = None
        self._zone = None

    def close(self) -> None:
        """Close all connections. The object opens new ones if it is used again."""
        self._spare_connection()
        self.engine.dispose()

    def explain(self, error: sa.exc.DBAPIError) -> DatabaseError:
        """Return the error to raise for one of the driver's, without secrets."""
        if dialects.is_disconnect(error, self.dialect_name):
            return self._connection_failed(error)
        return DatabaseError(f"The database {self.masked_connection_string} refused a statement: {self._cause(error)}")

    def _spare_connection(self) -> None:
        """Give back what ``write_directly`` keeps at hand, so that a robot does with one connection."""
        if self._direct is not None:
            self._direct.give_back()

    def _session(self, engine: Engine) -> Session:
        from sqlalchemy.orm import Session  # noqa: PLC0415  (see the module docstring)

        self._spare_connection()
        return Session(engine, expire_on_commit=False)

    def _run(
        self,
        begin: Callable[[], AbstractContextManager[X]],
        work: Callable[[X], T],
        *,
        writing: bool,
        read_back: Callable[[X], T | None] | None,
        at_once: bool = False,
    ) -> T:
        self._require_file()
        return self._attempts.run(begin, work, writing=writing, read_back=read_back, at_once=at_once)

    def _make_engine(self, pool_size: int) -> Engine:
        try:
            url = make_url(self._connection_string)
        except (sa.exc.ArgumentError, ValueError) as error:
            raise ConfigurationError(
                "The connection string is not a SQLAlchemy URL. Examples: sqlite+pysqlite:///orchestrator.db, "
                "postgresql+psycopg://user:password@server/database, "
                "mssql+pyodbc://server/database?driver=ODBC+Driver+18+for+SQL+Server"
            ) from error
        dialects.require_known(url)
        try:
            engine = sa.create_engine(url, **dialects.engine_options(url, pool_size, self._statement_timeout))
        except (ImportError, sa.exc.NoSuchModuleError) as error:
            raise ConfigurationError(
                f"No driver for {url.drivername!r} is installed: {dialects.driver_hint(url)}"
            ) from error
        except (sa.exc.ArgumentError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"The connection string {self.masked_connection_string} cannot be used: "
                f"{redact(str(error), self._secrets)}"
            ) from error
        dialects.prepare_connections(engine, self._statement_timeout)
        if url.get_driver_name() == "psycopg" and self._statement_timeout is not None:
            from OpenOrchestrator.database.engine.watchdog import StatementWatchdog  # noqa: PLC0415  (psycopg only)

            # The server's own time-out comes first where the server is alive.
            self._watchdog = StatementWatchdog(self._statement_timeout + SILENCE_GRACE_SECONDS)
            self._watchdog.install(engine)
        return engine

    def _require_file(self) -> None:
        url: URL = self.engine.url
        if self._create or url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return
        if url.database.startswith("file:") or Path(url.database).exists():
            return
        raise ConnectionFailedError(
            f"There is no SQLite database at {url.database}. Check the path, or create the database with: "
            f'python -m OpenOrchestrator upgrade "{self.masked_connection_string}"'
        )

    def _connection_failed(self, error: sa.exc.DBAPIError) -> ConnectionFailedError:
        return ConnectionFailedError(
            f"Cannot connect to {self.masked_connection_string}. Check that the server runs and can be reached from "
            f"this machine, and that database name, user and password are right. Cause: {self._cause(error)}"
        )

    def _cause(self, error: sa.exc.DBAPIError) -> str:
        # Some drivers' messages have several lines; ours have one.
        return redact(" ".join(str(error.orig or error).split()), self._secrets)

    def _zone_of(self, stamp: Stamp) -> ZoneInfo:
        from OpenOrchestrator.database.engine.stamp import machine_zone  # noqa: PLC0415

        name = stamp.zone_name
        if name is None:
            return machine_zone()
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise DatabaseError(
                f"The site's time zone {name!r} stored in {self.masked_connection_string} is not known here. "
                'Set a valid one with: python -m OpenOrchestrator upgrade "<connection string>" --timezone <name>'
            ) from error


def _flushed(work: Callable[[Session], T]) -> Callable[[Session], T]:
    """Let what a session has kept back fail before the commit, where it is known that nothing was saved."""

    def work_and_flush(session: Session) -> T:
        result = work(session)
        session.flush()
        return result

    return work_and_flush
