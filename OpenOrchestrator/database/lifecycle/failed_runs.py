"""What the end of a run makes of its trigger: it is retried, goes on, or is held for an admin.

Owns that part of the transaction which ends a job, for ``runs`` and ``reaping`` alike. What is decided is in
``retries`` and ``failure_limit``; here is what they are asked about, and what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import failure_limit, retries
from OpenOrchestrator.database.lifecycle.overlapping_ends import end
from OpenOrchestrator.database.lifecycle.retries import RetryPolicy
from OpenOrchestrator.database.lifecycle.run_endings import RunFacts, end_event
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, JobStatus, TriggerStatus, TriggerType, WhenLost
from OpenOrchestrator.database.stores import trigger_rows, triggers, waiting_retries
from OpenOrchestrator.database.stores.trigger_rows import (
    SINGLE,
    TRIGGERS,
    PoisonedRowError,
    WaitingRetry,
    number_or_none,
    raw,
)
from OpenOrchestrator.database.transitions import TriggerEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_RULES = sa.select(
    *(
        raw(TRIGGERS.c[name], name)
        for name in (
            "type",
            "retry_times",
            "retry_pause_seconds",
            "retry_growth",
            "retry_most_seconds",
            "retry_after",
            "when_lost",
            "pause_after_failures",
            "failed_runs",
            "retry_at",
            "retry_number",
            "retry_of",
            "retry_last_run",
            "last_run",
        )
    )
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a trigger says about runs that fail, and how many did.

    Attributes:
        limit: After so many failed runs in a row it becomes Failed; 0 for never.
        failed_runs: How many there are so far.
        waits: Whether a retry is noted, whether it counts or not.
        waiting: The retry that it waits for, of another job of it.
    """

    retry: RetryPolicy
    limit: int
    failed_runs: int
    is_single: bool
    waits: bool = False
    waiting: WaitingRetry | None = None


def settle_trigger(
    session: Session,
    database: Database,
    job_id: UUID,
    run: RunFacts,
    status: JobStatus,
    *,
    robot_ran: bool = True,
    values: Mapping[str, Any] | None = None,
) -> WaitingRetry | None:
    """Let the end of a run lead its trigger on: by a retry, back to waiting, or to where an admin has to look.

    What an admin set the trigger to meanwhile stays. A run with arguments of its own is not retried, and does not
    count.

    Args:
        session: The open transaction, in which the job has ended.
        database: Whose clock and time zone count.
        job_id: The job.
        run: The run.
        status: How it ended.
        robot_ran: Whether there may have been a robot. Where there was none, a lost run is one that failed.
        values: Other columns of the trigger to set where it is held.

    Returns:
        The retry that the trigger waits for because of it; None if there is none.
    """
    if run.trigger_id is None:
        return None
    run_alone = status is JobStatus.KILLED and run.kill_requested
    if run_alone or run.trigger_before is not None:
        # Nobody enables the trigger after it, which would begin anew.
        end(session, end_event(run, status), run.trigger_id, values={"failed_starts": 0})
        return None
    if status not in BAD_JOB_STATUSES:
        good = {"failed_runs": 0} if status is JobStatus.DONE else {}
        end(session, end_event(run, status), run.trigger_id, values=good)
        return None
    rules = _rules_of(session, run.trigger_id)
    if rules is None:
        return None
    outcome = status if robot_ran else JobStatus.FAILED
    if not run.kill_requested and retries.is_retried(rules.retry, outcome, number=run.retry_number):
        waiting = _retry(session, database, job_id, run, rules)
        if waiting is not None:
            return waiting
    _count_failure(session, run, outcome, rules, values=values or {})
    return None


def give_up_retry(session: Session, trigger_id: UUID) -> bool:
    """Let the retry that a trigger waits for not take place: its run has failed for good.

    Args:
        session: An open transaction.
        trigger_id: Which one.

    Returns:
        False if it waits for none, or is running.
    """
    rules = _rules_of(session, trigger_id)
    if rules is None or not rules.waits:
        return False
    waits = (TRIGGERS.c.id == trigger_id, TRIGGERS.c.process_status.in_((TriggerStatus.IDLE, TriggerStatus.PAUSED)))
    failed = rules.failed_runs + 1
    values = {**waiting_retries.NONE, "failed_runs": failed}
    if failure_limit.is_held(rules.limit, failed, is_single=rules.is_single):
        return apply(session, TriggerEvent.GIVE_UP_RETRY, trigger_id, values=values)
    return session.connection().execute(sa.update(TRIGGERS).where(*waits).values(values)).rowcount == 1


