"""What differs between SQLite, PostgreSQL, SQL Server and MariaDB/MySQL, and nothing else.

Owns: column types, the database's own clock, and which kinds there are. How connections are made is in ``connecting``,
how each driver's errors are read in ``driver_errors``. Must not know any table. Dialects of SQLAlchemy are imported
where they are needed: each robot waits for what is loaded.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.database.labels import without_mark

E = TypeVar("E", bound=enum.Enum)


class SiteDateTime(TypeDecorator[datetime]):
    """A naive date and time on the wall clock of the site, as all columns of earlier versions hold it."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type that keeps microseconds."""
        return dialect.type_descriptor(_precise_datetime(dialect))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse an aware datetime: which wall clock it means must be decided before it comes here.

        Raises:
            ValueError: If the value has a time zone.
        """
        if value is not None and value.tzinfo is not None:
            raise ValueError(f"{value!r} has a time zone, but this column holds naive site time: convert it first.")
        return value


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware UTC in Python, naive UTC in the database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type that keeps microseconds."""
        return dialect.type_descriptor(_precise_datetime(dialect))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to naive UTC.

        Raises:
            ValueError: If the value has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone, but this column holds an instant.")
        return value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Mark what was read as UTC."""
        return None if value is None else value.replace(tzinfo=timezone.utc)


class NameList(TypeDecorator[list[str]]):
    """A list of names stored as a JSON array in a short text column; NULL reads as an empty list."""

    impl = sa.Unicode
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str:
        """Write a JSON array; never NULL, because tables made by version 2 refuse it."""
        return json.dumps(list(value or []), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str]:
        """Read the array; text that is none becomes one name that matches nobody, so that the row stays readable."""
        return list(_names_in(value)) if value else []


@lru_cache(maxsize=1024)
def _names_in(text: str) -> tuple[str, ...]:
    """Return the names in a list; kept, because pages read the few lists that there are hundreds of times a minute."""
    try:
        names = json.loads(text)
    except ValueError:
        return (text,)
    return tuple(str(name) for name in names) if isinstance(names, list) else (text,)


class SchedulerNames(NameList):
    """The whitelist of a trigger, read without the mark of those that require labels."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str]:
        """Read the names of schedulers."""
        return without_mark(super().process_result_value(value, dialect))


def _precise_datetime(dialect: Dialect) -> TypeEngine[Any]:
    # Plain DATETIME drops fractions on MariaDB and rounds to 3 ms on SQL Server: both break first-in first-out.
    if dialect.name in ("mysql", "mariadb"):
        from sqlalchemy.dialects import mysql  # noqa: PLC0415  (see the module docstring)

        return mysql.DATETIME(fsp=6)
    if dialect.name == "mssql":
        from sqlalchemy.dialects import mssql  # noqa: PLC0415  (see the module docstring)

        return mssql.DATETIME2(6)  # type: ignore[no-untyped-call]
    return sa.DateTime()


def uuid_type() -> sa.Uuid[UUID]:
    """Return the type of id columns: CHAR(32) on SQLite, MySQL and MariaDB as earlier versions made it, else native."""
    portable = sa.Uuid(native_uuid=False)
    return sa.Uuid().with_variant(portable, "mysql", "mariadb", "sqlite")


def text_type(length: int) -> TypeEngine[str]:
    """Return the type of a text column of at most so many characters, of any script on every database."""
    text: TypeEngine[str] = sa.Unicode(length)
    if length > 4000:  # NVARCHAR(n) ends there
        text = text.with_variant(sa.NVARCHAR(None), "mssql")
    return text


def long_text_type() -> TypeEngine[str]:
    """Return the type of text without a practical limit."""
    from sqlalchemy.dialects import mysql  # noqa: PLC0415  (see the module docstring)

    return sa.UnicodeText().with_variant(mysql.LONGTEXT(), "mysql", "mariadb").with_variant(sa.NVARCHAR(None), "mssql")


