"""Several jobs of one trigger run at the same time

Revision ID: b6f02d9c8e41
Revises: d47b09c6e1a5

NULL everywhere in rows that are there already and in those of clients that do not know the columns: one job at a time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "b6f02d9c8e41"
down_revision: str | None = "d47b09c6e1a5"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns("Triggers", sa.Column("max_jobs", sa.Integer()), sa.Column("status_after", sa.String(20)))
    changes.add_columns("Queue_Triggers", sa.Column("elements_per_job", sa.Integer()))


def downgrade() -> None:
    """Drop the columns with what they hold. Jobs that run at the same time go on; the first to end sets the trigger."""
    changes = SchemaChanges(op)
    changes.drop_columns("Queue_Triggers", "elements_per_job")
    changes.drop_columns("Triggers", "max_jobs", "status_after")
