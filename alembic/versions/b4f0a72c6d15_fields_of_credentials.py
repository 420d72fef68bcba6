"""Credentials have further fields beside user name and password

Revision ID: b4f0a72c6d15
Revises: e1d74a90c3b8

The column is nullable, because clients of earlier versions write credentials without it. They leave it as it is when
they change one, and delete it with its row.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import long_text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "b4f0a72c6d15"
down_revision: str | None = "e1d74a90c3b8"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).add_columns("Credentials", sa.Column("encrypted_fields", long_text_type()))


def downgrade() -> None:
    """Drop the column with what it holds."""
    SchemaChanges(op).drop_columns("Credentials", "encrypted_fields")
