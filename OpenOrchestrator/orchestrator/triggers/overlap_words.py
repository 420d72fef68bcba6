"""What is said of a trigger that may have several jobs at a time: how many run, and what becomes of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger

_MOST_LINES = 8


def is_several(row: ListedTrigger) -> bool:
    """Tell whether a trigger that runs has several jobs, or may have."""
    return bool(row.running) and (row.most_jobs > 1 or len(row.running) > 1)


def run_words(row: ListedTrigger) -> str:
    """Return ``2 of 3 run``."""
    count = times.number(len(row.running))
    if len(row.running) > row.most_jobs:  # the limit was lowered meanwhile, which ends nothing
        return f"{count} run, {times.number(row.most_jobs)} may"
    return f"{count} of {times.number(row.most_jobs)} run{'s' if len(row.running) == 1 else ''}"


def since_words(row: ListedTrigger, zone: tzinfo) -> str:
    """Return since when each job runs, a line for each, the longest running first."""
    lines = [f"Since {times.absolute(times.from_site(run.started, zone), zone)}" for run in row.running[:_MOST_LINES]]
    more = len(row.running) - len(lines)
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def jobs_words(row: ListedTrigger) -> str:
    """Return ``its job`` or ``its 3 jobs``."""
    return f"its {len(row.running)} jobs" if len(row.running) > 1 else "its job"


def has_several(rows: Sequence[ListedTrigger]) -> bool:
    """Tell whether one of the triggers has more than one job now."""
    return any(len(row.running) > 1 for row in rows)


def robots_are_told(rows: Sequence[ListedTrigger]) -> str:
    """Return what becomes of robots whose trigger is paused or deleted: ``is_trigger_pausing()`` is true then."""
    if has_several(rows):
        return "the robots that run now are not stopped; those that ask are told to come to an end."
    return "the robot that runs now is not stopped; if it asks, it is told to come to an end."
