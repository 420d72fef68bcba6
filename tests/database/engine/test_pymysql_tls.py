"""Connections to MariaDB and MySQL: encrypted and checked as PyMySQL does it, at less cost."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pymysql
import pytest

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.pymysql_tls import LeanConnection

_CERTIFICATES = ("load_default_certs", "set_default_verify_paths", "load_verify_locations")


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what will hold one word for each time that certificates are read."""
    read: list[str] = []
    for name in _CERTIFICATES:
        own = getattr(ssl.SSLContext, name)

        def counting(*arguments: Any, _name: str = name, _own: Any = own, **named: Any) -> Any:
            read.append(_name)
            return _own(*arguments, **named)

        monkeypatch.setattr(ssl.SSLContext, name, counting)
    return read


@pytest.mark.kinds("mariadb")
def test_connections_that_check_no_certificate_read_none(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    read = count_reads(monkeypatch)
    database.close()
    opened = [database.engine.connect() for _ in range(3)]
    for connection in opened:
        connection.invalidate()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        connection.close()
    assert read == []


def test_certificates_that_are_to_be_checked_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = count_reads(monkeypatch)
    made: Any = LeanConnection(defer_connect=True, ssl_verify_cert=True)
    assert made.ctx.verify_mode is ssl.CERT_REQUIRED
    assert read


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"ssl": {}},
        {"ssl": {"check_hostname": True}},
        {"ssl_disabled": True},
        {"ssl_verify_cert": True},
        {"ssl_verify_identity": True},
    ],
)
def test_encryption_is_as_the_driver_makes_it(arguments: dict[str, Any]) -> None:
    assert encryption(LeanConnection(defer_connect=True, **arguments)) == encryption(
        pymysql.connect(defer_connect=True, **arguments)
    )


def test_a_file_of_options_is_heeded(tmp_path: Path) -> None:
    options = tmp_path / "my.cnf"
    options.write_text("[client]\nssl-cipher = AES256-SHA256\n", encoding="utf-8")
    arguments = {"read_default_file": str(options)}
    own = encryption(LeanConnection(defer_connect=True, **arguments))
    assert own == encryption(pymysql.connect(defer_connect=True, **arguments))
    assert own != encryption(LeanConnection(defer_connect=True))


def encryption(connection: Any) -> dict[str, Any]:
    """Return everything that decides how a connection is encrypted, and what it checks."""
    context = getattr(connection, "ctx", None)
    found = {
        "wanted": connection.ssl,
        "required": getattr(connection, "_ssl_required", None),
        "made": context is not None,
    }
    if context is None:
        return found
    return found | {
        "verify_mode": context.verify_mode,
        "check_hostname": context.check_hostname,
        "versions": (context.minimum_version, context.maximum_version),
        "options": context.options,
        "ciphers": [cipher["name"] for cipher in context.get_ciphers()],
        "protocol": context.protocol,
    }
