"""A clock of plain seconds that stands still until a test moves it."""

from __future__ import annotations


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
