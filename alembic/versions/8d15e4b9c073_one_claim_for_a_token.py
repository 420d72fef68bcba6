"""No two queue elements have the same claim token

Revision ID: 8d15e4b9c073
Revises: f3b86a1d7c25

A claim whose connection breaks is repeated under the same token. Should the first one arrive after all, only one of
the two can be saved. Elements that two such claims left with one token lose it, for nobody can tell whose it is.
"""

from __future__ import annotations

from alembic import op

from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "8d15e4b9c073"
down_revision: str | None = "f3b86a1d7c25"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    SchemaChanges(op).create_unique_index("ix_Queues_token", "Queues", "claim_token")


def downgrade() -> None:
    """Drop the index."""
    SchemaChanges(op).drop_index("ix_Queues_token", "Queues")
