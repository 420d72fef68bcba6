"""Whether the app can work: looked at by itself, so that monitors are told even while no tab asks the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import DatabaseError

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.backend.installation import Installation
    from OpenOrchestrator.orchestrator.live.poller import Live

PROBE_SECONDS = 10.0
"""Seconds between two looks at the database that no tab asks for."""


class Health:
    """What monitors are told.

    Args:
        installation: What the app works on.
        live: Knows whether the database answers, and is told.
    """

    def __init__(self, installation: Installation, live: Live) -> None:
        self._installation = installation
        self._live = live

    def answer(self) -> tuple[int, dict[str, str]]:
        """Return the HTTP status and what is said, without asking the database; it holds no secrets."""
        if not self._installation.has_database:
            return 503, {"status": "degraded", "database": "not connected"}
        if self._live.lost or self._live.answered_at is None:
            return 503, {"status": "degraded", "database": "lost" if self._live.lost else "not reached yet"}
        if self._installation.problem is not None:
            return 503, {"status": "degraded", "database": "wrong revision"}
        return 200, {"status": "ok", "database": "connected"}

    async def probe(self) -> None:
        """Look whether the database is there, if one is connected."""
        if self._installation.has_database:
            await self.look()

    async def look(self) -> None:
        """Look at the database, and let all tabs know whether it answers."""
        try:
            await self._installation.check()
        except DatabaseError as error:
            self._live.failed(error)
        else:
            self._live.answered()
