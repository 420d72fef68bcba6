"""A pause has a reason and an end, and the next run of a schedule can be skipped

Revision ID: d58b1f3c9a26
Revises: 9b0e6c27d1f4

NULL everywhere in rows that are there already and in those of clients that do not know the columns: nobody said why,
and the pause lasts until the trigger is enabled. The index finds the few triggers that were paused with a note.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "d58b1f3c9a26"
down_revision: str | None = "9b0e6c27d1f4"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns(
        "Triggers",
        sa.Column("paused_at", UtcDateTime()),
        sa.Column("paused_by", text_type(100)),
        sa.Column("pause_reason", text_type(500)),
        sa.Column("paused_until", UtcDateTime()),
    )
    changes.create_index("ix_Triggers_paused_at", "Triggers", "paused_at")
    changes.add_columns(
        "Scheduled_Triggers",
        sa.Column("skipped_due", UtcDateTime()),
        sa.Column("skipped_at", UtcDateTime()),
        sa.Column("skipped_by", text_type(100)),
    )


def downgrade() -> None:
    """Drop the columns with what they hold. Paused triggers stay paused, and skipped runs skipped."""
    changes = SchemaChanges(op)
    changes.drop_columns("Scheduled_Triggers", "skipped_due", "skipped_at", "skipped_by")
    changes.drop_index("ix_Triggers_paused_at", "Triggers")
    changes.drop_columns("Triggers", "paused_at", "paused_by", "pause_reason", "paused_until")
