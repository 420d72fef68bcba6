"""Table of where constants, credentials and queues are used

Revision ID: a5c3e91d7b48
Revises: e2a7c49d5b18

Robots of 4.0 note once a day what they read and wrote, in a table of its own: programs of earlier versions neither read
nor write it. A row is found by the hash of what it is about, which is the same text under every collation.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "a5c3e91d7b48"
down_revision: str | None = "e2a7c49d5b18"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Uses",
        sa.Column("use_hash", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", text_type(100), nullable=False),
        sa.Column("process_name", text_type(100), nullable=False),
        sa.Column("access", sa.String(10), nullable=False),
        sa.Column("last_day", sa.DATE(), nullable=False),
        sa.PrimaryKeyConstraint("use_hash", name="pk_Uses"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Uses"], like="Triggers")
    changes.create_index("ix_Uses_kind_name", "Uses", "kind", "name")
    changes.create_index("ix_Uses_last_day", "Uses", "last_day")


def downgrade() -> None:
    """Drop the table with everything that was noted."""
    SchemaChanges(op).drop_table("Uses")
