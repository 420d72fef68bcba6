"""SQL that is compiled once in a process: each test has an engine of its own, which would compile everything again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class Statements:
    """A cache of compiled statements that the engines of equal dialects share.

    SQLAlchemy's keys begin with the dialect, which every engine has anew; the rest is the statement itself.
    """

    def __init__(self) -> None:
        self._compiled: dict[Any, Any] = {}

    def get(self, key: tuple[Any, ...]) -> Any:
        return self._compiled.get(key[1:])

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._compiled[key[1:]] = compiled


_caches: dict[Any, Statements] = {}


def share_statements() -> None:
    """Have all engines of this process share what they compile, from now on."""
    sa.event.listen(sa.Engine, "engine_connect", _use_shared_cache)


def _use_shared_cache(connection: sa.Connection) -> None:
    dialect = connection.dialect
    version = getattr(dialect, "server_version_info", None)
    cache = _caches.setdefault((type(dialect), dialect.paramstyle, version), Statements())
    connection.execution_options(compiled_cache=cache)
