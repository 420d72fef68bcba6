"""What is too old to be kept, and how much of it is deleted at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores.keep_days import KeepDays
from OpenOrchestrator.database.stores.queue_rules import QueueRules

FIRST_SIZE = 20
MOST_SIZE = 500
LONGEST_SECONDS = 0.1
"""How long a transaction should hold its locks at most."""


class Kept(Enum):
    """What is kept for some time."""

    OUTPUT = "Output of jobs"
    JOBS = "Jobs"
    LOGS = "Logs"
    ELEMENTS = "Elements"
    FILES = "Files"


@dataclass(frozen=True, slots=True)
class Portion:
    """What is to be deleted of one kind.

    Attributes:
        kept: Which kind.
        before: What ended, or was logged, before this: naive site time, or for files aware.
        queue: Of elements, their queue.
        status: Of elements, how they ended.
    """

    kept: Kept
    before: datetime
    queue: str | None = None
    status: QueueStatus | None = None


def portions(
    days: KeepDays, queues: Mapping[str, QueueRules], *, now: datetime, site_now: datetime
) -> tuple[Portion, ...]:
    """Return what is too old, in the order in which it is deleted; nothing where nothing is said.

    Output goes before its jobs, so that a job is deleted in a short transaction.

    Args:
        days: What the site says.
        queues: What its queues say, by name.
        now: Aware.
        site_now: The same, naive site time.
    """
    found = []
    with_output = [each for each in (days.output, days.jobs) if each is not None]
    if with_output:
        found.append(Portion(Kept.OUTPUT, site_now - timedelta(days=min(with_output))))
    if days.jobs is not None:
        found.append(Portion(Kept.JOBS, site_now - timedelta(days=days.jobs)))
    if days.logs is not None:
        found.append(Portion(Kept.LOGS, site_now - timedelta(days=days.logs)))
    for name, rules in sorted(queues.items()):
        found += of_queue(name, rules, site_now=site_now)
    if days.files is not None:
        found.append(Portion(Kept.FILES, now - timedelta(days=days.files)))
    return tuple(found)


def of_queue(name: str, rules: QueueRules, *, site_now: datetime) -> tuple[Portion, ...]:
    """Return what of a queue is too old, by what the queue says, at a naive site time."""
    days = {
        QueueStatus.DONE: rules.keep_done_days,
        QueueStatus.FAILED: rules.keep_failed_days,
        QueueStatus.ABANDONED: rules.keep_abandoned_days,
    }
    return tuple(
        Portion(Kept.ELEMENTS, site_now - timedelta(days=each), name, status)
        for status, each in days.items()
        if each is not None
    )


def next_size(size: int, seconds: float) -> int:
    """Return how many rows the next transaction deletes, after one of so many rows that took so long."""
    if seconds > LONGEST_SECONDS / 2:
        return max(1, min(size // 2, int(size * LONGEST_SECONDS / (3 * seconds))))
    return min(MOST_SIZE, size * 2) if seconds < LONGEST_SECONDS / 5 else size
