"""Failed runs are tried again, and counted

Revision ID: e2a7c49d5b18
Revises: d58b1f3c9a26

NULL everywhere in rows that are there already and in those of clients that do not know the columns: nothing is tried
again, and the first failed run stops the trigger. The index finds the retries of a first attempt.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import SiteDateTime, UtcDateTime, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "e2a7c49d5b18"
down_revision: str | None = "d58b1f3c9a26"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns(
        "Triggers",
        sa.Column("retry_times", sa.Integer()),
        sa.Column("retry_pause_seconds", sa.Integer()),
        sa.Column("retry_growth", sa.Double()),
        sa.Column("retry_most_seconds", sa.Integer()),
        sa.Column("retry_after", sa.String(40)),
        sa.Column("when_lost", sa.String(20)),
        sa.Column("pause_after_failures", sa.Integer()),
        sa.Column("failed_runs", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("retry_at", UtcDateTime()),
        sa.Column("retry_number", sa.Integer()),
        sa.Column("retry_of", uuid_type()),
        sa.Column("retry_last_run", SiteDateTime()),
    )
    changes.add_columns("Jobs", sa.Column("retry_of", uuid_type()), sa.Column("retry_number", sa.Integer()))
    changes.create_index("ix_Jobs_retry_of", "Jobs", "retry_of", "start_time", "id")


def downgrade() -> None:
    """Drop the columns with what they hold. What waits for a retry waits for its schedule or its queue instead."""
    changes = SchemaChanges(op)
    changes.drop_index("ix_Jobs_retry_of", "Jobs")
    changes.drop_columns("Jobs", "retry_of", "retry_number")
    changes.drop_columns(
        "Triggers",
        "retry_times",
        "retry_pause_seconds",
        "retry_growth",
        "retry_most_seconds",
        "retry_after",
        "when_lost",
        "pause_after_failures",
        "failed_runs",
        "retry_at",
        "retry_number",
        "retry_of",
        "retry_last_run",
    )
