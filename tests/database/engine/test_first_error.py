"""What went wrong first is told, whatever goes wrong after it; and NULL has a type."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mssql import pyodbc

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.element_statements import claim_statements


@pytest.fixture
def unable_to_undo(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database that fails a second time when a transaction is undone."""

    def do_rollback(_connection: Any) -> None:
        raise database.engine.dialect.loaded_dbapi.OperationalError("the rollback failed as well")

    monkeypatch.setattr(database.engine.dialect, "do_rollback", do_rollback)
    return database


def test_the_statement_that_failed_is_told_though_it_cannot_be_undone(unable_to_undo: Database) -> None:
    with (
        pytest.raises(DatabaseError, match="there_is_none") as caught,
        unable_to_undo.connection(writing=True) as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM there_is_none")
    assert "as well" not in str(caught.value)


def test_an_error_of_the_work_is_told_though_it_cannot_be_undone(unable_to_undo: Database) -> None:
    with pytest.raises(ZeroDivisionError), unable_to_undo.connection(writing=True) as connection:
        connection.execute(sa.select(1)).scalar_one() / 0


class Cursor:
    """Notes which types it was told."""

    sizes: Any = "not told"

    def setinputsizes(self, sizes: Any) -> None:
        self.sizes = sizes


@pytest.mark.parametrize("by_reference", [False, True])
def test_null_in_a_claim_on_sql_server_has_the_type_of_its_column(by_reference: bool) -> None:
    claim = claim_statements(pyodbc.dialect(paramstyle="qmark"), by_reference=by_reference, by_job=False).claim
    texts = {"queue_name": "q", "queue_hash": "h", "reference": "r"}
    values = {**texts, "now": None, "job_id": None, "token": uuid4(), "id": None}
    arguments = claim.arguments(values)
    cursor = Cursor()
    claim.set_null_types(cursor, arguments)
    assert [size for size in cursor.sizes if size] == [(93, 26, 6), (-11, 36, 0)]
    assert [value is None for value in arguments] == [size is not None for size in cursor.sizes]
    claim.set_null_types(cursor, claim.arguments({**values, "now": datetime(2026, 1, 1), "job_id": uuid4()}))
    assert cursor.sizes is None, "those of the statement before do not stay"
