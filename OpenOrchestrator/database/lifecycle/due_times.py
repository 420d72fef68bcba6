"""Taking due times from a trigger: which one a claim runs, which are skipped, and when the trigger is due next.

Owns the job rows of due times that are skipped, so that they are seen. The rule is in ``common.missed_runs``. What is
taken and the next run are written in the transaction of the claim: a due time is run, skipped, or waits, and never two
of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.missed_runs import MissedRuns, Passed, words_of
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import (
    RESTING_TRIGGER_STATUSES,
    JobStatus,
    TriggerStatus,
)
from OpenOrchestrator.database.stores.due_triggers import DueTrigger
from OpenOrchestrator.database.stores.trigger_rows import (
    BASE_COLUMNS,
    SCHEDULED,
    TIME_COLUMNS,
    TIME_JOIN,
    TRIGGERS,
    PoisonedRowError,
    TriggerRow,
    read,
    still,
)
from OpenOrchestrator.database.stores.trigger_schedules import Schedules

_JOBS = cast(sa.Table, Job.__table__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken of the due times of a trigger.

    Attributes:
        runs: Whether there is a run.
        due_at: Which due time that is for, aware UTC; None for a run that somebody asked for, or of a queue.
        skipped: What is left out, as it is told.
    """

    runs: bool
    due_at: datetime | None
    skipped: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedRuns:
    """Due times of a trigger that were skipped, as its job says it.

    Attributes:
        reason: How many, which, and why.
    """

    trigger_name: str
    reason: str


def lock(connection: Connection, due: Sequence[DueTrigger]) -> list[TriggerRow]:
    """Lock triggers that are in a state to be claimed and that nobody else is claiming, and read them as they are now.

    Args:
        connection: An open transaction.
        due: Which ones. Those that are not Idle are passed over, unless one of these may be in another state.
    """
    ids = [trigger.trigger_id for trigger in due]
    resting = RESTING_TRIGGER_STATUSES if any(trigger.once for trigger in due) else (TriggerStatus.IDLE,)
    running = (TriggerStatus.RUNNING,) if any(trigger.beside for trigger in due) else ()
    status, wanted = TRIGGERS.c.process_status, (*resting, *running)
    states = status.in_(wanted) if len(wanted) > 1 else status == TriggerStatus.IDLE
    # In the order of their ids, so that two schedulers never wait for each other in a circle.
    query = (
        sa.select(*BASE_COLUMNS, *TIME_COLUMNS)
        .select_from(TIME_JOIN)
        .where(TRIGGERS.c.id.in_(ids), states)
        .order_by(TRIGGERS.c.id)
        .with_hint(TRIGGERS, "WITH (UPDLOCK, READPAST, ROWLOCK)", "mssql")  # knows no FOR UPDATE
    )
    # The outer side of a join cannot be locked on PostgreSQL; MariaDB has no OF.
    of = None if connection.dialect.name in ("mysql", "mariadb") else TRIGGERS
    rows = []
    for row in connection.execute(query.with_for_update(skip_locked=True, of=of)):
        try:
            rows.append(read(row))
        except PoisonedRowError:  # since it was found due; the next poll reports it
            continue
    return rows


def take(
    connection: Connection, schedules: Schedules, row: TriggerRow, trigger: DueTrigger, *, now: datetime, by_hand: bool
) -> Taken | None:
    """Take from a locked trigger what it is due for, and set its next run; None if it is not what was seen any more.

    A retry takes the place of what became due while it waited, and leaves what is still ahead; where each missed run
    is run, it leaves that too.

    Args:
        connection: The transaction that holds it.
        schedules: Of this transaction.
        row: The trigger as it is.
        trigger: As it was found due.
        now: Aware instant.
        by_hand: Whether somebody wants a run, however late it is.
    """
    due_at = trigger.due_at
    if row.cron_expr is None or row.next_run is None or trigger.once:
        return Taken(True, due_at)
    try:
        if row.retry is not None:
            own = cron.resolve_due(row.next_run, row.due_at, schedules.zone)
            if own > now or row.missed.run is MissedRuns.EACH:
                return Taken(True, due_at)
            following = schedules.next_after(row, own, now=now)
            return Taken(True, due_at) if _set_next(connection, row, following, schedules.zone) else None
        if due_at is None:
            return Taken(True, None)
        if cron.resolve_due(row.next_run, row.due_at, schedules.zone) != due_at:
            return None  # in the hour that occurs twice, the next run may read like the one before
        decision = schedules.decide(row, due_at, now=now)
    except PoisonedRowError:
        return None
    runs = decision.run is not None or row.wants_run or by_hand
    if trigger.is_skipped and runs and not by_hand:
        return None  # somebody asks for a run by now: the next poll finds it due
    if not _set_next(connection, row, decision.next_due, schedules.zone):
        return None
    return Taken(runs, decision.run, decision.entries)


def insert_skipped(
    connection: Connection,
    skipped: Sequence[tuple[TriggerRow, Passed]],
    *,
    scheduler_name: str,
    site_now: datetime,
    zone: ZoneInfo,
) -> list[SkippedRuns]:
    """Store due times that were skipped as jobs that never ran.

    Args:
        connection: The transaction that took them.
        skipped: Of which trigger, and which.
        scheduler_name: Who took them.
        site_now: Naive site time.
        zone: The site's.
    """
    told = [SkippedRuns(row.name, words_of(passed, row.missed, zone)) for row, passed in skipped]
    # All have the same time; by their ids, lists have them in the order in which they were due.
    ids = sorted(uuid4() for _ in told)
    values: list[dict[str, Any]] = [
        {
            "id": job_id,
            "process_name": row.process_name,
            "scheduler_name": scheduler_name,
            "status": JobStatus.SKIPPED,
            "start_time": site_now,
            "end_time": site_now,
            "trigger_id": row.trigger_id,
            "trigger_name": row.name,
            "due_at": passed.last,
            "reason": each.reason,
        }
        for job_id, (row, passed), each in zip(ids, skipped, told, strict=True)
    ]
    if values:
        connection.execute(sa.insert(_JOBS), values)
    return told


def as_claim_left_it(row: TriggerRow, due_at: datetime, schedules: Schedules, *, claimed: set[datetime]) -> bool:
    """Tell whether the next run of a trigger is the one that the claim of a due time set.

    If it is something else now, an admin has decided about it meanwhile.

    Args:
        row: The trigger as it is.
        due_at: The due time that was claimed, aware.
        schedules: Of this transaction.
        claimed: When it may have been claimed, aware.

    Raises:
        PoisonedRowError: If its schedule cannot tell.
    """
    if row.next_run is None or row.cron_expr is None:
        return False
    current = cron.resolve_due(row.next_run, row.due_at, schedules.zone)
    if row.missed.run is MissedRuns.EACH and current == schedules.next_after(row, due_at, now=due_at):
        return True
    return current in {schedules.next_after(row, due_at, now=at) for at in claimed}


def _set_next(connection: Connection, row: TriggerRow, following: datetime, zone: ZoneInfo) -> bool:
    if row.next_run is None:
        return False
    update = (
        sa.update(SCHEDULED)
        .where(SCHEDULED.c.id == row.trigger_id, *still(SCHEDULED.c.next_run, row.next_run))
        .values(next_run=cron.to_site(following, zone), due_at=following)
    )
    return connection.execute(update).rowcount == 1
