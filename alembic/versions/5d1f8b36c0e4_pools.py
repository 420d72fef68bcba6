"""There are resource pools, of which triggers need and jobs hold some

Revision ID: 5d1f8b36c0e4
Revises: 4c8e17a2d9f5

NULL in rows that are there already and in those of clients that do not know the columns: they need and hold nothing.
Programs of earlier versions neither read nor write the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "5d1f8b36c0e4"
down_revision: str | None = "4c8e17a2d9f5"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Pools",
        sa.Column("name", text_type(100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("edition", uuid_type(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_Pools"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Pools"], like="Triggers")
    changes.add_columns("Triggers", sa.Column("pools", text_type(1000)))
    changes.add_columns("Jobs", sa.Column("pools", text_type(1000)))


def downgrade() -> None:
    """Drop the table and the columns: triggers run without regard to what others use."""
    changes = SchemaChanges(op)
    changes.drop_columns("Jobs", "pools")
    changes.drop_columns("Triggers", "pools")
    changes.drop_table("Pools")
