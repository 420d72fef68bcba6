"""What happens when a robot is to be stopped, and when it does not stop.

Where its time is up, it may first be asked, and given time to come to an end by itself. Then it is told to terminate;
once its grace is over, everything is killed, again and again until it is gone. Owns that order and who wanted it first.
Runs inside the robot host: standard library only, nothing of ours but its neighbours.
"""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host import robot_tree, run_files
else:
    import run_files

LONGEST_REASON = 1000

TIMEOUT_REASON = "timeout"

BY_ITSELF = "ended by itself"
TERMINATED = "terminated"
KILLED = "killed"

_REPEAT_KILL_SECONDS = 1.0


class RobotStop:
    """The stop of a run, from the first request on. For the main thread of the host.

    Attributes:
        reason: Why it is stopped; None while it is not.
        timed_out: Whether that is because its time was up.
        asked_at: When it was asked to come to an end by itself, ISO in UTC; None if it was not.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.timed_out = False
        self.asked_at: str | None = None
        self._grace = 0.0
        self._terminate_at = math.inf
        self._kill_at = math.inf
        self._step: str = BY_ITSELF
        self._seen = 0

    @property
    def ended(self) -> str | None:
        """What it took to end a robot that was asked to; None if it was not asked."""
        return None if self.asked_at is None else self._step

    def request(self, tree: robot_tree.ProcessTree, reason: str, grace: float) -> None:
        """Begin to stop, or shorten the grace of a stop under way; the first reason stays."""
        self.reason = self.reason or reason[:LONGEST_REASON]
        if self._kill_at == math.inf:
            self._terminate(tree, grace)
        self._kill_at = min(self._kill_at, time.monotonic() + grace)

    def time_out(self, tree: robot_tree.ProcessTree, grace: float, soft: float = 0) -> None:
        """Begin to stop because time is up, unless the robot is being stopped already.

        Args:
            tree: Its processes.
            grace: Seconds from the request to terminate to the kill.
            soft: Seconds before that, in which it is asked to come to an end by itself; 0 for none.
        """
        if self.reason is not None:
            return
        self.timed_out = True
        if soft <= 0:
            self.request(tree, TIMEOUT_REASON, grace)
            return
        self.reason = TIMEOUT_REASON
        self.asked_at = datetime.now(timezone.utc).isoformat()
        self._grace = grace
        self._terminate_at = time.monotonic() + soft
        tree.ask()

    def look_for_request(self, tree: robot_tree.ProcessTree, directory: Path, grace: float) -> None:
        """Take up a stop file that appeared or changed since the last look."""
        path = directory / run_files.STOP_FILE
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            # Not there: nobody asked.
            return
        if changed == self._seen:
            return
        self._seen = changed
        try:
            content = run_files.read_json(path) or {}
        except OSError:
            # It is there: that is request enough.
            content = {}
        wanted = content.get("grace")
        self.request(tree, str(content.get("reason") or "stop"), wanted if isinstance(wanted, (int, float)) else grace)

    def enforce(self, tree: robot_tree.ProcessTree) -> None:
        """Do what is due: terminate what was asked in vain, and kill once the grace is over; again and again."""
        now = time.monotonic()
        if now >= self._terminate_at and self._kill_at == math.inf:
            self._terminate(tree, self._grace)
        if now >= self._kill_at:
            self._step = KILLED
            tree.kill()
            self._kill_at = time.monotonic() + _REPEAT_KILL_SECONDS

    def _terminate(self, tree: robot_tree.ProcessTree, grace: float) -> None:
        self._kill_at = time.monotonic() + grace
        if grace > 0:
            self._step = TERMINATED
            tree.soft_stop()
