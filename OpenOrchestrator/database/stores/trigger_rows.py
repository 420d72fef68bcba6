"""Reading rows of triggers without trusting them.

Owns turning what the database holds into values, one row at a time, so that a row that somebody filled with garbage
(an unknown status, a date that is none, NULL where a number belongs) fails alone. Everything is read as the driver
delivers it: SQLAlchemy's own types would raise in the middle of the result, and with it every other trigger would stop.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.missed_runs import (
    DEFAULT_MOST,
    LARGEST_MOST,
    LIKE_BEFORE,
    LONGEST_WITHIN_SECONDS,
    MissedPolicy,
    MissedRuns,
)
from OpenOrchestrator.database.labels import without_mark
from OpenOrchestrator.database.statuses import Desktop, RobotEnvironment, SecretPassing, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import pool_amounts
from OpenOrchestrator.database.stores.overlap import most_jobs
from OpenOrchestrator.database.stores.pool_amounts import Amounts
from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger

T = TypeVar("T")

TRIGGERS = cast(sa.Table, Trigger.__table__)
SINGLE = cast(sa.Table, SingleTrigger.__table__)
SCHEDULED = cast(sa.Table, ScheduledTrigger.__table__)
QUEUE = cast(sa.Table, QueueTrigger.__table__)

_SHOWN = 60


class PoisonedRowError(Exception):
    """A row holds something that no version of OpenOrchestrator writes; the message says what and where."""


@dataclass(frozen=True, slots=True)
class WaitingRetry:
    """A retry that a trigger waits for.

    Attributes:
        at: When it is due on the database's clock, aware UTC; that of a single trigger is due at its next run.
        number: Which retry, from 1.
        first: The first attempt; None if that is not known.
    """

    at: datetime
    number: int
    first: UUID | None


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """What a start needs to know of a trigger.

    Attributes:
        status: None if the column holds none.
        is_blocking: Its robot has to be alone on its scheduler.
        needs_screen: Its robot needs the screen of its machine, beside others that do not.
        labels: What its scheduler has to carry; empty for nothing.
        run_requested_at: When somebody asked for a run, aware UTC; of what kind, says ``wants_once``.
        run_args: Arguments of the run that was asked for.
        run_request_id: By which whoever asked for it finds its job.
        last_run: As the driver delivers it; only good for comparing with another reading of the same row.
        next_run: Naive site time; None for queue triggers.
        due_at: What is stored beside ``next_run``, aware UTC.
        cron_expr: None unless it is a scheduled trigger.
        timezone: Name of the time zone of its schedule; None for the site's.
        calendar: Name of the calendar of its schedule; None for every day.
        closed_days: What becomes of the runs of closed days, as it is written.
        pools: How much of which pools its runs need.
        entry: What of the robot's files is started; None for its main.py.
        retry: The retry that its next ordinary run is; None if that is a run of its own.
        missed: What becomes of its runs that were missed.
        max_jobs: How many jobs of it may run at the same time.
        status_after: Where the end of the last of several jobs leads; None while none was started beside another.
        soft_seconds: How long its robot is asked to come to an end by itself when its time is up.
        terminate_seconds: How long it has after that before it is killed; None for the usual time.
    """

    trigger_id: UUID
    name: str
    type: TriggerType
    priority: int
    is_blocking: bool
    needs_screen: bool
    whitelist: tuple[str, ...]
    labels: tuple[str, ...]
    process_name: str
    process_path: str
    process_args: str
    is_git_repo: bool
    git_branch: str | None
    passing: SecretPassing
    timeout_seconds: int | None
    keep_files: bool
    failed_starts: int
    last_run: Any
    run_requested_at: datetime | None
    next_run: datetime | None
    due_at: datetime | None
    cron_expr: str | None
    status: TriggerStatus | None
    run_requested_by: str | None
    run_args: str | None
    run_scheduler: str | None
    run_again_of: UUID | None
    timezone: str | None
    calendar: str | None
    closed_days: str | None
    environment: RobotEnvironment
    entry: str | None
    retry: WaitingRetry | None = None
    pools: Amounts = ()
    missed: MissedPolicy = LIKE_BEFORE
    max_jobs: int = 1
    status_after: TriggerStatus | None = None
    soft_seconds: int = 0
    terminate_seconds: int | None = None
    run_request_id: UUID | None = None

    @property
    def wants_once(self) -> bool:
        """Whether somebody asked for a run with arguments of its own."""
        return self.run_requested_at is not None and self.run_args is not None

    @property
    def wants_run(self) -> bool:
        """Whether somebody asked for an ordinary run."""
        return self.run_requested_at is not None and self.run_args is None


def raw(column: sa.ColumnElement[Any], label: str) -> sa.Label[Any]:
    """Return a column to select that is delivered as the driver delivers it."""
    return sa.type_coerce(column, sa.types.NullType()).label(label)


BASE_COLUMNS = tuple(
    raw(TRIGGERS.c[name], name)
    for name in (
        "id",
        "trigger_name",
        "type",
        "priority",
        "is_blocking",
        "desktop",
        "scheduler_whitelist",
        "labels",
        "process_name",
        "process_path",
        "process_args",
        "is_git_repo",
        "git_branch",
        "secret_passing",
        "timeout_seconds",
        "stop_soft_seconds",
        "stop_terminate_seconds",
        "keep_files",
        "environment",
        "entry",
        "failed_starts",
        "last_run",
        "run_requested_at",
        "process_status",
        "run_requested_by",
        "run_args",
        "run_scheduler",
        "run_again_of",
        "run_request_id",
        "retry_at",
        "retry_number",
        "retry_of",
        "retry_last_run",
        "pools",
        "max_jobs",
        "status_after",
    )
)

TIME_COLUMNS = (
    raw(SINGLE.c.next_run, "single_next_run"),
    raw(SINGLE.c.due_at, "single_due_at"),
    raw(SCHEDULED.c.next_run, "scheduled_next_run"),
    raw(SCHEDULED.c.due_at, "scheduled_due_at"),
    raw(SCHEDULED.c.cron_expr, "cron_expr"),
    raw(SCHEDULED.c.timezone, "timezone"),
    raw(SCHEDULED.c.calendar, "calendar"),
    raw(SCHEDULED.c.closed_days, "closed_days"),
    raw(SCHEDULED.c.missed, "missed"),
    raw(SCHEDULED.c.missed_within_seconds, "missed_within_seconds"),
    raw(SCHEDULED.c.missed_most, "missed_most"),
)

TIME_JOIN = TRIGGERS.outerjoin(SINGLE, SINGLE.c.id == TRIGGERS.c.id).outerjoin(
    SCHEDULED, SCHEDULED.c.id == TRIGGERS.c.id
)


def read(row: Any) -> TriggerRow:
    """Return the values of a row that was selected with BASE_COLUMNS and perhaps TIME_COLUMNS.

    Raises:
        PoisonedRowError: If one of them is none that belongs there.
    """
    values = row._mapping
    kind = _read(values, "type", _trigger_type)
    prefix = {TriggerType.SINGLE: "single_", TriggerType.SCHEDULED: "scheduled_"}.get(kind, "")
    timed = prefix + "next_run" in values
    if timed and values[prefix + "next_run"] is None:
        raise PoisonedRowError(f"it is a {kind.value.lower()} trigger without a time of its next run")
    scheduled = timed and kind is TriggerType.SCHEDULED
    return TriggerRow(
        trigger_id=_read(values, "id", trigger_id),
        name=_read(values, "trigger_name", _text),
        type=kind,
        priority=_read(values, "priority", _number),
        is_blocking=_read(values, "is_blocking", _truth),
        needs_screen=values["desktop"] == Desktop.SCREEN.name and not values["is_blocking"],
        whitelist=tuple(without_mark(_read(values, "scheduler_whitelist", _names))),
        labels=_read(values, "labels", _names),
        process_name=_read(values, "process_name", _text),
        process_path=_read(values, "process_path", _text),
        process_args=_read(values, "process_args", _text, empty=""),
        is_git_repo=_read(values, "is_git_repo", _truth),
        git_branch=_optional(values, "git_branch", _text),
        passing=SecretPassing.__members__.get(str(values["secret_passing"]), SecretPassing.AUTO),
        timeout_seconds=_optional(values, "timeout_seconds", _number),
        keep_files=_read(values, "keep_files", _truth, empty=False),
        failed_starts=_read(values, "failed_starts", _number, empty=0),
        last_run=values["last_run"],
        run_requested_at=_optional(values, "run_requested_at", _instant),
        next_run=_read(values, prefix + "next_run", _date) if timed else None,
        due_at=_optional(values, prefix + "due_at", _instant) if timed else None,
        cron_expr=_read(values, "cron_expr", _text) if scheduled else None,
        status=TriggerStatus.__members__.get(str(values["process_status"])),
        run_requested_by=_optional(values, "run_requested_by", _text),
        run_args=_optional(values, "run_args", _text),
        run_scheduler=_optional(values, "run_scheduler", _text),
        run_again_of=_optional(values, "run_again_of", trigger_id),
        run_request_id=_optional(values, "run_request_id", trigger_id),
        timezone=_optional(values, "timezone", _text) if scheduled else None,
        calendar=_optional(values, "calendar", _text) if scheduled else None,
        closed_days=_optional(values, "closed_days", _text) if scheduled else None,
        environment=RobotEnvironment.__members__.get(str(values["environment"]), RobotEnvironment.OWN),
        entry=_optional(values, "entry", _text),
        retry=waiting_retry(values),
        pools=_read(values, "pools", pool_amounts.read),
        missed=_missed(values) if scheduled else LIKE_BEFORE,
        max_jobs=most_jobs(kind, number_or_none(values["max_jobs"])),
        status_after=TriggerStatus.__members__.get(str(values["status_after"])),
        soft_seconds=max(number_or_none(values["stop_soft_seconds"]) or 0, 0),
        terminate_seconds=_not_negative(number_or_none(values["stop_terminate_seconds"])),
    )


def trigger_id(value: Any) -> UUID:
    """Return the id that a driver delivered in whatever form.

    Raises:
        ValueError: If it is none.
    """
    return value if isinstance(value, UUID) else UUID(str(value))


def still(next_run: sa.ColumnElement[datetime], seen: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions that a next run is as it was seen, naive site time."""
    # Within a second: older tables of some databases round fractions, and equality would then never hold.
    second = timedelta(seconds=1)
    low = seen - second if seen - datetime.min > second else seen  # noqa: DTZ901  (site time is naive)
    high = seen + second if datetime.max - seen > second else seen  # noqa: DTZ901
    return next_run >= low, next_run <= high


