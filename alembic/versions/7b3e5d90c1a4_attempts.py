"""Queue elements have attempts, wait, and say what came of them; queues have settings

Revision ID: 7b3e5d90c1a4
Revises: e93b5c17d8a4

Columns are nullable or have a server default, because clients of earlier versions write rows without them. Programs of
earlier versions neither read nor write the two tables. One index on the elements takes the place of another, so that
no write has to keep one more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import SiteDateTime, UtcDateTime, long_text_type, text_type, uuid_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "7b3e5d90c1a4"
down_revision: str | None = "e93b5c17d8a4"
branch_labels: str | None = None
depends_on: str | None = None


def new_columns() -> list[sa.Column]:
    """Return the columns that elements get."""
    return [
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("not_before", UtcDateTime()),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("deadline", UtcDateTime()),
        sa.Column("error_type", text_type(200)),
        sa.Column("error_code", text_type(100)),
        sa.Column("output", long_text_type()),
        sa.Column("progress", sa.Double()),
        sa.Column("progress_text", text_type(200)),
    ]


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_columns("Queues", *new_columns())
    changes.create_index("ix_Queues_held", "Queues", "job_id", "status", "not_before", "lease_until")
    changes.drop_index("ix_Queues_job", "Queues")
    changes.create_table(
        "Queue_Settings",
        sa.Column("name_hash", sa.String(64), nullable=False),
        sa.Column("queue_name", text_type(100), nullable=False),
        sa.Column("most_attempts", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("pause_seconds", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("pause_growth", sa.Double(), nullable=False, server_default="1"),
        sa.Column("when_robot_died", sa.String(20), nullable=False, server_default="ABANDON"),
        sa.Column("edition", uuid_type(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name="pk_Queue_Settings"),
    )
    changes.create_table(
        "Queue_Attempts",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("element_id", uuid_type(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("job_id", uuid_type()),
        sa.Column("scheduler_name", text_type(100)),
        sa.Column("process_name", text_type(100)),
        sa.Column("start_date", SiteDateTime()),
        sa.Column("end_date", SiteDateTime(), nullable=False),
        sa.Column("ended_as", sa.String(20), nullable=False),
        sa.Column("message", text_type(1000)),
        sa.Column("error_type", text_type(200)),
        sa.Column("error_code", text_type(100)),
        sa.Column("traceback", long_text_type()),
        sa.PrimaryKeyConstraint("id", name="pk_Queue_Attempts"),
    )
    changes.create_index("ix_Queue_Attempts_element", "Queue_Attempts", "element_id", "end_date")
    if changes.is_mysql:
        changes.hold_all_characters(["Queue_Settings", "Queue_Attempts"], like="Queues")


def downgrade() -> None:
    """Make New what waits, for nobody would; then drop the tables and columns with what they hold."""
    changes = SchemaChanges(op)
    queues = sa.table("Queues", *map(sa.column, ("status", "not_before", "start_date", "claim_token", "job_id")))
    waiting = (
        queues.c.status == sa.literal_column("'IN_PROGRESS'"),
        queues.c.not_before.is_not(None),
        queues.c.start_date.is_(None),
        queues.c.claim_token.is_(None),
    )
    op.execute(sa.update(queues).where(*waiting).values(status=sa.literal_column("'NEW'")))
    changes.drop_table("Queue_Attempts")
    changes.drop_table("Queue_Settings")
    changes.create_index("ix_Queues_job", "Queues", "job_id", "status")
    changes.drop_index("ix_Queues_held", "Queues")
    changes.drop_columns("Queues", *(column.name for column in new_columns()))
