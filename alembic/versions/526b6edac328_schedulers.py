"""Table of schedulers

Revision ID: 526b6edac328
Revises: b67b7649b282

Schedulers report that they are alive.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import SiteDateTime, text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "526b6edac328"
down_revision: str | None = "b67b7649b282"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).create_table(
        "Schedulers",
        sa.Column("machine_name", text_type(100), nullable=False),
        sa.Column("last_update", SiteDateTime(), nullable=False),
        sa.Column("latest_trigger", text_type(100)),
        sa.Column("latest_trigger_time", SiteDateTime()),
        sa.PrimaryKeyConstraint("machine_name", name="pk_Schedulers"),
    )


def downgrade() -> None:
    """Refuse: this revision belongs to an earlier version."""
    SchemaChanges.refuse_downgrade(revision)
