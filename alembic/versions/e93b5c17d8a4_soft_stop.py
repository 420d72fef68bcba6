"""A robot whose time is up can be asked to come to an end before it is terminated

Revision ID: e93b5c17d8a4
Revises: b6f02d9c8e41

NULL in rows that are there already and in those of clients that do not know the columns: no time to be asked, and the
usual five seconds to terminate.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "e93b5c17d8a4"
down_revision: str | None = "b6f02d9c8e41"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns(
        "Triggers",
        sa.Column("stop_soft_seconds", sa.Integer()),
        sa.Column("stop_terminate_seconds", sa.Integer()),
    )
    changes.add_columns(
        "Jobs",
        sa.Column("stop_soft_seconds", sa.Integer()),
        sa.Column("stop_terminate_seconds", sa.Integer()),
        sa.Column("stop_asked_at", UtcDateTime()),
    )


def downgrade() -> None:
    """Drop the columns. Robots that run are stopped by what they were started with."""
    changes = SchemaChanges(op)
    changes.drop_columns("Jobs", "stop_soft_seconds", "stop_terminate_seconds", "stop_asked_at")
    changes.drop_columns("Triggers", "stop_soft_seconds", "stop_terminate_seconds")
