"""What the question before a run once says."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.orchestrator.jobs.backend.run_once import KnownScheduler, RunPlan
from OpenOrchestrator.orchestrator.jobs.run_dialog import check, choices, sentences


def plan(**values: Any) -> RunPlan:
    plain: dict[str, Any] = {
        "trigger_id": uuid4(),
        "name": "Invoices",
        "status": TriggerStatus.IDLE,
        "job_id": None,
        "job_arguments": False,
        "arguments": "",
        "hides": False,
        "has_next": True,
        "whitelist": (),
        "schedulers": (),
    }
    return RunPlan(**plain | values)


def test_each_scheduler_says_what_speaks_against_it() -> None:
    known = (KnownScheduler("worker-1", False), KnownScheduler("worker-2", True), KnownScheduler("worker-3", False))
    assert choices(plan(whitelist=("Worker-1", "gone"), schedulers=known)) == {
        "": "Any of its own: Worker-1, gone",
        "gone": "gone (never heard of)",
        "worker-1": "worker-1",
        "worker-2": "worker-2 (not heard of for a while, not among its own)",
        "worker-3": "worker-3 (not among its own)",
    }
    assert choices(plan(schedulers=known[:1])) == {"": "Any", "worker-1": "worker-1"}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (TriggerStatus.IDLE, "Its schedule and its own arguments stay as they are"),
        (TriggerStatus.PAUSED, "Its trigger is paused, and stays so"),
        (TriggerStatus.DONE, "Its trigger is done, and stays so"),
    ],
)
def test_says_what_becomes_of_the_trigger(status: TriggerStatus, words: str) -> None:
    assert any(words in sentence for sentence in sentences(plan(status=status)))


def test_only_what_has_a_next_time_can_be_enabled_with_a_run() -> None:
    failed = TriggerStatus.FAILED
    assert "Its trigger is failed, and stays so unless it is enabled too." in sentences(plan(status=failed))
    alone = sentences(plan(status=failed, has_next=False))
    assert "Its trigger is failed, and stays so: only this run is made." in alone


def test_says_when_the_arguments_of_a_job_are_not_known() -> None:
    assert any("not known" in sentence for sentence in sentences(plan(job_id=uuid4())))
    assert not any("not known" in sentence for sentence in sentences(plan(job_id=uuid4(), job_arguments=True)))


def test_what_is_hidden_stays_whole_or_is_entered_anew() -> None:
    hidden = plan(arguments='{"token": "***"}', hides=True)
    assert check('{"token": "***"}', hidden) is None
    assert check('{"token": "***", "x": 1}', hidden) is not None
    assert check('{"token": "new", "x": 1}', hidden) is None
    assert check("three *** stars", plan()) is None
    assert check("x" * 1001, plan()) is not None
