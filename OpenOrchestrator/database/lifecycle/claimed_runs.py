"""What a claim makes: the runs that belong to whoever claimed, and the rows of their jobs.

Must not decide what is claimed: ``trigger_claims`` does, within its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.statuses import JobStatus, RobotEnvironment, SecretPassing, StartedBy, TriggerType
from OpenOrchestrator.database.stores import pool_amounts
from OpenOrchestrator.database.stores.due_triggers import DueTrigger
from OpenOrchestrator.database.stores.trigger_rows import TriggerRow, WaitingRetry

REASONS: Mapping[StartedBy, str] = MappingProxyType(
    {
        StartedBy.REQUEST: "Started on request.",
        StartedBy.AGAIN: "Run again on request.",
        StartedBy.BY_HAND: "Started by hand.",
    }
)
"""What the reason of a job says, for people and while it is active, where its trigger was not due."""

_JOBS = cast(sa.Table, Job.__table__)


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that belongs to whoever claimed it.

    Attributes:
        fence: Goes into every later write about this run.
        attempt: 1 unless starts for the same due time were lost before.
        process_args: Empty if the trigger has none.
        passing: How connection string and key reach the robot.
        timeout_seconds: None for no limit.
        keep_files: Whether a run from git finds what the one before left in its folder.
        environment: The Python environment it is started in.
        entry: What of the robot's files is started; None for its main.py.
        due_at: The instant it was due, aware UTC; None for queue triggers and runs that somebody asked for.
        soft_seconds: How long a robot whose time is up is asked to come to an end by itself.
        terminate_seconds: How long it has after that before it is killed; None for the usual time.
        needs_screen: It has the screen of its machine.
        retry: The retry that it is; None for a first attempt.
    """

    job_id: UUID
    fence: int
    attempt: int
    trigger_id: UUID
    trigger_name: str
    process_name: str
    process_path: str
    process_args: str
    is_git_repo: bool
    git_branch: str | None
    is_blocking: bool
    passing: SecretPassing
    timeout_seconds: int | None
    keep_files: bool
    environment: RobotEnvironment
    entry: str | None
    due_at: datetime | None
    type: TriggerType
    soft_seconds: int = 0
    terminate_seconds: int | None = None
    needs_screen: bool = False
    retry: WaitingRetry | None = None


@dataclass(frozen=True, slots=True)
class Won:
    """A trigger that was won, as it was read under its lock and as it was found due."""

    row: TriggerRow
    trigger: DueTrigger


def run_of(row: TriggerRow, trigger: DueTrigger) -> ClaimedRun:
    """Return the run of a trigger that was won, with the id of a new job."""
    return ClaimedRun(
        job_id=uuid4(),
        fence=1,
        attempt=row.failed_starts + 1,
        trigger_id=row.trigger_id,
        trigger_name=row.name,
        process_name=row.process_name,
        process_path=row.process_path,
        process_args=row.run_args if trigger.once and row.run_args is not None else row.process_args,
        is_git_repo=row.is_git_repo,
        git_branch=row.git_branch,
        is_blocking=row.is_blocking,
        passing=row.passing,
        timeout_seconds=row.timeout_seconds,
        keep_files=row.keep_files,
        environment=row.environment,
        entry=row.entry,
        due_at=trigger.due_at,
        type=row.type,
        soft_seconds=row.soft_seconds,
        terminate_seconds=row.terminate_seconds,
        needs_screen=row.needs_screen,
        retry=trigger.retry,
    )


def insert_jobs(
    connection: Connection,
    identity: Identity,
    runs: Sequence[ClaimedRun],
    won: Mapping[UUID, Won],
    *,
    site_now: datetime,
    by_hand: bool,
) -> None:
    """Insert the job of each run as Starting, with a lease that begins now.

    Args:
        connection: Within the transaction that set their triggers to Running.
        identity: Who claims.
        runs: The runs.
        won: Their triggers, by id.
        site_now: Naive site time.
        by_hand: Somebody started them at a terminal.
    """
    connection.execute(
        sa.insert(_JOBS).values(lease_until=DatabaseUtcNow(LEASE_SECONDS)),
        [_job(identity, run, won[run.trigger_id], site_now, by_hand=by_hand) for run in runs],
    )


def _job(identity: Identity, run: ClaimedRun, won: Won, site_now: datetime, *, by_hand: bool) -> dict[str, Any]:
    started_by = _started_by(won, by_hand=by_hand)
    return {
        "id": run.job_id,
        "process_name": run.process_name,
        "scheduler_name": identity.name,
        "status": JobStatus.STARTING,
        "start_time": site_now,
        "trigger_id": run.trigger_id,
        "trigger_name": run.trigger_name,
        "due_at": run.due_at,
        "attempt": run.attempt,
        "fence": run.fence,
        "owner": identity.instance,
        "started_by": started_by.name,
        "reason": REASONS.get(started_by),
        "process_path": run.process_path,
        "process_args": run.process_args,
        "is_git_repo": run.is_git_repo,
        "git_branch": run.git_branch,
        "secret_passing": run.passing.name,
        "timeout_seconds": run.timeout_seconds,
        "stop_soft_seconds": run.soft_seconds or None,
        "stop_terminate_seconds": run.terminate_seconds,
        "keep_files": run.keep_files,
        "pools": pool_amounts.written(won.row.pools),
        "environment": run.environment.name,
        "entry": run.entry,
        **_request_of(won.row, once=won.trigger.once),
        **_retry_of(won.trigger),
    }


def _started_by(won: Won, *, by_hand: bool) -> StartedBy:
    row, trigger = won.row, won.trigger
    if by_hand:
        return StartedBy.BY_HAND
    if trigger.due_at is not None:
        return StartedBy.SCHEDULE if row.retry is None else StartedBy.RETRY
    if trigger.once and row.run_again_of is not None:
        return StartedBy.AGAIN
    return StartedBy.REQUEST if trigger.once or row.wants_run else StartedBy.QUEUE


def _request_of(row: TriggerRow, *, once: bool) -> dict[str, Any]:
    """Return what a job keeps of the request that it answers, so that it can be made again."""
    return {
        "requested_by": row.run_requested_by if once or row.wants_run else None,
        "run_scheduler": row.run_scheduler if once else None,
        "again_of": row.run_again_of if once else None,
        "run_request_id": row.run_request_id if once else None,
        "trigger_before": row.status.name if once and row.status is not None else None,
    }


def _retry_of(trigger: DueTrigger) -> dict[str, Any]:
    """Return which attempt a job is."""
    retry = trigger.retry
    return {
        "retry_of": None if retry is None else retry.first,
        "retry_number": None if retry is None else retry.number,
    }
