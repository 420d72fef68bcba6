"""Indexes that keep queues, logs and jobs fast however long they grow

Revision ID: e80b2d6f4c19
Revises: c5e7f1928d34

The two old indexes on single columns of the queues go: every query they served is served better by the new ones.
"""

from __future__ import annotations

from alembic import op

from OpenOrchestrator.database.schema.schema_changes import SchemaChanges

revision: str = "e80b2d6f4c19"
down_revision: str | None = "c5e7f1928d34"
branch_labels: str | None = None
depends_on: str | None = None

# Table, name, columns.
INDEXES = [
    ("Triggers", "ix_Triggers_process_status_type", ("process_status", "type")),
    ("Single_Triggers", "ix_Single_Triggers_next_run", ("next_run",)),
    ("Scheduled_Triggers", "ix_Scheduled_Triggers_next_run", ("next_run",)),
    ("Queue_Triggers", "ix_Queue_Triggers_queue_name", ("queue_name",)),
    ("Queues", "ix_Queues_next", ("queue_name", "status", "created_date", "id")),
    ("Queues", "ix_Queues_created", ("queue_name", "created_date", "id")),
    ("Queues", "ix_Queues_reference", ("queue_name", "reference", "status", "created_date", "id")),
    ("Queues", "ix_Queues_job", ("job_id", "status")),
    ("Logs", "ix_Logs_time", ("log_time", "id")),
    ("Logs", "ix_Logs_process", ("process_name", "log_time", "id")),
    ("Logs", "ix_Logs_level", ("log_level", "log_time", "id")),
    ("Logs", "ix_Logs_job", ("job_id", "log_time", "id")),
    ("Jobs", "ix_Jobs_time", ("start_time", "id")),
    ("Jobs", "ix_Jobs_status", ("status", "start_time", "id")),
    ("Jobs", "ix_Jobs_trigger", ("trigger_id", "start_time", "id")),
    ("Jobs", "ix_Jobs_process", ("process_name", "start_time", "id")),
    ("Jobs", "ix_Jobs_scheduler", ("scheduler_name", "start_time", "id")),
]


def upgrade() -> None:
    changes = SchemaChanges(op)
    for table, name, columns in INDEXES:
        changes.create_index(name, table, *columns)
    changes.drop_single_column_indexes("Queues", "queue_name", "created_date")


def downgrade() -> None:
    """Bring the two old indexes back, and drop the others."""
    changes = SchemaChanges(op)
    changes.create_index("ix_Queues_queue_name", "Queues", "queue_name")
    changes.create_index("ix_Queues_created_date", "Queues", "created_date")
    for table, name, _columns in reversed(INDEXES):
        changes.drop_index(name, table)
