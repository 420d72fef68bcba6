"""The end of a chaos run: whoever does not stop is killed before the books are read, and is not called left over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from benchmarks.chaos.machines import JOB_VARIABLE
from benchmarks.chaos.stopping import stop_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the chaos run signals processes and needs Linux")

Start = Callable[[str], "subprocess.Popen[bytes]"]


class Machine:
    """A machine whose scheduler stops or does not; its robots do not."""

    name = "machine-0"

    def __init__(self, *jobs: str, stops: bool) -> None:
        self._jobs = list(jobs)
        self._stops = stops
        self.calls: list[str] = []

    def resume(self) -> None:
        self.calls.append("resume")

    def ask_to_stop(self) -> None:
        self.calls.append("ask")

    def await_end(self, _deadline: float) -> bool:
        self.calls.append("await")
        return self._stops

    def kill_everything(self) -> list[str]:
        self.calls.append("kill")
        return self._jobs  # the host of one started another robot meanwhile, which was not seen


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def make(job_id: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, JOB_VARIABLE: job_id}
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=environment))
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("stops", [True, False])
def test_no_robot_runs_any_more_whether_its_scheduler_stops_or_not(start: Start, stops: bool) -> None:
    job_id, other = str(uuid4()), str(uuid4())
    robot, stranger = start(job_id), start(other)
    machine = Machine(job_id, stops=stops)

    def jobs() -> list[str]:
        assert machine.calls[-1] == ("await" if stops else "kill")  # nobody makes another one after this
        return [job_id]

    stopped = stop_all([machine], jobs, patience=0, left_patience=0)
    assert robot.wait(5) < 0
    assert stranger.poll() is None  # of another run
    assert machine.calls[:3] == ["resume", "ask", "await"]
    if stops:
        assert (stopped.not_stopped, stopped.cut_off) == ([], set())
        assert stopped.left_over == [f"robot pid {robot.pid} of job {job_id}"]
    else:
        assert (stopped.not_stopped, stopped.cut_off, stopped.left_over) == (["machine-0"], {job_id}, [])
