"""Databases as OpenOrchestrator 1.3, 2.0 and 3.0 leave them, with rows in every table.

The shapes are those that ``create_all`` of the published packages makes; tests/compat uses the packages themselves.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa

V1_3 = "b67b7649b282"
SCHEDULERS = "526b6edac328"
V2_0 = "90d46abd44a3"
GIT_BRANCH = "9698388a0709"
V3_0 = "1c87ed320c78"
REVISIONS = (V1_3, SCHEDULERS, V2_0, GIT_BRANCH, V3_0)

ODD_TEXT = "Blåbærgrød ÆØÅ ß € '\"\\ %"
EMOJI = "🤖🧾"

Rows = dict[str, list[dict[str, Any]]]


def old_tables(revision: str, *, killing: bool | None = None, native_uuid: bool = False) -> sa.MetaData:
    """Describe the tables of a revision.

    Args:
        revision: One of REVISIONS.
        killing: Whether the enum of trigger states has KILLING and KILLED, as create_all of 3.0.0 makes it; databases
            that 3.0.0 upgraded lack them.
        native_uuid: Ids of MariaDB's own UUID type, as SQLAlchemy 2.1 makes them.
    """
    reached = REVISIONS.index(revision)
    states = ["IDLE", "RUNNING", "FAILED", "DONE", "PAUSED", "PAUSING"]
    if killing if killing is not None else revision == V3_0:
        states += ["KILLING", "KILLED"]
    metadata = sa.MetaData()

    def uid() -> sa.types.TypeEngine[Any]:
        return sa.Uuid() if native_uuid else sa.Uuid().with_variant(sa.Uuid(native_uuid=False), "mysql", "mariadb")

    def text(name: str, length: int, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
        return sa.Column(name, sa.String(length), nullable=nullable, **options)

    def date(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
        return sa.Column(name, sa.DateTime(), nullable=nullable, **options)

    def enum(name: str, type_name: str, *members: str) -> sa.Column[Any]:
        return sa.Column(name, sa.Enum(*members, name=type_name), nullable=False)

    def child_id() -> sa.Column[Any]:
        return sa.Column("id", uid(), sa.ForeignKey("Triggers.id"), primary_key=True)

    sa.Table("Constants", metadata, text("name", 100, primary_key=True), text("value", 1000), date("changed_at"))
    sa.Table(
        "Credentials",
        metadata,
        text("name", 100, primary_key=True),
        text("username", 250),
        text("password", 1000),
        date("changed_at"),
    )
    sa.Table(
        "Logs",
        metadata,
        sa.Column("id", uid(), primary_key=True),
        date("log_time"),
        enum("log_level", "loglevel", "TRACE", "INFO", "ERROR"),
        text("process_name", 100),
        *([sa.Column("job_id", uid(), nullable=True)] if reached >= 4 else []),
        text("log_message", 8000),
    )
    triggers = [
        sa.Column("id", uid(), primary_key=True),
        text("trigger_name", 100),
        text("process_name", 100),
        date("last_run", nullable=True),
        text("process_path", 250),
        text("process_args", 1000, nullable=True),
        enum("process_status", "triggerstatus", *states),
        sa.Column("is_git_repo", sa.Boolean(), nullable=False),
    ]
    if reached >= 3:
        triggers.append(text("git_branch", 100, nullable=True))
    triggers.append(sa.Column("is_blocking", sa.Boolean(), nullable=False))
    if reached >= 2:
        triggers += [
            text("scheduler_whitelist", 250, nullable=revision == V3_0),
            sa.Column("priority", sa.Integer(), nullable=False),
        ]
    triggers.append(enum("type", "triggertype", "SINGLE", "SCHEDULED", "QUEUE"))
    sa.Table("Triggers", metadata, *triggers)
    sa.Table("Single_Triggers", metadata, child_id(), date("next_run"))
    sa.Table("Scheduled_Triggers", metadata, child_id(), text("cron_expr", 200), date("next_run"))
    sa.Table(
        "Queue_Triggers",
        metadata,
        child_id(),
        text("queue_name", 200),
        sa.Column("min_batch_size", sa.Integer(), nullable=False),
    )
    sa.Table(
        "Queues",
        metadata,
        sa.Column("id", uid(), primary_key=True),
        text("queue_name", 100, index=True),
        enum("status", "queuestatus", "NEW", "IN_PROGRESS", "DONE", "FAILED", "ABANDONED"),
        text("data", 2000, nullable=True),
        text("reference", 100, nullable=True),
        date("created_date", index=True),
        date("start_date", nullable=True),
        date("end_date", nullable=True),
        text("message", 1000, nullable=True),
        text("created_by", 100, nullable=True),
    )
    if reached >= 1:
        sa.Table(
            "Schedulers",
            metadata,
            text("machine_name", 100, primary_key=True),
            date("last_update"),
            text("latest_trigger", 100, nullable=True),
            date("latest_trigger_time", nullable=True),
        )
    if reached >= 4:
        sa.Table(
            "Jobs",
            metadata,
            sa.Column("id", uid(), primary_key=True),
            text("process_name", 100),
            text("scheduler_name", 100),
            enum("status", "jobstatus", "RUNNING", "DONE", "FAILED", "KILLED"),
            date("start_time"),
            date("end_time", nullable=True),
        )
    return metadata


def make_old(url: str, revision: str, *, stamped: bool, special: str = ODD_TEXT + EMOJI, **options: Any) -> sa.MetaData:
    """Make the tables of a revision with rows in each; ``special`` is among their texts."""
    metadata = old_tables(revision, **options)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        metadata.create_all(connection)
        if stamped:
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
            connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{revision}')")
        for table in metadata.sorted_tables:
            connection.execute(sa.insert(table), _rows_of(table, special))
    engine.dispose()
    return metadata


def read_old(url: str, metadata: sa.MetaData) -> Rows:
    """Read all rows, but only the columns an older version knows, with its types."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    rows: Rows = {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            key = list(table.primary_key)
            rows[table.name] = [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(*key))]
    engine.dispose()
    return rows


