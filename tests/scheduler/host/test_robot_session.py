"""Which processes are in the session of a robot, and that nobody else is taken for one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from OpenOrchestrator.scheduler.host import robot_session

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: /proc and sessions")

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]


@pytest.fixture
def leader() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, start_new_session=True) as process:
        yield process
        process.kill()


def test_a_session_is_known_by_its_leader(leader: subprocess.Popen[bytes]) -> None:
    assert robot_session.members(robot_session.remember(leader.pid)) == {leader.pid}


@pytest.mark.parametrize("change", [{"start": "1"}, {"place": ["another boot", "here"]}, {"number": None}])
def test_another_session_of_the_same_number_is_nobodys(leader: subprocess.Popen[bytes], change: dict[str, Any]) -> None:
    remembered = robot_session.remember(leader.pid)
    assert remembered is not None
    assert robot_session.members(remembered | change) == set()


@pytest.mark.parametrize("remembered", [None, {}, "text", {"number": 1}])
def test_without_a_session_nobody_is_in_it(remembered: object) -> None:
    assert robot_session.members(remembered) == set()


def test_who_looks_is_never_found(leader: subprocess.Popen[bytes]) -> None:
    assert leader.pid in robot_session.members(None, beside=[os.getpid()])
    assert os.getpid() not in robot_session.members(None, beside=[os.getppid()])


def test_of_who_is_gone_nothing_is_remembered() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        assert robot_session.remember(process.pid) is None
