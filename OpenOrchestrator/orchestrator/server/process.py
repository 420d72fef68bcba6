"""What the process does beside serving: it ends quietly on Ctrl+C, and can report what blocks its event loop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

DEBUG_VARIABLE = "OpenOrchestratorDebugEventLoop"
"""Set to 1, the event loop reports every callback that blocks it for more than 50 ms."""

SLOW_CALLBACK_SECONDS = 0.05


def report_slow_callbacks() -> None:
    """Have the running event loop report what blocks it, if the environment says so."""
    if os.environ.get(DEBUG_VARIABLE) == "1":
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = SLOW_CALLBACK_SECONDS
        loop.set_debug(True)


@contextmanager
def quiet_interrupt() -> Iterator[None]:
    """End what is served within on Ctrl+C without a traceback, and put the handler of the signal back."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, before)
