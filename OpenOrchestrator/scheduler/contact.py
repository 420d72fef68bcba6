"""Whether the database answers, told once when it is lost and once when it is back. Safe to use from all threads."""

from __future__ import annotations

import random
import sys
import threading
import time

from OpenOrchestrator.common.errors import (
    CommitOutcomeUnknownError,
    ConnectionFailedError,
    DatabaseError,
    TransientDatabaseError,
)
from OpenOrchestrator.scheduler.events import Events

_LONGEST_PAUSE = 5.0


class Contact:
    """The scheduler's view of its database's health.

    Args:
        events: Told about loss and return.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._lost_at: float | None = None

    def failed(self, error: DatabaseError) -> None:
        """Take note of an error; the first one of a row is told."""
        with self._lock:
            first = self._lost_at is None
            if first:
                self._lost_at = elapsed()
        if first:
            self._events.database_lost(str(error))

    def succeeded(self) -> None:
        """Take note that the database took a write; that it can be read proves nothing about the next write."""
        if self._lost_at is None:
            return
        with self._lock:
            lost_at, self._lost_at = self._lost_at, None
        if lost_at is not None:
            self._events.database_back(elapsed() - lost_at)


def is_outage(error: DatabaseError) -> bool:
    """Tell whether an error is about reaching the database rather than about what was asked of it."""
    return isinstance(error, ConnectionFailedError | CommitOutcomeUnknownError)


def is_passing(error: DatabaseError) -> bool:
    """Tell whether the same may succeed later: the database is away, or others are in the way (locks, no room)."""
    return is_outage(error) or isinstance(error, TransientDatabaseError)


def pause_after(failures: int, *, shortest: float = 0.2) -> float:
    """Return how long to wait before the next attempt, with jitter so that a fleet does not return all at once."""
    longest: float = min(shortest * 2.0 ** min(failures, 10), _LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  (jitter, not a secret)


def elapsed() -> float:
    """Return seconds that pass while the machine sleeps too, as the leases in the database do."""
    # Only Linux has a clock of its own for this; elsewhere the monotonic one goes on while the machine sleeps.
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    else:  # noqa: RET505  (without it, type checkers call the rest unreachable on Linux)
        return time.monotonic()
