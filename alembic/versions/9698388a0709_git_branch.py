"""Triggers have a git branch

Revision ID: 9698388a0709
Revises: 90d46abd44a3

NULL means the default branch of the repository.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "9698388a0709"
down_revision: str | None = "90d46abd44a3"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).add_columns("Triggers", sa.Column("git_branch", text_type(100)))


def downgrade() -> None:
    """Refuse: this revision belongs to an earlier version."""
    SchemaChanges.refuse_downgrade(revision)
