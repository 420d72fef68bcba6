"""What a calendar does to the due times of a schedule, in examples; all of them are compared in the oracle's test."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.calendars import Calendar, known_countries
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.schedules import ClosedDay, ClosedDays, Due, Schedule, zone_named

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
DANISH = Calendar("Denmark", "DK", closed=frozenset({date(2026, 12, 24)}), opened=frozenset({date(2026, 12, 26)}))
NOT_WORKING = "not a working day"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def schedule(expression: str, way: ClosedDays, calendar: Calendar | None = DANISH) -> Schedule:
    return Schedule(expression, COPENHAGEN, calendar, way)


def test_without_a_calendar_due_times_are_those_of_the_expression() -> None:
    plain = schedule("0 8 * * *", ClosedDays.NEXT, None)
    after, until = utc(2026, 12, 23), utc(2027, 1, 3)
    assert plain.next_due(after) == cron.next_due("0 8 * * *", after, COPENHAGEN)
    assert plain.next_dues(after, 2) == (Due(utc(2026, 12, 23, 7)), Due(utc(2026, 12, 24, 7)))
    assert plain.dues_between(after, until) == cron.dues_between("0 8 * * *", after, until, COPENHAGEN)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2026, 12, 23), None),
        (date(2026, 12, 24), "closed on this date"),
        (date(2026, 12, 25), "Christmas Day"),
        (date(2026, 12, 26), None),  # a Saturday and a holiday, but opened
        (date(2026, 12, 27), NOT_WORKING),
    ],
)
def test_a_closed_day_says_why(day: date, why: str | None) -> None:
    assert DANISH.why_closed(day) == why
    assert DANISH.is_open(day) == (why is None)


def test_runs_of_closed_days_are_left_out_and_named() -> None:
    dues = schedule("0 8 * * *", ClosedDays.SKIP).next_dues(utc(2026, 12, 23, 12), 2)
    assert dues == (
        Due(
            utc(2026, 12, 26, 7),
            closed=(
                ClosedDay(date(2026, 12, 24), "closed on this date"),
                ClosedDay(date(2026, 12, 25), "Christmas Day"),
            ),
        ),
        Due(utc(2026, 12, 28, 7), closed=(ClosedDay(date(2026, 12, 27), NOT_WORKING),)),
    )


def test_runs_of_closed_days_meet_on_the_next_open_day_and_are_one() -> None:
    dues = schedule("0 8,9 24,25 12 *", ClosedDays.NEXT).next_dues(utc(2026, 12, 1), 3)
    moved = (ClosedDay(date(2026, 12, 24), "closed on this date"), ClosedDay(date(2026, 12, 25), "Christmas Day"))
    assert dues[:2] == (Due(utc(2026, 12, 26, 7), False, moved), Due(utc(2026, 12, 26, 8), False, moved))
    assert dues[2] == Due(utc(2027, 12, 24, 7))
    own = schedule("0 8 * * *", ClosedDays.NEXT).next_dues(utc(2026, 12, 27), 1)
    assert own == (Due(utc(2026, 12, 28, 7), True, (ClosedDay(date(2026, 12, 27), NOT_WORKING),)),)


def test_runs_of_closed_days_are_on_the_open_day_before() -> None:
    (due,) = schedule("30 7 25 12 *", ClosedDays.PREVIOUS).next_dues(utc(2026, 12, 1), 1)
    assert due == Due(utc(2026, 12, 23, 6, 30), False, (ClosedDay(date(2026, 12, 25), "Christmas Day"),))
    # Asked on that day after the time, it has run: the next is a year later.
    assert schedule("30 7 25 12 *", ClosedDays.PREVIOUS).next_due(due.at).year == 2027


def test_a_moved_run_follows_the_rules_for_clock_changes() -> None:
    # 02:30 of Sunday the 29th of March does not exist: moved away it does, moved there it is due after the gap.
    sundays = Calendar("Only Sundays", working_days=frozenset({6}))
    weekdays = Calendar("Weekdays")
    assert schedule("30 2 * * SUN", ClosedDays.NEXT, weekdays).next_due(utc(2026, 3, 28)) == utc(2026, 3, 30, 0, 30)
    assert schedule("30 2 * * SAT", ClosedDays.NEXT, sundays).next_due(utc(2026, 3, 28)) == utc(2026, 3, 29, 1)
    twice = schedule("30 */1 * * SAT", ClosedDays.NEXT, sundays).dues_between(
        utc(2026, 10, 24, 22), utc(2026, 10, 25, 2)
    )
    assert twice == [utc(2026, 10, 24, 22, 30) + n * timedelta(hours=1) for n in range(4)]


def test_the_days_of_a_calendar_are_those_of_the_schedules_zone() -> None:
    # 07:30 on Monday in Auckland is still Sunday in UTC.
    auckland = Schedule("30 7 * * *", ZoneInfo("Pacific/Auckland"), Calendar("Week"))
    assert auckland.next_due(utc(2026, 6, 13)) == utc(2026, 6, 14, 19, 30)


@pytest.mark.parametrize("way", list(ClosedDays))
def test_malformed_expressions_are_told_as_ever(way: ClosedDays) -> None:
    for expression, words in (("hourly", "has 1 fields"), ("0 0 31 2 *", "never fires")):
        for call in (
            lambda s: s.next_due(utc(2026, 1, 1)),
            lambda s: s.next_dues(utc(2026, 1, 1), 1),
            lambda s: s.dues_between(utc(2026, 1, 1), utc(2026, 2, 1)),
        ):
            with pytest.raises(InvalidInputError, match=words):
                call(schedule(expression, way))


def test_an_expression_that_names_closed_days_alone_is_never_due() -> None:
    with pytest.raises(InvalidInputError, match="on the open days of the calendar 'Denmark'"):
        schedule("0 8 * * SUN", ClosedDays.SKIP).next_due(utc(2027, 1, 1))
    with pytest.raises(InvalidInputError, match="not due within 50 years"):
        schedule("0 8 * * SUN", ClosedDays.SKIP).next_due(utc(9999, 12, 1))


def test_names_of_zones_and_countries_are_checked() -> None:
    assert zone_named(" Asia/Tokyo ").key == "Asia/Tokyo"
    for name in ("Mars/Olympus", "", "../UTC", "Europe"):
        with pytest.raises(InvalidInputError, match="is not known here"):
            zone_named(name)
    assert (known_countries()["US"].name, "BY" in known_countries()["DE"].regions) == ("United States", True)
    assert Calendar("x", "DE", "BY").why_closed(date(2026, 1, 6)) == "Epiphany"
    assert Calendar("x", "DE").is_open(date(2026, 1, 6))
    with pytest.raises(InvalidInputError, match="country 'os'"):
        Calendar("x", "os").is_open(date(2026, 1, 6))


def test_the_package_of_holidays_is_not_loaded_where_no_country_is_named() -> None:
    code = (
        "import sys; from datetime import datetime, timezone; from OpenOrchestrator.common.schedules import *; "
        "Schedule('0 8 * * *', zone_named('UTC'), Calendar('Week')).next_due(datetime.now(timezone.utc)); "
        "assert 'holidays' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
