"""What a trigger does when its runs fail, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus, TriggerType, WhenLost
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger, WaitingRetry
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings
from OpenOrchestrator.orchestrator.triggers.backend.waits import is_asked, should_have_started
from OpenOrchestrator.orchestrator.triggers.checks import check_ends, check_growth, check_most, check_pause
from OpenOrchestrator.orchestrator.triggers.failure_words import in_words
from OpenOrchestrator.orchestrator.triggers.next_run import NextRun, next_run_of, next_words
from OpenOrchestrator.orchestrator.triggers.page_panels import foot_words

SEVEN = (
    "7 retries, after 1 min, 1 min, 1 min, 1 min, 1 min and so on. Lost runs are tried again, too. "
    "Stops after the first failed run."
)
PLAIN = TriggerSettings(name="a", process="p", type=TriggerType.SCHEDULED, path="x.py")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Not tried again. Stops after the first failed run."),
        ({"type": TriggerType.SINGLE, "pause_after_failures": 3}, "Not tried again. Then it is Failed."),
        ({"pause_after_failures": 0}, "Not tried again. It never stops for failed runs."),
        ({"retry_times": 1}, "1 retry, at once. Stops after the first failed run."),
        (
            {"retry_times": 2, "retry_pause": 300, "retry_growth": 2.0, "pause_after_failures": 3},
            "2 retries, after 5 min, 10 min. Stops after 3 failed runs in a row.",
        ),
        (
            {"retry_times": 7, "retry_pause": 60, "retry_most": 60, "when_lost": WhenLost.RETRY},
            SEVEN,
        ),
        (
            {"retry_times": 1, "retry_pause": 60, "retry_after": (JobStatus.TIMED_OUT,)},
            "1 retry of runs that timed out, after 1 min. Stops after the first failed run.",
        ),
    ],
)
def test_it_is_said_what_a_trigger_does_when_its_runs_fail(values: dict[str, Any], words: str) -> None:
    assert in_words(replace(PLAIN, **values)) == words


def test_what_is_entered_is_checked() -> None:
    assert check_pause("") is check_pause("0") is check_pause("0.5") is check_most("") is check_growth("1") is None
    assert check_growth("10") is check_ends([JobStatus.FAILED]) is None
    for wrong in (check_pause("-1"), check_pause("x"), check_pause("nan"), check_most("43201")):
        assert wrong is not None
        assert wrong.startswith("Must be a number up to 43\u202f200 minutes, or ")
    assert check_growth("0.9") == check_growth("") == check_growth("nan") == "Must be a number from 1 to 10."
    assert check_ends([]) == "Choose at least one."


@pytest.mark.parametrize(
    ("jobs", "total", "hidden", "words"),
    [
        (3, 3, 0, ""),
        (3, 3, 1, "1 earlier attempt is on the page of the last"),
        (25, 40, 0, "The last 25 of 40"),
        (25, 40, 2, "The last 25 of 40. 2 earlier attempts are on the page of the last"),
    ],
)
def test_beneath_the_runs_stands_what_is_not_among_them(jobs: int, total: int, hidden: int, words: str) -> None:
    assert foot_words(jobs, total, str(total), hidden=hidden) == words


NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
UTC = ZoneInfo("UTC")
LISTED = ListedTrigger(
    id=uuid4(), name="a", process="p", type=TriggerType.QUEUE, status=TriggerStatus.IDLE, priority=0,
    is_blocking=False, schedulers=(), next_run=None, last_run=None, cron=None, queue="Q", min_batch_size=1,
    run_requested=False, late=False, stuck=False,
)  # fmt: skip


def test_a_trigger_in_back_off_should_not_have_started_before_its_retry_is_due() -> None:
    def waiting(at: datetime, **more: Any) -> ListedTrigger:
        return replace(LISTED, retry=WaitingRetry(at, 1, 2, None), **more)

    past, ahead = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
    overdue = {"next_run": datetime(2026, 3, 2, 11), "type": TriggerType.SCHEDULED, "queue": None}
    assert is_asked(LISTED)
    assert not is_asked(waiting(ahead))
    assert should_have_started(waiting(ahead), now=NOW, zone=UTC) is None
    assert should_have_started(waiting(ahead, **overdue), now=NOW, zone=UTC) is None
    assert should_have_started(waiting(past), now=NOW, zone=UTC) == past


def test_the_next_run_of_a_trigger_in_back_off_is_its_retry() -> None:
    row = replace(LISTED, retry=WaitingRetry(NOW + timedelta(minutes=5), 1, 2, None))
    assert next_run_of(row) is NextRun.BACK_OFF
    words, tip, _tone = next_words(row, NOW, UTC)
    assert words == "Retry 1 of 2 at 12:05"
    assert tip is not None
    assert "neither its schedule nor its queue" in tip
    assert next_words(replace(row, retry=WaitingRetry(NOW, 3, 2, None)), NOW, UTC)[0] == "Retry 3 is due"
