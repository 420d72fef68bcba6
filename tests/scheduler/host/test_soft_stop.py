"""A robot whose time is up: asked to come to an end, terminated, killed, each after its time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from running import end_all, end_of, eventually, spec_for, text_of, wait_for_text

from OpenOrchestrator.scheduler.host.robot_stop import BY_ITSELF, KILLED, TERMINATED, RobotStop
from OpenOrchestrator.scheduler.runs.endings import ending_of
from OpenOrchestrator.scheduler.runs.launcher import Launcher
from OpenOrchestrator.scheduler.runs.run_directory import ExitInfo

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="nothing asks a robot softly on Windows but its calls")


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    yield Launcher(tmp_path / "workspace")
    end_all(tmp_path / "workspace")


class Tree:
    """Notes what is done to a robot."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def ask(self) -> None:
        self.done.append("ask")

    def soft_stop(self) -> None:
        self.done.append("terminate")

    def kill(self) -> list[int]:
        self.done.append("kill")
        return []


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


# --- the order of steps


def test_the_steps_come_one_after_the_other_each_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, tree, stop = Clock(monkeypatch), Tree(), RobotStop()
    stop.time_out(tree, 10, soft=60)  # type: ignore[arg-type]
    assert (tree.done, stop.timed_out, stop.ended) == (["ask"], True, BY_ITSELF)
    for passed, done, ended in (
        (59.9, ["ask"], BY_ITSELF),
        (60, ["ask", "terminate"], TERMINATED),
        (69.9, ["ask", "terminate"], TERMINATED),
        (70, ["ask", "terminate", "kill"], KILLED),
        (70.5, ["ask", "terminate", "kill"], KILLED),
        (71, ["ask", "terminate", "kill", "kill"], KILLED),
    ):
        clock.now = 100 + passed
        stop.enforce(tree)  # type: ignore[arg-type]
        stop.time_out(tree, 10, soft=60)  # type: ignore[arg-type]
        assert (tree.done, stop.ended) == (done, ended)


def test_without_time_to_be_asked_it_is_terminated_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, tree, stop = Clock(monkeypatch), Tree(), RobotStop()
    stop.time_out(tree, 5)  # type: ignore[arg-type]
    assert (tree.done, stop.asked_at, stop.ended) == (["terminate"], None, None)
    clock.now += 5
    stop.enforce(tree)  # type: ignore[arg-type]
    assert tree.done == ["terminate", "kill"]


def test_without_time_to_terminate_it_is_killed_after_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, tree, stop = Clock(monkeypatch), Tree(), RobotStop()
    stop.time_out(tree, 0, soft=60)  # type: ignore[arg-type]
    clock.now += 60
    stop.enforce(tree)  # type: ignore[arg-type]
    assert tree.done == ["ask", "kill"]


def test_who_wants_it_killed_does_not_wait_for_the_soft_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, tree, stop = Clock(monkeypatch), Tree(), RobotStop()
    stop.time_out(tree, 600, soft=600)  # type: ignore[arg-type]
    clock.now += 1
    stop.request(tree, "killed on request", 5)  # type: ignore[arg-type]
    assert tree.done == ["ask", "terminate"]
    clock.now += 5
    stop.enforce(tree)  # type: ignore[arg-type]
    assert (tree.done, stop.timed_out) == (["ask", "terminate", "kill"], True)


# --- real robots


@posix_only
def test_a_robot_that_listens_ends_by_itself(launcher: Launcher) -> None:
    run = launcher.start(spec_for("listens.py", timeout=1.0, soft=60, grace=60))
    end = end_of(run)
    assert (end.timed_out, end.exit_code, end.ended) == (True, 0, BY_ITSELF)
    assert end.asked_at is not None
    assert run.read_asked() == end.asked_at
    assert "finished what it had begun" in text_of(run)


def test_a_robot_that_does_not_listen_is_not_harmed_by_being_asked(launcher: Launcher, tmp_path: Path) -> None:
    told = tmp_path / "end"
    run = launcher.start(spec_for("stubborn.py", str(told), timeout=0.5, soft=60, grace=60))
    wait_for_text(run, "ready")
    eventually(lambda: run.read_asked() is not None, "the robot is asked")
    told.touch()
    end = end_of(run)
    assert (end.timed_out, end.exit_code, end.ended) == (True, 0, BY_ITSELF)
    assert "TERM ignored" not in text_of(run)


@posix_only
def test_a_robot_that_goes_on_is_terminated_and_then_killed(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "never"), timeout=0.5, soft=0.3, grace=0.3))
    end = end_of(run)
    assert (end.timed_out, end.ended, end.signal) == (True, KILLED, "SIGKILL")
    assert "TERM ignored" in text_of(run)


# --- words


@pytest.mark.parametrize("ended", [BY_ITSELF, TERMINATED, KILLED])
def test_the_reason_says_when_it_was_asked_and_what_it_took(ended: str) -> None:
    at = datetime(2026, 1, 1, 10, 0, 5, tzinfo=timezone.utc)
    found = ending_of(ExitInfo(0, None, at, timed_out=True, asked_at=at, ended=ended), timeout_seconds=1800)
    assert found.reason == (f"stopped: it ran longer than its time limit of 1800 s; asked to stop at 10:00:05, {ended}")
