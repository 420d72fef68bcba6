"""What a trigger does when its runs fail, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from OpenOrchestrator.database.statuses import JobStatus, TriggerType, WhenLost
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings
from OpenOrchestrator.orchestrator.triggers.checks import check_ends, check_growth, check_most, check_pause
from OpenOrchestrator.orchestrator.triggers.failure_words import in_words

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
