"""A scheduled trigger says what becomes of runs that were missed, and jobs can be skipped

Revision ID: a7d20f4c9b63
Revises: 5d1f8b36c0e4

NULL in rows that are there already and in those of clients that do not know the columns: one run stands for all that
were missed, however late it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "a7d20f4c9b63"
down_revision: str | None = "5d1f8b36c0e4"
branch_labels: str | None = None
depends_on: str | None = None

JOB_STATUS = sa.Enum(
    "RUNNING", "DONE", "FAILED", "KILLED", "STARTING", "TIMED_OUT", "LOST", "SKIPPED", name="jobstatus"
)


def upgrade() -> None:
    changes = SchemaChanges(op)
    if changes.is_mysql or changes.dialect == "postgresql":  # elsewhere it is a text, which has room for it
        changes.add_enum_members("Jobs", "status", JOB_STATUS, ("SKIPPED",))
    changes.add_columns(
        "Scheduled_Triggers",
        sa.Column("missed", sa.String(20)),
        sa.Column("missed_within_seconds", sa.Integer()),
        sa.Column("missed_most", sa.Integer()),
    )


def downgrade() -> None:
    """Drop the columns, and delete the jobs that never ran: the version before knows no state for them."""
    changes = SchemaChanges(op)
    jobs = sa.table("Jobs", sa.column("status", JOB_STATUS))
    op.execute(jobs.delete().where(jobs.c.status == "SKIPPED"))
    changes.drop_columns("Scheduled_Triggers", "missed", "missed_within_seconds", "missed_most")
