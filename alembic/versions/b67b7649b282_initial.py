"""Tables of triggers, queue elements, logs, constants and credentials

Revision ID: b67b7649b282
Revises:

Version 1. Tables made here have today's types for texts and dates; those that version 1 made are brought there by
revision 3f2a9c5d7e10.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import SiteDateTime, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "b67b7649b282"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

TRIGGER_STATUS = sa.Enum("IDLE", "RUNNING", "FAILED", "DONE", "PAUSED", "PAUSING", name="triggerstatus")
TRIGGER_TYPE = sa.Enum("SINGLE", "SCHEDULED", "QUEUE", name="triggertype")
QUEUE_STATUS = sa.Enum("NEW", "IN_PROGRESS", "DONE", "FAILED", "ABANDONED", name="queuestatus")
LOG_LEVEL = sa.Enum("TRACE", "INFO", "ERROR", name="loglevel")


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Constants",
        sa.Column("name", text_type(100), nullable=False),
        sa.Column("value", text_type(1000), nullable=False),
        sa.Column("changed_at", SiteDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_Constants"),
    )
    changes.create_table(
        "Credentials",
        sa.Column("name", text_type(100), nullable=False),
        sa.Column("username", text_type(250), nullable=False),
        sa.Column("password", text_type(1000), nullable=False),
        sa.Column("changed_at", SiteDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_Credentials"),
    )
    changes.create_table(
        "Logs",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("log_time", SiteDateTime(), nullable=False),
        sa.Column("log_level", LOG_LEVEL, nullable=False),
        sa.Column("process_name", text_type(100), nullable=False),
        sa.Column("log_message", text_type(8000), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_Logs"),
    )
    changes.create_table(
        "Triggers",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("trigger_name", text_type(100), nullable=False),
        sa.Column("process_name", text_type(100), nullable=False),
        sa.Column("last_run", SiteDateTime()),
        sa.Column("process_path", text_type(250), nullable=False),
        sa.Column("process_args", text_type(1000)),
        sa.Column("process_status", TRIGGER_STATUS, nullable=False),
        sa.Column("is_git_repo", sa.Boolean(), nullable=False),
        sa.Column("is_blocking", sa.Boolean(), nullable=False),
        sa.Column("type", TRIGGER_TYPE, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_Triggers"),
    )
    changes.create_table(
        "Single_Triggers",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("next_run", SiteDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["Triggers.id"], name="fk_Single_Triggers_id_Triggers"),
        sa.PrimaryKeyConstraint("id", name="pk_Single_Triggers"),
    )
    changes.create_table(
        "Scheduled_Triggers",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("cron_expr", text_type(200), nullable=False),
        sa.Column("next_run", SiteDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["Triggers.id"], name="fk_Scheduled_Triggers_id_Triggers"),
        sa.PrimaryKeyConstraint("id", name="pk_Scheduled_Triggers"),
    )
    changes.create_table(
        "Queue_Triggers",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("queue_name", text_type(200), nullable=False),
        sa.Column("min_batch_size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["Triggers.id"], name="fk_Queue_Triggers_id_Triggers"),
        sa.PrimaryKeyConstraint("id", name="pk_Queue_Triggers"),
    )
    changes.create_table(
        "Queues",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("queue_name", text_type(100), nullable=False),
        sa.Column("status", QUEUE_STATUS, nullable=False),
        sa.Column("data", text_type(2000)),
        sa.Column("reference", text_type(100)),
        sa.Column("created_date", SiteDateTime(), nullable=False),
        sa.Column("start_date", SiteDateTime()),
        sa.Column("end_date", SiteDateTime()),
        sa.Column("message", text_type(1000)),
        sa.Column("created_by", text_type(100)),
        sa.PrimaryKeyConstraint("id", name="pk_Queues"),
    )
    changes.create_index("ix_Queues_queue_name", "Queues", "queue_name")
    changes.create_index("ix_Queues_created_date", "Queues", "created_date")


def downgrade() -> None:
    """Refuse: before this revision there is nothing."""
    SchemaChanges.refuse_downgrade(revision)
