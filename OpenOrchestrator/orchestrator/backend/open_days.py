"""The calendars of the site, ready for the event loop: the slow package of holidays was loaded in the thread that read.

Owns which of them can be used. What one says is in ``common.calendars``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.common.calendars import Calendar, holidays_of
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores import calendars

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def calendars_of(session: Session, year: int) -> dict[str, Calendar]:
    """Return the calendars that can be used by their names, in order.

    Args:
        session: An open transaction.
        year: The present one; its holidays and those of the next are looked up already.
    """
    return {
        stored.name: stored.calendar
        for stored in calendars.read_all(session.connection())
        if stored.calendar is not None and is_usable(stored.calendar, year)
    }


def is_usable(calendar: Calendar, year: int) -> bool:
    """Tell whether the holidays of a calendar are known, and look up those of two years."""
    if calendar.country is None:
        return True
    try:
        for each in (year, year + 1):
            holidays_of(calendar.country, calendar.region, each)
    except InvalidInputError:
        return False
    return True
