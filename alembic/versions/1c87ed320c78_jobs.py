"""Table of jobs, and the job a log message belongs to

Revision ID: 1c87ed320c78
Revises: 9698388a0709

Version 3.0.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import SiteDateTime, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "1c87ed320c78"
down_revision: str | None = "9698388a0709"
branch_labels: str | None = None
depends_on: str | None = None

JOB_STATUS = sa.Enum("RUNNING", "DONE", "FAILED", "KILLED", name="jobstatus")


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.create_table(
        "Jobs",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("process_name", text_type(100), nullable=False),
        sa.Column("scheduler_name", text_type(100), nullable=False),
        sa.Column("status", JOB_STATUS, nullable=False),
        sa.Column("start_time", SiteDateTime(), nullable=False),
        sa.Column("end_time", SiteDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_Jobs"),
    )
    changes.add_columns("Logs", sa.Column("job_id", uuid_type()))


def downgrade() -> None:
    """Refuse: this revision belongs to an earlier version."""
    SchemaChanges.refuse_downgrade(revision)
