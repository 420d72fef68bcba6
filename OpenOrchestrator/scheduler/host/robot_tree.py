"""The operating-system processes of one run: start the robot, wait for it, stop it, leave nothing behind.

Owns the interface of that, and which of the twins ``posix_tree`` and ``windows_tree`` stands behind it. Runs inside the
robot host: standard library only, nothing of ours. Knows no files, no limits and no reasons.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if sys.platform == "win32":
    if TYPE_CHECKING or __package__:
        from OpenOrchestrator.scheduler.host.windows_tree import WindowsTree as Tree
    else:
        from windows_tree import WindowsTree as Tree
elif TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host.posix_tree import PosixTree as Tree
else:
    from posix_tree import PosixTree as Tree


class ProcessTree(Protocol):
    """A robot and everything it started. One robot per tree; to be used from the main thread only."""

    def start(self, argv: Sequence[str], cwd: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the robot with pipes for its output.

        Raises:
            OSError: The program or the folder does not exist, or may not be used.
            ValueError: An argument cannot be passed on (it holds a NUL).
        """

    def wait(self, seconds: float) -> bool:
        """Wait until the robot has ended, at most this long, and return whether it has."""

    def ask(self) -> None:
        """Tell the robot and the processes of its group that they should come to an end; ends nothing by itself."""

    def soft_stop(self) -> None:
        """Ask the robot and the processes of its group to end."""

    def kill(self) -> list[int]:
        """End every process of the run that is still there, whatever it did to get away.

        Returns:
            Ids of the processes that could not be ended within five seconds.
        """

    def exit_code(self) -> int:
        """Return how the robot ended, once ``kill`` was called after its end: a negative signal number on POSIX."""


def make_tree(marker: str) -> ProcessTree:
    """Return the tree for this system.

    Args:
        marker: ``NAME=value`` as it stands in the environment of every process of the run.
    """
    return Tree(marker)
