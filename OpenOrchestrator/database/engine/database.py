"""One database: its engine, its transactions and its clock.

Owns: opening, and the ways to run a transaction. When one is run again is in ``transactions``, how connections are made
and set up in ``connecting``, what is said about errors in ``explanations``.
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
from OpenOrchestrator.database.engine import connecting, dialects, forks
from OpenOrchestrator.database.engine.explanations import Explanations
from OpenOrchestrator.database.engine.transactions import Attempts, Transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.driver_cursor import DriverTransaction, DriverTransactions
    from OpenOrchestrator.database.engine.stamp import Stamp
    from OpenOrchestrator.database.engine.watchdog import StatementWatchdog

T = TypeVar("T")
X = TypeVar("X", bound=Transaction)


class Database:
    """A database with its connections.

    Transactions are given as functions, so that one that the database rolled back for a passing reason (deadlock,
    conflict, busy, lost connection) can be run again as a whole. Safe to share between threads, and to go on with in
    the child of a fork, which opens connections of its own; only a transaction must not fork.

    Args:
        connection_string: SQLAlchemy URL.
        clock: Tells the time that is written into rows.
        pool_size: Connections kept open.
        extra_connections: How many more are opened for a moment when needed. Threads beyond wait for one another.
        patience_seconds: How long to keep trying after a passing error before raising.
        statement_timeout: Seconds one statement may take. None for work that may take long, such as migrations: it
            waits for locks without a limit, too.
        create: Whether a SQLite file that does not exist may be made.

    Raises:
        ConfigurationError: If the connection string cannot be understood or its driver is not installed.
    """

    def __init__(
        self,
        connection_string: str,
        *,
        clock: Clock | None = None,
        pool_size: int = connecting.POOL_SIZE,
        extra_connections: int = connecting.EXTRA_CONNECTIONS,
        patience_seconds: float = 30.0,
        statement_timeout: int | None = connecting.STATEMENT_TIMEOUT_SECONDS,
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
        self.engine: Engine = self._make_engine(pool_size, extra_connections)
        self._writer = self.engine.execution_options(**{connecting.WRITING: True})
        self._autocommitter = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._explanations = Explanations(
            dialect_name=self.dialect_name, shown=self.masked_connection_string, secrets=self._secrets
        )
        self._attempts = Attempts(explanations=self._explanations, patience_seconds=patience_seconds)
        forks.follow(self)

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
        self._spare_connection()
        at_once = self.dialect_name == "postgresql" and not self._is_behind_pooler()
        engine = self._autocommitter if at_once else self._writer
        return self._run(engine.connect, work, writing=True, read_back=read_back, at_once=at_once)

    def write_directly(
        self, work: Callable[[DriverTransaction], T], *, read_back: Callable[[DriverTransaction], T | None]
    ) -> T:
        """As ``write_statement``, on the driver's own cursor: for the statements that run most often."""
        direct = self._direct
        if direct is None:
            from OpenOrchestrator.database.engine.driver_cursor import DriverTransactions  # noqa: PLC0415

            at_once = self.dialect_name == "postgresql" and not self._is_behind_pooler()
            direct = DriverTransactions(self.engine, self._watchdog, self._pooler, at_once=at_once)
            self._direct = direct
        return self._run(direct.begin, work, writing=True, read_back=read_back, at_once=direct.at_once)

    def change_aside(self, look: Callable[[Connection], T | None], change: Callable[[Connection, T], None]) -> bool:
        """Make a change that may be left out, waiting for nobody and trying once: see ``asides.change_aside``."""
        from OpenOrchestrator.database.engine.asides import change_aside  # noqa: PLC0415  (robots alone need it)

        self._spare_connection()
        return change_aside(self.engine, look, change)

    @contextmanager
    def connection(self, *, writing: bool = False) -> Iterator[Connection]:
        """Lend a connection in a transaction that commits at the end of the block; nothing is retried.

        Raises:
            ConnectionFailedError: If the database cannot be reached.
            DatabaseError: If it refuses a statement.
        """
        engine = self._writer if writing else self.engine
        self._spare_connection()
        opened = self._attempts.look(engine.connect, waiting=False, explain=self.explain)
        first: BaseException | None = None
        try:
            with opened as connection, connection.begin():
                try:
                    yield connection
                except BaseException as error:
                    first = error
                    raise
        except sa.exc.DBAPIError as error:
            # Undoing may fail as well: what went wrong first is the one to tell.
            told = first or error
            if not isinstance(told, sa.exc.DBAPIError):
                raise told from error
            raise self.explain(told) from told

    def verify(self) -> None:
        """Open a connection at once, so that a wrong connection string is told here and not later.

        Raises:
            ConnectionFailedError: With the cause and what to do about it.
        """
        self._require_file()
        self._attempts.look(self.engine.connect, waiting=False, explain=self._explanations.explain_opening).close()

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone: the one stored at ``upgrade``, or the machine's where none is stored.

        Raises:
            DatabaseError: If the stored one is not known here.
        """
        if self._zone is None:
            with self._zone_lock:
                if self._zone is None:
                    self._zone = self._zone_of(self._stamp or self.read_stamp(waiting=True))
        return self._zone

    def read_stamp(self, *, waiting: bool = False) -> Stamp:
        """Read anew what revision the database has; its time zone comes along, so that ``zone`` need not ask.

        Args:
            waiting: Whether to keep trying, within the patience, while the database cannot be reached.

        Raises:
            ConnectionFailedError: If the database cannot be reached.
            DatabaseError: If it refuses the statement.
        """
        from OpenOrchestrator.database.engine.stamp import read_stamp  # noqa: PLC0415

        def look() -> Stamp:
            with self.engine.connect() as connection:
                return read_stamp(connection)

        self._require_file()
        self._stamp = self._attempts.look(look, waiting=waiting, explain=self._explanations.explain_opening)
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

    def before_fork(self) -> None:
        """Let the transactions on a SQLite file end, and close it."""
        if isinstance(self.engine.pool, connecting.RestingPool):
            self.engine.pool.rest()

    def after_fork_in_parent(self) -> None:
        """Go on where ``before_fork`` stopped."""
        if isinstance(self.engine.pool, connecting.RestingPool):
            self.engine.pool.go_on()

    def after_fork_in_child(self) -> None:
        """Leave the connections to the parent, in its child: what is sent on them would mix with what the parent sends.

        New ones are opened when they are needed.
        """
        self._zone_lock = threading.Lock()
        if isinstance(self.engine.pool, sa.pool.StaticPool):  # in memory, all of which the child has a copy of
            return
        forks.leave_to_parent(self.engine.pool, self._direct)
        self.engine.dispose(close=False)
        self._direct = None
        if self._watchdog is not None:
            self._watchdog.start_anew()

    def explain(self, error: sa.exc.DBAPIError) -> DatabaseError:
        """Return the error to raise for one of the driver's, without secrets."""
        return self._explanations.explain(error)

    def _is_behind_pooler(self) -> bool:
        """Tell whether transactions do not stay in one session of the server; connects, if that is not known yet."""
        if self._pooler is None:
            return False
        if self._pooler.is_between is None:
            self._attempts.look(lambda: self.engine.connect().close(), waiting=True, explain=self.explain)
        return bool(self._pooler.is_between)

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

    def _make_engine(self, pool_size: int, extra_connections: int) -> Engine:
        try:
            url = make_url(self._connection_string)
        except (sa.exc.ArgumentError, ValueError) as error:
            raise ConfigurationError(
                "The connection string is not a SQLAlchemy URL. Examples: sqlite+pysqlite:///orchestrator.db, "
                "postgresql+psycopg://user:password@server/database, "
                "mssql+pyodbc://server/database?driver=ODBC+Driver+18+for+SQL+Server"
            ) from error
        dialects.require_known(url)
        options = connecting.engine_options(
            url,
            pool_size=pool_size,
            extra_connections=extra_connections,
            statement_timeout=self._statement_timeout,
        )
        try:
            engine = sa.create_engine(url, **options)
        except (ImportError, sa.exc.NoSuchModuleError) as error:
            raise ConfigurationError(
                f"No driver for {url.drivername!r} is installed: {dialects.driver_hint(url)}"
            ) from error
        except (sa.exc.ArgumentError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"The connection string {self.masked_connection_string} cannot be used: "
                f"{redact(str(error), self._secrets)}"
            ) from error
        if self._create:  # first, because what prepares connections opens them
            connecting.create_privately(engine)
        self._pooler = connecting.pooler_watch(url, self._statement_timeout)
        connecting.prepare_connections(engine, self._statement_timeout, self._pooler)
        if url.get_driver_name() == "psycopg" and self._statement_timeout is not None:
            from OpenOrchestrator.database.engine.watchdog import StatementWatchdog  # noqa: PLC0415  (psycopg only)

            # The server's own time-out comes first where the server is alive.
            self._watchdog = StatementWatchdog(self._statement_timeout + connecting.SILENCE_GRACE_SECONDS)
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
