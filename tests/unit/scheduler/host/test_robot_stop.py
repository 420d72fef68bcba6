"""When a robot is stopped, how, and for which reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from OpenOrchestrator.scheduler.host import robot_stop, run_files, time_limit
from OpenOrchestrator.scheduler.host.robot_stop import RobotStop
from OpenOrchestrator.scheduler.host.time_limit import TimeLimit


class Tree:
    """Processes that note what is done to them."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def soft_stop(self) -> None:
        self.done.append("asked")

    def kill(self) -> list[int]:
        self.done.append("killed")
        return []


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [100.0]
    for module in (robot_stop, time_limit):
        monkeypatch.setattr(module.time, "monotonic", lambda: at[0])
    return at


def test_the_limit_counts_from_the_start_and_none_is_never_over(now: list[float]) -> None:
    limit, endless = TimeLimit(5), TimeLimit(None)
    now[0] += 4.9
    assert not limit.is_over()
    now[0] += 0.1
    assert limit.is_over()
    now[0] += 1e9
    assert not endless.is_over()


def test_a_robot_is_asked_once_and_killed_again_and_again_after_its_grace(now: list[float]) -> None:
    tree, stop = Tree(), RobotStop()
    stop.enforce(tree)  # type: ignore[arg-type]
    assert tree.done == []
    stop.request(tree, "why", 10)  # type: ignore[arg-type]
    now[0] += 9
    stop.enforce(tree)  # type: ignore[arg-type]
    assert tree.done == ["asked"]
    for _ in range(2):
        now[0] += 1
        stop.enforce(tree)  # type: ignore[arg-type]
    assert tree.done == ["asked", "killed", "killed"]


def test_who_stops_it_first_is_the_reason_and_who_comes_later_can_only_hurry(now: list[float], tmp_path: Path) -> None:
    tree, stop = Tree(), RobotStop()
    run_files.write_json(tmp_path / run_files.STOP_FILE, {"reason": "killed on request", "grace": 10})
    stop.look_for_request(tree, tmp_path, 5)  # type: ignore[arg-type]
    stop.time_out(tree, 0)  # type: ignore[arg-type]
    assert (stop.reason, stop.timed_out) == ("killed on request", False)
    stop.request(tree, "again", 1)  # type: ignore[arg-type]
    now[0] += 1
    stop.enforce(tree)  # type: ignore[arg-type]
    assert (stop.reason, tree.done) == ("killed on request", ["asked", "killed"])


def test_a_time_out_that_comes_first_is_the_reason(now: list[float]) -> None:
    tree, stop = Tree(), RobotStop()
    stop.time_out(tree, 10)  # type: ignore[arg-type]
    now[0] += 5
    stop.request(tree, "killed on request", 10)  # type: ignore[arg-type]
    assert (stop.reason, stop.timed_out) == ("timeout", True)
    now[0] += 5
    stop.enforce(tree)  # type: ignore[arg-type]
    assert tree.done == ["asked", "killed"]  # who asks again gives it no more time
