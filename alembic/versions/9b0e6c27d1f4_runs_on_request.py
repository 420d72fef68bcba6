"""A request for a run carries what it is to run with, and a job keeps what it ran with

Revision ID: 9b0e6c27d1f4
Revises: b9d24e61f730

NULL everywhere in rows that are there already and in those of clients that do not know the columns: an ordinary run of
the trigger, of which it is not known what it ran with. One index finds the few triggers that somebody asked a run of,
whatever their state; the other the jobs that repeat another.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "9b0e6c27d1f4"
down_revision: str | None = "b9d24e61f730"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns(
        "Triggers",
        sa.Column("run_requested_by", text_type(100)),
        sa.Column("run_args", text_type(1000)),
        sa.Column("run_scheduler", text_type(100)),
        sa.Column("run_again_of", uuid_type()),
    )
    changes.create_index("ix_Triggers_run_requested_at", "Triggers", "run_requested_at")
    changes.add_columns(
        "Jobs",
        sa.Column("process_path", text_type(250)),
        sa.Column("process_args", text_type(1000)),
        sa.Column("is_git_repo", sa.Boolean()),
        sa.Column("git_branch", text_type(100)),
        sa.Column("secret_passing", sa.String(20)),
        sa.Column("timeout_seconds", sa.Integer()),
        sa.Column("keep_files", sa.Boolean()),
        sa.Column("requested_by", text_type(100)),
        sa.Column("run_scheduler", text_type(100)),
        sa.Column("again_of", uuid_type()),
        sa.Column("trigger_before", sa.String(20)),
    )
    changes.create_index("ix_Jobs_again_of", "Jobs", "again_of", "start_time", "id")


def downgrade() -> None:
    """Drop the columns with what they hold. A run that was asked for with arguments of its own is not wanted any more.

    Without them it would be an ordinary run of its trigger, with the arguments of that.
    """
    changes = SchemaChanges(op)
    if changes.is_nullable("Triggers", "run_args"):  # else they are gone already, and with them what they held
        triggers = sa.table("Triggers", sa.column("run_requested_at"), sa.column("run_args"))
        op.execute(sa.update(triggers).where(triggers.c.run_args.is_not(None)).values(run_requested_at=sa.null()))
    changes.drop_index("ix_Jobs_again_of", "Jobs")
    changes.drop_columns(
        "Jobs",
        "process_path",
        "process_args",
        "is_git_repo",
        "git_branch",
        "secret_passing",
        "timeout_seconds",
        "keep_files",
        "requested_by",
        "run_scheduler",
        "again_of",
        "trigger_before",
    )
    changes.drop_index("ix_Triggers_run_requested_at", "Triggers")
    changes.drop_columns("Triggers", "run_requested_by", "run_scheduler", "run_again_of", "run_args")
