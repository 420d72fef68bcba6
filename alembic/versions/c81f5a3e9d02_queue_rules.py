"""Queue elements have a priority and a place in the order of hand-out; queues have further rules

Revision ID: c81f5a3e9d02
Revises: f0c2d86b3e75

Columns are nullable or have a server default, because clients of earlier versions write rows without them: such an
element has the priority 0 and no deadline, and its place is 0. Programs of earlier versions know neither of the tables.
The index of those programs' claims stays.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import SiteDateTime, UtcDateTime, long_text_type, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "c81f5a3e9d02"
down_revision: str | None = "f0c2d86b3e75"
branch_labels: str | None = None
depends_on: str | None = None


def element_columns() -> list[sa.Column]:
    """Return the columns that elements get."""
    return [
        sa.Column("priority", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("hand_out_order", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("parent_id", uuid_type()),
    ]


def setting_columns() -> list[sa.Column]:
    """Return the columns that the settings of queues get."""
    return [
        sa.Column("description", text_type(1000)),
        sa.Column("unique_references", sa.String(20), nullable=False, server_default="NONE"),
        sa.Column("lease_seconds", sa.Integer()),
        sa.Column("keep_done_days", sa.Integer()),
        sa.Column("keep_failed_days", sa.Integer()),
        sa.Column("keep_abandoned_days", sa.Integer()),
        sa.Column("json_schema", long_text_type()),
        sa.Column("default_priority", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("finish_within_seconds", sa.Integer()),
        sa.Column("breaker_errors", sa.Integer()),
        sa.Column("errors_in_row", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("paused_at", UtcDateTime()),
        sa.Column("paused_by", text_type(100)),
        sa.Column("pause_reason", text_type(1000)),
        sa.Column("paused_until", UtcDateTime()),
    ]


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns("Queues", *element_columns())
    changes.create_index(
        "ix_Queues_order",
        "Queues",
        *("queue_name", "status", "hand_out_order", "created_date", "id"),
        where="status = 'NEW'",
    )
    changes.create_index(
        "ix_Queues_reference_order",
        "Queues",
        *("queue_name", "reference", "status", "hand_out_order", "created_date", "id"),
    )
    changes.drop_index("ix_Queues_reference", "Queues")
    changes.add_columns("Queue_Settings", *setting_columns())
    changes.create_table(
        "Queue_References",
        sa.Column("reference_hash", sa.String(64), nullable=False),
        sa.Column("queue_hash", sa.String(64), nullable=False),
        sa.Column("element_id", uuid_type(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_date", SiteDateTime(), nullable=False),
        sa.Column("kept_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("reference_hash", name="pk_Queue_References"),
    )
    changes.create_table(
        "Queue_Guards",
        sa.Column("name_hash", sa.String(64), nullable=False),
        sa.Column("queue_name", text_type(100), nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name="pk_Queue_Guards"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Queue_References", "Queue_Guards"], like="Queues")


def downgrade() -> None:
    """Drop the tables, the index and the columns with what they hold: a queue that is paused is not any more."""
    changes = SchemaChanges(op)
    changes.drop_table("Queue_Guards")
    changes.drop_table("Queue_References")
    changes.drop_columns("Queue_Settings", *(column.name for column in setting_columns()))
    changes.drop_index("ix_Queues_order", "Queues")
    changes.create_index("ix_Queues_reference", "Queues", "queue_name", "reference", "status", "created_date", "id")
    changes.drop_index("ix_Queues_reference_order", "Queues")
    changes.drop_columns("Queues", *(column.name for column in element_columns()))
