"""Keeps the workspace from growing, and now and then a table: deletes what has not been used for a long time.

Owns a thread of its own, because git may take minutes to pack a repository. Must not touch anything a run still needs.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from OpenOrchestrator.scheduler.events import Events

FIRST_SECONDS = 300.0
"""After the start, so that a scheduler that is only started for a moment does not clean up."""

EVERY_SECONDS = 24 * 3600.0


class Housekeeping:
    """Calls a clean-up once a day, or as often as is said.

    Args:
        clean_up: What to do; may take long.
        events: Told when it fails.
        every_seconds: Between two of them.
        what: It is, for messages.
    """

    def __init__(
        self,
        clean_up: Callable[[], object],
        events: Events,
        *,
        every_seconds: float = EVERY_SECONDS,
        what: str = "clearing the workspace",
    ) -> None:
        self._clean_up = clean_up
        self._what = what
        self._events = events
        self._every_seconds = every_seconds
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin, with the first clean-up after FIRST_SECONDS."""
        threading.Thread(target=self._keep_on, name="housekeeping", daemon=True).start()

    def stop(self) -> None:
        """Begin no further clean-up. Does not wait for one under way, which may be broken off at any place."""
        self._stop.set()

    def _keep_on(self) -> None:
        pause = FIRST_SECONDS
        while not self._stop.wait(pause * random.uniform(0.9, 1.1)):  # noqa: S311  (jitter, not a secret)
            pause = self._every_seconds
            try:
                self._clean_up()
            except Exception as error:  # noqa: BLE001  (a full or broken disk must not stop the scheduler)
                self._events.unexpected(self._what, error)
