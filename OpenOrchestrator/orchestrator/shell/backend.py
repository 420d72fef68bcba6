"""The counts beside the navigation: what the badges of all pages count, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime
from OpenOrchestrator.orchestrator.backend.base import Backend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database


class CountsBackend(Backend):
    """Counts for the navigation.

    Args:
        database: The connected database.
        clock: Tells the time.
        badges: What is counted.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        badges: Sequence[Badge],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(database, clock)
        self._badges = badges
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, int]] = {}

    async def counts(self) -> Mapping[str, int]:
        """Return the count of each badge by its key: of now, or at most as old as the badge allows."""
        return await self._read(self._count)

    def _count(self, session: Session) -> dict[str, int]:
        at = CountingTime(self._now(), self._database.site_now())
        return {badge.key: self._count_of(badge, session, at) for badge in self._badges}

    def _count_of(self, badge: Badge, session: Session, at: CountingTime) -> int:
        counted_at, number = self._kept.get(badge.key, (None, 0))
        if counted_at is None or self._monotonic() - counted_at >= badge.every:
            number = badge.count(session, at)
            self._kept[badge.key] = self._monotonic(), number
        return number
