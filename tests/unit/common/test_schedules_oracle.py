"""Due times of schedules over two years against an oracle that goes through them minute by minute.

The oracle knows neither croniter nor how a schedule reasons: it looks at what a wall clock shows at every minute, and
carries the runs of each closed day to where they belong. By default every pair of zone and expression is compared under
one way to treat closed days, in turn; with OPENORCHESTRATOR_WHOLE_ORACLE=1 under all of them (some minutes).
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from itertools import compress
from random import Random
from zoneinfo import ZoneInfo

import holidays
import pytest
from cron_oracle import MINUTE, Oracle

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.schedules import ClosedDays, Schedule

DAY = timedelta(days=1)
MINUTES_A_DAY = 24 * 60

# Half-hour offsets and changes, the southern half, changes at midnight, a quarter of an hour, none at all.
ZONES = (
    "Europe/Copenhagen",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "America/Santiago",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Pacific/Chatham",
)

EXPRESSIONS = (
    "0 8 * * *",
    "30 2 * * *",
    "0 0 * * *",
    "30 23 * * 1-5",
    "15 0 * * 0",
    "0 6 * * 1-5",
    "45 1,2,3 * * *",
    "0 */6 * * *",
    "30 */2 * * 6",
    "*/30 * * * *",
    "*/20 8-17 * * 1-5",
    "*/15 2 * * *",
    "0 9 1 * *",
    "0 9 L * *",
    "0 9 LW * *",
    "0 7 24,25,26 12 *",
    "0 12 * * 1#1,5L",
    "5 4 13 * 5",
    "10 0-23/2 */2 * *",
    "0 3 29 2 *",
)

WAYS = (None, *ClosedDays)

# Sundays are open, because clocks are changed on them in most zones.
WORKING_DAYS = frozenset({0, 1, 3, 4, 6})
CLOSED = frozenset({date(2027, 6, 1), date(2027, 6, 2), date(2027, 9, 30), date(2028, 2, 29), date(2027, 3, 26)})
OPENED = frozenset({date(2027, 12, 25), date(2027, 6, 5), date(2028, 4, 30)})

START = datetime(2027, 1, 1, tzinfo=timezone.utc)
END = datetime(2029, 1, 1, tzinfo=timezone.utc)
# The oracle looks further than the two years, because runs move over their ends.
FIRST, LAST = date(2026, 12, 1), date(2029, 2, 1)

WHOLE = bool(os.environ.get("OPENORCHESTRATOR_WHOLE_ORACLE"))


def test_there_are_twenty_expressions_eight_zones_and_all_ways() -> None:
    assert (len(EXPRESSIONS), len(ZONES), len(WAYS)) == (20, 8, 4)
    found = {(zone, expression) for zone in ZONES for expression in EXPRESSIONS for _ in chosen(zone, expression)}
    assert len(found) == 160
    assert {way for zone in ZONES for way in chosen(zone, EXPRESSIONS[0])} == set(WAYS)


def chosen(zone: str, expression: str) -> Iterable[ClosedDays | None]:
    """Return the ways that are compared for a zone and an expression: over all pairs each comes as often."""
    if WHOLE:
        return WAYS
    return (WAYS[(ZONES.index(zone) + EXPRESSIONS.index(expression) + ZONES.index(zone) // 4) % len(WAYS)],)


# --- The oracle -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """Two years of looking at a clock every minute, beginning a day before START.

    Attributes:
        shown: What it shows, in minutes since FIRST began.
        reached: For every minute since FIRST, at which look the clock had reached it; -1 if it did before or never.
    """

    shown: array[int]
    reached: array[int]


@lru_cache(maxsize=1)
def walk(zone_name: str) -> Walk:
    zone = ZoneInfo(zone_name)
    origin = datetime(FIRST.year, FIRST.month, FIRST.day)
    shown = array("l")
    instant = START - DAY
    while instant < END:  # no clock is changed within a quarter of an hour
        now = int((instant.astimezone(zone).replace(tzinfo=None) - origin) / MINUTE)
        shown.extend(range(now, now + 15))
        instant += 15 * MINUTE
    reached = array("l", [-1]) * (((LAST - FIRST).days + 1) * MINUTES_A_DAY)
    last = shown[0] - 1
    for look, minute in enumerate(shown):
        while last < minute:
            last += 1
            reached[last] = look
    return Walk(shown, reached)


@lru_cache(maxsize=1)
def days_off() -> frozenset[date]:
    """Return all closed days, from nothing but the sources of the calendar."""
    danish = holidays.country_holidays("DK", years=range(FIRST.year, LAST.year + 1))
    days = (FIRST + n * DAY for n in range((LAST - FIRST).days))
    return frozenset(
        day for day in days if (day.weekday() in (2, 5) or day in danish or day in CLOSED) and day not in OPENED
    )


@lru_cache
def named_days(expression: str) -> tuple[date, ...]:
    """Return the days that an expression names, whatever the calendar says."""
    on_day = Oracle(expression).day_test()
    return tuple(day for day in (FIRST + n * DAY for n in range((LAST - FIRST).days)) if on_day(day))


def named_minutes(expression: str, way: ClosedDays | None) -> bytearray:
    """Return for every minute since FIRST whether the expression names it, once the calendar has moved its runs."""
    at_minute = Oracle(" ".join([*expression.split()[:2], "* * *"])).minute_test()
    midnight = datetime(2027, 1, 1)
    times = bytes(at_minute(midnight + n * MINUTE) for n in range(MINUTES_A_DAY))
    named = bytearray(((LAST - FIRST).days + 1) * MINUTES_A_DAY)
    for its_day in named_days(expression):
        day = its_day
        while way is not None and day in days_off():
            if way is ClosedDays.SKIP:
                break
            day += DAY if way is ClosedDays.NEXT else -DAY
        else:
            place = (day - FIRST).days * MINUTES_A_DAY
            if place >= 0:
                named[place : place + MINUTES_A_DAY] = times
    return named


def expected_dues(zone_name: str, expression: str, way: ClosedDays | None) -> list[int]:
    """Return the due times in minutes since START, as somebody finds them who looks at the clock every minute."""
    seen, named = walk(zone_name), named_minutes(expression, way)
    if Oracle(expression).follows_real_time:
        looks = set(compress(range(len(seen.shown)), map(named.__getitem__, seen.shown)))
    else:
        looks = set(compress(seen.reached, named))
    before = MINUTES_A_DAY  # of the walk, that lie before START
    return [look - before for look in sorted(looks) if look > before]


# --- Compared ---------------------------------------------------------------------------------------------------------


def schedule_of(zone: str, expression: str, way: ClosedDays | None) -> Schedule:
    if way is None:
        return Schedule(expression, ZoneInfo(zone))
    return Schedule(expression, ZoneInfo(zone), Calendar("Denmark", "DK", None, CLOSED, OPENED, WORKING_DAYS), way)


@pytest.mark.parametrize("zone", ZONES)
def test_due_times_of_two_years_are_exactly_those_of_somebody_who_looks_every_minute(zone: str) -> None:
    random = Random(zone)
    for expression in EXPRESSIONS:
        for way in chosen(zone, expression):
            schedule = schedule_of(zone, expression, way)
            expected = expected_dues(zone, expression, way)
            last = END - MINUTE
            dues = schedule.dues_between(START, last)
            assert all(due.second == due.microsecond == 0 for due in dues)
            assert [int((due - START) / MINUTE) for due in dues] == expected, (zone, expression, way)
            # One by one from anywhere gives the same.
            for _ in range(6):
                after = START + random.randrange(2 * 365 * 24 * 60 - 1) * MINUTE
                place = bisect_right(dues, after)
                rest = dues[place : place + 3]
                assert [due.at for due in schedule.next_dues(after, len(rest))] == rest, (zone, expression, way, after)
                assert not rest or schedule.next_due(after) == rest[0]
