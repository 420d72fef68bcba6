"""Due times against an oracle that knows nothing of croniter: it walks real time minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cron_oracle import MINUTE, Oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from OpenOrchestrator.common.cron import (
    dues_between,
    latest_site_time,
    next_due,
    next_dues,
    resolve_due,
    to_site,
    to_utc,
    validate_cron,
)
from OpenOrchestrator.common.cron_dialect import parse
from OpenOrchestrator.common.errors import InvalidInputError

HOUR = timedelta(hours=1)
UTC_ZONE = ZoneInfo("UTC")
COPENHAGEN = ZoneInfo("Europe/Copenhagen")

# Half-hour changes, changes at midnight, two pairs of changes a year, either hemisphere, none at all.
YEARS = [
    ("Europe/Copenhagen", 2026),
    ("America/New_York", 2026),
    ("Australia/Lord_Howe", 2026),
    ("Africa/Casablanca", 2026),
    ("Pacific/Auckland", 2026),
    ("America/Sao_Paulo", 2018),
    ("Asia/Beirut", 2026),
    ("Asia/Kolkata", 2026),
]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def site(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]


# --- The oracle -------------------------------------------------------------------------------------------------------


def clock(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def clock_changes(zone: ZoneInfo, year: int) -> list[datetime]:
    hours = [utc(year, 1, 1) + n * HOUR / 2 for n in range(366 * 48)]
    return [b for a, b in pairwise(hours) if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset()]


WALKS = [
    (zone := ZoneInfo(name), [(t, clock(t, zone)) for t in (change + n * MINUTE for n in range(-240, 301))])
    for name, year in YEARS
    for change in clock_changes(ZoneInfo(name), year)
]

WALK_IDS = [f"{zone.key}-{walk[240][0]:%Y-%m-%d}" for zone, walk in WALKS]

EXPRESSIONS = [
    "* * * * *",
    "*/7 * * * *",
    "30 * * * *",
    "0 */2 * * *",
    "15 */3 * * *",
    "*/20 0-23 * * *",
    "30 2 * * *",
    "0 2 * * *",
    "0 3 * * *",
    "15 0 * * *",
    "59 23 * * *",
    "0 0 * * *",
    "45 1,2 * * *",
    "*/15 2 * * *",
    "* 0-4 * * *",
    "0,30 22-23 * * *",
    "10 0-23/2 * * *",
    "30 2 * * 0",
    "30 0-3 1-31/2 * *",
]


def test_all_kinds_of_clock_changes_are_walked() -> None:
    shifts = {walk[300][1] - walk[180][1] - 2 * HOUR for _, walk in WALKS}
    assert shifts >= {HOUR, -HOUR, HOUR / 2, -HOUR / 2}
    # Two a year in each of these, whatever the version of the time zone data says of the others' future.
    settled = [name for name, _ in YEARS if name not in ("Africa/Casablanca", "Asia/Beirut", "Asia/Kolkata")]
    assert [sum(zone.key == name for zone, _ in WALKS) for name in settled] == [2] * len(settled)


@pytest.mark.parametrize(("zone", "walk"), WALKS, ids=WALK_IDS)
def test_around_a_clock_change_due_times_are_those_of_somebody_who_watches_the_clock(
    zone: ZoneInfo, walk: list[tuple[datetime, datetime]]
) -> None:
    last = walk[-1][0]
    for expression in EXPRESSIONS:
        dues = Oracle(expression).dues(walk)
        # Not from the first hours on: times that the oracle saw before its start count for it, too.
        for number in range(60, len(walk) - 1, 7):
            after = walk[number][0] + timedelta(seconds=number % 3 * 29, microseconds=number % 2)
            expected = next((due for due in dues if due > after), None)
            found = next_due(expression, after, zone)
            assert found == expected if expected is not None else found > last, (expression, after)
        for after, expected in pairwise(dues[:21]):
            assert next_due(expression, after, zone) == expected, (expression, after)


def stepped(expression: str, after: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    dues = []
    due = after
    while (due := next_due(expression, due, zone)) <= until:
        dues.append(due)
    return dues


SPANS = ["30 2 * * *", "*/15 * * * *", "*/15 2 * * *", "0 0 * * *", "15 */2 * * *", "0,30 0-3 * * SUN", "59 23 L * *"]


@pytest.mark.parametrize(("name", "year"), [*YEARS, ("America/Havana", 2026), ("Africa/Cairo", 2026)])
def test_all_due_times_of_a_span_are_those_of_its_steps_around_every_clock_change(name: str, year: int) -> None:
    zone = ZoneInfo(name)
    days = [utc(year, 1, 1) + timedelta(days=n) for n in range(365)]
    changes = [
        day for day in days if day.astimezone(zone).utcoffset() != (day + 24 * HOUR).astimezone(zone).utcoffset()
    ]
    for day in [*changes, utc(year, 9, 17, 5, 7)]:
        after, until = day - 27 * HOUR, day + 69 * HOUR
        for expression in SPANS:
            assert dues_between(expression, after, until, zone) == stepped(expression, after, until, zone)


def test_times_of_a_date_that_was_left_out_are_due_on_the_next_one() -> None:
    apia = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
    after, until = utc(2011, 12, 29), utc(2012, 1, 1)
    assert dues_between("30 2 * * *", after, until, apia) == stepped("30 2 * * *", after, until, apia)


def test_a_span_holds_its_last_instant_and_not_its_first() -> None:
    assert dues_between("0 * * * *", utc(2026, 1, 1, 5), utc(2026, 1, 1, 7), UTC_ZONE) == [
        utc(2026, 1, 1, 6),
        utc(2026, 1, 1, 7),
    ]
    assert dues_between("0 0 31 2 *", utc(2026, 1, 1), utc(2026, 4, 1), UTC_ZONE) == []
    with pytest.raises(InvalidInputError, match="has 1 fields"):
        dues_between("hourly", utc(2026, 1, 1), utc(2026, 1, 2), UTC_ZONE)


@pytest.mark.parametrize(("name", "year"), YEARS)
@pytest.mark.parametrize("time", [(0, 15), (2, 30), (23, 30)])
def test_a_time_of_day_is_due_once_on_every_day_of_the_year(name: str, year: int, time: tuple[int, int]) -> None:
    zone = ZoneInfo(name)
    start = to_utc(site(year, 1, 1), zone) - MINUTE
    dues = next_dues(f"{time[1]} {time[0]} * * *", start, zone, 365)
    assert [clock(due, zone).date() for due in dues] == [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    moved = [shown for due in dues if ((shown := clock(due, zone)).hour, shown.minute) != time]
    assert len(moved) <= 1
    for shown in moved:
        # The minute before shows a time earlier than the one asked for: the clock jumped over it.
        before = clock(to_utc(shown, zone) - MINUTE, zone)
        assert (before.hour, before.minute) < time < (shown.hour, shown.minute) or before.date() < shown.date()


@pytest.mark.parametrize(("name", "year"), YEARS)
def test_every_six_hours_in_real_time_over_a_year(name: str, year: int) -> None:
    zone = ZoneInfo(name)
    start = utc(year, 1, 1)
    hours = [start + n * HOUR / 2 for n in range(1, 365 * 48)]
    expected = [t for t in hours if (shown := clock(t, zone)).minute == 0 and shown.hour % 6 == 0]
    assert list(next_dues("0 */6 * * *", start, zone, len(expected))) == expected


# --- Examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        # Spring: 02:00 becomes 03:00 on 2026-03-29 at 01:00 UTC.
        ("30 2 * * *", utc(2026, 3, 28, 12), [utc(2026, 3, 29, 1), utc(2026, 3, 30, 0, 30)]),
        ("*/15 2 * * *", utc(2026, 3, 28, 12), [utc(2026, 3, 29, 1), utc(2026, 3, 30, 0)]),
        ("0,30 2,3 * * *", utc(2026, 3, 29, 0), [utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 30), utc(2026, 3, 30, 0)]),
        ("30 * * * *", utc(2026, 3, 29, 0, 30), [utc(2026, 3, 29, 1, 30)]),
        ("0 */2 * * *", utc(2026, 3, 28, 23), [utc(2026, 3, 29, 2)]),
        # Autumn: 03:00 becomes 02:00 on 2026-10-25 at 01:00 UTC.
        ("30 2 * * *", utc(2026, 10, 24, 12), [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)]),
        ("30 2 * * *", utc(2026, 10, 25, 1, 10), [utc(2026, 10, 26, 1, 30)]),
        ("*/30 2 * * *", utc(2026, 10, 25), [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1)]),
        (
            "30 * * * *",
            utc(2026, 10, 25),
            [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 2, 30)],
        ),
        ("0 */2 * * *", utc(2026, 10, 24, 23), [utc(2026, 10, 25, 0), utc(2026, 10, 25, 1), utc(2026, 10, 25, 3)]),
    ],
)
def test_clock_changes_in_copenhagen(expression: str, after: datetime, expected: list[datetime]) -> None:
    assert list(next_dues(expression, after, COPENHAGEN, len(expected))) == expected


def test_an_hour_that_occurs_twice_is_due_again_even_if_the_next_due_day_is_a_year_away() -> None:
    zone = ZoneInfo("America/Sao_Paulo")  # 2018-02-18 00:00 became 2018-02-17 23:00
    first = next_due("30 */23 17 2 *", utc(2018, 2, 18, 0), zone)
    assert (first, next_due("30 */23 17 2 *", first, zone)) == (utc(2018, 2, 18, 1, 30), utc(2018, 2, 18, 2, 30))


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        # What earlier versions of OpenOrchestrator answer after 2026-01-01 00:00.
        ("0 0 */2 * 1", ["01-05", "01-19", "02-09", "02-23"]),
        ("0 0 1 * */2", ["02-01", "03-01", "08-01", "09-01"]),
        ("0 0 1-7 * 1", ["01-02", "01-03", "01-04", "01-05", "01-06", "01-07", "01-12"]),
        ("0 0 L * *", ["01-31", "02-28", "03-31"]),
        ("0 0 LW * *", ["01-30", "02-27", "03-31", "04-30"]),
        ("0 0 lw,5 * *", ["01-05", "01-30", "02-05", "02-27"]),
        ("0 0 LW * */2", ["03-31", "04-30", "06-30", "12-31"]),
        ("0 0 * * 5L", ["01-30", "02-27", "03-27"]),
        ("0 0 * * 1L,3L", ["01-26", "01-28", "02-23"]),
        ("0 0 * * 5#2,1", ["01-05", "01-09", "01-12"]),
        ("0 0 * * MON,wed#2", ["01-05", "01-12", "01-14"]),
        ("0 0 * * 7", ["01-04", "01-11"]),
        ("0 0 * * 5-7", ["01-02", "01-03", "01-04", "01-09"]),
        ("0 0 * * 1/2", ["01-02", "01-04", "01-05", "01-07"]),
        ("0 0 * jan mon-fri", ["01-02", "01-05"]),
        ("0 0 31 * *", ["01-31", "03-31", "05-31"]),
    ],
)
def test_stored_expressions_keep_their_days(expression: str, days: list[str]) -> None:
    dues = next_dues(expression, utc(2026, 1, 1), UTC_ZONE, len(days))
    assert [f"{due:%m-%d}" for due in dues] == days


def test_rare_days() -> None:
    assert next_due("0 0 29 2 *", utc(2096, 3, 1), UTC_ZONE) == utc(2104, 2, 29)
    assert next_dues("0 0 * 2 MON#5", utc(2026, 1, 1), UTC_ZONE, 3) == (
        utc(2044, 2, 29),
        utc(2072, 2, 29),
        utc(2112, 2, 29),
    )
    assert next_due("0 0 LW 2 *", utc(2027, 1, 1), UTC_ZONE) == utc(2027, 2, 26)  # a February that ends on a Sunday
    assert next_due("0 0 29 2 MON#1", utc(2028, 2, 8), UTC_ZONE) == utc(2028, 2, 29)


def test_ranges_may_go_past_the_end() -> None:
    assert [d.hour for d in next_dues("0 22-1 * * *", utc(2026, 1, 1, 12), UTC_ZONE, 5)] == [22, 23, 0, 1, 22]
    assert [d.day for d in next_dues("0 0 * * FRI-MON", utc(2026, 1, 1), UTC_ZONE, 5)] == [2, 3, 4, 5, 9]
    assert [d.day for d in next_dues("0 0 * * 6-1", utc(2026, 1, 1), UTC_ZONE, 4)] == [3, 4, 5, 10]


# --- Random expressions -----------------------------------------------------------------------------------------------


def items(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    step = st.integers(1, 9)
    span = st.tuples(number, number).map(sorted)
    return st.one_of(
        number.map(str),
        span.map(lambda s: f"{s[0]}-{s[1]}"),
        st.builds(lambda s, n: f"{s[0]}-{s[1]}/{n}", span, step),
        st.builds("*/{}".format, step),
        st.builds("{}/{}".format, number, step),
        st.just("*"),
    )


def field(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(item, min_size=1, max_size=3).map(",".join)


DAYS = st.one_of(items(1, 31), st.sampled_from(["L", "LW"]))
WEEKDAYS = st.one_of(
    items(0, 7),
    st.builds("{}#{}".format, st.integers(0, 7), st.integers(1, 5)),
    st.builds("{}L".format, st.integers(0, 7)),
)
CLOCK_FIELDS = st.builds("{} {}".format, field(items(0, 59)), field(items(0, 23)))
DATE_FIELDS = st.builds(
    "{} {} {}".format,
    field(DAYS),
    st.one_of(st.just("*"), field(items(1, 12))),
    st.one_of(st.just("*"), field(WEEKDAYS)),
)
INSTANTS = st.datetimes(site(2020, 1, 1), site(2040, 1, 1), timezones=st.just(timezone.utc))


@settings(max_examples=150, deadline=None)
@given(fields=DATE_FIELDS, after=INSTANTS)
def test_days_of_random_expressions(fields: str, after: datetime) -> None:
    expression = f"20 10 {fields}"
    on_day = Oracle(expression).day_test()
    expected = [
        due
        for n in range(1200)
        if (due := utc(after.year, after.month, after.day, 10, 20) + timedelta(days=n)) > after and on_day(due.date())
    ][:5]
    if expected:
        assert list(next_dues(expression, after, UTC_ZONE, len(expected))) == expected
        assert dues_between(expression, after, expected[-1], UTC_ZONE) == expected
    else:
        try:
            assert next_due(expression, after, UTC_ZONE) > after + timedelta(days=1199)
        except InvalidInputError as error:
            assert "never fires" in str(error)  # noqa: PT017  (either outcome is right)


@settings(max_examples=150, deadline=None)
@given(fields=CLOCK_FIELDS, after=INSTANTS)
def test_times_of_random_expressions(fields: str, after: datetime) -> None:
    expression = f"{fields} * * *"
    matches = Oracle(expression).minute_test()
    start = after.replace(second=0, microsecond=0)
    expected = next(t for n in range(1, 1441) if matches(t := start + n * MINUTE))
    assert next_due(expression, after, UTC_ZONE) == expected


# --- Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("0 0 * * * *", "6 fields"),
        ("@daily", "@daily"),
        ("hello", "1 fields"),
        ("60 * * * *", "The minute field.*'60'.*from 0 to 59"),
        ("-1 * * * *", "The minute field"),
        ("*/0 * * * *", "The minute field.*'[*]/0'"),
        ("1,,2 * * * *", "The minute field.*''"),
        ("H * * * *", "The minute field.*'h'"),
        ("R * * * *", "The minute field"),
        ("h(0-29)/10 * * * *", "The minute field"),
        ("٣ * * * *", "The minute field"),
        ("1-2-3 * * * *", "The minute field"),
        ("*-5 * * * *", "The minute field"),
        (f"*/{'9' * 5000} * * * *", "The minute field"),
        ("0 24 * * *", "The hour field.*'24'.*from 0 to 23"),
        ("0 L * * *", "The hour field"),
        ("0 0 0 * *", "The day of month field.*'0'.*from 1 to 31.*LW"),
        ("0 0 ? * *", "The day of month field"),
        ("0 0 1W * *", "The day of month field"),
        ("0 0 5#2 * *", "The day of month field"),
        ("0 0 * 13 *", "The month field.*'13'.*from 1 to 12 or JAN to DEC"),
        ("0 0 * MON *", "The month field.*'mon'"),
        ("0 0 * JANUARY *", "The month field"),
        ("0 0 * * 8", "The day of week field.*'8'.*from 0 to 7 or SUN to SAT.*1#2"),
        ("0 0 * * MON#6", "The day of week field.*'mon#6'"),
        ("0 0 * * 9L", "The day of week field"),
        ("0 0 * * L", "The day of week field"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 30-31 FEB *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 LW * */6", "never fires"),
    ],
)
def test_a_wrong_expression_is_refused_with_what_is_wrong(expression: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        validate_cron(expression)
    with pytest.raises(InvalidInputError, match=says):
        next_due(expression, utc(2026, 1, 1), COPENHAGEN)


def test_something_else_than_text_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="NoneType"):
        validate_cron(None)  # type: ignore[arg-type]


def test_a_valid_expression_comes_back_trimmed() -> None:
    assert validate_cron("  0 5 * * Mon-Fri\n") == "0 5 * * Mon-Fri"
    assert next_due(" 0 5 * * Mon-Fri ", utc(2026, 1, 1), UTC_ZONE) == utc(2026, 1, 1, 5)


def test_a_day_that_does_not_exist_beside_a_weekday_does() -> None:
    assert next_due("0 0 30 2 MON", utc(2026, 1, 1), UTC_ZONE) == utc(2026, 2, 2)


def test_instants_have_to_be_aware_and_site_times_naive() -> None:
    naive = site(2026, 1, 1)
    calls: tuple[Callable[[], datetime], ...] = (
        lambda: next_due("* * * * *", naive, COPENHAGEN),
        lambda: next_due("0 5 * * *", naive, COPENHAGEN),
        lambda: to_site(naive, COPENHAGEN),
        lambda: latest_site_time(naive, COPENHAGEN),
        lambda: to_utc(utc(2026, 1, 1), COPENHAGEN),
    )
    for call in calls:
        with pytest.raises(InvalidInputError, match="time zone"):
            call()


# --- Site time and UTC ------------------------------------------------------------------------------------------------

ZONES = st.sampled_from([ZoneInfo(name) for name, _ in YEARS])


@given(instant=INSTANTS, zone=ZONES)
def test_one_of_the_two_folds_leads_back_to_the_instant(instant: datetime, zone: ZoneInfo) -> None:
    shown = to_site(instant, zone)
    assert shown.tzinfo is None
    assert instant in {to_utc(shown, zone, fold) for fold in (0, 1)}
    assert to_utc(shown, zone).tzinfo is timezone.utc


@pytest.mark.parametrize("fold", [0, 1])
def test_a_skipped_site_time_is_the_first_instant_after_the_gap(fold: int) -> None:
    for minute in (0, 1, 30, 59):
        assert to_utc(site(2026, 3, 29, 2, minute), COPENHAGEN, fold) == utc(2026, 3, 29, 1)
    assert to_utc(site(2026, 3, 29, 2, 59, 59, 999999), COPENHAGEN, fold) == utc(2026, 3, 29, 1)
    assert to_utc(site(2026, 10, 4, 2, 15), ZoneInfo("Australia/Lord_Howe"), fold) == utc(2026, 10, 3, 15, 30)
    assert to_utc(site(2011, 12, 30, 12), ZoneInfo("Pacific/Apia"), fold) == utc(2011, 12, 30, 10)


def test_a_site_time_that_occurs_twice_has_two_instants() -> None:
    shown = site(2026, 10, 25, 2, 30)
    assert to_utc(shown, COPENHAGEN) == utc(2026, 10, 25, 0, 30)
    assert to_utc(shown, COPENHAGEN, fold=1) == utc(2026, 10, 25, 1, 30)
    assert to_site(utc(2026, 10, 25, 1, 30), COPENHAGEN).fold == 0


@pytest.mark.parametrize("name", ["Europe/Copenhagen", "America/New_York"])
def test_the_ends_of_the_calendar_stand_for_never_and_at_once(name: str) -> None:
    zone = ZoneInfo(name)
    first, last = utc(1, 1, 1), datetime.max.replace(tzinfo=timezone.utc)
    assert to_utc(datetime.max, zone) > utc(9999, 12, 31)  # noqa: DTZ901
    assert to_utc(datetime.min, zone) < utc(1, 1, 2)  # noqa: DTZ901
    assert to_site(last, zone) > site(9999, 12, 31)
    assert to_site(first, zone) < site(1, 1, 2)
    assert latest_site_time(last, zone) > site(9999, 12, 31)
    assert latest_site_time(first, zone) < site(1, 1, 2)
    assert resolve_due(datetime.max, None, zone) > utc(9999, 12, 31)  # noqa: DTZ901


@pytest.mark.parametrize("expression", ["0 5 1 6 *", "0 * 1 6 *"])
def test_after_the_last_due_time_of_the_calendar_there_is_none(expression: str) -> None:
    with pytest.raises(InvalidInputError, match="not due"):
        next_due(expression, utc(9999, 12, 1), UTC_ZONE)


def test_due_at_says_which_of_two_equal_site_times_is_meant() -> None:
    shown = site(2026, 10, 25, 2, 30)
    for due_at in (utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)):
        assert resolve_due(shown, due_at, COPENHAGEN) == due_at
    assert resolve_due(shown, None, COPENHAGEN) == utc(2026, 10, 25, 0, 30)


def test_lost_fractions_do_not_make_next_run_another_one() -> None:
    due_at = utc(2026, 10, 25, 1, 30, 7, 654321)
    for shown in (site(2026, 10, 25, 2, 30, 7), site(2026, 10, 25, 2, 30, 7, 653000), site(2026, 10, 25, 2, 30, 8)):
        assert resolve_due(shown, due_at, COPENHAGEN) == due_at
    a_second_later = to_site(due_at, COPENHAGEN) + timedelta(seconds=1)
    assert resolve_due(a_second_later, due_at, COPENHAGEN) == due_at
    edited = a_second_later + timedelta.resolution
    assert resolve_due(edited, due_at, COPENHAGEN) == to_utc(edited, COPENHAGEN)


@pytest.mark.parametrize("edited", [site(2026, 10, 25, 2, 31), site(2026, 10, 25, 2, 29), site(2027, 1, 1)])
def test_next_run_wins_where_somebody_changed_it(edited: datetime) -> None:
    assert resolve_due(edited, utc(2026, 10, 25, 1, 30), COPENHAGEN) == to_utc(edited, COPENHAGEN)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (utc(2026, 7, 1, 10, 0, 0, 5), site(2026, 7, 1, 12, 0, 0, 5)),
        (utc(2026, 10, 25, 0, 59, 59), site(2026, 10, 25, 2, 59, 59)),
        (utc(2026, 10, 25, 1), site(2026, 10, 25, 2, 59, 59, 999999)),
        (utc(2026, 10, 25, 1, 59, 59), site(2026, 10, 25, 2, 59, 59, 999999)),
        (utc(2026, 10, 25, 2), site(2026, 10, 25, 3)),
        (utc(2026, 3, 29, 1), site(2026, 3, 29, 3)),
    ],
)
def test_the_latest_site_time_is_the_furthest_the_clock_has_shown(now: datetime, expected: datetime) -> None:
    assert latest_site_time(now, COPENHAGEN) == expected


@pytest.mark.parametrize(("zone", "walk"), WALKS, ids=WALK_IDS)
def test_the_latest_site_time_is_never_behind_what_the_clock_showed_before(
    zone: ZoneInfo, walk: list[tuple[datetime, datetime]]
) -> None:
    reached = walk[0][1]
    for instant, shown in walk:
        reached = max(reached, shown)
        # The last minute before the clock was turned back went on to its last microsecond.
        assert reached <= latest_site_time(instant, zone) < reached + MINUTE


@pytest.mark.parametrize(
    "error", [OSError(22, "Invalid argument"), OverflowError("year is out of range"), ValueError("no date")]
)
def test_years_that_the_system_cannot_count_are_not_due(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The C library of Windows ends with the year 3000 and says so by OSError."""

    def refuse(*_: object, **__: object) -> None:
        raise error

    parse("0 0 1 1 *")  # known from here on
    monkeypatch.setattr("OpenOrchestrator.common.cron_dialect.croniter", refuse)
    with pytest.raises(InvalidInputError, match="not due within 50 years"):
        next_due("0 0 1 1 *", utc(3000, 12, 31), ZoneInfo("Europe/Copenhagen"))


def test_the_far_future_raises_nothing_else() -> None:
    for year in (2999, 3000, 3001, 9998):
        try:
            assert next_due("0 0 1 1 *", utc(year, 6, 1), ZoneInfo("Europe/Copenhagen")).year == year
        except InvalidInputError:
            assert year >= 2999
