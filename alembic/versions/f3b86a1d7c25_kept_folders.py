"""Triggers may keep what their robot left in its folder

Revision ID: f3b86a1d7c25
Revises: 7e4a1c95d3b2

Every run from git has a fresh folder, as in 3.0, unless its trigger says otherwise. NULL, in rows that are there
already and in those of clients that do not know the column, means a fresh folder.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "f3b86a1d7c25"
down_revision: str | None = "7e4a1c95d3b2"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).add_columns("Triggers", sa.Column("keep_files", sa.Boolean()))


def downgrade() -> None:
    """Drop the column with what it holds."""
    SchemaChanges(op).drop_columns("Triggers", "keep_files")
