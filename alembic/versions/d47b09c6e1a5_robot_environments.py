"""Triggers may choose a managed environment for their robot, and what of its files is started

Revision ID: d47b09c6e1a5
Revises: a7d20f4c9b63

Every robot is started by its main.py in the environment of its trigger, as in 3.0, unless its trigger says otherwise.
NULL, in rows that are there already and in those of clients that do not know the columns, means that. Jobs keep what
they were started with.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "d47b09c6e1a5"
down_revision: str | None = "a7d20f4c9b63"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    for table in ("Triggers", "Jobs"):
        SchemaChanges(op).add_columns(
            table, sa.Column("environment", sa.String(20)), sa.Column("entry", text_type(250))
        )


def downgrade() -> None:
    """Drop the columns with what they hold."""
    for table in ("Triggers", "Jobs"):
        SchemaChanges(op).drop_columns(table, "environment", "entry")
