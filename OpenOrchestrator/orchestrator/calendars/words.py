"""What a calendar says, in words, and what people write read back. Pure."""

from __future__ import annotations

import calendar as months
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from OpenOrchestrator.common.calendars import Calendar, Country
from OpenOrchestrator.orchestrator.components import times

_BETWEEN = re.compile(r"[\s,;]+")


def dates_of(text: Any) -> frozenset[date]:
    """Return the dates of a text: ISO dates with blanks, commas or line ends between them.

    Raises:
        ValueError: If one is none; the message is it.
    """
    found = set()
    for word in filter(None, _BETWEEN.split(str(text or ""))):
        try:
            found.add(date.fromisoformat(word))
        except ValueError:
            raise ValueError(word) from None
    return frozenset(found)


def check_dates(value: Any) -> str | None:
    """Say which of the dates in a text is none."""
    try:
        dates_of(value)
    except ValueError as error:
        return f"{error} is no date. Write year, month and day, such as 2026-12-24."
    return None


def dates_text(dates: Iterable[date]) -> str:
    """Return dates as the form shows them, a line each."""
    return "\n".join(each.isoformat() for each in sorted(dates))


def weekday_words(days: Iterable[int]) -> str:
    """Return ``Mon to Fri``, or ``Mon, Wed, Sat``."""
    ordered = sorted(days)
    if len(ordered) == 7:
        return "Every day"
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{times.DAYS[ordered[0]]} to {times.DAYS[ordered[-1]]}"
    return ", ".join(times.DAYS[day] for day in ordered)


def country_words(calendar: Calendar, countries: dict[str, Country] | None = None) -> str:
    """Return whose holidays are closed: ``DE, BY``; ``None`` for no holidays."""
    if calendar.country is None:
        return "None"
    known = (countries or {}).get(calendar.country)
    name = calendar.country if known is None else known.name
    return name if calendar.region is None else f"{name}, {calendar.region}"


def own_dates_words(calendar: Calendar) -> str:
    """Return ``2 closed, 1 open``; ``None`` where there are none."""
    parts = [
        f"{len(dates)} {word}" for dates, word in ((calendar.closed, "closed"), (calendar.opened, "open")) if dates
    ]
    return ", ".join(parts) or "None"


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a year as a calendar has it.

    Attributes:
        open_days: How many.
        special: What is not as its weekday says: days in words.
    """

    name: str
    open_days: int
    special: tuple[str, ...]


def year_of(calendar: Calendar, year: int) -> tuple[Month, ...]:
    """Return the months of a year: how many days are open, and which ones are not what their weekday says.

    Raises:
        InvalidInputError: If nothing is known of its country or region.
    """
    found = []
    for number in range(1, 13):
        days = [date(year, number, 1) + timedelta(days=n) for n in range(months.monthrange(year, number)[1])]
        special = []
        for day in days:
            why = calendar.why_closed(day)
            if (why is None) is not (day.weekday() in calendar.working_days):
                special.append(f"{times.DAYS[day.weekday()]} {day.day}: {why or 'open'}")
        found.append(Month(times.LONG_MONTHS[number - 1], sum(map(calendar.is_open, days)), tuple(special)))
    return tuple(found)
