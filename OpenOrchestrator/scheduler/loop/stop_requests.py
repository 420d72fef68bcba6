"""How often somebody asked the scheduler to stop.

Must not know what stopping means: that is in ``shutdown`` and in ``single_run``.
"""

from __future__ import annotations

from OpenOrchestrator.scheduler.loop.bell import Bell


class StopRequests:
    """Counts requests to stop, and wakes whoever sleeps by the bell. Safe in signal handlers and all threads.

    Args:
        bell: Rung at each request.
    """

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._count = 0

    def add(self) -> None:
        """Take note of a request."""
        self._count += 1
        self._bell.ring()

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._count > 0

    @property
    def insists(self) -> bool:
        """Whether it was asked for again, and robots should not be waited for any more."""
        return self._count > 1
