"""Jobs can be asked to be killed by themselves

Revision ID: c4f17b2e90a5
Revises: 8d15e4b9c073

Until here only the status of a trigger said that its robot is to be killed, so nobody could ask for that once the
trigger was deleted. NULL, in rows that are there already and in those of clients that do not know the column, means
that nobody asked.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "c4f17b2e90a5"
down_revision: str | None = "8d15e4b9c073"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).add_columns("Jobs", sa.Column("kill_requested_at", UtcDateTime()))


def downgrade() -> None:
    """Drop the column with what it holds: requests that no scheduler has carried out yet."""
    SchemaChanges(op).drop_columns("Jobs", "kill_requested_at")
