"""Dates keep fractions of seconds, and texts every character (MariaDB, MySQL, SQL Server)

Revision ID: 3f2a9c5d7e10
Revises: 1c87ed320c78

Without fractions the order of queue elements made within a second is lost; without these types for texts an emoji
becomes a question mark or an error. Nothing changes on PostgreSQL and SQLite. Going back leaves the wider types,
because earlier versions work with them and narrower ones would lose data.
"""

from __future__ import annotations

from alembic import op

from OpenOrchestrator.database.schema.schema_changes import SchemaChanges
from OpenOrchestrator.database.schema.sql_server_types import OldColumn, SqlServerTypes

revision: str = "3f2a9c5d7e10"
down_revision: str | None = "1c87ed320c78"
branch_labels: str | None = None
depends_on: str | None = None

# Table, column, characters of a text (None: a date), whether NULL is allowed.
COLUMNS = [
    OldColumn("Constants", "name", 100),
    OldColumn("Constants", "value", 1000),
    OldColumn("Constants", "changed_at", None),
    OldColumn("Credentials", "name", 100),
    OldColumn("Credentials", "username", 250),
    OldColumn("Credentials", "password", 1000),
    OldColumn("Credentials", "changed_at", None),
    OldColumn("Jobs", "process_name", 100),
    OldColumn("Jobs", "scheduler_name", 100),
    OldColumn("Jobs", "start_time", None),
    OldColumn("Jobs", "end_time", None, nullable=True),
    OldColumn("Logs", "log_time", None),
    OldColumn("Logs", "process_name", 100),
    OldColumn("Logs", "log_message", 8000),
    OldColumn("Queue_Triggers", "queue_name", 200),
    OldColumn("Queues", "queue_name", 100),
    OldColumn("Queues", "data", 2000, nullable=True),
    OldColumn("Queues", "reference", 100, nullable=True),
    OldColumn("Queues", "created_date", None),
    OldColumn("Queues", "start_date", None, nullable=True),
    OldColumn("Queues", "end_date", None, nullable=True),
    OldColumn("Queues", "message", 1000, nullable=True),
    OldColumn("Queues", "created_by", 100, nullable=True),
    OldColumn("Scheduled_Triggers", "cron_expr", 200),
    OldColumn("Scheduled_Triggers", "next_run", None),
    OldColumn("Schedulers", "machine_name", 100),
    OldColumn("Schedulers", "last_update", None),
    OldColumn("Schedulers", "latest_trigger", 100, nullable=True),
    OldColumn("Schedulers", "latest_trigger_time", None, nullable=True),
    OldColumn("Single_Triggers", "next_run", None),
    OldColumn("Triggers", "trigger_name", 100),
    OldColumn("Triggers", "process_name", 100),
    OldColumn("Triggers", "last_run", None, nullable=True),
    OldColumn("Triggers", "process_path", 250),
    OldColumn("Triggers", "process_args", 1000, nullable=True),
    OldColumn("Triggers", "git_branch", 100, nullable=True),
    OldColumn("Triggers", "scheduler_whitelist", 250, nullable=True),
]

TRIGGER_TABLES = ("Single_Triggers", "Scheduled_Triggers", "Queue_Triggers")
TEXT_KEYS = {"Constants": ["name"], "Credentials": ["name"], "Schedulers": ["machine_name"]}


def upgrade() -> None:
    changes = SchemaChanges(op)
    tables = list(dict.fromkeys(column.table for column in COLUMNS))
    if changes.is_mysql:
        changes.hold_all_characters(tables, like="Triggers", children=TRIGGER_TABLES)
        changes.keep_fractions_of_seconds([column for column in COLUMNS if column.length is None])
    elif changes.dialect == "mssql":
        types = SqlServerTypes(op)
        for table in tables:
            if not changes.is_new(table):
                types.widen(
                    table,
                    [column for column in COLUMNS if column.table == table],
                    primary_key=TEXT_KEYS.get(table, []),
                )


def downgrade() -> None:
    """Leave everything as it is: the version before works with these types."""
