"""Calendars for the page: the list, and guarded changes that move the next runs of the triggers concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.calendars import Calendar, Country, known_countries
from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.calendars import SiteCalendar
from OpenOrchestrator.database.stores import calendars, trigger_schedules
from OpenOrchestrator.database.triggers import ScheduledTrigger
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop
from OpenOrchestrator.orchestrator.backend.open_days import is_usable
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = calendars.NAME_LENGTH


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A calendar in the list; an edit names it as what it starts from.

    Attributes:
        calendar: None if its row cannot be read.
        problem: Why triggers cannot use it; empty if they can.
        edition: What a change has to name; None if there is none to read.
        users: Names of the triggers that name it, in order.
        changed: Aware; None if it cannot be read.
    """

    name: str
    calendar: Calendar | None
    problem: str
    edition: UUID | None
    users: tuple[str, ...]
    changed: datetime | None


class CalendarsBackend(Backend):
    """Calendars."""

    async def rows(self) -> tuple[CalendarRow, ...]:
        """Return all calendars, by name."""
        return await self._read(self._rows)

    async def get(self, name: str) -> CalendarRow:
        """Return the calendar of a name.

        Raises:
            NotFoundError: If there is none.
        """
        found = next((row for row in await self.rows() if row.name == name), None)
        if found is None:
            raise NotFoundError(f"There is no calendar {name!r}: somebody deleted it, or the link is wrong.")
        return found

    async def create(self, calendar: Calendar) -> None:
        """Store a new calendar; blanks around its name are dropped.

        Raises:
            AlreadyExistsError: If its name is taken, whatever its case.
            InvalidInputError: If it makes no sense.
        """

        def work(session: Session) -> None:
            checked = calendars.checked(calendar, session.get_bind().dialect.name)
            calendars.insert(session, checked, now=self._now())

        await self._write(work)

    async def update(self, before: CalendarRow, calendar: Calendar) -> bool:
        """Change a calendar, and compute the next runs of its triggers anew, from now on.

        Args:
            before: What the edit started from.
            calendar: What it is to be; of the same name.

        Returns:
            False if somebody changed or deleted it since ``before`` was read; nothing was changed then.

        Raises:
            InvalidInputError: If it makes no sense.
        """

        def work(session: Session) -> bool:
            checked = calendars.checked(calendar, session.get_bind().dialect.name)
            now = self._now()
            if before.edition is None or not calendars.update(session, checked, before.edition, now=now):
                return False
            trigger_schedules.follow_calendar(session, checked.name, now=now, zone=self._database.zone)
            return True

        return await self._write(work)

    async def delete(self, name: str) -> None:
        """Delete a calendar that no trigger names.

        Raises:
            InvalidInputError: If triggers name it; the message says which.
            NotFoundError: If there is none.
        """
        await self._write(lambda session: calendars.delete(session, name))

    async def countries(self) -> Mapping[str, Country]:
        """Return the countries whose holidays are known, by their two letters."""
        return await off_loop(known_countries)

    def _rows(self, session: Session) -> tuple[CalendarRow, ...]:
        stored = calendars.read_all(session.connection())
        scheduled, table = ScheduledTrigger.__table__, SiteCalendar.__table__
        named = sa.select(scheduled.c.calendar, _T.c.trigger_name).select_from(
            scheduled.join(_T, _T.c.id == scheduled.c.id)
        )
        users: dict[str, list[str]] = {}
        for calendar, trigger in session.execute(named.where(scheduled.c.calendar.is_not(None))):
            users.setdefault(calendar, []).append(trigger)
        readable = [each.name for each in stored if each.calendar is not None]
        changes = sa.select(table.c.name, table.c.changed_at).where(table.c.name.in_(readable))
        changed = {row.name: row.changed_at for row in session.execute(changes)}
        year = self._now().year
        return tuple(
            CalendarRow(
                each.name,
                each.calendar,
                _problem(each, year),
                each.edition,
                tuple(sorted(users.get(each.name, ()), key=str.casefold)),
                changed.get(each.name),
            )
            for each in stored
        )


def _problem(stored: calendars.StoredCalendar, year: int) -> str:
    if stored.calendar is None:
        return f"Its row in the database cannot be read: {stored.problem}."
    if not is_usable(stored.calendar, year):
        return "Nothing is known of the holidays of its country or region. Choose another one."
    return ""
