"""Checks of what somebody wants a trigger to be, before the database sees it.

Apart from ``validation`` because it needs the dialect of cron expressions, which no robot does. Takes what 3.0.0 took
and a scheduler can do without: no path, a batch size below 1 (which counts as 1), numbers as texts. The form of the app
wants more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from OpenOrchestrator.common.cron import validate_cron
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.missed_runs import LARGEST_MOST, LATE_SECONDS, LONGEST_WITHIN_SECONDS, MissedRuns
from OpenOrchestrator.common.robot_entry import read_entry
from OpenOrchestrator.common.schedules import ClosedDays, zone_named
from OpenOrchestrator.database.labels import LONGEST_LABEL, checked_labels
from OpenOrchestrator.database.statuses import (
    RETRIED_JOB_STATUSES,
    Desktop,
    RobotEnvironment,
    SecretPassing,
    TriggerStatus,
    WhenLost,
)
from OpenOrchestrator.database.stores import pool_amounts, validation
from OpenOrchestrator.database.stores.overlap import LARGEST_MOST_JOBS
from OpenOrchestrator.database.triggers import Trigger

TRIGGER_NAME_LENGTH = 100
PROCESS_NAME_LENGTH = 100
PROCESS_PATH_LENGTH = 250
PROCESS_ARGS_LENGTH = 1000
GIT_BRANCH_LENGTH = 100
CRON_LENGTH = 200
QUEUE_NAME_LENGTH = 200
ZONE_LENGTH = 100
CALENDAR_LENGTH = 100

_FIXED = frozenset(
    {
        "id",
        "type",
        "due_at",
        "failed_starts",
        "failed_runs",
        "retry_at",
        "retry_number",
        "retry_of",
        "retry_last_run",
        "run_requested_at",
        "run_requested_by",
        "run_args",
        "run_scheduler",
        "run_again_of",
        "run_request_id",
        "paused_at",
        "paused_by",
        "pause_reason",
        "paused_until",
        "skipped_due",
        "skipped_at",
        "skipped_by",
        "status_after",
    }
)
"""What belongs to the scheduler, or follows from the rest."""

_Check = Callable[[Any, str], Any]


def checked(values: Mapping[str, Any], *, dialect_name: str, zone: ZoneInfo) -> dict[str, Any]:
    """Return the attributes of a trigger as they can be stored.

    Args:
        values: By attribute name; only those that are to be set. A ``next_run`` with a time zone is converted to site
            time, and comes back with the ``due_at`` that tells the hours apart that site time cannot.
        dialect_name: The kind of database they are for.
        zone: The site's time zone.

    Raises:
        InvalidInputError: If one cannot be stored, or makes no sense.
    """
    checks = _checks(dialect_name, zone)
    stored: dict[str, Any] = {}
    for name, value in values.items():
        if name not in checks:
            raise InvalidInputError(f"A trigger has no {name!r} that can be set.")
        stored[name] = checks[name](value, name.replace("_", " "))
    if isinstance(values.get("next_run"), datetime) and values["next_run"].tzinfo is not None:
        stored["due_at"] = values["next_run"].astimezone(timezone.utc)
    return stored


def changes_of(trigger: Trigger) -> dict[str, Any]:
    """Return what was changed on a trigger since it was read, so that only that is written, not what others changed.

    The whitelist always counts as changed: a list can be changed in place unseen.
    """
    state = sa.inspect(trigger)
    changed = {attribute.key: attribute.value for attribute in state.attrs if attribute.history.has_changes()}
    if "scheduler_whitelist" not in state.unloaded:
        changed["scheduler_whitelist"] = trigger.scheduler_whitelist
    return {name: value for name, value in changed.items() if name not in _FIXED}


def mark_saved(trigger: Trigger) -> None:
    """Note on the object that its changes are in the database, so that they are not written again."""
    for name in changes_of(trigger):
        set_committed_value(trigger, name, getattr(trigger, name))


def _checks(dialect_name: str, zone: ZoneInfo) -> dict[str, _Check]:
    def name(limit: int) -> _Check:
        return lambda value, what: validation.name(value, what, limit, dialect_name)

    def text_or_none(limit: int) -> _Check:
        return lambda value, what: validation.optional_text(value, what, limit, dialect_name)

    def queue_name(value: Any, what: str) -> str:
        found = validation.text(value, what, QUEUE_NAME_LENGTH, dialect_name)
        if not found.strip():
            raise InvalidInputError(f"The {what} is empty.")
        return found

    def path(value: Any, what: str) -> str:
        return validation.text(value, what, PROCESS_PATH_LENGTH, dialect_name).strip()

    return {
        "trigger_name": name(TRIGGER_NAME_LENGTH),
        "process_name": name(PROCESS_NAME_LENGTH),
        "process_path": path,
        "process_args": text_or_none(PROCESS_ARGS_LENGTH),
        "git_branch": text_or_none(GIT_BRANCH_LENGTH),
        "is_git_repo": validation.flag,
        "is_blocking": validation.flag,
        "priority": lambda value, what: 0 if value is None else validation.integer(_number(value), what),
        "scheduler_whitelist": lambda value, _what: validation.whitelist(value, dialect_name),
        "labels": lambda value, what: _labels(value, what, dialect_name),
        "desktop": _desktop,
        "cron_expr": lambda value, what: validate_cron(validation.text(value, what, CRON_LENGTH, dialect_name)),
        "next_run": lambda value, what: validation.site_datetime(value, what, zone),
        "last_run": lambda value, what: validation.optional_site_datetime(value, what, zone),
        "queue_name": queue_name,
        "min_batch_size": lambda value, what: validation.integer(_number(value), what),
        "process_status": lambda value, what: validation.member(value, TriggerStatus, what),
        "secret_passing": _passing,
        "keep_files": lambda value, what: None if value is None else validation.flag(value, what),
        "environment": _environment,
        "entry": _entry,
        "timezone": lambda value, what: None if value is None else _zone_name(value, what, dialect_name),
        "calendar": text_or_none(CALENDAR_LENGTH),
        "missed": _missed,
        "missed_within_seconds": _within,
        "missed_most": _most,
        "closed_days": _closed_days,
        "timeout_seconds": lambda value, what: None if value is None else validation.integer(value, what, at_least=1),
        "stop_soft_seconds": _up_to(validation.LONGEST_STOP_SECONDS),
        "stop_terminate_seconds": _up_to(validation.LONGEST_STOP_SECONDS),
        "retry_times": _up_to(validation.MOST_RETRIES),
        "retry_pause_seconds": _up_to(validation.LONGEST_RETRY_PAUSE_SECONDS),
        "retry_growth": _growth,
        "retry_most_seconds": _up_to(validation.LONGEST_RETRY_PAUSE_SECONDS),
        "retry_after": _ends,
        "when_lost": _when_lost,
        "pools": lambda value, what: pool_amounts.checked(value, what, dialect_name),
        "pause_after_failures": _up_to(validation.LARGEST_INTEGER),
        "max_jobs": _from_one(LARGEST_MOST_JOBS),
        "elements_per_job": _from_one(validation.LARGEST_INTEGER),
    }


def _number(value: Any) -> Any:
    """Return a whole number for what databases take as one: a text, a flag, a number without decimals."""
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        return int(value)
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value


def _zone_name(value: Any, what: str, dialect_name: str) -> str:
    return zone_named(validation.text(value, what, ZONE_LENGTH, dialect_name)).key


def _closed_days(value: Any, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value in ClosedDays.__members__):
        return value
    return validation.member(value, ClosedDays, what).name


def _up_to(most: int) -> Callable[[Any, str], int | None]:
    def check(value: Any, what: str) -> int | None:
        number = None if value is None else validation.integer(value, what, at_least=0)
        if number is not None and number > most:
            raise InvalidInputError(f"The {what} can be {most} at most, not {number}.")
        return number

    return check


def _from_one(most: int) -> _Check:
    check_most = _up_to(most)

    def check(value: Any, what: str) -> int | None:
        number = check_most(value, what)
        if number == 0:
            raise InvalidInputError(f"The {what} has to be at least 1.")
        return number

    return check


def _labels(value: Any, what: str, dialect_name: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise InvalidInputError(f"The {what} have to be a list of texts, not {value!r}.")
    return list(checked_labels(validation.name(each, "label", LONGEST_LABEL, dialect_name) for each in value))


def _desktop(value: Any, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value in Desktop.__members__):
        return value
    return validation.member(value, Desktop, what).name


def _growth(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 1 <= value <= validation.LARGEST_RETRY_GROWTH
    ):
        raise InvalidInputError(
            f"The {what} has to be a number from 1 to {validation.LARGEST_RETRY_GROWTH:g}, not {value!r}."
        )
    return float(value)


def _ends(value: Any, what: str) -> str | None:
    if value is None:
        return None
    names = [part.strip() for part in value.split(",")] if isinstance(value, str) else None
    known = {status.name for status in RETRIED_JOB_STATUSES}
    if names is None or not known.issuperset(names):
        allowed = ", ".join(status.name for status in RETRIED_JOB_STATUSES)
        raise InvalidInputError(f"The {what} has to be some of {allowed} with commas between, not {value!r}.")
    return ",".join(status.name for status in RETRIED_JOB_STATUSES if status.name in names)


def _missed(value: Any, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value in MissedRuns.__members__):
        return value
    return validation.member(value, MissedRuns, what).name


def _within(value: Any, what: str) -> int | None:
    if value is None:
        return None
    seconds = validation.integer(value, what)
    if not LATE_SECONDS <= seconds <= LONGEST_WITHIN_SECONDS:
        raise InvalidInputError(
            f"The {what} has to be from {LATE_SECONDS} to {LONGEST_WITHIN_SECONDS}, not {seconds}: a run that is late "
            f"by less than {LATE_SECONDS} seconds is none that was missed."
        )
    return seconds


def _most(value: Any, what: str) -> int | None:
    if value is None:
        return None
    number = validation.integer(value, what, at_least=1)
    if number > LARGEST_MOST:
        raise InvalidInputError(f"The {what} can be {LARGEST_MOST} at most, not {number}.")
    return number


def _when_lost(value: Any, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value in WhenLost.__members__):
        return value
    return validation.member(value, WhenLost, what).name


def _environment(value: Any, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value in RobotEnvironment.__members__):
        return value
    return validation.member(value, RobotEnvironment, what).name


def _entry(value: Any, what: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInputError(f"The {what} has to be a text, not {value!r}.")
    entry = read_entry(value)
    return None if entry is None else entry.file or entry.module


def _passing(value: Any, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value in SecretPassing.__members__):
        return value
    return validation.member(value, SecretPassing, what).name
