"""What the tests of migrations share: statements outside our engine, and Alembic in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema.migrations import Situation, inspect_database
from OpenOrchestrator.database.schema.upgrade_lock import exclusive

ROOT = Path(__file__).parents[3]
ZONE = "Europe/Copenhagen"


def on(url: str, statement: str) -> list[Any]:
    """Run a statement in a transaction of its own."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        rows: list[Any] = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def quoted(url: str, name: str) -> str:
    return sa.make_url(url).get_dialect()().identifier_preparer.quote(name)


def run_alembic(url: str, work: Callable[..., Any], *arguments: str) -> None:
    """Run a command of Alembic in this process, alone on the database."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic").replace("%", "%%"))
    database = Database(url, statement_timeout=None)
    try:
        with exclusive(database) as connection:
            config.attributes["connection"] = connection
            work(config, *arguments)
    finally:
        database.close()


def assert_like_models(url: str) -> None:
    """Assert that Alembic sees no difference between tables and models, and that the newest revision is stored."""
    run_alembic(url, command.check)
    assert inspect_database(url).situation is Situation.CURRENT
