"""A scheduled trigger has a time zone of its own, and a calendar of the days on which it runs

Revision ID: 4c8e17a2d9f5
Revises: e6a0c48b7d19

NULL in rows that are there already and in those of clients that do not know the columns: the site's time zone counts,
and every day is open. Programs of earlier versions neither read nor write the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, long_text_type, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "4c8e17a2d9f5"
down_revision: str | None = "e6a0c48b7d19"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Calendars",
        sa.Column("name", text_type(100), nullable=False),
        sa.Column("country", sa.String(2), nullable=True),
        sa.Column("region", text_type(50), nullable=True),
        sa.Column("working_days", sa.String(50), nullable=False),
        sa.Column("closed", long_text_type(), nullable=False),
        sa.Column("opened", long_text_type(), nullable=False),
        sa.Column("edition", uuid_type(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_Calendars"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Calendars"], like="Triggers")
    changes.add_columns(
        "Scheduled_Triggers",
        sa.Column("timezone", text_type(100)),
        sa.Column("calendar", text_type(100)),
        sa.Column("closed_days", sa.String(20)),
    )


def downgrade() -> None:
    """Drop the columns and the table. Triggers go on in the site's time zone and on all days after their next run."""
    changes = SchemaChanges(op)
    changes.drop_columns("Scheduled_Triggers", "timezone", "calendar", "closed_days")
    changes.drop_table("Calendars")
