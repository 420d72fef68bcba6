"""What the end of a robot means."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from OpenOrchestrator.common.printed_errors import NEAR_LINES, PrintedError
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.endings import Ending, ending_of
from OpenOrchestrator.scheduler.runs.run_directory import ExitInfo

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ENDED = ExitInfo(exit_code=0, signal=None, ended_at=NOW)


@pytest.mark.parametrize(
    ("exit_info", "expected", "shell_status"),
    [
        (ENDED, Ending(JobStatus.DONE, 0), 0),
        (replace(ENDED, exit_code=3), Ending(JobStatus.FAILED, 3, "exit code 3"), 3),
        (
            replace(ENDED, exit_code=0xC0000005),
            Ending(JobStatus.FAILED, 0xC0000005, "exit code 3221225477 (0xC0000005)"),
            0xC0000005,
        ),
        (
            replace(ENDED, exit_code=-11, signal="SIGSEGV"),
            Ending(JobStatus.FAILED, -11, "ended by signal SIGSEGV"),
            139,
        ),
        (
            replace(ENDED, exit_code=-9, signal="SIGKILL", stopped="timeout", timed_out=True),
            Ending(JobStatus.TIMED_OUT, -9, "stopped: it ran longer than its time limit of 5 s"),
            137,
        ),
        (
            replace(ENDED, stopped="killed on request"),
            Ending(JobStatus.KILLED, 0, "killed on request"),
            1,
        ),
        (
            replace(ENDED, exit_code=None, error="FileNotFoundError: python"),
            Ending(JobStatus.FAILED, None, "could not be started: FileNotFoundError: python"),
            1,
        ),
        (
            replace(ENDED, output_error="No space left on device"),
            Ending(JobStatus.DONE, 0, "its output is incomplete: No space left on device"),
            0,
        ),
        (
            replace(ENDED, exit_code=1, survivors=(7, 8)),
            Ending(JobStatus.FAILED, 1, "exit code 1; these processes it started could not be ended: 7, 8"),
            1,
        ),
    ],
)
def test_what_an_end_means(exit_info: ExitInfo, expected: Ending, shell_status: int) -> None:
    ending = ending_of(exit_info, timeout_seconds=5)
    assert ending == expected
    assert ending.shell_status == shell_status


def test_a_run_nobody_found_is_lost() -> None:
    assert endings.never_found().status is JobStatus.LOST
    assert endings.host_lost().shell_status == 1


OWN = PrintedError("ValueError: a", is_of_another_program=False, lines_after=NEAR_LINES)
FAR = replace(OWN, lines_after=NEAR_LINES + 1)
OUTER = PrintedError("CalledProcessError: b", is_of_another_program=True, lines_after=0)


@pytest.mark.parametrize(
    ("printed", "logged", "reason"),
    [
        (OWN, "logged", "ValueError: a"),
        (OUTER, " \nlogged\nmore\n", "logged"),
        (OUTER, None, "CalledProcessError: b"),
        (FAR, "logged", "logged"),
        (FAR, None, "exit code 1 (the last exception it printed, 51 lines before its end: ValueError: a)"),
        (None, "It failed: Traceback (most recent call last):\n  File x\nKeyError: 1\n", "It failed: Traceback"),
        (None, "It failed:\nTraceback (most recent call last):\n  File x\nKeyError: 1\n", "KeyError: 1"),
        (None, " ", "exit code 1"),
        (None, None, "exit code 1"),
    ],
)
def test_a_bare_exit_code_is_explained_by_the_best_there_is(
    printed: PrintedError | None, logged: str | None, reason: str
) -> None:
    bare = ending_of(replace(ENDED, exit_code=1, survivors=(7,)), timeout_seconds=None)
    found = endings.explained(bare, printed, logged).reason or ""
    assert found.startswith(reason)
    assert found.endswith("; these processes it started could not be ended: 7")


def test_last_words_count_where_nothing_better_is_there() -> None:
    bare = ending_of(replace(ENDED, exit_code=1), timeout_seconds=None)
    assert endings.explained(bare, None, None, "The file is missing").reason == "The file is missing"
    assert endings.explained(bare, None, "logged", "The file is missing").reason == "logged"
    assert endings.explained(bare, OWN, None, "The file is missing").reason == OWN.words
    assert endings.explained(bare, None, None, "").reason == "exit code 1"


@pytest.mark.parametrize(
    ("exit_info", "expected"),
    [
        (replace(ENDED, exit_code=1), True),
        (ENDED, False),
        (replace(ENDED, exit_code=1, timed_out=True), False),
        (replace(ENDED, exit_code=1, stopped="killed on request"), False),
        (replace(ENDED, exit_code=-11, signal="SIGSEGV"), False),
    ],
)
def test_what_explains_itself_stays(exit_info: ExitInfo, expected: bool) -> None:
    assert endings.is_unexplained(ending_of(exit_info, timeout_seconds=None)) is expected


@pytest.mark.parametrize("reason", [None, "exit code 1", "its output is incomplete: disk full", "a; b"])
def test_the_remark_on_kept_output_can_be_taken_back(reason: str | None) -> None:
    ending = Ending(JobStatus.FAILED, 1, reason)
    noted = endings.with_remark(ending, endings.output_kept("table full; really")).reason
    assert noted is not None
    assert "its output is incomplete until the database takes the rest: table full; really" in noted
    assert endings.without_output_kept(noted) == reason
    if reason is not None:
        assert endings.without_output_kept(reason) == reason