def is_after_last_run(retry_last_run: datetime | None, last_run: datetime | None) -> bool:
    """Tell whether a retry was decided on after the last run of its trigger; both are site times, as stored."""
    if retry_last_run is None or last_run is None:
        return False
    # Within a second: older tables of some databases round fractions.
    return abs(retry_last_run - last_run) <= timedelta(seconds=1)


def date_or_none(value: Any) -> datetime | None:
    """Return the naive date and time that a driver delivered, None if it is none."""
    try:
        return _date(value)
    except (TypeError, ValueError):
        return None


def number_or_none(value: Any) -> int | None:
    """Return the whole number that a driver delivered, None if it is none."""
    try:
        return _number(value)
    except (TypeError, ValueError):
        return None


def _read(values: Any, name: str, convert: Any, *, empty: Any = None) -> Any:
    value = values[name]
    if value is None and empty is not None:
        return empty
    try:
        return convert(value)
    except (TypeError, ValueError) as error:
        column = name.removeprefix("single_").removeprefix("scheduled_")
        column = name if name == "scheduler_whitelist" else column
        shown = repr(value)
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
        raise PoisonedRowError(f"its column {column} holds {shown}") from error


def missed_policy(name: str | None, within_seconds: int | None, most: int | None) -> MissedPolicy:
    """Return what a trigger does with runs that were missed; NULL and garbage mean what older versions did."""
    within = within_seconds if within_seconds is not None and 0 < within_seconds <= LONGEST_WITHIN_SECONDS else None
    kept = most if most is not None and 0 < most <= LARGEST_MOST else DEFAULT_MOST
    return MissedPolicy(MissedRuns.__members__.get(name or "", MissedRuns.ONCE), within, kept)


