"""When a trigger is due: a cron expression in a time zone, on the open days of a calendar.

Owns what a calendar does to the times that an expression names. Pure; never asks for the time. The dialect of
expressions is in ``cron_dialect``, the rules for clock changes are in ``cron``, which days are open in ``calendars``.

A calendar acts on the days that an expression names, before any clock is looked at: an open day has the expression's
times of day if the expression names it, or names a closed day whose runs are moved to it. So a moved run is due at the
same time of day, and runs that meet are one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.cron_dialect import Meaning, meaning_of, parse
from OpenOrchestrator.common.errors import InvalidInputError

_DAY = timedelta(days=1)
_LONGEST_WAIT = timedelta(days=50 * 366)


class ClosedDays(Enum):
    """What becomes of the runs of a closed day; the values are the words of files."""

    SKIP = "skip"
    NEXT = "next"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day that the expression names and the calendar closes.

    Attributes:
        why: As the end of ``closed:``.
    """

    day: date
    why: str


@dataclass(frozen=True, slots=True)
class Due:
    """A time at which a trigger is due.

    Attributes:
        at: Aware UTC.
        is_own: Whether the expression names its day; otherwise it is there for closed days alone.
        closed: The closed days whose runs were moved to it; where runs are left out, those that were left out since
            the due time before. Earliest first.
    """

    at: datetime
    is_own: bool = True
    closed: tuple[ClosedDay, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression in a time zone, on the open days of a calendar.

    Without a calendar its due times are those of ``cron``.

    Attributes:
        expression: Five fields, see ``cron.validate_cron``.
        zone: Whose wall clock the expression means, and whose days the calendar.
        calendar: None if every day is open.
        closed_days: What becomes of the runs of closed days.
    """

    expression: str
    zone: ZoneInfo
    calendar: Calendar | None = None
    closed_days: ClosedDays = ClosedDays.SKIP

    def next_due(self, after_utc: datetime) -> datetime:
        """Return the first instant strictly after another at which it is due, aware UTC.

        Raises:
            InvalidInputError: If the expression is malformed or is not due within 50 years, if nothing is known of the
                calendar's country, or the instant is naive.
        """
        if self.calendar is None:
            return cron.next_due(self.expression, after_utc, self.zone)
        return next(self._walk(self.calendar, after_utc))[1]

    def next_dues(self, after_utc: datetime, count: int) -> tuple[Due, ...]:
        """Return the first ``count`` due times strictly after an instant, earliest first, with what moved and why.

        Raises:
            InvalidInputError: As ``next_due``.
        """
        calendar = self.calendar
        if calendar is None:
            return tuple(map(Due, cron.next_dues(self.expression, after_utc, self.zone, count)))
        meaning = self._meaning()
        dues = []
        before = cron.to_site(after_utc, self.zone).date()
        for day, at in islice(self._walk(calendar, after_utc), count):
            if self.closed_days is ClosedDays.SKIP:
                days = [before + n * _DAY for n in range((day - before).days)]
                own = True
            else:
                days = sorted(calendar.closed_run(day, -1 if self.closed_days is ClosedDays.NEXT else 1))
                own = meaning.falls_on(day)
            closed = ((each, calendar.why_closed(each)) for each in days if meaning.falls_on(each))
            dues.append(Due(at, own, tuple(ClosedDay(each, why) for each, why in closed if why is not None)))
            before = day
        return tuple(dues)

    def dues_between(self, after_utc: datetime, until_utc: datetime) -> list[datetime]:
        """Return all instants of a span at which it is due, earliest first; the first is after its start.

        Raises:
            InvalidInputError: If the expression is malformed, if nothing is known of the calendar's country, or an
                instant is naive.
        """
        if self.calendar is None:
            return cron.dues_between(self.expression, after_utc, until_utc, self.zone)
        day, last = (cron.to_site(each, self.zone).date() for each in (after_utc, until_utc))
        dues: set[datetime] = set()
        meaning = self._meaning()
        # From the day before: what does not exist on it may be due on the next.
        day -= _DAY
        while day <= last + _DAY:
            if self._names(day, self.calendar, meaning):
                dues.update(self._dues_on(day))
            day += _DAY
        ordered = sorted(dues)
        return ordered[bisect_right(ordered, after_utc) : bisect_right(ordered, until_utc)]

    def _walk(self, calendar: Calendar, after_utc: datetime) -> Iterator[tuple[date, datetime]]:
        """Yield the due times after an instant with the days that name them, without end."""
        meaning = self._meaning()
        # One day back and one ahead: a clock change at midnight lets the times of two days overlap.
        start = cron.to_site(after_utc, self.zone).date() - _DAY
        reached, found = start, after_utc
        pending: dict[datetime, date] = {}
        while True:
            try:
                if self._names(reached, calendar, meaning):
                    pending.update((at, reached) for at in self._dues_on(reached) if at > found)
                last = max((at for at, day in pending.items() if day < reached), default=found)
                ready = sorted(at for at in pending if at <= last)
                reached += _DAY
            except OverflowError as error:
                raise self._never(after_utc) from error
            for at in ready:
                yield pending.pop(at), at
                found, start = at, reached
            if reached - start > _LONGEST_WAIT:
                raise self._never(after_utc)

    def _never(self, after_utc: datetime) -> InvalidInputError:
        name = "" if self.calendar is None else self.calendar.name
        return InvalidInputError(
            f"The cron expression {self.expression!r} is not due within 50 years of {after_utc} on the open days of "
            f"the calendar {name!r}. Change the expression, the calendar, or what happens on closed days."
        )

    def _names(self, day: date, calendar: Calendar, meaning: Meaning) -> bool:
        """Tell whether a day has the expression's times of day, its own or those of closed days."""
        if meaning.falls_on(day):
            return calendar.is_open(day)
        if self.closed_days is ClosedDays.SKIP:
            return False
        step = -1 if self.closed_days is ClosedDays.NEXT else 1
        return any(map(meaning.falls_on, calendar.closed_run(day, step))) and calendar.is_open(day)

    def _meaning(self) -> Meaning:
        trimmed = self.expression.strip()
        parse(trimmed)  # says that an expression never fires
        return meaning_of(trimmed)

    def _dues_on(self, day: date) -> list[datetime]:
        trimmed = self.expression.strip()
        return cron.dues_on(day, _times_of_day(trimmed), self.zone, follows_real_time=parse(trimmed).follows_real_time)


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name, such as ``Europe/Copenhagen``.

    Raises:
        InvalidInputError: If it is none, or not known on this machine.
    """
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInputError(
            f"The time zone {name!r} is not known here. Choose an IANA name such as Europe/Copenhagen."
        ) from error


@lru_cache(maxsize=1)
def known_zones() -> tuple[str, ...]:
    """Return the names of all time zones that people choose from, in order. Reads the disk when first called."""
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


@lru_cache(maxsize=256)
def _times_of_day(expression: str) -> tuple[timedelta, ...]:
    meaning = meaning_of(expression)
    minutes = sorted(meaning.minutes)
    return tuple(timedelta(hours=hour, minutes=minute) for hour in sorted(meaning.hours) for minute in minutes)
