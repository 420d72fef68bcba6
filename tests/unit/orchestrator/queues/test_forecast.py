"""When a queue will be empty at the pace of the last hour, and whether it will be done in time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from OpenOrchestrator.orchestrator.queues.forecast import Level, forecast, words

NOW = datetime(2026, 11, 2, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def said(open_elements: int, per_hour: int, arrived: int, oldest: float = 0, within: float | None = None) -> str:
    limit = None if within is None else HOUR * within
    found = forecast(open_elements, per_hour=per_hour, arrived=arrived, oldest=HOUR * oldest, within=limit)
    return "" if found is None else words(found, NOW, timezone.utc, limit)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0, 5, 5), ""),
        ((10, 10, 5), "Empty at about 14:00 at the pace of the last hour."),
        ((100, 4, 0), "Empty about Tue 13:00 at the pace of the last hour."),
        ((10, 5, 7), "Grows by 2 an hour at the pace of the last hour."),
        ((10, 5, 5), "As much comes in as ends, at the pace of the last hour."),
        ((10, 0, 0), "Nothing ended in the last hour."),
        ((1_000_000, 1, 0), "Not empty within a year at the pace of the last hour."),
    ],
)
def test_what_is_expected_is_said(numbers: tuple[int, int, int], text: str) -> None:
    assert said(*numbers) == text


@pytest.mark.parametrize(
    ("open_elements", "per_hour", "oldest", "level"),
    [
        (10, 5, 1, Level.HOLDS),
        (20, 5, 1, Level.HOLDS),  # to the hour
        (21, 5, 1, Level.ENDANGERED),
        (10, 0, 1, Level.ENDANGERED),
        (10, 5, 4.5, Level.MISSED),
    ],
)
def test_the_level_of_service_is_judged_by_the_oldest_and_by_what_comes_in_now(
    open_elements: int, per_hour: int, oldest: float, level: Level
) -> None:
    found = forecast(open_elements, per_hour=per_hour, arrived=0, oldest=HOUR * oldest, within=HOUR * 4)
    assert found is not None
    assert found.level is level


def test_the_level_of_service_in_words() -> None:
    assert said(10, 10, 5, 1, 4).endswith("Finish within 4 h will hold.")
    assert said(10, 10, 5, 5, 4).endswith("Finish within 4 h does not hold: the oldest waits longer.")
    assert said(100, 10, 5, 1, 4).endswith("Finish within 4 h will not hold at this pace.")
