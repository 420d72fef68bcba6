"""Data access of triggers: create, read, change, delete, and what admins and older schedulers ask for.

Callers check the input before (``validation``), and compose these functions into transactions. Which trigger is due is
in ``due_triggers``, how a scheduler claims it in ``claims``. A changed ``next_run`` always comes with the ``due_at``
beside it, because that decides in the hour that occurs twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.labels import stored_whitelist
from OpenOrchestrator.database.statuses import SecretPassing, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import (
    held_triggers,
    notes,
    pauses,
    run_requests,
    trigger_rows,
    waiting_retries,
)
from OpenOrchestrator.database.stores.pools import hold_named
from OpenOrchestrator.database.stores.trigger_objects import load, load_one
from OpenOrchestrator.database.stores.trigger_places import keep_mark
from OpenOrchestrator.database.stores.trigger_rows import QUEUE, SCHEDULED, SINGLE, TRIGGERS, PoisonedRowError
from OpenOrchestrator.database.stores.trigger_schedules import Schedules, times
from OpenOrchestrator.database.transitions import TriggerEvent, apply
from OpenOrchestrator.database.triggers import Trigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_BEGINS_ANEW = {"failed_starts": 0, "failed_runs": 0}
_OF_SCHEDULES = ("timezone", "calendar", "closed_days", "missed", "missed_within_seconds", "missed_most")
_CHILDREN = {TriggerType.SINGLE: SINGLE, TriggerType.SCHEDULED: SCHEDULED, TriggerType.QUEUE: QUEUE}


def create_single(
    session: Session, *, next_run: datetime, due_at: datetime | None = None, zone: ZoneInfo | None = None, **base: Any
) -> UUID:
    """Store a trigger that runs once.

    Args:
        session: An open transaction.
        next_run: Naive site time of the run.
        due_at: The same as an instant, where the caller knows it.
        zone: The site's time zone, from which ``due_at`` is computed where it is not given.
        base: trigger_name, process_name, process_path, process_args, is_git_repo, is_blocking, priority, and where
            wanted scheduler_whitelist, labels, desktop, git_branch, secret_passing, timeout_seconds, keep_files, id.

    Returns:
        Its id.
    """
    return _create(session, TriggerType.SINGLE, base, times(next_run, due_at, zone))


def create_scheduled(
    session: Session,
    *,
    cron_expr: str,
    next_run: datetime,
    due_at: datetime | None = None,
    zone: ZoneInfo | None = None,
    **base: Any,
) -> UUID:
    """Store a trigger that runs by a cron expression, for the first time at ``next_run``; else as ``create_single``.

    Args:
        session: An open transaction.
        cron_expr: When it runs.
        next_run: Naive site time of the first run.
        due_at: As ``create_single``.
        zone: The site's time zone.
        base: As ``create_single``, and where wanted timezone, calendar, closed_days, missed, missed_within_seconds,
            missed_most; each as the attribute of that name.
    """
    child: dict[str, Any] = {"cron_expr": cron_expr, **times(next_run, due_at, zone)}
    child |= {name: base.pop(name, None) for name in _OF_SCHEDULES}
    return _create(session, TriggerType.SCHEDULED, base, child)


def create_queue(
    session: Session, *, queue_name: str, min_batch_size: int, elements_per_job: int | None = None, **base: Any
) -> UUID:
    """Store a trigger that runs while a queue has that many new elements; else as ``create_single``."""
    child = {"queue_name": queue_name, "min_batch_size": min_batch_size, "elements_per_job": elements_per_job}
    return _create(session, TriggerType.QUEUE, base, child)


def get(session: Session, trigger_id: UUID) -> Trigger | None:
    """Return a trigger, of the class of its kind, or None."""
    return load_one(session, trigger_id)


def find_all(session: Session, kind: TriggerType | None = None) -> tuple[Trigger, ...]:
    """Return all triggers, or those of one kind, by name. Rows that hold garbage are left out."""
    return load(session, () if kind is None else (TRIGGERS.c.type == kind,))


def update(
    session: Session,
    trigger_id: UUID,
    values: Mapping[str, Any],
    *,
    zone: ZoneInfo | None = None,
    expected: Collection[TriggerStatus] | None = None,
) -> bool:
    """Change columns of a trigger, of its kind's table as well.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        values: By attribute name. ``next_run`` without ``due_at`` gets the one that ``zone`` makes of it.
        zone: The site's time zone.
        expected: Only while its status is one of these; None for any.

    Returns:
        Whether it was changed. False: it is gone, or its status is another one now; nothing was changed.

    Raises:
        InvalidInputError: If this kind of trigger has no such attribute.
    """
    if not hold(session, trigger_id, expected):
        return False
    kind = session.connection().execute(sa.select(TRIGGERS.c.type).where(TRIGGERS.c.id == trigger_id)).scalar_one()
    child = _CHILDREN[kind]
    own = {name: value for name, value in values.items() if name in TRIGGERS.c and name not in ("id", "type")}
    extra = {name: value for name, value in values.items() if name in child.c and name != "id"}
    unknown = set(values) - set(own) - set(extra) - {"id", "type"}
    if unknown:
        raise InvalidInputError(f"A {kind.value.lower()} trigger has no {', '.join(sorted(unknown))}.")
    if "next_run" in extra:
        extra |= times(extra["next_run"], extra.get("due_at"), zone)
    for table, columns in ((TRIGGERS, own), (child, extra)):
        if columns:
            session.connection().execute(sa.update(table).where(table.c.id == trigger_id).values(columns))
    hold_named(session, own.get("pools"))
    keep_mark(session, trigger_id, own)
    session.expire_all()
    return True


def delete(session: Session, trigger_id: UUID, *, expected: Collection[TriggerStatus] | None = None) -> bool:
    """Delete a trigger with what is noted about it. A job of it that has not ended goes on, and ends without it.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        expected: Only while its status is one of these; None for any.

    Returns:
        Whether it was deleted. False: it was gone, or its status is another one now.
    """
    if not hold(session, trigger_id, expected):
        return False
    for table in (*_CHILDREN.values(), TRIGGERS):
        session.connection().execute(sa.delete(table).where(table.c.id == trigger_id))
    notes.delete(session, AnnotatedKind.TRIGGER, str(trigger_id))
    session.expire_all()
    return True


def set_status(session: Session, trigger_id: UUID, status: TriggerStatus) -> bool:
    """Set a trigger's status whatever it was, as admins and older schedulers do.

    Returns:
        Whether there is such a trigger.
    """
    values: dict[str, Any] = {"process_status": status, **pauses.NONE}
    if status is TriggerStatus.IDLE:
        values |= _BEGINS_ANEW
    elif status not in pauses.PAUSED:
        values |= waiting_retries.NONE
    changed = sa.update(TRIGGERS).where(TRIGGERS.c.id == trigger_id).values(values)
    return session.connection().execute(changed).rowcount == 1


def reset_failed_runs(session: Session, trigger_id: UUID) -> bool:
    """Let the failed runs of a trigger count no more. False if there is no such trigger."""
    reset = sa.update(TRIGGERS).where(TRIGGERS.c.id == trigger_id).values(failed_runs=0)
    return session.connection().execute(reset).rowcount == 1


def request_pause(session: Session, trigger_id: UUID) -> bool:
    """Pause an idle trigger; let a running one pause when its run ends. False if it is neither.

    A run that was asked for and has not started is not wanted any more.
    """
    return apply(session, TriggerEvent.REQUEST_PAUSE, trigger_id, values={**run_requests.NONE, **pauses.NONE})


def request_kill(session: Session, trigger_id: UUID) -> bool:
    """Ask for the robot of a running trigger to be killed. False if it does not run."""
    return apply(session, TriggerEvent.REQUEST_KILL, trigger_id)


def request_run(session: Session, trigger_id: UUID, *, now: datetime) -> bool:
    """Ask for an idle trigger to be run now (aware instant); ``run_requests`` knows more kinds of runs."""
    return run_requests.request(session, trigger_id, now=now)


def enable(session: Session, trigger_id: UUID, *guards: sa.ColumnElement[bool]) -> bool:
    """Let a paused, failed, killed or done trigger run again; take back a pause that has not come yet.

    One whose time has passed meanwhile is due at once, a scheduled one as it says itself of missed runs. What failed
    before does not count any more; a retry that waits goes on waiting.
    Where one of several jobs failed and was to hold the trigger once the others have ended, it goes on as well.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        guards: What has to hold as well.

    Returns:
        Whether its status allowed it.
    """
    values = {**_BEGINS_ANEW, **pauses.NONE}
    enabled = apply(
        session, TriggerEvent.ENABLE, trigger_id, *guards, values={**values, "status_after": held_triggers.GOES_ON}
    )
    return enabled or held_triggers.let_go_on(session, trigger_id, *guards, values=values)


def enable_from_next(
    session: Session, trigger_id: UUID, *guards: sa.ColumnElement[bool], now: datetime, zone: ZoneInfo
) -> bool:
    """Let a trigger run again as ``enable`` does, but pass over what a scheduled one has missed: it waits for its next.

    A retry whose time has come meanwhile was missed as well. A single trigger whose time has passed is due at once,
    unless ``has_next`` is among the guards.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        guards: What has to hold as well.
        now: Aware instant.
        zone: The site's time zone.

    Returns:
        Whether its status allowed it.
    """
    if not enable(session, trigger_id, *guards):
        return False
    waiting_retries.pass_over_missed(session, trigger_id)
    try:
        _set_following(session, trigger_id, now=now, zone=zone, only_missed=True)
    except PoisonedRowError:
        return True  # it cannot run, and the scheduler that looks next says why
    return True


def has_next(*, now: datetime, zone: ZoneInfo) -> sa.ColumnElement[bool]:
    """Return the condition that a trigger is no single one whose time has passed.

    Args:
        now: Aware instant.
        zone: The site's time zone.
    """
    passed = sa.select(SINGLE.c.id).where(SINGLE.c.id == TRIGGERS.c.id, SINGLE.c.next_run <= cron.to_site(now, zone))
    return ~passed.correlate(TRIGGERS).exists()


def disable(session: Session, trigger_id: UUID) -> bool:
    """Keep a trigger from running again until it is enabled; a run that goes on may end. False if it is done anyway.

    A run that was asked for and has not started is not wanted any more.
    """
    return apply(session, TriggerEvent.DISABLE, trigger_id, values={**run_requests.NONE, **pauses.NONE})


def begin_single(session: Session, trigger_id: UUID, *, now: datetime, zone: ZoneInfo) -> bool:
    """Set an idle single trigger to Running without a job, as callers of the published function do.

    Args:
        session: An open transaction.
        trigger_id: Which one.
        now: Aware instant.
        zone: The site's time zone.

    Returns:
        Whether it was idle; of several callers at the same time exactly one gets True.
    """
    return _begin(session, trigger_id, TriggerType.SINGLE, now, zone)


def begin_scheduled(session: Session, trigger_id: UUID, *, now: datetime, zone: ZoneInfo) -> bool:
    """Set an idle scheduled trigger to Running and its next run to the first due time after now.

    Else as ``begin_single``.

    Raises:
        InvalidInputError: If its cron expression is malformed; nothing was changed.
    """
    if not _begin(session, trigger_id, TriggerType.SCHEDULED, now, zone):
        return False
    try:
        _set_following(session, trigger_id, now=now, zone=zone)
    except PoisonedRowError as error:
        name = session.connection().scalar(sa.select(TRIGGERS.c.trigger_name).where(TRIGGERS.c.id == trigger_id))
        raise InvalidInputError(f"The trigger {name!r} cannot run: {error}") from error
    return True


def begin_queue(session: Session, trigger_id: UUID, *, now: datetime, zone: ZoneInfo) -> bool:
    """Set an idle queue trigger to Running without a job; else as ``begin_single``."""
    return _begin(session, trigger_id, TriggerType.QUEUE, now, zone)


def require(session: Session, trigger_id: UUID) -> Trigger:
    """Return a trigger.

    Raises:
        NotFoundError: If there is none with that id.
    """
    trigger = get(session, trigger_id)
    if trigger is None:
        raise NotFoundError(f"There is no trigger with the id {trigger_id}. It may have been deleted meanwhile.")
    return trigger


def hold(session: Session, trigger_id: UUID, expected: Collection[TriggerStatus] | None) -> bool:
    """Lock a trigger for the rest of the transaction if its status is as expected (None for any)."""
    guards = [TRIGGERS.c.id == trigger_id]
    if expected is not None:
        guards.append(TRIGGERS.c.process_status.in_(list(expected)))
    touch = sa.update(TRIGGERS).where(*guards).values(process_status=TRIGGERS.c.process_status)
    return session.connection().execute(touch).rowcount == 1


def _create(session: Session, kind: TriggerType, base: Mapping[str, Any], child: Mapping[str, Any]) -> UUID:
    trigger_id: UUID = base.get("id") or uuid4()
    values = {
        "process_status": TriggerStatus.IDLE,
        "priority": 0,
        **_BEGINS_ANEW,
        **base,
        "scheduler_whitelist": stored_whitelist(base.get("scheduler_whitelist") or [], base.get("labels") or ()),
        "id": trigger_id,
        "type": kind,
    }
    if isinstance(values.get("secret_passing"), SecretPassing):
        values["secret_passing"] = values["secret_passing"].name
    session.connection().execute(sa.insert(TRIGGERS).values(values))
    session.connection().execute(sa.insert(_CHILDREN[kind]).values(id=trigger_id, **child))
    hold_named(session, values.get("pools"))
    return trigger_id


def _begin(session: Session, trigger_id: UUID, kind: TriggerType, now: datetime, zone: ZoneInfo) -> bool:
    values = {"last_run": cron.to_site(now, zone), **run_requests.ANSWERED, **waiting_retries.NONE}
    return apply(session, TriggerEvent.CLAIM, trigger_id, TRIGGERS.c.type == kind, values=values)


def _set_following(
    session: Session, trigger_id: UUID, *, now: datetime, zone: ZoneInfo, only_missed: bool = False
) -> None:
    """Set the next run of a trigger that this transaction holds to the first due time after now, if it has a schedule.

    Raises:
        PoisonedRowError: Its row does not tell when that is.
    """
    query = sa.select(*trigger_rows.BASE_COLUMNS, *trigger_rows.TIME_COLUMNS).select_from(trigger_rows.TIME_JOIN)
    row = session.connection().execute(query.where(TRIGGERS.c.id == trigger_id)).one_or_none()
    trigger = None if row is None else trigger_rows.read(row)
    if trigger is None or trigger.next_run is None or trigger.cron_expr is None:
        return
    due_at = cron.resolve_due(trigger.next_run, trigger.due_at, zone)
    if only_missed and due_at > now:
        return
    following = Schedules(session.connection(), zone).next_after(trigger, due_at, now=now)
    session.connection().execute(
        sa.update(SCHEDULED)
        .where(SCHEDULED.c.id == trigger_id)
        .values(next_run=cron.to_site(following, zone), due_at=following)
    )