def _rules_of(session: Session, trigger_id: UUID) -> Rules | None:
    """Return what a trigger says, locked until the transaction ends; None if it is gone."""
    if not triggers.hold(session, trigger_id, None):
        return None
    row = session.connection().execute(_RULES.where(TRIGGERS.c.id == trigger_id)).one()
    growth = row.retry_growth
    policy = retries.read_policy(
        times=number_or_none(row.retry_times),
        pause_seconds=number_or_none(row.retry_pause_seconds),
        growth=growth if isinstance(growth, (int, float)) else None,
        most_seconds=number_or_none(row.retry_most_seconds),
        after=row.retry_after if isinstance(row.retry_after, str) else None,
        when_lost=row.when_lost if isinstance(row.when_lost, str) else None,
    )
    return Rules(
        policy,
        failure_limit.limit_of(number_or_none(row.pause_after_failures)),
        number_or_none(row.failed_runs) or 0,
        is_single=str(row.type) == TriggerType.SINGLE.name,
        waits=row.retry_at is not None,
        waiting=_waiting(row),
    )


def _waiting(row: Any) -> WaitingRetry | None:
    try:
        return trigger_rows.waiting_retry(row._mapping)
    except PoisonedRowError:  # the next poll reports it
        return None


def _retry(session: Session, database: Database, job_id: UUID, run: RunFacts, rules: Rules) -> WaitingRetry | None:
    """Let the trigger wait for the next attempt, and return that; None if its state forbids it.

    Of several jobs of it that failed one retry waits, the one of which there were the most: as with what falls due
    while a retry waits, it stands for the others, and there is an end to them.
    """
    if run.trigger_id is None:
        return None
    number = run.retry_number + 1
    now = waiting_retries.database_now(session)
    if rules.waiting is not None and rules.waiting.number >= number:
        kept = end(session, TriggerEvent.FAIL_AND_RETRY, run.trigger_id, values={"failed_starts": 0})
        return rules.waiting if kept else None
    due_at = now + timedelta(seconds=retries.pause_before(rules.retry, number))
    waiting = WaitingRetry(due_at, number, run.retry_of or job_id)
    values = {**waiting_retries.waiting(due_at, number, waiting.first), "failed_starts": 0}
    if not end(session, TriggerEvent.FAIL_AND_RETRY, run.trigger_id, values=values):
        return None
    if run.type is TriggerType.SINGLE:
        _set_next_run(session, database, run, due_at)
    return waiting


def _set_next_run(session: Session, database: Database, run: RunFacts, due_at: datetime) -> None:
    """Let a single trigger be due at its retry for schedulers that know none; not where somebody set another time."""
    connection = session.connection()
    row = connection.execute(sa.select(SINGLE.c.next_run, SINGLE.c.due_at).where(SINGLE.c.id == run.trigger_id)).one()
    if run.due_at is not None and cron.resolve_due(row.next_run, row.due_at, database.zone) != run.due_at:
        return
    next_run = cron.to_site(due_at, database.zone)
    connection.execute(sa.update(SINGLE).where(SINGLE.c.id == run.trigger_id).values(next_run=next_run, due_at=due_at))


def _count_failure(
    session: Session, run: RunFacts, outcome: JobStatus, rules: Rules, *, values: Mapping[str, Any]
) -> None:
    """Count a run that failed for good, and hold the trigger where these are too many."""
    if run.trigger_id is None:
        return
    failed = rules.failed_runs + 1
    left = outcome is JobStatus.LOST and rules.retry.when_lost is WhenLost.LEAVE
    if failure_limit.is_held(rules.limit, failed, is_single=rules.is_single, waits_for_admin=left):
        end(session, end_event(run, outcome), run.trigger_id, values={**values, "failed_runs": failed})
    else:
        going_on = {"failed_starts": 0, "failed_runs": failed}
        end(session, TriggerEvent.FAIL_AND_GO_ON, run.trigger_id, values=going_on)
