"""Jobs remember what started them

Revision ID: 2d7c94f1b8a6
Revises: e80b2d6f4c19

Until here only the reason of an active job told that somebody had asked for the run, and its end wrote over it. Of
jobs that have ended it is not known: they stay NULL, as do those of clients that do not know the column.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import SiteDateTime, text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "2d7c94f1b8a6"
down_revision: str | None = "e80b2d6f4c19"
branch_labels: str | None = None
depends_on: str | None = None

# What the reason of an active job said, and the member of StartedBy that means the same.
REASONS = {"Started on request.": "REQUEST", "Started by hand.": "BY_HAND"}


def upgrade() -> None:
    SchemaChanges(op).add_columns("Jobs", sa.Column("started_by", sa.String(20)))
    jobs = sa.table(
        "Jobs",
        sa.column("started_by", sa.String(20)),
        sa.column("reason", text_type(1000)),
        sa.column("end_time", SiteDateTime()),
    )
    for reason, member in REASONS.items():
        # Not by status: PostgreSQL knows no member of an enumeration that the same transaction added.
        active = (jobs.c.reason == reason, jobs.c.end_time.is_(None), jobs.c.started_by.is_(None))
        op.execute(jobs.update().where(*active).values(started_by=member))


def downgrade() -> None:
    """Drop the column with what it holds; the reasons of active jobs still say the same."""
    SchemaChanges(op).drop_columns("Jobs", "started_by")
