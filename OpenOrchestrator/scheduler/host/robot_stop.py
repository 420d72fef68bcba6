"""What happens when a robot is to be stopped, and when it does not stop.

First it is asked softly; once its grace is over, everything is killed, again and again until it is gone. Owns that
order and who asked first. Runs inside the robot host: standard library only, nothing of ours but its neighbours.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host import robot_tree, run_files
else:
    import run_files

LONGEST_REASON = 1000

TIMEOUT_REASON = "timeout"

_REPEAT_KILL_SECONDS = 1.0


class RobotStop:
    """The stop of a run, from the first request on. For the main thread of the host."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.timed_out = False
        self._kill_at = 0.0
        self._seen = 0

    def request(self, tree: robot_tree.ProcessTree, reason: str, grace: float) -> None:
        """Begin to stop, or shorten the grace of a stop under way; the first reason stays."""
        kill_at = time.monotonic() + grace
        if self.reason is None:
            self.reason = reason[:LONGEST_REASON]
            self._kill_at = kill_at
            if grace > 0:
                tree.soft_stop()
        self._kill_at = min(self._kill_at, kill_at)

    def time_out(self, tree: robot_tree.ProcessTree, grace: float) -> None:
        """Begin to stop because time is up, unless the robot is being stopped already."""
        if self.reason is None:
            self.timed_out = True
            self.request(tree, TIMEOUT_REASON, grace)

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
        """Kill once the grace is over; again and again, should that take time."""
        if self.reason is not None and time.monotonic() >= self._kill_at:
            tree.kill()
            self._kill_at = time.monotonic() + _REPEAT_KILL_SECONDS
