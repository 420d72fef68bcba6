"""A scheduler can be cordoned and drained, and says that it is stopping

Revision ID: e6a0c48b7d19
Revises: a5c3e91d7b48

NULL everywhere in rows that are there already, and in those of schedulers that do not know the columns: they are
neither cordoned nor drained. A pause of the whole site is a row of Site_Settings and needs no change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "e6a0c48b7d19"
down_revision: str | None = "a5c3e91d7b48"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).add_columns(
        "Schedulers",
        sa.Column("cordoned_at", UtcDateTime()),
        sa.Column("cordoned_by", text_type(100)),
        sa.Column("drain_at", UtcDateTime()),
        sa.Column("drain_by", text_type(100)),
        sa.Column("stopping_at", UtcDateTime()),
    )


def downgrade() -> None:
    """Drop the columns with what they hold: cordoned schedulers start robots again."""
    SchemaChanges(op).drop_columns("Schedulers", "cordoned_at", "cordoned_by", "drain_at", "drain_by", "stopping_at")
