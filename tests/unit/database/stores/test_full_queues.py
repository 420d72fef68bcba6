"""The query for full queues, as each database gets it."""

from __future__ import annotations

import pytest
from sqlalchemy.dialects import mssql, mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect

from OpenOrchestrator.database.stores.full_queues import _full_queues


@pytest.mark.parametrize(
    ("dialect", "hinted"),
    [(mysql.dialect(), True), (postgresql.dialect(), False), (sqlite.dialect(), False), (mssql.dialect(), False)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_only_mysql_and_mariadb_are_told_which_index_to_walk(dialect: Dialect, hinted: bool) -> None:
    # Without it they walk a queue by date, through all that is done, to find the first new element.
    statement = str(_full_queues((1, 5), dialect.name).compile(dialect=dialect))
    assert statement.count("FORCE INDEX (`ix_Queues_next`)") == (2 if hinted else 0)
