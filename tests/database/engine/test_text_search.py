"""Searched text is no pattern, on any kind of database."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mssql import pyodbc

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.text_search import contains
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.stores import queue_elements

NOW = datetime(2026, 1, 1, 1)
TEXTS = ["[ERR] x", "ERR", "50 %", "50", "a_b", "aXb", "C:\\new", "C:new", "Ægir", "x"]


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("[err", {"[ERR] x"}),
        ("[x]", set()),
        ("%", {"50 %"}),
        ("A_B", {"a_b"}),
        ("\\", {"C:\\new"}),
        ("ægir", {"Ægir"}),
    ],
)
def test_signs_of_patterns_mean_themselves(database: Database, term: str, expected: set[str]) -> None:
    rows = queue_elements.new_rows(
        database.dialect_name, queue_name="q", references=TEXTS, data=[None] * len(TEXTS), created_by=None
    )
    database.write(lambda session: queue_elements.insert_rows(session, rows, created_date=NOW))
    wanted = queue_elements.ElementFilter(queue_name="q", search_term=term)
    found = database.read(lambda session: queue_elements.select(session, wanted))
    assert {element.reference for element in found} == expected


def test_the_bracket_of_sql_server_is_escaped() -> None:
    query = sa.select(QueueElement.id).where(contains(QueueElement.reference, "[ERR_%\\"))
    compiled = query.compile(dialect=pyodbc.dialect(paramstyle="qmark"))
    assert list(compiled.params.values()) == ["%\\[err\\_\\%\\\\%"]
    assert "ESCAPE '\\'" in str(compiled)
