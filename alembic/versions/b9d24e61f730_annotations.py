"""Table of what people note about triggers, queues, constants and credentials

Revision ID: b9d24e61f730
Revises: c4f17b2e90a5

Notes, owner and tags, in a table of their own: programs of earlier versions neither read nor write it. A row is found
by the hash of what it is about, which is the same text under every collation.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import NameList, UtcDateTime, long_text_type, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "b9d24e61f730"
down_revision: str | None = "c4f17b2e90a5"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Annotations",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject_hash", sa.String(64), nullable=False),
        sa.Column("subject", text_type(200), nullable=False),
        sa.Column("notes", long_text_type(), nullable=True),
        sa.Column("owner_name", text_type(100), nullable=True),
        sa.Column("owner_mail", text_type(254), nullable=True),
        sa.Column("runbook", text_type(1000), nullable=True),
        sa.Column("tags", NameList(2000), nullable=True),
        sa.Column("edition", uuid_type(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject_hash", name="pk_Annotations"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Annotations"], like="Triggers")


def downgrade() -> None:
    """Drop the table with everything that was noted."""
    SchemaChanges(op).drop_table("Annotations")
