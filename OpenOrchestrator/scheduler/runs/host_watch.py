"""Whether a robot host has had every chance to do what it has to, and has not: it hangs or was halted.

Owns how long a scheduler waits for a host before it ends a robot itself. Pure. What is done then is in ``supervisor``.
"""

from __future__ import annotations

from enum import Enum, auto

from OpenOrchestrator.scheduler.runs.robot_command import DEFAULT_GRACE

MARGIN_SECONDS = 20.0
"""How much longer than its grace a host may take to end a robot."""

_LONGEST_STEP_SECONDS = 2.0


def stop_seconds(soft: float, terminate: float | None) -> float:
    """Return how long it may take to stop a robot whose time is up; None is the usual time to terminate."""
    return soft + (DEFAULT_GRACE if terminate is None else terminate)


class Overdue(Enum):
    """What a host should have done by now.

    Attributes:
        TIME_OUT: Ended a robot that ran longer than it may.
        STOP: Ended a robot that was to be stopped.
    """

    TIME_OUT = auto()
    STOP = auto()


class HostWatch:
    """Counts the time in which a host could have acted. For one thread.

    Only time that was looked at counts: after a pause of the whole machine, or of this process, the host gets its time
    as well as everybody else.

    Args:
        timeout_seconds: How long the robot may run; None for no limit.
        now: Monotonic seconds.
        stop_seconds: How long it may take to stop it after that.
    """

    def __init__(self, timeout_seconds: float | None, now: float, stop_seconds: float = DEFAULT_GRACE) -> None:
        self._timeout = timeout_seconds
        self._stop_seconds = stop_seconds
        self._last = now
        self._ran = 0.0
        self._stopping = 0.0

    def look(self, now: float, *, grace: float | None) -> Overdue | None:
        """Return what is overdue, if anything; to be called again and again.

        Args:
            now: Monotonic seconds.
            grace: Seconds the robot was given to end since it was to be stopped; None while nobody wants that.
        """
        step = min(now - self._last, _LONGEST_STEP_SECONDS)
        self._last = now
        self._ran += step
        if grace is not None:
            self._stopping += step
            if self._stopping > grace + MARGIN_SECONDS:
                return Overdue.STOP
        if self._timeout is not None and self._ran > self._timeout + self._stop_seconds + MARGIN_SECONDS:
            return Overdue.TIME_OUT
        return None
