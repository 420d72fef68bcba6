"""Jobs say what their robots tell of them: title, progress, output, alerts; a run says which request it answers

Revision ID: c81d5e2f7a49
Revises: c81f5a3e9d02

NULL everywhere in rows that are there already and in those of clients that do not know the columns: nothing was told.
What may be long, and what few jobs have, is in tables of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, long_text_type, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "c81d5e2f7a49"
down_revision: str | None = "c81f5a3e9d02"
branch_labels: str | None = None
depends_on: str | None = None


def new_columns() -> list[sa.Column]:
    """Return the columns that jobs get."""
    return [
        sa.Column("title", text_type(200)),
        sa.Column("progress", sa.Double()),
        sa.Column("progress_text", text_type(200)),
        sa.Column("partial_message", text_type(1000)),
        sa.Column("partial_at", UtcDateTime()),
        sa.Column("run_request_id", uuid_type()),
    ]


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns("Jobs", *new_columns())
    changes.add_columns("Triggers", sa.Column("run_request_id", uuid_type()))
    changes.create_index("ix_Jobs_partial", "Jobs", "partial_at", "id")
    changes.create_index("ix_Jobs_run_request", "Jobs", "run_request_id")
    changes.create_table(
        "Job_Results",
        sa.Column("job_id", uuid_type(), nullable=False),
        sa.Column("output", long_text_type(), nullable=False),
        sa.Column("is_json", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_Job_Results"),
    )
    changes.create_table(
        "Job_Alerts",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("job_id", uuid_type(), nullable=False),
        sa.Column("process_name", text_type(100), nullable=False),
        sa.Column("message", text_type(1000), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("dismissed_at", UtcDateTime()),
        sa.Column("dismissed_by", text_type(100)),
        sa.PrimaryKeyConstraint("id", name="pk_Job_Alerts"),
    )
    changes.create_index("ix_Job_Alerts_open", "Job_Alerts", "dismissed_at", "raised_at")
    changes.create_index("ix_Job_Alerts_job", "Job_Alerts", "job_id", "raised_at")
    if changes.is_mysql:
        changes.hold_all_characters(["Job_Results", "Job_Alerts"], like="Jobs")


def downgrade() -> None:
    """Drop the tables and columns with what they hold."""
    changes = SchemaChanges(op)
    changes.drop_table("Job_Alerts")
    changes.drop_table("Job_Results")
    changes.drop_index("ix_Jobs_run_request", "Jobs")
    changes.drop_index("ix_Jobs_partial", "Jobs")
    changes.drop_columns("Triggers", "run_request_id")
    changes.drop_columns("Jobs", *(column.name for column in new_columns()))
