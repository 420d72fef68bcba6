"""Jobs can be starting, timed out or lost, and triggers killed; triggers need no priority when they are created

Revision ID: 6b81e0d4a2f7
Revises: 3f2a9c5d7e10

Databases of earlier versions differ here: some enum types lack KILLING and KILLED, some priorities have no server
default, and version 2 made the list of schedulers NOT NULL, so that clients of version 1 could not create triggers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from OpenOrchestrator.database.engine.dialects import text_type
from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "6b81e0d4a2f7"
down_revision: str | None = "3f2a9c5d7e10"
branch_labels: str | None = None
depends_on: str | None = None

TRIGGER_STATUS = sa.Enum(
    "IDLE", "RUNNING", "FAILED", "DONE", "PAUSED", "PAUSING", "KILLING", "KILLED", name="triggerstatus"
)
NEW_JOB_STATUSES = ("STARTING", "TIMED_OUT", "LOST")
JOB_STATUS = sa.Enum("RUNNING", "DONE", "FAILED", "KILLED", *NEW_JOB_STATUSES, name="jobstatus")


def upgrade() -> None:
    changes = SchemaChanges(op)
    changes.add_enum_members("Triggers", "process_status", TRIGGER_STATUS, ("KILLING", "KILLED"))
    changes.add_enum_members("Jobs", "status", JOB_STATUS, NEW_JOB_STATUSES)
    changes.set_server_default("Triggers", "priority", sa.Integer(), "0")
    if not changes.is_nullable("Triggers", "scheduler_whitelist"):
        changes.alter_column("Triggers", "scheduler_whitelist", text_type(250), nullable=True)


def downgrade() -> None:
    """Call jobs in the new states failed; the version before works with everything else."""
    jobs = sa.table("Jobs", sa.column("status", JOB_STATUS))
    op.execute(jobs.update().where(jobs.c.status.in_(NEW_JOB_STATUSES)).values(status="FAILED"))
