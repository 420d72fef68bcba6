"""Triggers require labels that schedulers carry, and screens of machines

Revision ID: f0c2d86b3e75
Revises: 7b3e5d90c1a4

NULL everywhere in rows that are there already and in those of clients that do not know the columns: no labels are
required, and a trigger is exclusive or not as is_blocking says. The table gets a row for each machine when a robot is
started there that needs the screen.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "f0c2d86b3e75"
down_revision: str | None = "7b3e5d90c1a4"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns("Triggers", sa.Column("labels", text_type(1200)), sa.Column("desktop", sa.String(20)))
    changes.add_columns("Schedulers", sa.Column("labels", text_type(1200)))
    changes.create_table(
        "Screens",
        sa.Column("machine", text_type(255), nullable=False),
        sa.Column("job_id", uuid_type()),
        sa.Column("taken_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("machine", name="pk_Screens"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Screens"], like="Triggers")


def downgrade() -> None:
    """Drop the columns with what they hold: what required labels keeps a whitelist that names no scheduler."""
    changes = SchemaChanges(op)
    changes.drop_table("Screens")
    changes.drop_columns("Schedulers", "labels")
    changes.drop_columns("Triggers", "labels", "desktop")
