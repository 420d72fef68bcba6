"""When triggers are expected to run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.schedules import Schedule
from OpenOrchestrator.orchestrator.coming.backend.occurrences import Occurrences, Planned, hours_of

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 23, 7, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def planned(
    expression: str | None, first: datetime, *, seconds: float | None = 60.0, blocking: bool = False
) -> Planned:
    schedule = None if expression is None else Schedule(expression, COPENHAGEN)
    return Planned(uuid4(), "Invoices", "finance", blocking, (), first, schedule, seconds, 1)


def starts(expression: str | None, first: datetime, *, now: datetime = NOW, length: timedelta = DAY) -> list[datetime]:
    runs = Occurrences(now, now + length, COPENHAGEN).of(planned(expression, first))
    return [start for run in runs for start in run.starts]


def test_the_stored_next_run_comes_first_and_the_schedule_after_it() -> None:
    first = NOW + timedelta(hours=3, minutes=1)
    found = starts("0 */6 * * *", first)
    assert found == [first, *(datetime(2026, 11, 23, 11, tzinfo=timezone.utc) + n * 6 * HOUR for n in range(4))]


def test_what_is_late_is_expected_at_once() -> None:
    assert starts("0 12 * * *", NOW - DAY) == [NOW, datetime(2026, 11, 23, 11, tzinfo=timezone.utc)]


def test_a_trigger_without_schedule_runs_once() -> None:
    assert starts(None, NOW + HOUR) == [NOW + HOUR]
    assert starts(None, NOW + 2 * DAY) == []


def test_a_schedule_that_begins_beyond_the_span_has_no_runs() -> None:
    assert starts("* * * * *", NOW + 2 * DAY) == []


def test_many_runs_of_an_hour_are_one_entry_with_their_count() -> None:
    first = datetime(2026, 11, 23, 7, 13, tzinfo=timezone.utc)
    runs = Occurrences(NOW, NOW + 7 * DAY, COPENHAGEN).of(planned("* * * * *", first))
    assert len(runs) == 7 * 24 + 1
    assert (runs[0].start, runs[0].count) == (first, 47)
    assert {run.count for run in runs[1:-1]} == {60}
    assert sum(run.count for run in runs) == 7 * 24 * 60


def test_up_to_four_runs_an_hour_stand_alone() -> None:
    runs = Occurrences(NOW, NOW + DAY, COPENHAGEN).of(planned("*/15 * * * *", NOW + timedelta(minutes=3)))
    assert {run.count for run in runs} == {1}
    assert len(runs) == 96


def test_a_stored_next_run_after_others_of_its_hour_leaves_those_out() -> None:
    first = datetime(2026, 11, 23, 9, 30, tzinfo=timezone.utc)
    runs = Occurrences(NOW, NOW + DAY, COPENHAGEN).of(planned("* * * * *", first))
    assert (runs[0].start, runs[0].count) == (first, 30)
    assert runs[1].start == first + timedelta(minutes=30)


def test_triggers_share_a_schedule_and_not_its_first_run() -> None:
    occurrences = Occurrences(NOW, NOW + DAY, COPENHAGEN)
    soon, later = NOW + timedelta(minutes=48), NOW + timedelta(hours=5, minutes=48)
    assert len(occurrences.of(planned("0 * * * *", later))) == 19
    assert len(occurrences.of(planned("0 * * * *", soon))) == 24


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # The clock goes forward: 02:30 is not there, so it is due at 03:00, which is 01:00 UTC.
        (datetime(2026, 3, 29, tzinfo=timezone.utc), [datetime(2026, 3, 29, 1, tzinfo=timezone.utc)]),
        # It goes back: 02:30 occurs twice, and is due in the first.
        (datetime(2026, 10, 25, tzinfo=timezone.utc), [datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)]),
    ],
)
def test_a_time_of_day_is_expected_once_where_the_clock_is_changed(day: datetime, expected: list[datetime]) -> None:
    first = day - timedelta(hours=22, minutes=30) - (HOUR if day.month == 10 else timedelta())
    found = starts("30 2 * * *", first, now=day - DAY, length=timedelta(days=1, hours=12))
    assert found[1:] == expected


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_an_hourly_trigger_follows_real_time_where_the_clock_is_changed(month: int, day: int, hours: int) -> None:
    midnight = datetime(2026, month, day, tzinfo=COPENHAGEN).astimezone(timezone.utc)
    found = starts("0 * * * *", midnight, now=midnight - timedelta(minutes=1), length=hours * HOUR)
    assert found == [midnight + n * HOUR for n in range(hours)]


@pytest.mark.parametrize(("month", "day", "count"), [(3, 29, 2), (10, 25, 4)])
def test_runs_of_the_hour_that_occurs_twice_are_two_entries(month: int, day: int, count: int) -> None:
    begin = datetime(2026, month, day, 0, 0, tzinfo=timezone.utc)  # 01:00 in spring, the first 02:00 in autumn
    runs = Occurrences(begin, begin + count * HOUR - timedelta(seconds=1), COPENHAGEN).of(planned("*/5 * * * *", begin))
    assert [run.count for run in runs] == [12] * count


def test_a_run_takes_its_slot_no_longer_than_until_its_trigger_runs_again() -> None:
    runs = Occurrences(NOW, NOW + DAY, COPENHAGEN).of(planned("0 * * * *", NOW + timedelta(minutes=48), seconds=9000))
    assert [run.end - run.start for run in runs[:-1]] == [HOUR] * (len(runs) - 1)
    assert runs[-1].end - runs[-1].start == timedelta(seconds=9000)


def test_a_run_of_unknown_length_takes_a_minute() -> None:
    (run,) = Occurrences(NOW, NOW + DAY, COPENHAGEN).of(planned(None, NOW + HOUR, seconds=None))
    assert run.end - run.start == timedelta(minutes=1)


def test_a_malformed_schedule_is_told() -> None:
    with pytest.raises(InvalidInputError):
        Occurrences(NOW, NOW + DAY, COPENHAGEN).of(planned("61 * * * *", NOW))


def test_runs_are_counted_by_hours_of_the_sites_clock() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")  # half an hour beside UTC
    now = datetime(2026, 11, 23, 7, 12, tzinfo=timezone.utc)  # 12:42 there
    runs = Occurrences(now, now + DAY, kolkata).of(
        planned("0 13 * * *", datetime(2026, 11, 23, 7, 30, tzinfo=timezone.utc))
    )
    bad = [(datetime(2026, 11, 23, 9, 0, tzinfo=timezone.utc), datetime(2026, 11, 23, 9, 30, tzinfo=timezone.utc))]
    hours = hours_of(runs, bad, now, kolkata, 4)
    assert [hour.runs for hour in hours] == [0, 1, 0, 0]
    assert [hour.troubled for hour in hours] == [False, False, True, False]
    assert hours[1].start.astimezone(kolkata).strftime("%H:%M") == "13:00"


def test_runs_of_a_trigger_with_several_jobs_go_on_beside_each_other() -> None:
    hourly = planned("0 * * * *", NOW.replace(minute=0) + HOUR, seconds=3 * 3600)
    for most, hours in ((1, 1), (2, 2), (5, 3)):
        runs = Occurrences(NOW, NOW + DAY, COPENHAGEN).of(replace(hourly, most_jobs=most))
        assert {run.end - run.start for run in runs[:5]} == {hours * HOUR}


def test_of_the_many_of_an_hour_as_many_go_on_at_once_as_may() -> None:
    minutely = planned("* * * * *", NOW + timedelta(minutes=1), seconds=600)
    for most in (1, 3, 20):
        first, *_ = Occurrences(NOW, NOW + DAY, COPENHAGEN).of(replace(minutely, most_jobs=most))
        moment = NOW + timedelta(minutes=20)
        spans = first.spans_during(moment, moment + timedelta(seconds=1))
        assert len(spans) == min(most, 10)
