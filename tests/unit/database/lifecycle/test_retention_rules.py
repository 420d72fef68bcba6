"""What is too old, how much goes at once, and whose turn it is: pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from OpenOrchestrator.database.lifecycle.retention_rules import (
    LONGEST_SECONDS,
    MOST_SIZE,
    Kept,
    Portion,
    next_size,
    portions,
)
from OpenOrchestrator.database.lifecycle.sweep_turn import is_free
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores.keep_days import KeepDays
from OpenOrchestrator.database.stores.queue_rules import DEFAULT_RULES, QueueRules

NOW = datetime(2026, 3, 31, 10, tzinfo=timezone.utc)
SITE_NOW = datetime(2026, 3, 31, 12)
DAY = date(2026, 3, 31)


def too_old(days: KeepDays, **queues: QueueRules) -> tuple[Portion, ...]:
    return portions(days, queues, now=NOW, site_now=SITE_NOW)


def test_nothing_is_too_old_where_nothing_is_said() -> None:
    assert too_old(KeepDays(), work=DEFAULT_RULES) == ()


def test_each_kind_has_its_days_and_output_goes_with_its_job_at_the_latest() -> None:
    assert too_old(KeepDays(jobs=30, output=90, logs=10, files=5)) == (
        Portion(Kept.OUTPUT, SITE_NOW - timedelta(days=30)),
        Portion(Kept.JOBS, SITE_NOW - timedelta(days=30)),
        Portion(Kept.LOGS, SITE_NOW - timedelta(days=10)),
        Portion(Kept.FILES, NOW - timedelta(days=5)),
    )
    assert too_old(KeepDays(output=7)) == (Portion(Kept.OUTPUT, SITE_NOW - timedelta(days=7)),)


def test_queues_say_for_themselves_and_by_status() -> None:
    done, abandoned = QueueRules(keep_done_days=1), QueueRules(keep_abandoned_days=3, keep_failed_days=2)
    assert too_old(KeepDays(), b=done, a=abandoned) == (
        Portion(Kept.ELEMENTS, SITE_NOW - timedelta(days=2), "a", QueueStatus.FAILED),
        Portion(Kept.ELEMENTS, SITE_NOW - timedelta(days=3), "a", QueueStatus.ABANDONED),
        Portion(Kept.ELEMENTS, SITE_NOW - timedelta(days=1), "b", QueueStatus.DONE),
    )


def test_the_size_follows_the_time_and_stays_a_size() -> None:
    assert next_size(20, 0.001) == 40
    assert next_size(MOST_SIZE, 0.001) == MOST_SIZE
    assert next_size(100, 0.03) == 100
    assert next_size(100, 0.06) == 50
    assert next_size(100, 10.0) == next_size(1, 10.0) == 1
    size = 400
    for _ in range(5):  # a machine on which a row takes a millisecond
        size = next_size(size, size / 1000)
    assert size / 1000 <= LONGEST_SECONDS


@pytest.mark.parametrize(
    ("stored", "free"),
    [
        (None, True),
        ("", True),
        ("nonsense", True),
        ('{"day": "2026-03-31"}', True),
        ('["2026-03-31"]', True),
        ('{"day": "2026-03-30", "until": null}', True),
        ('{"day": "2026-03-31", "until": null}', False),
        ('{"day": "2026-03-30", "until": "2026-03-31T10:00:01+00:00"}', False),
        ('{"day": "2026-03-31", "until": "2026-03-31T10:00:00+00:00"}', True),
        ('{"day": "2026-03-31", "until": "2026-03-31T10:00:00"}', True),
    ],
)
def test_it_is_the_turn_of_one_a_day_and_of_another_one_if_that_dies(stored: str | None, free: bool) -> None:
    assert is_free(stored, day=DAY, now=NOW) is free
