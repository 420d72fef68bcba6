"""Uses for the pages: which processes read or changed something lately, and which triggers run these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import one_of
from OpenOrchestrator.database.statuses import Access, UsedKind
from OpenOrchestrator.database.stores import uses
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_PROCESSES = 200
"""Of more only the latest are returned."""


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """When a process last used something. Days are on the site's wall clock.

    Attributes:
        read: None if it is not known to have read it.
        written: None if it is not known to have changed it.
        triggers: That run the process.
    """

    process: str
    read: date | None = None
    written: date | None = None
    triggers: tuple[UUID, ...] = ()

    @property
    def latest(self) -> date:
        """The later of both days."""
        return max(day for day in (self.read, self.written, date.min) if day is not None)


class UsesBackend(Backend):
    """Who uses what."""

    async def get(self, kind: UsedKind, name: str) -> tuple[ProcessUse, ...]:
        """Return the processes that used something, the latest first."""

        def work(session: Session) -> tuple[ProcessUse, ...]:
            days: dict[str, dict[Access, date]] = {}
            for use in uses.of(session, kind, name):
                days.setdefault(use.process, {})[use.access] = use.day
            names = list(days)[:MOST_PROCESSES]
            triggers = _triggers(session, names)
            return tuple(
                ProcessUse(
                    process, days[process].get(Access.READ), days[process].get(Access.WRITE), triggers.get(process, ())
                )
                for process in names
            )

        return await self._read(work)


def _triggers(session: Session, processes: list[str]) -> dict[str, tuple[UUID, ...]]:
    found: dict[str, tuple[UUID, ...]] = {}
    if processes:
        query = sa.select(_T.c.process_name, _T.c.id).where(one_of(_T.c.process_name, processes))
        for process, trigger_id in session.execute(query.order_by(_T.c.id)):
            found[process] = (*found.get(process, ()), trigger_id)
    return found
