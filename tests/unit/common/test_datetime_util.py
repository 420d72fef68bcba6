"""Dates as texts."""

from __future__ import annotations

from datetime import datetime, timezone

from OpenOrchestrator.common.datetime_util import format_datetime


def test_day_comes_first_and_fractions_are_left_out() -> None:
    assert format_datetime(datetime(2026, 1, 2, 3, 4, 5, 678)) == "02-01-2026 03:04:05"


def test_a_time_zone_changes_nothing() -> None:
    assert format_datetime(datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone.utc)) == "31-12-2026 23:59:59"


def test_nothing_is_shown_as_the_default() -> None:
    assert format_datetime(None) == "N/A"
    assert format_datetime(None, "-") == "-"
    assert format_datetime(None, default="") == ""
