"""Prolongs the leases of the elements that robots without a job have in hand, whatever their code is doing.

Owns one thread for each connection, which is there only while elements are in hand. Must not decide what becomes of an
element: a lease that could not be prolonged shows when the robot says what became of it.
"""

from __future__ import annotations

import logging
import threading
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
        prolong: Prolongs the leases of these tokens.
        seconds: Between two times; a third of a lease.
    """

    def __init__(
        self, prolong: Callable[[Collection[UUID]], object], *, seconds: float = ELEMENT_LEASE_SECONDS / 3
    ) -> None:
        self._prolong = prolong
        self._seconds = seconds
        self._begin_anew()
        forks.follow(self)

    def _begin_anew(self) -> None:
        self._tokens: set[UUID] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def before_fork(self) -> None:
        """Nothing has to be prepared."""

    def after_fork_in_parent(self) -> None:
        """Nothing was prepared."""

    def after_fork_in_child(self) -> None:
        """Leave to the parent what it has in hand, and its thread."""
        self._begin_anew()

    def keep(self, token: UUID) -> None:
        """Prolong the lease of an element from now on."""
        with self._changed:
            self._tokens.add(token)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="queue elements in hand", daemon=True)
                self._thread.start()

    def let_go(self, token: UUID) -> None:
        """Prolong it no longer. The thread stays a while, for a robot that takes one element after the other."""
        with self._changed:
            self._tokens.discard(token)

    def _run(self) -> None:
        changed = self._changed
        try:
            while tokens := self._wait(changed):
                try:
                    self._prolong(tokens)
                except DatabaseError as error:
                    # Tried again in time: one of two may fail. The robot itself meets an outage that lasts.
                    _log.debug("Leases of %d elements were not prolonged: %s", len(tokens), type(error).__name__)
        except BaseException:
            with changed:
                self._thread = None
            raise

    def _wait(self, changed: threading.Condition) -> set[UUID]:
        with changed:
            changed.wait(self._seconds)
            if not self._tokens:
                self._thread = None  # under the lock: whoever keeps the next one starts another
            return set(self._tokens)
