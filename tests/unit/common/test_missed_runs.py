"""What becomes of due times that passed: which is run, which are skipped, when it is due next."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from cron_oracle import MINUTE, Oracle

from OpenOrchestrator.common import missed_runs
from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.missed_runs import (
    LATE_SECONDS,
    MOST_COUNTED,
    ONE_BY_ONE,
    Decision,
    MissedPolicy,
    MissedRuns,
    Passed,
    decide,
    rule_words,
    runs_any,
    waiting,
    words_of,
)
from OpenOrchestrator.common.schedules import Schedule

ROME = ZoneInfo("Europe/Rome")
HOURLY = Schedule("0 * * * *", ROME)
DAILY = Schedule("0 8 * * *", ROME)
ONCE, EACH, SKIP = MissedRuns.ONCE, MissedRuns.EACH, MissedRuns.SKIP


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


DUE = utc(2026, 1, 5, 7)
AT_12_30 = utc(2026, 1, 5, 12, 30)


def watched(expression: str, until: datetime) -> list[datetime]:
    """Return the due times of an expression after DUE, found by looking at a clock every minute."""
    walk = [DUE + n * MINUTE for n in range(1, int((until - DUE) / MINUTE) + 1)]
    clock = [(at, at.astimezone(ROME).replace(tzinfo=None)) for at in walk]
    return Oracle(expression).dues(clock) if clock else []


def dues(*hours: int) -> tuple[datetime, ...]:
    return tuple(utc(2026, 1, 5, hour) for hour in hours)


# --- once


def test_by_default_one_run_however_late_stands_for_all_and_nothing_is_skipped():
    found = decide(MissedPolicy(), HOURLY, DUE, now=AT_12_30)
    assert found == Decision(DUE, utc(2026, 1, 5, 13))
    assert not found.entries
    years_later = decide(MissedPolicy(), HOURLY, utc(1, 1, 1), now=AT_12_30)
    assert (years_later.run, years_later.skipped) == (utc(1, 1, 1), None)


def test_one_run_within_a_delay_is_for_the_first_that_is_not_too_late():
    found = decide(MissedPolicy(ONCE, 2 * 3600), HOURLY, DUE, now=AT_12_30)
    assert found.run == utc(2026, 1, 5, 11)
    assert found.listed == dues(7, 8, 9, 10)
    assert found.next_due == utc(2026, 1, 5, 13)


@pytest.mark.parametrize("late", [0, 59, 3600])
def test_a_run_at_the_limit_is_run_and_one_behind_it_is_skipped(late):
    policy = MissedPolicy(ONCE, 3600)
    found = decide(policy, DAILY, DUE, now=DUE + timedelta(seconds=late))
    assert found == Decision(DUE, DUE + timedelta(days=1))
    too_late = decide(policy, DAILY, DUE, now=DUE + timedelta(seconds=3601))
    assert too_late.run is None
    assert (too_late.entries, too_late.next_due) == ((Passed(DUE, DUE),), DUE + timedelta(days=1))


def test_the_run_of_today_is_run_though_those_of_the_days_before_are_too_late():
    found = decide(MissedPolicy(ONCE, 3600), DAILY, DUE, now=DUE + timedelta(days=2, minutes=20))
    assert found.run == DUE + timedelta(days=2)
    assert found.listed == (DUE, DUE + timedelta(days=1))


# --- skip


def test_what_is_late_by_a_moment_is_run_though_missed_runs_are_skipped():
    for late in (0, LATE_SECONDS):
        assert decide(MissedPolicy(SKIP), HOURLY, DUE, now=DUE + timedelta(seconds=late)).run == DUE
    found = decide(MissedPolicy(SKIP), HOURLY, DUE, now=DUE + timedelta(seconds=LATE_SECONDS + 1))
    assert (found.run, found.listed, found.next_due) == (None, dues(7), utc(2026, 1, 5, 8))


def test_a_delay_shorter_than_what_is_merely_late_counts_as_that():
    assert decide(MissedPolicy(ONCE, 1), HOURLY, DUE, now=DUE + timedelta(seconds=LATE_SECONDS)).run == DUE


# --- each


def test_each_is_run_in_order_and_the_next_one_waits_in_the_past():
    policy = MissedPolicy(EACH)
    due, run = DUE, []
    while due <= AT_12_30:
        found = decide(policy, HOURLY, due, now=AT_12_30)
        assert not found.skipped
        run.append(found.run)
        due = found.next_due
    assert tuple(run) == dues(7, 8, 9, 10, 11, 12)
    assert due == utc(2026, 1, 5, 13)


def test_of_each_only_so_many_are_run_and_those_are_the_last():
    policy = MissedPolicy(EACH, most=2)
    found = decide(policy, HOURLY, DUE, now=AT_12_30)
    assert (found.run, found.next_due) == (utc(2026, 1, 5, 11), utc(2026, 1, 5, 12))
    assert found.listed == dues(7, 8, 9, 10)
    then = decide(policy, HOURLY, found.next_due, now=AT_12_30)
    assert then == Decision(utc(2026, 1, 5, 12), utc(2026, 1, 5, 13))


def test_each_within_a_delay():
    found = decide(MissedPolicy(EACH, 3 * 3600), HOURLY, DUE, now=AT_12_30)
    assert (found.run, found.listed, found.next_due) == (utc(2026, 1, 5, 10), dues(7, 8, 9), utc(2026, 1, 5, 11))


def test_a_time_that_is_none_of_the_schedule_counts_as_well():
    odd = utc(2026, 1, 5, 7, 13)
    found = decide(MissedPolicy(EACH), HOURLY, odd, now=utc(2026, 1, 5, 9, 30))
    assert (found.run, found.next_due) == (odd, utc(2026, 1, 5, 8))
    skipped = decide(MissedPolicy(SKIP), HOURLY, odd, now=utc(2026, 1, 5, 9, 30))
    assert skipped.listed == (odd, *dues(8, 9))


def test_closed_days_are_never_missed():
    week = Schedule("0 8 * * *", ROME, Calendar("Week"))  # the 10th and 11th are a weekend
    found = decide(MissedPolicy(SKIP), week, utc(2026, 1, 9, 7), now=utc(2026, 1, 12, 10))
    assert found.listed == (utc(2026, 1, 9, 7), utc(2026, 1, 12, 7))


# --- many


def test_a_few_are_told_one_by_one_and_more_in_one():
    few = decide(MissedPolicy(SKIP), HOURLY, DUE, now=DUE + timedelta(hours=ONE_BY_ONE - 1, minutes=30))
    assert [each.count for each in few.entries] == [1] * ONE_BY_ONE
    many = decide(MissedPolicy(SKIP), HOURLY, DUE, now=DUE + timedelta(hours=ONE_BY_ONE, minutes=30))
    assert many.entries == (Passed(DUE, DUE + timedelta(hours=ONE_BY_ONE), ONE_BY_ONE + 1),)


def test_a_year_of_minutes_is_one_row_that_counts_no_further_than_it_has_to():
    minutes = Schedule("* * * * *", ROME)
    now = DUE + timedelta(days=365, minutes=10)
    found = decide(MissedPolicy(SKIP), minutes, DUE, now=now)
    # The last five minutes are merely late: they are one run.
    (entry,) = found.entries
    assert (entry.first, entry.count, entry.is_exact) == (DUE, MOST_COUNTED, False)
    assert entry.last == now - timedelta(seconds=LATE_SECONDS + 60)
    assert found.run == now - timedelta(seconds=LATE_SECONDS)


def test_what_was_due_in_the_year_one_is_skipped_without_a_walk_through_history():
    yearly = Schedule("0 8 1 1 *", ROME)
    found = decide(MissedPolicy(SKIP), yearly, utc(1, 1, 1), now=AT_12_30)
    assert found.run is None
    (entry,) = found.entries
    assert (entry.first, entry.last, entry.is_exact) == (utc(1, 1, 1), utc(2026, 1, 1, 7), False)


@pytest.mark.parametrize("run", MissedRuns)
@pytest.mark.parametrize("within", [None, 3600, 86_400])
@pytest.mark.parametrize("now", [DUE, DUE + timedelta(minutes=4), AT_12_30, DUE + timedelta(days=3, minutes=3)])
def test_what_is_run_skipped_and_merged_is_all_that_passed(run, within, now):
    """Every due time that passed is in exactly one place, whatever the rule; compared with a look at every minute."""
    policy = MissedPolicy(run, within, 3)
    expected = [DUE, *watched("0 */3 * * *", now)]
    schedule = Schedule("0 */3 * * *", ROME)
    left, skipped, taken = DUE, [], []
    while left <= now:
        found = decide(policy, schedule, left, now=now)
        assert runs_any(policy, schedule, left, now=now) is (found.run is not None)
        skipped += [at for at in expected if found.skipped and found.skipped.first <= at <= found.skipped.last]
        if found.run is not None:
            taken += [at for at in expected if found.run <= at < found.next_due]
        left = found.next_due
    assert sorted(skipped + taken) == expected
    assert left == schedule.next_due(now)


# --- words


def test_what_waits():
    assert waiting(MissedPolicy(EACH, most=2), HOURLY, DUE, now=AT_12_30) == Passed(*dues(11, 12), 2)
    assert waiting(MissedPolicy(), HOURLY, DUE, now=AT_12_30) == Passed(*dues(7, 12), 6)
    assert waiting(MissedPolicy(SKIP), HOURLY, DUE, now=AT_12_30) is None


def test_words():
    skip = MissedPolicy(SKIP)
    assert words_of(Passed(DUE, DUE), skip, ROME) == (
        "The run due 2026-01-05 08:00 was missed and is skipped: its trigger skips missed runs."
    )
    assert words_of(Passed(DUE, AT_12_30, 1234), MissedPolicy(EACH, 5400, 7), ROME) == (
        "1,234 runs due from 2026-01-05 08:00 to 2026-01-05 13:30 were missed and are skipped: its trigger runs each "
        "missed run within 90 min, 7 at most."
    )
    assert words_of(Passed(DUE, AT_12_30, 10_000, is_exact=False), skip, ROME).startswith("More than 10,000 runs due")
    assert rule_words(MissedPolicy(ONCE, 7200)) == "its trigger runs once for those that it missed within 2 h"
    assert [missed_runs.duration_words(each) for each in (301, 86_400, 172_800)] == ["301 s", "1 d", "2 d"]
