"""How many jobs of a trigger may run at the same time, and when a queue is worth another one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores.overlap import QueueScaling, most_jobs, scaling_of

_DOCS = Path(__file__).parents[4] / "docs" / "how-to" / "several-jobs.md"
_ROWS = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (yes|no) \|", _DOCS.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "stored", "most"),
    [
        (TriggerType.QUEUE, None, 1),
        (TriggerType.QUEUE, 3, 3),
        (TriggerType.SCHEDULED, 2, 2),
        (TriggerType.SINGLE, 3, 1),
        (TriggerType.QUEUE, 0, 1),
        (TriggerType.QUEUE, -5, 1),
        (TriggerType.QUEUE, 10**9, 1000),
    ],
)
def test_how_many_jobs_a_trigger_may_have(kind: TriggerType, stored: int | None, most: int) -> None:
    assert most_jobs(kind, stored) == most


def test_the_table_of_the_docs_has_rows() -> None:
    assert len(_ROWS) == 10


@pytest.mark.parametrize(("new", "in_progress", "running", "starts"), _ROWS)
def test_scaling_is_as_the_docs_say(new: str, in_progress: str, running: str, starts: str) -> None:
    scaling = QueueScaling(most=3, batch=10, per_job=50)
    assert scaling.may_start(int(new), int(in_progress), int(running)) is (starts == "yes")


def test_a_job_stands_for_a_batch_unless_something_else_is_said() -> None:
    assert scaling_of(2, 7, None) == QueueScaling(most=2, batch=7, per_job=7)
    assert scaling_of(None, 0, 0) == QueueScaling(most=1, batch=1, per_job=1)
    assert scaling_of(2, None, 5) == QueueScaling(most=2, batch=1, per_job=5)


def test_without_others_a_batch_starts_the_first_whatever_a_job_stands_for() -> None:
    for per_job in (1, 10, 1000):
        scaling = QueueScaling(most=5, batch=10, per_job=per_job)
        assert [scaling.may_start(new, 0, 0) for new in (9, 10)] == [False, True]


def test_jobs_that_drain_a_queue_are_not_followed_by_more() -> None:
    """A whole life: jobs start while there is enough for them, take one element each in turn, and none follows."""
    scaling = QueueScaling(most=10, batch=1, per_job=50)
    new, in_progress, running, started_at = 120, 0, 0, []
    while new:
        if scaling.may_start(new, in_progress, running):
            running += 1
            started_at.append(new)
        taken = min(new, running)
        new, in_progress = new - taken, taken
    assert (running, started_at[-1] > 100) == (3, True)


def test_more_elements_never_stop_a_start_and_more_jobs_never_cause_one() -> None:
    scaling = QueueScaling(most=4, batch=3, per_job=5)
    for in_progress in range(0, 20, 5):
        for running in range(5):
            answers = [scaling.may_start(new, in_progress, running) for new in range(40)]
            assert answers == sorted(answers)
            for new in range(40):
                more = scaling.may_start(new, in_progress, running + 1)
                assert scaling.may_start(new, in_progress, running) or not more
