"""What a write about a run needs to know of it, whoever claimed it and whatever else is known.

Owns the interface alone: a run that was claimed here has it (``ClaimedRun``), and so has one that an earlier start of
the scheduler claimed (``OwnedJob``, with the fence that ``adopt`` returned).
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID


class FencedRun(Protocol):
    """A run and the number that entitles to write about it."""

    @property
    def job_id(self) -> UUID:
        """The job of the run."""

    @property
    def fence(self) -> int:
        """As its owner knows it; a write that carries an older one is refused."""

    @property
    def trigger_id(self) -> UUID | None:
        """The trigger it runs for; None for a job that has none."""
