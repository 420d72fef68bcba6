"""The pause of the whole site for the pages: whether it is in force, why, and who does not obey it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.backend.base import Backend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.stores.site_pause import SitePause

LONGEST_REASON = 300


class SitePauseBackend(Backend):
    """The pause of the site."""

    async def present(self) -> SitePause | None:
        """Return the pause that is in force by the database's clock; None for none."""
        from OpenOrchestrator.database.stores import site_pause  # noqa: PLC0415

        return await self._read(site_pause.read)

    async def pause(self, reason: str, by: str | None, until: datetime | None) -> None:
        """Pause the site, or give its pause another reason and end.

        Raises:
            InvalidInputError: If there is no reason, or the end has passed.
            DatabaseError: If the database refuses.
        """
        from OpenOrchestrator.database.stores import site_pause  # noqa: PLC0415

        await self._write(lambda session: site_pause.pause(session, reason=reason, by=by, until=until))

    async def resume(self, seen: SitePause) -> bool:
        """End a pause.

        Returns:
            False if it is not in force any more, or another came in its place.
        """
        from OpenOrchestrator.database.stores import site_pause  # noqa: PLC0415

        return await self._write(lambda session: site_pause.resume(session, seen))

    async def disobedient(self) -> tuple[str, ...]:
        """Return the names of schedulers that are heard from and obey no pause, because of their version."""
        from OpenOrchestrator.database.stores import cordons  # noqa: PLC0415

        def work(session: Session) -> tuple[str, ...]:
            return cordons.disobedient(session, now=self._now(), site_now=self._database.site_now())

        return await self._read(work)
