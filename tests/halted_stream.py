"""A terminal that was halted, for tests of what is written to one."""

from __future__ import annotations

import io
import threading


class Halted(io.StringIO):
    """A stream that takes nothing until it is let go on, as a terminal after Ctrl+S."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait(60)
        return super().write(text)
