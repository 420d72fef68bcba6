"""The policies of a trigger in the words of files, to and from what is stored. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from OpenOrchestrator.common.missed_runs import (
    DEFAULT_MOST,
    LARGEST_MOST,
    LATE_SECONDS,
    LONGEST_WITHIN_SECONDS,
    MissedRuns,
)
from OpenOrchestrator.common.schedules import ClosedDays
from OpenOrchestrator.database.lifecycle import retries
from OpenOrchestrator.database.statuses import RETRIED_JOB_STATUSES, Desktop, RobotEnvironment, SecretPassing, WhenLost
from OpenOrchestrator.database.stores import trigger_input, trigger_rows, validation
from OpenOrchestrator.database.stores.trigger_places import desktop_values
from OpenOrchestrator.site.fields import Columns
from OpenOrchestrator.site.groups import Many, Part, Record
from OpenOrchestrator.site.kinds import Choice, Duration, Number, Text, WholeNumber


def _one_of(members: Mapping[str, str], default: str) -> tuple[Callable[[Any], str], Callable[[str], str]]:
    """Return what reads the word of a stored member name, and what writes it; anything else means the default."""
    names = {word: name for name, word in members.items()}
    return (lambda stored: members.get(str(stored), default)), (lambda word: names[word])


PASSING_WORDS = {member.name: member.name.lower() for member in SecretPassing}
passing_of, passing_stored = _one_of(PASSING_WORDS, "auto")
ENVIRONMENT_WORDS = {member.name: member.name.lower() for member in RobotEnvironment}
environment_of, environment_stored = _one_of(ENVIRONMENT_WORDS, "own")
DESKTOP_WORDS = {desktop: desktop.value.lower() for desktop in Desktop}
LOST_WORDS = {member.name: member.name.lower() for member in WhenLost}
lost_of, lost_stored = _one_of(LOST_WORDS, "leave")
_CLOSED_WORDS = {member.name: member.value for member in ClosedDays}
_closed_of, _closed_stored = _one_of(_CLOSED_WORDS, "skip")
_END_WORDS = {status: status.value.lower() for status in RETRIED_JOB_STATUSES}


def _in_order_of_ends(words: Any) -> list[str]:
    return [word for word in _END_WORDS.values() if word in set(words)]


_PAUSE = Duration(0, validation.LONGEST_RETRY_PAUSE_SECONDS)

RETRY = Record(
    MappingProxyType(
        {
            "times": Part(WholeNumber(0, validation.MOST_RETRIES), 0, "How often a run that failed is tried again."),
            "pause": Part(_PAUSE, 0, "How long the first retry waits."),
            "growth": Part(
                Number(1, validation.LARGEST_RETRY_GROWTH), 1.0, "By how much each later pause is longer than the last."
            ),
            "most": Part(_PAUSE, None, "How long a pause may get."),
            "after": Part(
                Many(Choice(tuple(_END_WORDS.values())), order=_in_order_of_ends),
                tuple(_END_WORDS.values()),
                "The ends after which it is tried again.",
            ),
        }
    )
)

CALENDAR = Record(
    MappingProxyType(
        {
            "name": Part(Text("name of the calendar", trigger_input.CALENDAR_LENGTH), "", "Which calendar."),
            "closed_days": Part(
                Choice(tuple(_CLOSED_WORDS.values())), "skip", "What becomes of the runs of closed days."
            ),
        }
    ),
    required=("name",),
)


_STEP = Duration(0, validation.LONGEST_STOP_SECONDS)

STOP = Record(
    MappingProxyType(
        {
            "soft": Part(_STEP, 0, "How long it is asked to come to an end by itself."),
            "terminate": Part(_STEP, None, "How long it may take to terminate after that. Default: 5 seconds."),
        }
    )
)


def stop_of(columns: Columns) -> dict[str, Any]:
    """Return what is stored about how a robot is stopped whose time is up."""
    return {"soft": columns["stop_soft_seconds"] or 0, "terminate": columns["stop_terminate_seconds"]}


def stop_stored(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be stored about how a robot is stopped whose time is up."""
    return {"stop_soft_seconds": value["soft"] or None, "stop_terminate_seconds": value["terminate"]}


MISSED = Record(
    MappingProxyType(
        {
            "run": Part(
                Choice(tuple(member.value for member in MissedRuns)),
                MissedRuns.ONCE.value,
                "One run for all of them, each in order, or none.",
            ),
            "within": Part(
                Duration(LATE_SECONDS, LONGEST_WITHIN_SECONDS), None, "How late a run may be. Default: any time."
            ),
            "at_most": Part(WholeNumber(1, LARGEST_MOST), DEFAULT_MOST, "How many are run where each is."),
        }
    )
)


def missed_of(columns: Columns) -> dict[str, Any]:
    """Return what is stored about missed runs, NULL and garbage as the schedulers take them."""
    names = ("missed", "missed_within_seconds", "missed_most")
    policy = trigger_rows.missed_policy(*(columns[name] for name in names))
    return {"run": policy.run.value, "within": policy.within_seconds, "at_most": policy.most}


def missed_stored(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be stored about missed runs."""
    return {
        "missed": MissedRuns(value["run"]).name,
        "missed_within_seconds": value["within"],
        "missed_most": value["at_most"],
    }


def retry_of(columns: Columns) -> dict[str, Any]:
    """Return what is stored about retries, NULL and garbage as the schedulers take them."""
    ends = retries.read_ends(columns["retry_after"])
    growth = columns["retry_growth"]
    return {
        "times": columns["retry_times"] or 0,
        "pause": columns["retry_pause_seconds"] or 0,
        "growth": growth if growth is not None and 1 <= growth <= validation.LARGEST_RETRY_GROWTH else 1.0,
        "most": columns["retry_most_seconds"],
        "after": tuple(word for status, word in _END_WORDS.items() if status in ends),
    }


def retry_stored(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be stored about retries."""
    ends = retries.written_ends(status for status, word in _END_WORDS.items() if word in value["after"])
    return {
        "retry_times": value["times"],
        "retry_pause_seconds": value["pause"],
        "retry_growth": value["growth"],
        "retry_most_seconds": value["most"],
        "retry_after": ends,
    }


def desktop_stored(word: str) -> dict[str, Any]:
    """Return what is to be stored about what a robot needs of its machine."""
    return desktop_values(next(desktop for desktop, each in DESKTOP_WORDS.items() if each == word))


def calendar_of(columns: Columns) -> dict[str, Any] | None:
    """Return the calendar that is stored; None for every day."""
    if columns["calendar"] is None:
        return None
    return {"name": columns["calendar"], "closed_days": _closed_of(columns["closed_days"])}


def calendar_stored(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is to be stored about a calendar."""
    if value is None:
        return {"calendar": None, "closed_days": None}
    return {"calendar": value["name"], "closed_days": _closed_stored(value["closed_days"])}
