"""What is asked before something is done with triggers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.questions import FROM_NEXT, STOP_RUN, question

NOW = datetime(2026, 11, 23, 8, 12)
MISSED = NOW - timedelta(minutes=42)


def row(name: str, **values: Any) -> ListedTrigger:
    plain: dict[str, Any] = {
        "type": TriggerType.SCHEDULED,
        "status": TriggerStatus.PAUSED,
        "next_run": NOW + timedelta(hours=1),
    }
    others: dict[str, Any] = {"last_run": None, "cron": None, "queue": None, "process": "p", "schedulers": ()}
    others |= {"run_requested": False, "late": False, "stuck": False}
    return ListedTrigger(
        id=uuid4(), name=name, priority=0, is_blocking=False, min_batch_size=None, **others | plain | values
    )


def ask(action: str, *rows: ListedTrigger) -> tuple[str, tuple[str, ...], list[str]] | None:
    asked = question(action, rows, site_now=NOW, bulk=len(rows) > 1)
    return asked and (asked.title, asked.sentences, [way.name for way in asked.ways])


@pytest.mark.parametrize("action", ["run", "enable", "disable"])
def test_one_trigger_that_missed_nothing_is_not_asked_about(action: str) -> None:
    assert ask(action, row("A")) is None


@pytest.mark.parametrize("action", ["run", "enable", "disable", "kill", "delete"])
def test_several_are_always_asked_about_by_name_and_count(action: str) -> None:
    asked = ask(action, row("A"), row("B"))
    assert asked is not None
    title, sentences, ways = asked
    assert "2 triggers" in title
    assert "A and B" in sentences[0]
    assert ways == [action]


def test_a_schedule_that_missed_its_time_waits_for_the_next_or_runs_now() -> None:
    assert ask("enable", row("A", next_run=MISSED)) == (
        "Enable A?",
        ("A was due Mon 23 Nov 2026, 07:30, and has not run since.",),
        [FROM_NEXT, "enable"],
    )


def test_a_single_trigger_that_missed_its_time_can_only_run_now() -> None:
    asked = ask("enable", row("A", type=TriggerType.SINGLE, next_run=MISSED))
    assert asked is not None
    assert asked[2] == ["enable"]
    assert "runs at once" in asked[1][1]


def test_of_several_the_single_ones_that_would_run_are_named() -> None:
    asked = ask("enable", row("A", next_run=MISSED), row("B", type=TriggerType.SINGLE, next_run=MISSED), row("C"))
    assert asked is not None
    assert asked[1] == (
        "The time of A and B has passed.",
        "B: a single trigger has no next time, and is enabled only if it may run now.",
    )
    assert asked[2] == [FROM_NEXT, "enable"]


def test_kill_says_what_it_means_for_the_schedule() -> None:
    asked = ask("kill", row("A", status=TriggerStatus.RUNNING))
    assert asked is not None
    assert asked[1][1:] == (
        "It will not run again before it is enabled.",
        "If only this run is stopped, it runs again when due.",
    )
    assert asked[2] == ["kill", STOP_RUN]


@pytest.mark.parametrize(
    "values", [{"status": TriggerStatus.PAUSING}, {"status": TriggerStatus.RUNNING, "type": TriggerType.SINGLE}]
)
def test_to_stop_a_run_alone_is_not_offered_where_no_other_follows(values: dict[str, Any]) -> None:
    asked = ask("kill", row("A", **values))
    assert asked is not None
    assert asked[2] == ["kill"]


def test_of_several_all_runs_can_be_stopped_alone() -> None:
    asked = ask("kill", row("A", status=TriggerStatus.RUNNING), row("B", status=TriggerStatus.RUNNING))
    assert asked is not None
    assert asked[1][-1] == "If only these runs are stopped, they run again when due."
    assert asked[2] == ["kill", STOP_RUN]


def test_who_runs_is_named_when_triggers_are_paused_or_deleted() -> None:
    for action in ("disable", "delete"):
        asked = ask(action, row("A"), row("B", status=TriggerStatus.RUNNING))
        assert asked is not None
        assert asked[1][-1].startswith("B: the robot that runs now ")
        # is_trigger_pausing() is true for it from then on, so that one which asks ends early.
        assert asked[1][-1].endswith("if it asks, it is told to come to an end.")
