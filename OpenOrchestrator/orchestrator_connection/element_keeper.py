"""Prolongs the leases of the elements that robots without a job have in hand, whatever their code is doing.

Owns one thread for each connection, which is there only while elements are in hand. Must not decide what becomes of an
element: a lease that could not be prolonged shows when the robot says what became of it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine import forks
from OpenOrchestrator.database.leases import ELEMENT_LEASE_SECONDS

_log = logging.getLogger(__name__)


class ElementKeeper:
    """The elements in hand of one connection. Safe to share between threads.

    The child of a fork begins with none: what the parent took, the parent prolongs.

    Args:
        prolong: Prolongs the leases of these tokens by so many seconds.
    """

    def __init__(self, prolong: Callable[[Collection[UUID], float], object]) -> None:
        self._prolong = prolong
        self._usual_seconds = ELEMENT_LEASE_SECONDS
        self._begin_anew()
        forks.follow(self)

    def _begin_anew(self) -> None:
        self._tokens: dict[UUID, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def before_fork(self) -> None:
        """Nothing has to be prepared."""

    def after_fork_in_parent(self) -> None:
        """Nothing was prepared."""

    def after_fork_in_child(self) -> None:
        """Leave to the parent what it has in hand, and its thread."""
        self._begin_anew()

    def keep(self, token: UUID, seconds: float) -> None:
        """Prolong the lease of an element from now on, by so many seconds, three times as often.

        A long one as often as a usual one, so that whoever watches it sees its robot alive.
        """
        with self._changed:
            sooner = self._between(seconds) < min(map(self._between, self._tokens.values()), default=math.inf)
            self._tokens[token] = seconds
            if sooner:
                self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="queue elements in hand", daemon=True)
                self._thread.start()

    def let_go(self, token: UUID) -> None:
        """Prolong it no longer. The thread stays a while, for a robot that takes one element after the other."""
        with self._changed:
            self._tokens.pop(token, None)

    def _run(self) -> None:
        changed = self._changed
        try:
            while tokens := self._wait(changed):
                for seconds in set(tokens.values()):
                    some = [token for token, lease in tokens.items() if lease == seconds]
                    try:
                        self._prolong(some, seconds)
                    except DatabaseError as error:
                        # Tried again in time: one of two may fail. The robot itself meets an outage that lasts.
                        _log.debug("Leases of %d elements were not prolonged: %s", len(some), type(error).__name__)
        except BaseException:
            with changed:
                self._thread = None
            raise

    def _wait(self, changed: threading.Condition) -> dict[UUID, float]:
        with changed:
            began = time.monotonic()
            usual = self._between(self._usual_seconds)
            # What comes meanwhile may have a shorter lease; it never makes the others wait longer.
            while (
                left := began + min(map(self._between, self._tokens.values()), default=usual) - time.monotonic()
            ) > 0:
                changed.wait(left)
            if not self._tokens:
                self._thread = None  # under the lock: whoever keeps the next one starts another
            return dict(self._tokens)

    def _between(self, seconds: float) -> float:
        """Return how long to wait between two times that a lease is prolonged."""
        return min(seconds, self._usual_seconds) / 3
