"""The site as a file, for its download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.backend.base import Backend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class SiteFileBackend(Backend):
    """The file of the site."""

    async def text(self) -> str:
        """Return what the command ``export`` writes."""
        from OpenOrchestrator.site import export, present  # noqa: PLC0415  (loads PyYAML)

        def work(session: Session) -> str:
            return export.text_of(present.read(session, self._database.zone))

        return await self._read(work)
