"""Ctrl+Break on Windows: how a program without a window is asked to end.

``os.kill`` is no way to send it: where the event cannot be sent, it ends the process at once and raises SystemError.
Used inside the robot host, too: standard library only, nothing of ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_CTRL_BREAK_EVENT = 1
_ATTACH_TRIES = 10
_ATTACH_PAUSE = 0.03


class Kernel(Protocol):
    """What is needed of ``kernel32``; each call returns 0 if it failed."""

    def FreeConsole(self) -> int:  # noqa: N802
        """Leave the console of this process."""

    def AttachConsole(self, pid: int, /) -> int:  # noqa: N802
        """Join the console of another process."""

    def GenerateConsoleCtrlEvent(self, event: int, group: int, /) -> int:  # noqa: N802
        """Press Ctrl+C or Ctrl+Break for a group of the console of this process."""


def press_break(group: int, kernel: Kernel) -> bool:
    """Press Ctrl+Break for a group of processes of the console that this process is in.

    Args:
        group: Id of the process that leads it.
        kernel: ``kernel32``.

    Returns:
        Whether that worked: not without a console, nor for a group of another console.
    """
    return bool(kernel.GenerateConsoleCtrlEvent(_CTRL_BREAK_EVENT, group))


def press_break_elsewhere(group: int, kernel: Kernel, *, pause: Callable[[float], None] = time.sleep) -> bool:
    """Press Ctrl+Break for a group of processes in the console of its leader. This process has none afterwards.

    Args:
        group: Id of the process that leads it.
        kernel: ``kernel32``.
        pause: Waits some seconds: a process that was just created has no console for a moment.

    Returns:
        Whether that worked: not for a leader without a console (``pythonw.exe``), or that has ended.
    """
    kernel.FreeConsole()
    for _ in range(_ATTACH_TRIES):
        if kernel.AttachConsole(group):
            pressed = press_break(group, kernel)
            kernel.FreeConsole()
            return pressed
        pause(_ATTACH_PAUSE)
    return False
