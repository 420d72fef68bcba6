"""Passing over the next run of a schedule, once.

Owns the columns ``skipped_*`` of Scheduled_Triggers. The next run itself is moved, so that schedulers of every version
pass it over. What is noted beside it counts while the skipped time is ahead and the next run is behind it: whatever
else moves the next run makes it void.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.missed_runs import MissedRuns
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import trigger_rows, triggers
from OpenOrchestrator.database.stores.trigger_rows import SCHEDULED, TRIGGERS, PoisonedRowError, still
from OpenOrchestrator.database.stores.trigger_schedules import Schedules

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SKIPPING = (TriggerStatus.IDLE, TriggerStatus.RUNNING)
"""A trigger in one of these has a next run."""

_JOBS = cast(sa.Table, Job.__table__)


def is_skipped(skipped_due: datetime | None, next_due: datetime | None, *, now: datetime) -> bool:
    """Tell whether what is noted about a skipped run counts. Pure; all times are aware."""
    return skipped_due is not None and next_due is not None and now < skipped_due < next_due


def skip_next(
    session: Session, trigger_id: UUID, seen: datetime, *, by: str | None, now: datetime, zone: ZoneInfo
) -> bool:
    """Pass over the next run of a scheduled trigger: it is due at its first time after that, and after now.

    Where each missed run is run, those after it go on waiting.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        seen: Its next run as whoever asks knows it, naive site time.
        by: Who asks, as they call themselves.
        now: Aware instant.
        zone: The site's time zone.

    Returns:
        False if it is another time by now, if that run is being started, or if the trigger is neither idle nor running.
    """
    if not triggers.hold(session, trigger_id, SKIPPING):
        return False
    connection = session.connection()
    # What is starting may be given back, and would then not know the time that it was due.
    starting = (_JOBS.c.trigger_id == trigger_id, _JOBS.c.status == JobStatus.STARTING)
    if connection.execute(sa.select(_JOBS.c.id).where(*starting).limit(1)).first() is not None:
        return False
    columns = (*trigger_rows.BASE_COLUMNS, *trigger_rows.TIME_COLUMNS)
    row = connection.execute(
        sa.select(*columns).select_from(trigger_rows.TIME_JOIN).where(TRIGGERS.c.id == trigger_id)
    ).one()
    try:
        trigger = trigger_rows.read(row)
        if trigger.cron_expr is None or trigger.next_run is None:
            return False
        due_at = cron.resolve_due(trigger.next_run, trigger.due_at, zone)
        after = due_at if trigger.missed.run is MissedRuns.EACH else now
        following = Schedules(connection, zone).next_after(trigger, due_at, now=after)
    except PoisonedRowError:  # it cannot run anyway, and the scheduler that looks next says why
        return False
    skip = (
        sa.update(SCHEDULED)
        .where(SCHEDULED.c.id == trigger_id, *still(SCHEDULED.c.next_run, seen))
        .values(
            next_run=cron.to_site(following, zone),
            due_at=following,
            skipped_due=due_at,
            skipped_at=now,
            skipped_by=by,
        )
    )
    return connection.execute(skip).rowcount == 1


def take_back(session: Session, trigger_id: UUID, skipped_due: datetime, *, now: datetime, zone: ZoneInfo) -> bool:
    """Let a trigger run at the time that was skipped after all.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        skipped_due: The skipped time as whoever asks knows it, aware.
        now: Aware instant.
        zone: The site's time zone.

    Returns:
        False if that time is not skipped any more, or has passed.
    """
    if skipped_due <= now or not triggers.hold(session, trigger_id, None):
        return False
    site_time = cron.to_site(skipped_due, zone)
    undo = (
        sa.update(SCHEDULED)
        .where(SCHEDULED.c.id == trigger_id, SCHEDULED.c.skipped_due == skipped_due, SCHEDULED.c.next_run > site_time)
        .values(next_run=site_time, due_at=skipped_due, skipped_due=None, skipped_at=None, skipped_by=None)
    )
    return session.connection().execute(undo).rowcount == 1
