"""A constant can have another value on a scheduler

Revision ID: e1d74a90c3b8
Revises: b72e9d41c6f8

Programs of earlier versions do not know the table: they read and change the value that all others have.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "e1d74a90c3b8"
down_revision: str | None = "b72e9d41c6f8"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Constant_Overrides",
        sa.Column("name_hash", sa.String(64), nullable=False),
        sa.Column("scheduler_hash", sa.String(64), nullable=False),
        sa.Column("constant_name", text_type(100), nullable=False),
        sa.Column("scheduler_name", text_type(100), nullable=False),
        sa.Column("value", text_type(1000), nullable=False),
        sa.PrimaryKeyConstraint("name_hash", "scheduler_hash", name="pk_Constant_Overrides"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Constant_Overrides"], like="Constants")


def downgrade() -> None:
    """Drop the table with what it holds: all schedulers have the same values again."""
    SchemaChanges(op).drop_table("Constant_Overrides")
