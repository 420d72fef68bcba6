"""Waiting that ends when the robot is asked to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

LOOK_SECONDS = 1.0
"""Between two looks into the database."""


class StopWait:
    """Waits of one robot.

    Args:
        connection: The robot's.
        clock: Tells seconds that only grow.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        connection: OrchestratorConnection,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._sleep = sleep
        elements = connection._calls.elements
        self._elements = elements
        self._job = elements.known_job(connection.job_id)

    def until(self, happened: Callable[[], bool], *, seconds: float | None) -> bool:
        """Wait until something has happened, the time is up or the robot is asked to end.

        Args:
            happened: Asked at once, then again and again.
            seconds: How long at most; None for no limit.

        Returns:
            Whether the robot is asked to end, and nothing had happened before.
        """
        end = None if seconds is None else self._clock() + seconds
        while True:
            left = LOOK_SECONDS if end is None else end - self._clock()
            if happened():
                return False
            if self._elements.is_asked_to_end(self._connection.trigger_id, self._job):
                return True
            if left <= 0:
                return False
            self._sleep(min(LOOK_SECONDS, left))
