"""Log messages say which queue element they are about

Revision ID: b72e9d41c6f8
Revises: 1f6c83d2e9b7

The column is nullable, because clients of earlier versions write messages without it. Its index leaves out the messages
of no element, which are nearly all, where the database can.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "b72e9d41c6f8"
down_revision: str | None = "1f6c83d2e9b7"
branch_labels: str | None = None
depends_on: str | None = None

INDEX = "ix_Logs_element"


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns("Logs", sa.Column("element_id", uuid_type()))
    changes.create_index(INDEX, "Logs", "element_id", "log_time", "id", where="element_id IS NOT NULL")


def downgrade() -> None:
    """Drop the column with what it holds."""
    changes = SchemaChanges(op)
    changes.drop_index(INDEX, "Logs")
    changes.drop_columns("Logs", "element_id")
