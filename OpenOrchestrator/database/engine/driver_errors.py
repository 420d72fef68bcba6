"""What an error of a driver means: whether it passes, what can have been saved, what becomes of the connection.

Owns the codes of all drivers. Must not decide what is done about them: ``transactions`` does.

Three kinds pass. The database undid the transaction or statement itself (deadlock, lock time-out, no room): nothing was
saved, the connection is good. It serves nobody, or no writer, for now (read-only after a failover, shutting down, too
many connections): nothing was saved, and the connection must go, because the next one may lead to another server. The
connection is lost: what was being saved is not known.
"""

from __future__ import annotations

import re
import sqlite3

import sqlalchemy as sa

_POSTGRESQL_CONFLICT = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock time-out
_POSTGRESQL_NO_ROOM = frozenset(
    {
        "57014",  # statement time-out
        "53000",  # resources: in general,
        "53100",  # disk full,
        "53200",  # memory,
        "53400",  # a configured limit
    }
)
_POSTGRESQL_UNSERVED = frozenset({"25006", "53300"})  # read-only, too many connections

_MYSQL_CONFLICT = frozenset(
    {
        1020,  # changed since it was read
        1205,  # lock time-out
        1213,  # deadlock
        3101,  # undone by group replication
    }
)
_MYSQL_NO_ROOM = frozenset(
    {
        1021,  # disk full
        1037,  # memory
        1038,  # memory for sorting
        1041,  # memory
        1114,  # table full
        1969,  # statement time-out (MariaDB)
        3024,  # statement time-out (MySQL)
    }
)
_MYSQL_UNSERVED = frozenset(
    {
        1040,  # too many connections
        1203,  # too many connections of this user
        1226,  # too many connections of this user
        1047,  # this node of a Galera cluster is not ready
        1290,  # read-only
        1792,  # read-only transaction
        1836,  # read-only
        1874,  # InnoDB is read-only
    }
)
_MYSQL_LOGIN_REFUSED = frozenset(
    {
        1044,  # no right to use this database
        1045,  # wrong password
        1049,  # no such database
        1130,  # not from this machine
        1698,  # wrong password
        1862,  # the password has expired
        3118,  # the account is locked (MySQL)
        4151,  # the account is locked (MariaDB)
    }
)
_MYSQL_LOST = frozenset({1053})  # shutting down; SQLAlchemy knows the others

_MYSQL_NO_TLS = 2026  # the driver's own: the connection string asks for encryption, and the server has none

_SQL_SERVER_CONFLICT = frozenset(
    {
        1205,  # deadlock
        1222,  # lock time-out
        3960,  # changed since it was read
        3961,  # table changed meanwhile
    }
)
_SQL_SERVER_NO_ROOM = frozenset(
    {
        701,  # memory
        802,  # memory
        1101,  # disk full
        1105,  # disk full
        8645,  # memory
        9002,  # log full
    }
)
_SQL_SERVER_UNSERVED = frozenset(
    {
        921,  # database that is not recovered yet
        922,  # database that is being recovered
        927,  # database that is being restored
        952,  # database in transition
        954,  # database that is the mirror of another
        3906,  # read-only database
        976,  # replica that does not serve
        978,  # replica that serves readers only
        979,  # replica that serves readers only
        982,  # replica that serves nobody
        983,  # replica that is changing its role
        10928,  # Azure: too many workers
        10929,  # Azure: too busy
        40197,  # Azure: failing over
        40501,  # Azure: too busy
        40613,  # Azure: not available now
    }
)
_SQL_SERVER_LOGIN_REFUSED = frozenset(
    {
        4060,  # no such database, or no right to use it
        4064,  # the account's own database cannot be opened
        18452,  # not of a trusted domain
        18456,  # wrong password
        18470,  # the account is disabled
        18486,  # the account is locked
        18487,  # the password has expired
        18488,  # the password has to be changed
    }
)
_SQL_SERVER_LOST = frozenset({6005, 6006})  # shutting down
_SQL_SERVER_NUMBER = re.compile(r"\((\d+)\)")

# libpq tells no code of what happens while connecting, only the server's words.
_POSTGRESQL_LOGIN_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects|"
    r"(?:database|role|user) \".*?\" does not exist|no such (?:database|user)|is not permitted to log in|"
    r"permission denied for database|does not support SSL|private key file|channel binding required|weak sslmode|"
    # what the connection string itself says
    r"invalid connection option|invalid \w+ value|invalid value for parameter|invalid integer value|"
    r"invalid port number|bad value for \w+|unrecognized configuration parameter|definition of service|service file"
)
_CERTIFICATE = re.compile(r"certificate", re.IGNORECASE)
_ODBC_NO_DRIVER = re.compile(r"IM00[234]|Can't open lib")

_SQLITE_CONFLICT = {"BUSY": "is locked", "LOCKED": "is locked"}
_SQLITE_NO_ROOM = {"FULL": "database or disk is full"}
_SQLITE_UNSERVED = {"READONLY": "readonly database", "CANTOPEN": "unable to open database file"}
_SQLITE_LOST = {"IOERR": "disk I/O error"}


class ShortageError(sa.exc.OperationalError):
    """This process, or this machine, has no connection to give: the server was not asked.

    Args:
        cause: What was missing.
    """

    def __init__(self, cause: BaseException) -> None:
        super().__init__(None, None, cause, connection_invalidated=True)


class MisconfiguredError(sa.exc.OperationalError):
    """The driver cannot use what the connection string says, or a file that it names: no server was asked.

    Args:
        words: What it cannot use, and why.
    """

    def __init__(self, words: str) -> None:
        super().__init__(None, None, ValueError(words))


