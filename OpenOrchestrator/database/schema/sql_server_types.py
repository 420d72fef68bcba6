"""Columns of other types on SQL Server, which refuses to change what keys, indexes or defaults depend on.

Owns the order in which these are dropped and made again. Must not know which columns there are: the migrations do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from alembic.operations import Operations


@dataclass(frozen=True, slots=True)
class OldColumn:
    """A text or date column as earlier versions made it.

    Attributes:
        length: Most characters of a text; None for a date.
        nullable: Whether it may hold NULL.
    """

    table: str
    name: str
    length: int | None
    nullable: bool = False


def drop_defaults(operations: Operations, table: str, columns: set[str]) -> None:
    """Drop the defaults of columns, whose names the server chose."""
    names = ", ".join(f"N'{name}'" for name in sorted(columns))
    operations.execute(
        "DECLARE @drops nvarchar(max) = N''; "
        f"SELECT @drops += N'ALTER TABLE [{table}] DROP CONSTRAINT ' + QUOTENAME(d.name) + N'; ' "
        "FROM sys.default_constraints d JOIN sys.columns c "
        "ON c.object_id = d.parent_object_id AND c.column_id = d.parent_column_id "
        f"WHERE d.parent_object_id = OBJECT_ID(N'[{table}]') AND c.name IN ({names}); "
        "EXEC sp_executesql @drops"
    )


class SqlServerTypes:
    """Changes column types on SQL Server, which refuses that on columns that something depends on.

    Keys, indexes and defaults on the columns of a table are dropped, the types changed, and keys and indexes made
    again. Everything of a table happens in one transaction.
    """

    def __init__(self, operations: Operations) -> None:
        self._op = operations
        self._offline = operations.get_context().as_sql

    def widen(self, table: str, columns: Sequence[OldColumn], *, primary_key: Sequence[str] = ()) -> None:
        """Make texts NVARCHAR and dates DATETIME2(6).

        Args:
            table: Its name.
            columns: Those of its columns to change.
            primary_key: The columns of its key if they are among the columns to change.
        """
        late = [column for column in columns if not self._is_wide(column)]
        if not late:
            return
        names = {column.name for column in late}
        indexes = self._indexes_on(table, names)
        for index in indexes:
            self._op.drop_index(index["name"], table_name=table)
        if names & set(primary_key):
            self._drop_primary_key(table)
        drop_defaults(self._op, table, names)
        for column in late:
            wide: TypeEngine[Any] = mssql.DATETIME2(6)  # type: ignore[no-untyped-call]
            if column.length is not None:
                wide = sa.NVARCHAR(column.length if column.length <= 4000 else None)
            self._op.alter_column(table, column.name, type_=wide, nullable=column.nullable)
        if names & set(primary_key):
            self._op.create_primary_key(f"pk_{table}", table, list(primary_key))
        for index in indexes:
            self._op.create_index(
                index["name"], table, index["column_names"], unique=bool(index["unique"]), **index["options"]
            )

    def _is_wide(self, column: OldColumn) -> bool:
        if self._offline:
            return False
        for found in sa.inspect(self._op.get_bind()).get_columns(column.table):
            if found["name"] == column.name:
                return isinstance(found["type"], mssql.DATETIME2 if column.length is None else sa.NVARCHAR)
        return True

    def _indexes_on(self, table: str, columns: set[str]) -> list[dict[str, Any]]:
        if self._offline:
            return [
                {"name": f"ix_{table}_{column}", "column_names": [column], "unique": False, "options": {}}
                for column in ("queue_name", "created_date")
                if table == "Queues"
            ]
        found = []
        for index in sa.inspect(self._op.get_bind()).get_indexes(table):
            used = {*index["column_names"], *index.get("include_columns", ())}
            if used & columns:
                options = {
                    name: value
                    for name, value in index.get("dialect_options", {}).items()
                    if name in ("mssql_include", "mssql_where", "mssql_clustered") and value
                }
                if "mssql_where" in options:
                    options["mssql_where"] = sa.text(options["mssql_where"])
                found.append({**index, "options": options})
        return found

    def _drop_primary_key(self, table: str) -> None:
        # Its name was chosen by the server.
        self._op.execute(
            "DECLARE @key nvarchar(400) = (SELECT QUOTENAME(name) FROM sys.key_constraints "
            f"WHERE parent_object_id = OBJECT_ID(N'[{table}]') AND type = 'PK'); "
            f"IF @key IS NOT NULL EXEC(N'ALTER TABLE [{table}] DROP CONSTRAINT ' + @key)"
        )
