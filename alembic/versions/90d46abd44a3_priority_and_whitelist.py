"""Triggers have a priority and a list of schedulers they may run on

Revision ID: 90d46abd44a3
Revises: 526b6edac328

Version 2. The priority has a server default for triggers that clients of version 1 create. The list may be NULL,
which means any scheduler; existing triggers get an empty list, because clients of version 2 do not expect NULL.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "90d46abd44a3"
down_revision: str | None = "526b6edac328"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).add_columns(
        "Triggers",
        sa.Column("priority", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("scheduler_whitelist", text_type(250)),
    )
    triggers = sa.table("Triggers", sa.column("scheduler_whitelist", text_type(250)))
    op.execute(triggers.update().where(triggers.c.scheduler_whitelist.is_(None)).values(scheduler_whitelist="[]"))


def downgrade() -> None:
    """Refuse: this revision belongs to an earlier version."""
    SchemaChanges.refuse_downgrade(revision)
