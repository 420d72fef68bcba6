"""How often the database refused a write, and when that is enough. Pure."""

from __future__ import annotations

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.scheduler.contact import is_outage, is_passing

ATTEMPTS = 3
"""How often a refused write is repeated where there is another way to go on."""

PASSING_ATTEMPTS = 10
"""The same where the reason passes, such as a lock that somebody holds: some minutes, as each attempt waits too."""


class Refusals:
    """Counts refusals of one write."""

    def __init__(self) -> None:
        self._for_good = 0
        self._passing = 0

    def count(self, error: Exception) -> None:
        """Take note of a refusal; that the database is away is none."""
        if not isinstance(error, DatabaseError) or not is_passing(error):
            self._for_good += 1
        elif not is_outage(error):
            self._passing += 1

    @property
    def are_for_good(self) -> bool:
        """Whether it would be refused however long one waits."""
        return self._for_good >= ATTEMPTS

    @property
    def suffice(self) -> bool:
        """Whether to go on another way."""
        return self.are_for_good or self._passing >= PASSING_ATTEMPTS