def bytes_type() -> TypeEngine[bytes]:
    """Return the type of bytes without a practical limit."""
    from sqlalchemy.dialects import mysql  # noqa: PLC0415  (see the module docstring)

    return sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb").with_variant(sa.VARBINARY(), "mssql")


def enum_type(enumeration: type[E]) -> sa.Enum:
    """Return the type that stores member names, native where earlier versions made it native.

    Robots with older libraries cast parameters to the PostgreSQL type by its name, so it has to stay.
    """
    return sa.Enum(enumeration)


def text_length(value: str, dialect_name: str) -> int:
    """Return how much room a text takes in a column of the given database, in the unit its limit counts."""
    if dialect_name == "mssql":
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    return len(value)


class DatabaseUtcNow(sa.sql.functions.FunctionElement[datetime]):
    """The database's own clock plus some seconds, as naive UTC. Leases are measured on it alone."""

    inherit_cache = True
    type = UtcDateTime()
    name = "database_utc_now"

    def __init__(self, plus_seconds: float = 0) -> None:
        self.plus_seconds = plus_seconds
        super().__init__(sa.literal(plus_seconds, sa.Float()))


@compiles(DatabaseUtcNow, "sqlite")
def _sqlite_now(element: DatabaseUtcNow, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses.clauses[0], **kw)
    # strftime gives milliseconds; the padding makes it compare as text with SQLAlchemy's microseconds.
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"


@compiles(DatabaseUtcNow, "postgresql")
def _postgresql_now(element: DatabaseUtcNow, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses.clauses[0], **kw)
    return f"((clock_timestamp() AT TIME ZONE 'utc') + make_interval(secs => CAST({seconds} AS double precision)))"


@compiles(DatabaseUtcNow, "mysql")
@compiles(DatabaseUtcNow, "mariadb")
def _mysql_now(element: DatabaseUtcNow, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses.clauses[0], **kw)
    return f"TIMESTAMPADD(MICROSECOND, CAST(({seconds}) * 1000000 AS SIGNED), UTC_TIMESTAMP(6))"


@compiles(DatabaseUtcNow, "mssql")
def _mssql_now(element: DatabaseUtcNow, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses.clauses[0], **kw)
    return f"DATEADD(MILLISECOND, CAST(({seconds}) * 1000 AS INT), SYSUTCDATETIME())"


def prefer_index(connection: Connection, table_name: str) -> None:
    """Let PostgreSQL walk an index that holds all columns of a query, and not the table, until the transaction ends.

    Left to itself it reads short tables as a whole, which gets slower with every word stored in them. Where much was
    written since the last vacuum nothing is set: the index would have to ask the table about every row. Other kinds
    of databases do it by themselves.
    """
    if connection.dialect.name != "postgresql":
        return
    vacuumed = sa.text(
        "SELECT relallvisible >= 0.9 * relpages FROM pg_class WHERE oid = to_regclass(quote_ident(:name))"
    )
    if connection.scalar(vacuumed, {"name": table_name}):
        connection.execute(sa.text("SET LOCAL enable_seqscan = off"))


KINDS: Mapping[str, str] = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "mssql": "SQL Server",
}
"""The databases OpenOrchestrator works with: how a connection string begins, and what people call them."""


def require_known(url: URL) -> None:
    """Refuse databases of a kind that OpenOrchestrator does not work with.

    Raises:
        ConfigurationError: If it does not.
    """
    if url.get_backend_name() not in KINDS:
        raise ConfigurationError(
            f"OpenOrchestrator does not work with databases of the kind {url.drivername[:40]!r}. A connection string "
            f"begins with one of: {', '.join(KINDS)}."
        )


def driver_hint(url: URL) -> str:
    """Return how to install the driver that a connection string needs."""
    extras = {"psycopg": "postgresql", "pymysql": "mysql"}
    driver = url.get_driver_name()
    if driver in extras:
        return f'install it with: pip install "OpenOrchestrator[{extras[driver]}]"'
    if driver == "pyodbc":
        return "install the ODBC driver that the connection string names (for SQL Server: ODBC Driver 18)"
    return f"install the Python package that provides it (the connection string asks for {url.drivername!r})"
