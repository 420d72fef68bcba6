"""Columns for ownership of jobs and queue elements, exact due times, time limits, and how a run ended

Revision ID: a94d3c60b1e8
Revises: 6b81e0d4a2f7

All are nullable or have a server default, because clients of earlier versions write rows without them. ``due_at``
stays NULL on existing triggers: ``next_run`` counts there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import UtcDateTime, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "a94d3c60b1e8"
down_revision: str | None = "6b81e0d4a2f7"
branch_labels: str | None = None
depends_on: str | None = None


def new_columns() -> dict[str, list[sa.Column]]:
    """Return the columns of this revision by table."""
    return {
        "Triggers": [
            sa.Column("secret_passing", sa.String(20)),
            sa.Column("timeout_seconds", sa.Integer()),
            sa.Column("run_requested_at", UtcDateTime()),
            sa.Column("failed_starts", sa.Integer(), nullable=False, server_default="0"),
        ],
        "Single_Triggers": [sa.Column("due_at", UtcDateTime())],
        "Scheduled_Triggers": [sa.Column("due_at", UtcDateTime())],
        "Queues": [
            sa.Column("job_id", uuid_type()),
            sa.Column("claim_token", uuid_type()),
        ],
        "Jobs": [
            sa.Column("trigger_id", uuid_type()),
            sa.Column("trigger_name", text_type(100)),
            sa.Column("due_at", UtcDateTime()),
            sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("owner", uuid_type()),
            sa.Column("lease_until", UtcDateTime()),
            sa.Column("started_at", UtcDateTime()),
            sa.Column("exit_code", sa.Integer()),
            sa.Column("reason", text_type(1000)),
            sa.Column("commit_sha", sa.String(64)),
            sa.Column("host_pid", sa.Integer()),
            sa.Column("host_started", sa.Double()),
        ],
        "Schedulers": [
            sa.Column("instance", uuid_type()),
            sa.Column("lease_until", UtcDateTime()),
            sa.Column("heartbeat_at", UtcDateTime()),
            sa.Column("version", sa.String(20)),
            sa.Column("slots", sa.Integer()),
            sa.Column("running_jobs", sa.Integer()),
            sa.Column("pid", sa.Integer()),
            sa.Column("pid_started", sa.Double()),
            sa.Column("host_name", text_type(255)),
        ],
    }


def upgrade() -> None:
    changes = SchemaChanges(op)
    for table, columns in new_columns().items():
        changes.add_columns(table, *columns)


def downgrade() -> None:
    """Drop the columns with what they hold."""
    changes = SchemaChanges(op)
    for table, columns in new_columns().items():
        changes.drop_columns(table, *(column.name for column in columns))
