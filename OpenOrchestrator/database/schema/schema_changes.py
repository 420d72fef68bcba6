"""The changes that migrations are made of, each done only where it is not done yet.

MariaDB and MySQL commit every change of a table at once, so an upgrade that is killed leaves half a revision behind;
running it again must pick up there. Therefore every change here looks first. In a script for a DBA (``--sql``) there
is nothing to look at, and every change is written out.

Owns how changes are made on each kind of database. Must not know which changes there are: the migrations do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from OpenOrchestrator.common.errors import RevisionError
from OpenOrchestrator.database.schema.sql_server_types import OldColumn, drop_defaults

if TYPE_CHECKING:
    from alembic.operations import Operations

_COLUMNS = "information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
_MADE_HERE = "openorchestrator_tables_made"


class SchemaChanges:
    """Makes the changes of one revision on one database.

    Args:
        operations: What Alembic hands to a migration as ``alembic.op``.
    """

    def __init__(self, operations: Operations) -> None:
        self._op = operations
        context = operations.get_context()
        self.dialect = context.dialect.name
        self._offline = context.as_sql
        self._columns: dict[str, dict[str, Any]] = {}
        self._indexes: dict[str, dict[str, Any]] = {}
        config = context.config
        self._made: set[str] = config.attributes.setdefault(_MADE_HERE, set()) if config is not None else set()
        if not self._offline:
            self._look()

    @staticmethod
    def refuse_downgrade(revision: str) -> NoReturn:
        """Say that the revisions of earlier versions are not taken back.

        Raises:
            RevisionError: Always.
        """
        raise RevisionError(
            f"Revision {revision} belongs to an earlier version and is not taken back: restore a backup instead."
        )

    @property
    def is_mysql(self) -> bool:
        """Whether the database is MariaDB or MySQL."""
        return self.dialect in ("mysql", "mariadb")

    def is_new(self, table: str) -> bool:
        """Tell whether this run of migrations made the table, with today's column types."""
        return table in self._made

    def create_table(self, name: str, *parts: sa.Column[Any] | sa.Constraint) -> None:
        """Create a table unless it exists."""
        if name in self._columns:
            return
        if self.dialect == "postgresql" and not self._offline:
            parts = tuple(self._with_enum(part) for part in parts)
        self._op.create_table(name, *parts)
        self._made.add(name)

    def _with_enum(self, part: sa.Column[Any] | sa.Constraint) -> sa.Column[Any] | sa.Constraint:
        # With the table, PostgreSQL's enum would be created without a look whether it is there.
        if not isinstance(part, sa.Column) or not isinstance(part.type, sa.Enum):
            return part
        native = postgresql.ENUM(*part.type.enums, name=part.type.name, create_type=False)
        native.create(self._bind, checkfirst=True)
        return sa.Column(part.name, native, nullable=part.nullable)

    def drop_table(self, name: str) -> None:
        """Drop a table if it exists."""
        if self._offline or name in self._columns:
            self._op.drop_table(name)
            self._made.discard(name)

    def add_columns(self, table: str, *columns: sa.Column[Any]) -> None:
        """Add the columns that are not there yet."""
        for column in columns:
            if column.name not in self._columns.get(table, {}):
                self._op.add_column(table, column)

    def drop_columns(self, table: str, *names: str) -> None:
        """Drop the columns that are there."""
        there = [name for name in names if self._offline or name in self._columns.get(table, {})]
        if self.dialect == "sqlite":
            if there:
                with self._op.batch_alter_table(table) as batch:
                    for name in there:
                        batch.drop_column(name)
            return
        for name in there:
            self._op.drop_column(table, name, mssql_drop_default=True)

    def create_index(self, name: str, table: str, *columns: str, where: str | None = None) -> None:
        """Create an index unless one of that name exists.

        Args:
            name: Of the index.
            table: What it is on.
            columns: In their order.
            where: The condition of the rows it holds; MariaDB and MySQL hold all, for they know none.
        """
        if name in self._indexes.get(table, {}):
            return
        held: dict[str, Any] = {}
        if where is not None:
            held = {f"{kind}_where": sa.text(where) for kind in ("mssql", "postgresql", "sqlite")}
        self._op.create_index(name, table, list(columns), **held)

    def create_unique_index(self, name: str, table: str, column: str) -> None:
        """Create an index that lets no two rows hold the same, unless one of that name exists; NULL is in any number.

        Rows that hold the same are emptied before.
        """
        if name in self._indexes.get(table, {}):
            return
        rows = sa.table(table, sa.column(column))
        key = rows.c[column]
        twice = sa.select(key).where(key.is_not(None)).group_by(key).having(sa.func.count() > 1)
        # As a table of its own, because MySQL does not read from the table it changes.
        several = sa.select(twice.subquery("several").c[column])
        self._op.execute(sa.update(rows).where(key.in_(several)).values({column: sa.null()}))
        held = sa.text(f"{column} IS NOT NULL")
        self._op.create_index(
            name, table, [column], unique=True, mssql_where=held, postgresql_where=held, sqlite_where=held
        )

    def drop_index(self, name: str, table: str) -> None:
        """Drop an index if it exists."""
        if self._offline or name in self._indexes.get(table, {}):
            self._op.drop_index(name, table_name=table)

    def drop_single_column_indexes(self, table: str, *columns: str) -> None:
        """Drop the plain indexes on just one of the columns, whatever they are called."""
        for name, index in list(self._indexes.get(table, {}).items()):
            if len(index["column_names"]) == 1 and index["column_names"][0] in columns and not index["unique"]:
                self._op.drop_index(name, table_name=table)
        if self._offline:
            for column in columns:
                self._op.drop_index(f"ix_{table}_{column}", table_name=table)

    def add_enum_members(self, table: str, column: str, enum: sa.Enum, added: Iterable[str]) -> None:
        """Let a column that is not nullable hold the members of ``enum``, of which ``added`` are the new ones."""
        if self.dialect == "postgresql":
            for member in added:
                self._op.execute(f"ALTER TYPE {enum.name} ADD VALUE IF NOT EXISTS '{member}'")
            return
        held = self._type_of(table, column)
        if isinstance(held, mysql.ENUM):
            done = set(enum.enums) <= set(held.enums)
        else:
            done = held is not None and (getattr(held, "length", None) or 0) >= (enum.length or 0)
        if not done:
            self.alter_column(table, column, enum, nullable=False)

    def alter_column(self, table: str, column: str, wanted: TypeEngine[Any], *, nullable: bool) -> None:
        """Give a column this type and nullability, keeping what it holds.

        On SQLite the table is copied, because SQLite cannot change a column.
        """
        with self._op.batch_alter_table(table) as batch:
            batch.alter_column(
                column,
                type_=None if self.dialect == "postgresql" else wanted,
                existing_type=wanted,
                existing_nullable=nullable,
                nullable=nullable,
            )

    def set_server_default(self, table: str, column: str, existing_type: TypeEngine[Any], default: str) -> None:
        """Give a column that is not nullable a server default unless it has one.

        On SQLite the table is copied, because SQLite cannot change a column.
        """
        if self._columns.get(table, {}).get(column, {}).get("default"):
            return
        if self.dialect == "mssql":
            drop_defaults(self._op, table, {column})  # a script cannot look whether there is one
        with self._op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=existing_type, existing_nullable=False, server_default=default)

    def is_nullable(self, table: str, column: str) -> bool | None:
        """Tell whether a column may hold NULL; None if that cannot be seen."""
        found = self._columns.get(table, {}).get(column)
        return None if found is None else bool(found["nullable"])

    def keep_fractions_of_seconds(self, columns: Sequence[OldColumn]) -> None:
        """MariaDB and MySQL: make dates hold microseconds, with one copy of each table."""
        by_table: dict[str, list[OldColumn]] = {}
        for column in columns:
            held = self._type_of(column.table, column.name)
            if not self.is_new(column.table) and getattr(held, "fsp", None) != 6:
                by_table.setdefault(column.table, []).append(column)
        for table, late in by_table.items():
            changes = ", ".join(
                f"MODIFY `{column.name}` DATETIME(6) {'NULL' if column.nullable else 'NOT NULL'}" for column in late
            )
            self._op.execute(f"ALTER TABLE `{table}` {changes}")

    def hold_all_characters(self, tables: Sequence[str], *, like: str, children: Sequence[str] = ()) -> None:
        """MariaDB and MySQL: convert tables to utf8mb4, in the collation of the same language.

        Args:
            tables: The tables.
            like: A table that this run made gets the collation of this one, because columns of different collations
                cannot be compared with each other.
            children: Those of the tables whose ``id`` references that of ``like``: the reference is dropped and made
                again, because columns of a reference cannot be converted.
        """
        self._op.execute("SET @checks = @@foreign_key_checks")
        self._op.execute("SET foreign_key_checks = 0")
        if children:
            family = ", ".join(f"'{table}'" for table in (like, *children))
            self._op.execute(
                f"SET @convert = EXISTS(SELECT 1 FROM {_COLUMNS} AND TABLE_NAME IN ({family}) "
                "AND CHARACTER_SET_NAME <> 'utf8mb4')"
            )
        for child in children:
            self._op.execute(f"SET @reference = (SELECT MIN(CONSTRAINT_NAME) FROM {_references(child, like)})")
            self._execute_if(
                "@convert AND @reference IS NOT NULL",
                f"CONCAT('ALTER TABLE `{child}` DROP FOREIGN KEY `', @reference, '`')",
            )
        for table in tables:
            model = like if self.is_new(table) else table
            self._op.execute(
                "SET @collation = (SELECT COALESCE((SELECT c.COLLATION_NAME FROM information_schema.COLLATIONS c "
                "WHERE c.COLLATION_NAME = "
                "CONCAT('utf8mb4', SUBSTRING(t.TABLE_COLLATION, LOCATE('_', t.TABLE_COLLATION))) LIMIT 1), "
                "IF(t.TABLE_COLLATION LIKE 'utf8mb4%', t.TABLE_COLLATION, 'utf8mb4_general_ci')) "
                "FROM information_schema.TABLES t "
                f"WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME = '{model}')"
            )
            differs = "CHARACTER_SET_NAME <> 'utf8mb4'"
            if self.is_new(table):
                differs += " OR COLLATION_NAME <> @collation"
            self._execute_if(
                f"EXISTS(SELECT 1 FROM {_COLUMNS} AND TABLE_NAME = '{table}' AND ({differs}))",
                f"CONCAT('ALTER TABLE `{table}` CONVERT TO CHARACTER SET utf8mb4 COLLATE ', @collation)",
            )
        for child in children:
            self._execute_if(
                f"NOT EXISTS(SELECT 1 FROM {_references(child, like)})",
                f"'ALTER TABLE `{child}` ADD CONSTRAINT `fk_{child}_id_{like}` FOREIGN KEY (id) "
                f"REFERENCES `{like}` (id)'",
            )
        self._op.execute("SET foreign_key_checks = @checks")

    def _execute_if(self, condition: str, statement: str) -> None:
        # Decided by the server, so that a script for a DBA decides it too.
        self._op.execute(f"SET @change = IF({condition}, {statement}, 'DO 0')")
        self._op.execute("PREPARE change_of_table FROM @change")
        self._op.execute("EXECUTE change_of_table")
        self._op.execute("DEALLOCATE PREPARE change_of_table")

    def _look(self) -> None:
        # By their own names only, because other programs may have tables in the same schema.
        inspector = sa.inspect(self._bind)
        self._columns = {
            table: {column["name"]: column for column in columns}
            for (_schema, table), columns in inspector.get_multi_columns().items()
        }
        self._indexes = {
            table: {str(index["name"]): dict(index) for index in indexes if index["name"]}
            for (_schema, table), indexes in inspector.get_multi_indexes().items()
        }

    @property
    def _bind(self) -> Connection:
        return self._op.get_bind()

    def _type_of(self, table: str, column: str) -> TypeEngine[Any] | None:
        found = self._columns.get(table, {}).get(column)
        return None if found is None else found["type"]


def _references(child: str, parent: str) -> str:
    return (
        "information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() "
        f"AND TABLE_NAME = '{child}' AND REFERENCED_TABLE_NAME = '{parent}'"
    )
