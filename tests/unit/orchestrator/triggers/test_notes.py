"""What is said about pauses, skipped runs and runs that were asked for; and the ends that a pause can have."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from OpenOrchestrator.common.missed_runs import MissedPolicy, MissedRuns
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.components.times import from_site
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger, Pause, RunRequest, SkippedRun
from OpenOrchestrator.orchestrator.triggers.next_run import next_cell, next_words
from OpenOrchestrator.orchestrator.triggers.notes import (
    following,
    pause_words,
    request_words,
    skip_words,
    skipped_of,
    why_not_skip,
)
from OpenOrchestrator.orchestrator.triggers.pause_dialog import check_end, end_of, sentences, suggestions

ZONE = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 23, 7, 12, tzinfo=timezone.utc)
SITE_NOW = datetime(2026, 11, 23, 8, 12)


def row(**values: Any) -> ListedTrigger:
    plain: dict[str, Any] = {
        "type": TriggerType.SCHEDULED,
        "status": TriggerStatus.IDLE,
        "next_run": SITE_NOW.replace(hour=10, minute=0),
        "cron": "0 * * * *",
        "queue": None,
        "last_run": None,
        "process": "p",
        "schedulers": (),
        "run_requested": False,
        "late": False,
        "stuck": False,
        "name": "A",
        "priority": 0,
        "is_blocking": False,
        "min_batch_size": None,
    }
    return ListedTrigger(id=uuid4(), **plain | values)


SKIPPED = SkippedRun(NOW.replace(hour=8, minute=0), NOW - timedelta(minutes=5), "Anna")


def test_a_skipped_run_counts_until_its_time_or_until_the_next_run_is_another() -> None:
    skips = row(skipped=SKIPPED)
    assert skipped_of(skips, NOW, ZONE) is SKIPPED
    assert skipped_of(skips, SKIPPED.due, ZONE) is None
    assert skipped_of(replace(skips, next_run=SITE_NOW.replace(hour=9, minute=0)), NOW, ZONE) is None
    assert skipped_of(row(), NOW, ZONE) is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, ""),
        ({"status": TriggerStatus.RUNNING}, ""),
        ({"status": TriggerStatus.PAUSED}, "It is paused, so it has no next run"),
        ({"status": TriggerStatus.KILLING}, "It is killing"),
        ({"skipped": SKIPPED}, "Its next run is skipped already"),
        ({"cron": None, "type": TriggerType.SINGLE}, None),
        ({"cron": None, "next_run": None, "type": TriggerType.QUEUE}, None),
    ],
)
def test_why_the_next_run_cannot_be_skipped(values: dict[str, Any], reason: str | None) -> None:
    assert why_not_skip(row(**values), NOW, ZONE) == reason


def test_the_run_after_the_skipped_one_is_told() -> None:
    assert following(row(), NOW, ZONE) == NOW.replace(hour=10, minute=0)
    overdue = row(next_run=SITE_NOW.replace(hour=3, minute=0))
    assert following(overdue, NOW, ZONE) == NOW.replace(hour=8, minute=0)
    each = replace(overdue, missed=MissedPolicy(MissedRuns.EACH))
    assert overdue.next_run is not None
    assert following(each, NOW, ZONE) == from_site(overdue.next_run, ZONE) + timedelta(hours=1)
    assert following(row(cron="no cron"), NOW, ZONE) is None
    assert following(row(cron=None), NOW, ZONE) is None


def test_words() -> None:
    until = datetime(2026, 11, 30, 5, tzinfo=timezone.utc)
    at = NOW - timedelta(minutes=12)
    assert pause_words(Pause(at, "Anna", None, until), NOW, ZONE) == "Paused by Anna 12 min ago, until Mon 30 Nov 06:00"
    assert pause_words(Pause(at, None, None, None), NOW, ZONE) == "Paused 12 min ago"
    asked = RunRequest(NOW, "Bo", True, "worker-1")
    words = "A run with arguments of its own was asked for by Bo just now, for worker-1"
    assert request_words(asked, NOW, ZONE) == words
    assert request_words(RunRequest(NOW, None, False, None), NOW, ZONE) == "A run was asked for just now"
    assert skip_words(SKIPPED, NOW, ZONE) == "The run of 09:00 is skipped, asked for by Anna 5 min ago"
    assert skip_words(SkippedRun(SKIPPED.due, None, None), NOW, ZONE) == "The run of 09:00 is skipped"


def test_the_list_says_until_when_a_trigger_is_paused_and_what_it_skips() -> None:
    pause = Pause(NOW, "Anna", "SAP is closed", NOW + timedelta(days=1))
    cell = next_cell(row(status=TriggerStatus.PAUSED, pause=pause), NOW, ZONE)
    assert cell["s"] == "Until Tue 08:12"
    assert "Anna" in cell["tip"]
    assert "SAP is closed" in cell["tip"]
    cell = next_cell(row(skipped=SKIPPED), NOW, ZONE)
    assert cell["s"] == "Skips 09:00"
    assert "Anna" in cell["tip"]


@pytest.mark.parametrize("status", [TriggerStatus.FAILED, TriggerStatus.PAUSED, TriggerStatus.DONE])
def test_a_run_once_is_said_to_be_requested_whatever_the_state(status: TriggerStatus) -> None:
    asked = RunRequest(NOW, None, True, None)
    assert next_words(row(status=status, run_requested=True, request=asked), NOW, ZONE)[0] == "Run requested"
    plain = RunRequest(NOW, None, False, None)
    assert next_words(row(status=status, run_requested=True, request=plain), NOW, ZONE)[0] != "Run requested"


# --- the end of a pause


def test_ends_that_are_often_wanted() -> None:
    assert suggestions(SITE_NOW) == (
        ("For an hour", datetime(2026, 11, 23, 9, 12)),
        ("Tomorrow 06:00", datetime(2026, 11, 24, 6)),
        ("Monday 06:00", datetime(2026, 11, 30, 6)),
    )
    sunday = datetime(2026, 11, 29, 20)
    assert [words for words, _end in suggestions(sunday)] == ["For an hour", "Tomorrow 06:00"]


@pytest.mark.parametrize(
    ("date", "clock", "is_right"),
    [
        ("", "", True),
        ("", "06:00", False),
        ("2026-11-24", "06:00", True),
        ("2026-11-24", "", True),
        ("2026-11-23", "08:12", False),
        ("2026-11-23", "08:13", True),
        ("2026-13-01", "06:00", False),
        ("2026-11-24", "25:00", False),
    ],
)
def test_an_end_that_has_passed_or_is_none_is_refused(date: str, clock: str, is_right: bool) -> None:
    assert (check_end(date, clock, NOW, ZONE) is None) is is_right


def test_the_end_is_in_site_time_and_in_the_morning_where_no_time_is_said() -> None:
    assert end_of("", "", ZONE) is None
    assert end_of("2026-11-24", "", ZONE) == datetime(2026, 11, 24, 5, tzinfo=timezone.utc)
    assert end_of("2026-07-01", "07:30", ZONE) == datetime(2026, 7, 1, 5, 30, tzinfo=timezone.utc)


def test_what_a_pause_means_is_said_by_name() -> None:
    single = row(name="Once", type=TriggerType.SINGLE, cron=None)
    running = row(name="Busy", status=TriggerStatus.RUNNING)
    said = sentences([row(), single, running])
    assert said[0].startswith("A, Once and Busy will not start")
    assert any(text.startswith("Once: ") for text in said)
    assert any(text.startswith("Busy: ") and "it is told to come to an end" in text for text in said)
    assert len(sentences([row()])) == 2
