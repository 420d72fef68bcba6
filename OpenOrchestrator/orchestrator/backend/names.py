"""Names that people choose from: in filters, in forms, and in "Go to"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.schedules import known_zones
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.stores import pools
from OpenOrchestrator.database.triggers import QueueTrigger, Trigger
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop
from OpenOrchestrator.orchestrator.backend.open_days import calendars_of
from OpenOrchestrator.orchestrator.backend.search import contains

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_FOUND = 8


@dataclass(frozen=True, slots=True)
class FoundTrigger:
    """A trigger that "Go to" found."""

    id: UUID
    name: str
    process: str


class NamesBackend(Backend):
    """Names in use: of processes, schedulers, queues and triggers."""

    async def processes(self) -> tuple[str, ...]:
        """Return the process names of all triggers, in order."""
        return await self._read(lambda session: _in_order(session.scalars(sa.select(Trigger.process_name).distinct())))

    async def triggers(self) -> tuple[FoundTrigger, ...]:
        """Return all triggers, by name."""

        def work(session: Session) -> tuple[FoundTrigger, ...]:
            table = Trigger.__table__
            query = sa.select(table.c.id, table.c.trigger_name, table.c.process_name)
            found = (FoundTrigger(*row) for row in session.execute(query))
            return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.id.bytes)))

        return await self._read(work)

    async def known_schedulers(self) -> tuple[str, ...]:
        """Return the names of all schedulers that ever reported, in order."""
        return await self._read(lambda session: _in_order(session.scalars(sa.select(Scheduler.machine_name))))

    async def schedulers(self) -> tuple[str, ...]:
        """Return the names of all schedulers that ever reported, and of those that triggers name, in order."""

        def work(session: Session) -> tuple[str, ...]:
            known = set(session.scalars(sa.select(Scheduler.machine_name)))
            for whitelist in session.scalars(sa.select(Trigger.scheduler_whitelist)):
                known.update(whitelist or ())
            return _in_order(known)

        return await self._read(work)

    async def calendars(self) -> tuple[Calendar, ...]:
        """Return the calendars that triggers can be given, by name."""
        year = self._now().year
        return await self._read(lambda session: tuple(calendars_of(session, year).values()))

    async def pools(self) -> dict[str, int]:
        """Return the pools that triggers can need, by name, with how much there is of each."""
        stored = await self._read(lambda session: pools.read_all(session.connection()))
        return {one.name: one.size for one in stored}

    async def zones(self) -> tuple[str, ...]:
        """Return the names of the time zones that triggers can be given, in order."""
        return await off_loop(known_zones)

    async def queues(self) -> tuple[str, ...]:
        """Return the names of all queues that have elements or a trigger, in order."""

        def work(session: Session) -> tuple[str, ...]:
            known: set[str] = set(session.scalars(sa.select(QueueTrigger.__table__.c.queue_name).distinct()))
            known.update(queue_names(session))
            return _in_order(known)

        return await self._read(work)

    async def find_triggers(self, text: str) -> tuple[FoundTrigger, ...]:
        """Return the first triggers whose name or process holds a text."""

        def work(session: Session) -> tuple[FoundTrigger, ...]:
            table = Trigger.__table__
            query = (
                sa.select(table.c.id, table.c.trigger_name, table.c.process_name)
                .where(sa.or_(contains(table.c.trigger_name, text), contains(table.c.process_name, text)))
                .order_by(table.c.trigger_name, table.c.id)
                .limit(MOST_FOUND)
            )
            return tuple(FoundTrigger(*row) for row in session.execute(query))

        return await self._read(work)

    async def find_queues(self, text: str) -> tuple[str, ...]:
        """Return the first queues whose name holds a text."""
        wanted = text.casefold()
        return tuple(name for name in await self.queues() if wanted in name.casefold())[:MOST_FOUND]


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}, key=str.casefold))


def queue_names(session: Session) -> set[str]:
    """Return the names of all queues that ever had an element."""
    # A walk along the index from name to name: DISTINCT would read all of a million elements.
    names: set[str] = set()
    last: str | None = None
    while True:
        query = sa.select(sa.func.min(QueueElement.queue_name))
        if last is not None:
            query = query.where(QueueElement.queue_name > last)
        last = session.execute(query).scalar_one()
        if last is None or last in names:
            return names
        names.add(last)