def is_transient(error: sa.exc.DBAPIError, dialect_name: str) -> bool:
    """Tell whether nothing was saved, for a reason that passes (deadlock, lock time-out, no room, read-only)."""
    return is_undone(error, dialect_name) or is_unserved(error.orig, dialect_name)


def is_undone(error: sa.exc.DBAPIError, dialect_name: str) -> bool:
    """Tell whether the database undid the work for a reason that passes, and serves others meanwhile."""
    original = error.orig
    if is_conflict(original, dialect_name):
        return True
    if dialect_name == "postgresql":
        return _sqlstate(original) in _POSTGRESQL_NO_ROOM
    if dialect_name in ("mysql", "mariadb"):
        return _number(original) in _MYSQL_NO_ROOM
    if dialect_name == "mssql":
        # Without a statement, it is connecting that took too long.
        timed_out = _first(original) == "HYT00" and error.statement is not None
        return timed_out or _has_number(original, _SQL_SERVER_NO_ROOM)
    return _is_sqlite(original, _SQLITE_NO_ROOM)


def is_conflict(original: BaseException | None, dialect_name: str) -> bool:
    """Tell whether what others do at the same time was in the way: their locks, or their changes.

    Args:
        original: The driver's own error.
        dialect_name: The kind of database.
    """
    if dialect_name == "postgresql":
        return _sqlstate(original) in _POSTGRESQL_CONFLICT
    if dialect_name in ("mysql", "mariadb"):
        return _number(original) in _MYSQL_CONFLICT
    if dialect_name == "mssql":
        return _first(original) == "40001" or _has_number(original, _SQL_SERVER_CONFLICT)
    return _is_sqlite(original, _SQLITE_CONFLICT)


def is_unserved(original: BaseException | None, dialect_name: str) -> bool:
    """Tell whether the database refuses everybody, or every writer, for now; nothing was saved.

    Args:
        original: The driver's own error.
        dialect_name: The kind of database.
    """
    if dialect_name == "postgresql":
        return _sqlstate(original) in _POSTGRESQL_UNSERVED
    if dialect_name in ("mysql", "mariadb"):
        return _number(original) in _MYSQL_UNSERVED
    if dialect_name == "mssql":
        return _has_number(original, _SQL_SERVER_UNSERVED)
    return _is_sqlite(original, _SQLITE_UNSERVED)


def is_login_refused(error: sa.exc.DBAPIError, dialect_name: str) -> bool:
    """Tell whether connecting fails for a reason that stays: login, database, driver, certificate, or an option.

    Whoever repeats a wrong login again and again gets its account locked.

    Args:
        error: Raised while connecting.
        dialect_name: The kind of database.
    """
    original = error.orig
    if isinstance(error, MisconfiguredError):
        return True
    if error.statement is not None or dialect_name == "sqlite" or is_unserved(original, dialect_name):
        return False
    text = str(original)
    if _CERTIFICATE.search(text):
        return True
    if dialect_name == "postgresql":
        return _POSTGRESQL_LOGIN_REFUSED.search(text) is not None
    if dialect_name in ("mysql", "mariadb"):
        return _number(original) in (*_MYSQL_LOGIN_REFUSED, _MYSQL_NO_TLS)
    return (
        _first(original) == "28000"
        or _has_number(original, _SQL_SERVER_LOGIN_REFUSED)
        or _ODBC_NO_DRIVER.search(text) is not None
    )


def ends_connection(original: BaseException, dialect_name: str) -> bool:
    """Tell whether a connection is of no use after an error, though the driver may hold it for good.

    True for errors that are not the driver's own (no file descriptors, no memory): where in its work it was
    interrupted is not known.

    Args:
        original: What was raised.
        dialect_name: The kind of database.
    """
    if isinstance(original, OSError | MemoryError):
        return True
    if dialect_name == "postgresql":  # 57P0x: the server shuts down, or ends this connection
        return str(_sqlstate(original)).startswith("57P0") or is_unserved(original, dialect_name)
    if dialect_name in ("mysql", "mariadb"):
        return _number(original) in _MYSQL_LOST or is_unserved(original, dialect_name)
    if dialect_name == "mssql":
        return _has_number(original, _SQL_SERVER_LOST) or is_unserved(original, dialect_name)
    return _is_sqlite(original, _SQLITE_LOST) or is_unserved(original, dialect_name)


def is_disconnect(error: sa.exc.DBAPIError, dialect_name: str) -> bool:
    """Tell whether the connection to the server was lost or could not be made."""
    if isinstance(error, ShortageError):
        return True
    if isinstance(error, MisconfiguredError):
        return False
    if dialect_name == "sqlite":
        return error.connection_invalidated
    if error.connection_invalidated or isinstance(error, sa.exc.InterfaceError):
        return True
    # Without a statement it failed while connecting or committing.
    return isinstance(error, sa.exc.OperationalError) and error.statement is None


def _sqlstate(original: BaseException | None) -> object:
    return getattr(original, "sqlstate", None)


def _first(original: BaseException | None) -> object:
    return original.args[0] if original is not None and original.args else None


def _number(original: BaseException | None) -> object:
    first = _first(original)
    return first if isinstance(first, int) else None


def _has_number(original: BaseException | None, numbers: frozenset[int]) -> bool:
    """Tell whether the server's own number, which ODBC puts into the text in brackets, is one of these."""
    return any(int(found) in numbers for found in _SQL_SERVER_NUMBER.findall(str(original)))


def _is_sqlite(original: BaseException | None, kinds: dict[str, str]) -> bool:
    if not isinstance(original, sqlite3.Error):
        return False
    name = getattr(original, "sqlite_errorname", None)  # from Python 3.11
    if name is not None:
        return any(str(name).startswith(f"SQLITE_{kind}") for kind in kinds)
    return any(text in str(original) for text in kinds.values())
