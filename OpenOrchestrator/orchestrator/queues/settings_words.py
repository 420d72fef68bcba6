"""What a queue says about its elements, and its pause, in words. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from OpenOrchestrator.database.statuses import UniqueReferences, WhenRobotDied
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.queues.backend.queue_settings import QueuePause, QueueRules, StoredRules

_UNIQUE = {UniqueReferences.OPEN: "References unique while open", UniqueReferences.EVER: "References unique for ever"}


def pause_words(pause: QueuePause, now: datetime, zone: tzinfo) -> str:
    """Return what everybody should know about the pause of a queue."""
    by = f" by {pause.by}" if pause.by else ""
    until = "until it is resumed" if pause.until is None else f"until {times.calendar(pause.until, now, zone)}"
    return f"Paused{by} since {times.calendar(pause.since, now, zone)}, {until}: {pause.reason}"


def facts(stored: StoredRules) -> list[str]:
    """Return what a queue says that is not as by default, the description left out; nothing for nothing."""
    rules = stored.rules
    found = []
    if rules.most_attempts > 1:
        apart = f", {times.limit(rules.pause_seconds)} apart" if rules.pause_seconds else ""
        grows = f", each {rules.pause_growth:g} times longer" if apart and rules.pause_growth > 1 else ""
        found.append(f"{rules.most_attempts} attempts{apart}{grows}")
    if rules.when_robot_died is WhenRobotDied.RETRY:
        found.append("Tried again when a robot died")
    if rules.unique_references in _UNIQUE:
        found.append(_UNIQUE[rules.unique_references])
    if rules.default_priority:
        found.append(f"Priority {rules.default_priority}")
    if rules.finish_within_seconds:
        found.append(f"Finish within {times.long_span(rules.finish_within_seconds)}")
    if rules.lease_seconds:
        found.append(f"Held for {times.limit(rules.lease_seconds)} without a job")
    if rules.breaker_errors:
        counted = f" ({stored.errors_in_row} now)" if stored.errors_in_row else ""
        found.append(f"Breaker at {_number(rules.breaker_errors, 'error')} in a row{counted}")
    kept = _kept(rules)
    if kept:
        found.append(f"Kept: {', '.join(kept)}")
    if rules.json_schema:
        found.append("Data fits a JSON schema")
    return found


def pairs(rules: QueueRules) -> list[tuple[str, str]]:
    """Return all that a queue says with its labels, to tell two apart."""
    return [
        ("Description", rules.description or ""),
        ("Attempts", str(rules.most_attempts)),
        ("Pause between attempts", times.limit(rules.pause_seconds)),
        ("Grows by", f"{rules.pause_growth:g}"),
        ("When a robot died", rules.when_robot_died.value),
        ("References", rules.unique_references.value),
        ("Priority", str(rules.default_priority)),
        ("Finish within", _limit(rules.finish_within_seconds)),
        ("Lease", _limit(rules.lease_seconds)),
        ("Breaker", str(rules.breaker_errors or "never")),
        ("Kept", ", ".join(_kept(rules)) or "for ever"),
        ("JSON schema", rules.json_schema or ""),
    ]


def _limit(seconds: int | None) -> str:
    return "" if seconds is None else times.limit(seconds)


def _kept(rules: QueueRules) -> list[str]:
    days = {"Done": rules.keep_done_days, "Failed": rules.keep_failed_days, "Abandoned": rules.keep_abandoned_days}
    return [f"{status} {_number(number, 'day')}" for status, number in days.items() if number]


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
