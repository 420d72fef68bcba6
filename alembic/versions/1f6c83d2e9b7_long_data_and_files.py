"""Elements have data of any length, and elements and jobs have files

Revision ID: 1f6c83d2e9b7
Revises: c81d5e2f7a49

The column is nullable, because clients of earlier versions write rows without it. They neither read nor write the two
tables. The pieces of a file are rows of their own, so that neither side holds more than one of them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, bytes_type, long_text_type, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "1f6c83d2e9b7"
down_revision: str | None = "c81d5e2f7a49"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns("Queues", sa.Column("whole_data", long_text_type()))
    changes.create_table(
        "Attachments",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("owner_kind", sa.String(20), nullable=False),
        sa.Column("owner_id", uuid_type(), nullable=False),
        sa.Column("name", text_type(255), nullable=False),
        sa.Column("media_type", text_type(100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_Attachments"),
    )
    changes.create_index("ix_Attachments_owner", "Attachments", "owner_id", "owner_kind")
    changes.create_table(
        "Attachment_Pieces",
        sa.Column("attachment_id", uuid_type(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("content", bytes_type(), nullable=False),
        sa.PrimaryKeyConstraint("attachment_id", "sequence", name="pk_Attachment_Pieces"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Attachments", "Attachment_Pieces"], like="Queues")


def downgrade() -> None:
    """Drop the tables and the column with what they hold; of long data the beginning stays."""
    changes = SchemaChanges(op)
    changes.drop_table("Attachment_Pieces")
    changes.drop_table("Attachments")
    changes.drop_columns("Queues", "whole_data")
