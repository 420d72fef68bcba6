"""The time-out of a run: how long its robot may run, counted from its start.

Runs inside the robot host, so that it holds without a scheduler: standard library only. What becomes of the robot then
is in ``robot_stop``.
"""

from __future__ import annotations

import time


class TimeLimit:
    """Begins to count when it is made.

    Args:
        seconds: How long the robot may run; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._over_at = None if seconds is None else time.monotonic() + seconds

    def is_over(self) -> bool:
        """Tell whether time is up."""
        return self._over_at is not None and time.monotonic() >= self._over_at