def _not_negative(number: int | None) -> int | None:
    return None if number is None or number < 0 else number


def _missed(values: Any) -> MissedPolicy:
    name = values["missed"]
    if name is None and values["missed_within_seconds"] is None:
        return LIKE_BEFORE
    within, most = (number_or_none(values[each]) for each in ("missed_within_seconds", "missed_most"))
    return missed_policy(name if isinstance(name, str) else None, within, most)


def waiting_retry(values: Any) -> WaitingRetry | None:
    """Return the retry that counts (PoisonedRowError): a scheduler that knows none may have run the trigger since."""
    at = _optional(values, "retry_at", _instant)
    if at is None:
        return None
    if not is_after_last_run(date_or_none(values["retry_last_run"]), date_or_none(values["last_run"])):
        return None
    number = _read(values, "retry_number", _number, empty=1)
    return WaitingRetry(at, number, _optional(values, "retry_of", trigger_id))


def _optional(values: Any, name: str, convert: Any) -> Any:
    return None if values[name] is None else _read(values, name, convert)


def _trigger_type(value: Any) -> TriggerType:
    kind = TriggerType.__members__.get(str(value))
    if kind is None:
        raise ValueError(value)
    return kind


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return int(value)


def _truth(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError(value)
    return bool(value)


def _date(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise TypeError(value)
    return value


def _instant(value: Any) -> datetime:
    return _date(value).replace(tzinfo=timezone.utc)


def _names(value: Any) -> tuple[str, ...]:
    if value in (None, "", "[]"):
        return ()
    names = json.loads(value)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(value)
    return tuple(names)
