"""Tables for what robots print, and for the site's settings

Revision ID: c5e7f1928d34
Revises: a94d3c60b1e8

The first setting is the time zone that dates without a zone are meant in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, long_text_type, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "c5e7f1928d34"
down_revision: str | None = "a94d3c60b1e8"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Job_Output",
        sa.Column("job_id", uuid_type(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stream", sa.String(6), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("text", long_text_type(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "sequence", name="pk_Job_Output"),
    )
    changes.create_table(
        "Site_Settings",
        sa.Column("name", text_type(100), nullable=False),
        sa.Column("value", text_type(1000), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_Site_Settings"),
    )
    if changes.is_mysql:
        changes.hold_all_characters(["Job_Output", "Site_Settings"], like="Triggers")


def downgrade() -> None:
    """Drop the tables with what they hold."""
    changes = SchemaChanges(op)
    changes.drop_table("Site_Settings")
    changes.drop_table("Job_Output")
