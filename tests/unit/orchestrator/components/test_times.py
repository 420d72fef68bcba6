"""Times, durations and numbers as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from OpenOrchestrator.orchestrator.components import times

ZONE = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 23, 7, 12, tzinfo=timezone.utc)  # Monday 08:12 in Copenhagen


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=12), "12 min ago"),
        (timedelta(minutes=12, seconds=1), "13 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(minutes=59, seconds=59), "07:12"),
        (timedelta(minutes=-5), "08:17"),
        (timedelta(hours=1), "07:12"),
        (timedelta(hours=8, minutes=12), "00:00"),
        (timedelta(hours=8, minutes=13), "Sun 23:59"),
        (timedelta(days=2, hours=6, minutes=12), "Sat 02:00"),
        (timedelta(days=6), "Tue 08:12"),
        (timedelta(days=7), "16 Nov"),
        (timedelta(days=26), "28 Oct"),
        (timedelta(days=400), "19 Oct 2025"),
    ],
)
def test_past(before: timedelta, text: str) -> None:
    assert times.past(NOW - before, NOW, ZONE) == text


def test_ages_change_together_with_the_minute_of_the_clock() -> None:
    instants = [NOW - timedelta(seconds=seconds) for seconds in range(120, 900, 7)]

    def shown(now: datetime) -> list[str]:
        return [times.past(instant, now, ZONE) for instant in instants]

    within = [shown(NOW + timedelta(seconds=seconds)) for seconds in range(60)]
    assert all(texts == within[0] for texts in within)
    changed = zip(within[0], shown(NOW + timedelta(seconds=60)), strict=True)
    assert all(before != after for before, after in changed)


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=48), "in 48 min"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(hours=14, minutes=30), "in 14 h"),
        (timedelta(days=8, hours=5), "in 8 d"),
    ],
)
def test_future(ahead: timedelta, text: str) -> None:
    assert times.future(NOW + ahead, NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "< 1 s"),
        (-3, "< 1 s"),
        (0.9, "< 1 s"),
        (1, "1 s"),
        (12.9, "12 s"),
        (51 * 60 + 12, "51 m"),
        (2 * 3600 + 41 * 60, "2 h 41 m"),
        (3600 + 8 * 60, "1 h 08 m"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert times.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.84, "0.8 s"),
        (7, "7 s"),
        (252, "4 min 12 s"),
        (9665, "2 h 41 min 5 s"),
        (-1, "< 1 s"),
        (0, "< 1 s"),
        (0.02, "< 0.1 s"),
    ],
)
def test_exact_duration(seconds: float, text: str) -> None:
    assert times.exact_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "< 1 min"), (59.9, "< 1 min"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86400, "1 d")],
)
def test_span(seconds: float, text: str) -> None:
    assert times.span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2880, "48 min"), (21 * 3600, "21 h"), (50700, "14 h 5 min"), (162000, "1 d 21 h"), (864000, "10 d")],
)
def test_long_span(seconds: float, text: str) -> None:
    assert times.long_span(seconds) == text


def test_numbers_have_narrow_no_break_spaces() -> None:
    assert times.number(1212) == "1\u202f212"
    assert times.number(-1234567) == "-1\u202f234\u202f567"
    assert times.number(999) == "999"
    assert times.capped(10_000, 10_000) == "10\u202f000+"
    assert times.capped(9_999, 10_000) == "9\u202f999"


def test_absolute_names_the_zone_as_it_is_then() -> None:
    assert times.absolute(NOW + timedelta(minutes=18), ZONE) == (
        "Mon 23 Nov 2026, 08:30:00\nEurope/Copenhagen, CET (UTC+1)"
    )
    summer = datetime(2026, 7, 1, 6, 0, tzinfo=timezone.utc)
    assert times.zone_text(summer, ZONE) == "Europe/Copenhagen, CEST (UTC+2)"
    assert times.zone_text(NOW, ZoneInfo("UTC")) == "UTC"
    assert times.zone_text(NOW, ZoneInfo("Asia/Kathmandu")) == "Asia/Kathmandu (UTC+5:45)"
    assert times.utc_offset(NOW, ZoneInfo("America/St_Johns")) == "UTC-3:30"


def test_a_site_time_that_occurs_twice_is_the_first() -> None:
    instant = times.from_site(datetime(2026, 10, 25, 2, 30), ZONE)
    assert instant.astimezone(timezone.utc) == datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)
