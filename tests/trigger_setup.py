"""Triggers, elements and jobs for tests: made with few words, and read back past all of our own reading code."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import reaping, stuck_triggers, trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.models import Job, QueueElement
from OpenOrchestrator.database.statuses import QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import schedulers, triggers

BASE: dict[str, Any] = {
    "process_name": "Process",
    "process_path": "robot.py",
    "process_args": "",
    "is_git_repo": False,
    "is_blocking": False,
    "priority": 0,
}


def single(database: Database, name: str = "single", *, next_run: datetime | None = None, **base: Any) -> UUID:
    """Make a single trigger, due now unless told otherwise."""
    at = next_run or database.site_now()
    return database.write(
        lambda s: triggers.create_single(s, trigger_name=name, next_run=at, zone=database.zone, **{**BASE, **base})
    )


def scheduled(
    database: Database,
    name: str = "scheduled",
    *,
    cron_expr: str = "*/5 * * * *",
    next_run: datetime | None = None,
    **base: Any,
) -> UUID:
    """Make a scheduled trigger, due now unless told otherwise."""
    at = next_run or database.site_now()
    return database.write(
        lambda s: triggers.create_scheduled(
            s, trigger_name=name, cron_expr=cron_expr, next_run=at, zone=database.zone, **{**BASE, **base}
        )
    )


def queue(
    database: Database,
    name: str = "queue",
    *,
    queue_name: str = "Q",
    min_batch_size: int = 1,
    elements: int = 0,
    **base: Any,
) -> UUID:
    """Make a queue trigger, and so many new elements for it."""
    add_elements(database, queue_name, elements)
    return database.write(
        lambda s: triggers.create_queue(
            s, trigger_name=name, queue_name=queue_name, min_batch_size=min_batch_size, **{**BASE, **base}
        )
    )


def add_elements(database: Database, queue_name: str, count: int, status: QueueStatus = QueueStatus.NEW) -> None:
    """Put elements into a queue."""
    now = database.site_now()
    rows = [
        {"queue_name": queue_name, "status": status, "created_date": now + timedelta(microseconds=n)}
        for n in range(count)
    ]
    if rows:
        database.write(lambda s: s.execute(sa.insert(QueueElement), rows))


def due_names(database: Database, scheduler_name: str | None = "here") -> list[str]:
    """Return the names of the triggers that are due."""
    return [trigger.name for trigger in trigger_claims.due_triggers(database, scheduler_name=scheduler_name).due]


def claim_all(database: Database, identity: Identity | None = None) -> tuple[ClaimedRun, ...]:
    """Claim everything that is due."""
    identity = identity or Identity("here")
    return trigger_claims.claim(
        database, identity, trigger_claims.due_triggers(database, scheduler_name=identity.name).due
    )


def trigger(database: Database, trigger_id: UUID) -> Any:
    """Return a trigger as it is stored."""
    return database.read(lambda s: triggers.require(s, trigger_id))


def status(database: Database, trigger_id: UUID) -> TriggerStatus:
    """Return a trigger's status."""
    found: TriggerStatus = trigger(database, trigger_id).process_status
    return found


def set_status(database: Database, trigger_id: UUID, to: TriggerStatus) -> None:
    """Set a trigger's status as an admin can."""
    assert database.write(lambda s: triggers.set_status(s, trigger_id, to))


def jobs(database: Database) -> list[Job]:
    """Return all jobs, the oldest first."""
    return database.read(lambda s: list(s.scalars(sa.select(Job).order_by(Job.start_time, Job.id))))


def job(database: Database, job_id: UUID) -> Job:
    """Return a job as it is stored."""
    return database.read(lambda s: s.scalars(sa.select(Job).where(Job.id == job_id)).one())


def reap(database: Database, reaper: str = "there") -> tuple[reaping.ReapedJob, ...]:
    """Settle the jobs whose leases have run out on the database's clock, as if they had been watched that long."""
    identity = Identity(reaper)
    reading = reaping.read_leases(database, identity)
    found = [reaping.reap(database, one, reaper=identity) for one in reading.leases if one.until < reading.database_now]
    return tuple(job for job in found if isinstance(job, reaping.ReapedJob))


def settle_stuck(database: Database) -> int:
    """Settle the triggers that wait for nothing, and return how many these were."""
    return sum(stuck_triggers.settle_if_free(database, one) for one in stuck_triggers.find_stuck(database))


def expire(database: Database, job_id: UUID) -> None:
    """Let the lease of a job run out, as if its owner had been silent for a day."""
    past = job(database, job_id).lease_until
    assert past is not None
    database.write(
        lambda s: s.execute(sa.update(Job).where(Job.id == job_id).values(lease_until=past - timedelta(days=1)))
    )


def spoil(database: Database, model: type[Any], row_id: UUID, column: str, value: Any) -> None:
    """Write into a column of a trigger in SQLite what no type of ours would let through."""
    with database.connection(writing=True) as connection:
        statement = f'UPDATE "{model.__tablename__}" SET {column} = ? WHERE id = ?'
        assert connection.exec_driver_sql(statement, (value, row_id.hex)).rowcount == 1


def enroll(database: Database, identity: Identity) -> None:
    """List a scheduler as one that lives; it takes its name from whoever had it."""
    schedulers.enroll(
        database,
        identity,
        version="4",
        slots=2,
        pid=1,
        pid_started=None,
        host_name="machine",
        previous_is_dead=lambda _pid, _identity: True,
        is_silent=lambda _hold: True,
    )
