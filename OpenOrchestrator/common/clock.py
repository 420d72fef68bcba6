"""The clock, so that time is something the composition root hands over and a test can set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def utc_now(self) -> datetime:
        """Return the current instant as an aware UTC datetime."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def utc_now(self) -> datetime:
        """Return the current instant as an aware UTC datetime."""
        return datetime.now(timezone.utc)


@dataclass(slots=True)
class SettableClock:
    """A clock that stands still until it is told to move.

    Attributes:
        now: The instant it shows, aware UTC.
    """

    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc))

    def utc_now(self) -> datetime:
        """Return the instant the clock was set to."""
        return self.now

    def advance(self, delta: timedelta) -> None:
        """Move the clock, forwards or (with a negative delta) back."""
        self.now += delta
