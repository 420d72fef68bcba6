"""A connection string that the driver cannot use, or whose files it cannot read: told at once, and what it is."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from OpenOrchestrator.common.errors import ConnectionFailedError, LoginRefusedError
from OpenOrchestrator.database.engine import driver_errors
from OpenOrchestrator.database.engine.database import Database


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a file that is no certificate, and a folder that is none either."""
    (tmp_path / "junk.pem").write_text("junk\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


def select_one(database: Database) -> None:
    database.read(lambda session: session.execute(sa.select(1)))


def refusal(database: Database, options: dict[str, str], work: Callable[[Database], None] = Database.verify) -> str:
    """Return how a database is refused with these options, and see that nothing waits."""
    url = make_url(database.connection_string).update_query_dict(options)
    made = Database(url.render_as_string(hide_password=False))

    def sleep(_seconds: float) -> None:
        raise AssertionError("it is waited for")

    made._attempts = replace(made._attempts, sleep=sleep)
    with pytest.raises(LoginRefusedError) as told:
        work(made)
    return str(told.value)


@pytest.mark.kinds("mariadb")
@pytest.mark.parametrize("work", [Database.verify, select_one])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ssl_ca": "missing.pem"}, "ssl_ca '{}/missing.pem': No such file or directory"),
        ({"ssl_ca": "folder"}, "ssl_ca '{}/folder': Is a directory"),
        ({"ssl_ca": "junk.pem"}, "ssl_ca '{}/junk.pem': "),
        ({"ssl_cert": "junk.pem", "ssl_key": "missing.pem"}, "ssl_key '{}/missing.pem': No such file or directory"),
        ({"ssl_cert": "junk.pem", "ssl_key": "junk.pem"}, "ssl_cert '{0}/junk.pem', ssl_key '{0}/junk.pem': "),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    database: Database, files: Path, options: dict[str, str], words: str, work: Callable[[Database], None]
) -> None:
    named = {option: str(files / name) for option, name in options.items()}
    assert words.format(files) in refusal(database, named, work)


@pytest.mark.kinds("mariadb")
@pytest.mark.parametrize("options", [{"nosuch": "1"}, {"charset": "nosuch"}, {"connect_timeout": "0"}])
def test_an_option_that_the_driver_does_not_know_is_told(database: Database, options: dict[str, str]) -> None:
    assert "cannot use an option" in refusal(database, options)


@pytest.mark.kinds("postgresql")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sslmode": "nosuch"}, 'invalid sslmode value: "nosuch"'),
        ({"nosuch": "1"}, 'invalid connection option "nosuch"'),
        ({"service": "nosuch"}, 'definition of service "nosuch" not found'),
        ({"connect_timeout": "nosuch"}, "bad value for connect_timeout"),
        ({"options": "-c nosuch=1"}, 'unrecognized configuration parameter "nosuch"'),
    ],
)
def test_what_libpq_cannot_use_is_refused(database: Database, options: dict[str, str], words: str) -> None:
    assert words in refusal(database, options)


def failing(database: Database, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_arguments: Any, **_named: Any) -> Any:
        raise error

    database.close()
    monkeypatch.setattr(database.engine.dialect, "connect", connect)


@pytest.mark.kinds("mariadb", "postgresql")
@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "Permission denied"), ssl.SSLError("PEM lib")])
def test_what_is_no_shortage_is_not_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    failing(database, error, monkeypatch)
    with pytest.raises(LoginRefusedError, match=error.strerror or "PEM lib"):
        database.verify()


@pytest.mark.kinds("mariadb", "postgresql")
def test_a_network_that_fails_is_no_wrong_option(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(database, ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), monkeypatch)
    with pytest.raises(ConnectionFailedError, match="Check that the server runs") as told:
        database.verify()
    assert not isinstance(told.value, LoginRefusedError)


@pytest.mark.kinds("mariadb")
def test_a_shortage_that_the_driver_calls_an_unreachable_server(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = pymysql.err.OperationalError(2003, "Can't connect to MySQL server on 'db' ([Errno 24] Too many open files)")
    error.original_exception = OSError(errno.EMFILE, "Too many open files")  # type: ignore[attr-defined]
    failing(database, error, monkeypatch)
    with pytest.raises(driver_errors.ShortageError):
        database.engine.connect()
