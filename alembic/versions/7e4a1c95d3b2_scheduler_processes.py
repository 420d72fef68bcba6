"""Schedulers remember which process they are

Revision ID: 7e4a1c95d3b2
Revises: 2d7c94f1b8a6

Process id and create time are those of another process in a second container, and move with the clock. Rows of
schedulers that run during the upgrade stay without the new column until they start again: nobody takes their name
before its lease has run out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "7e4a1c95d3b2"
down_revision: str | None = "2d7c94f1b8a6"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).add_columns("Schedulers", sa.Column("process_identity", sa.String(150)))


def downgrade() -> None:
    """Drop the column with what it holds."""
    SchemaChanges(op).drop_columns("Schedulers", "process_identity")