def _rows_of(table: sa.Table, special: str) -> list[dict[str, Any]]:
    when = datetime(2026, 10, 25, 2, 30, 15, 123456)  # twice on the clocks of the site
    texts = {"plain": "text", "special": special}
    rows = []
    if table.name in ("Single_Triggers", "Scheduled_Triggers", "Queue_Triggers"):
        kind = table.name.split("_", maxsplit=1)[0].upper()
        rows = [{"id": _id(f"{kind}{number}")} for number in range(2)]
    elif table.name == "Triggers":
        kinds = ("SINGLE", "SCHEDULED", "QUEUE")
        rows = [{"id": _id(f"{kind}{number}"), "type": kind} for kind in kinds for number in range(2)]
    else:
        rows = [{} for _ in range(3)]
    for number, row in enumerate(rows):
        for column in table.columns:
            if column.name in row or (column.nullable and number == 0):
                continue
            row[column.name] = _value(table, column, number, list(texts.values())[number % 2], when)
        for column in table.columns:
            row.setdefault(column.name, None)
    return rows


def _value(table: sa.Table, column: sa.Column[Any], number: int, text: str, when: datetime) -> Any:
    if isinstance(column.type, sa.Enum):
        return column.type.enums[number % len(column.type.enums)]
    if isinstance(column.type, sa.DateTime):
        return when.replace(microsecond=number * 111111)
    if isinstance(column.type, sa.Boolean):
        return bool(number % 2)
    if isinstance(column.type, sa.Integer):
        return number
    if isinstance(column.type, sa.Uuid):
        return _id(f"{table.name} {column.name} {number}")
    if column.name == "scheduler_whitelist":
        return '["Scheduler å", "b"]' if number % 2 else "[]"
    return (f"{number} " * bool(column.primary_key) + text)[: column.type.length]


def _id(name: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, name)
