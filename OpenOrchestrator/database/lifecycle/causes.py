"""The kinds of reasons why a trigger is not running, and which of several counts. Pure."""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """Kinds of reasons; the values are the words of JSON."""

    UNREADABLE = "unreadable"
    RUNS = "runs"
    LIMIT_OF_JOBS = "limit_of_jobs"
    RUNS_ALONE = "runs_alone"
    ONE_STARTS = "one_starts"
    PAUSED = "paused"
    HELD = "held"
    HAS_RUN = "has_run"
    NOT_DUE = "not_due"
    QUEUE_PAUSED = "queue_paused"
    QUEUE_TOO_SHORT = "queue_too_short"
    RESTS = "rests"
    SITE_PAUSED = "site_paused"
    BACK_OFF = "back_off"
    NO_SCHEDULER = "no_scheduler"
    NO_LABELS = "no_labels"
    SCHEDULER_SILENT = "scheduler_silent"
    CORDONED = "cordoned"
    DRAINED = "drained"
    STOPS = "stops"
    SLOTS_FULL = "slots_full"
    BLOCKED = "blocked"
    SCREEN_TAKEN = "screen_taken"
    WAITS_TO_BE_ALONE = "waits_to_be_alone"
    BEHIND = "behind"
    BEHIND_BLOCKING = "behind_blocking"
    POOL = "pool"
    MISSED = "missed"
    NOTHING = "nothing"


NEARNESS = {
    cause: rank
    for rank, cause in enumerate(
        (
            Cause.NOTHING,
            Cause.POOL,
            Cause.BEHIND,
            Cause.BEHIND_BLOCKING,
            Cause.WAITS_TO_BE_ALONE,
            Cause.SLOTS_FULL,
            Cause.SCREEN_TAKEN,
            Cause.BLOCKED,
            Cause.CORDONED,
            Cause.STOPS,
            Cause.DRAINED,
            Cause.NO_LABELS,
            Cause.SCHEDULER_SILENT,
            Cause.NO_SCHEDULER,
            Cause.MISSED,
        )
    )
}
"""How near to a start a trigger is that waits for one of these; the lowest counts where schedulers differ."""
