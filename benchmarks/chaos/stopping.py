"""The end of a run's processes: nobody works any more when the books are read, however the rest failed.

Schedulers are asked first and killed if they do not stop; then robots are waited for, and killed in the end.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from benchmarks.chaos.machines import RunProcess, marked_processes, signal_process

_LOOK_SECONDS = 0.2

T = TypeVar("T")


class Stoppable(Protocol):
    """What is needed of a machine here."""

    name: str

    def resume(self) -> None:
        """Let its schedulers go on that stand still."""

    def ask_to_stop(self) -> None:
        """Ask its schedulers to end when their robots have ended."""

    def await_end(self, deadline: float) -> bool:
        """Wait until they have ended; kill them otherwise and return False."""

    def kill_everything(self) -> list[str]:
        """Kill all that runs there and return its jobs."""


@dataclass(slots=True)
class Stopped:
    """What came of it.

    Attributes:
        not_stopped: Machines whose schedulers had to be killed.
        cut_off: Ids of the jobs whose robots were in hand of those.
        left_over: Processes of other jobs that were still there, in words.
    """

    not_stopped: list[str] = field(default_factory=list)
    cut_off: set[str] = field(default_factory=set)
    left_over: list[str] = field(default_factory=list)


def stop_all(
    machines: Sequence[Stoppable], jobs: Callable[[], Collection[str]], *, patience: float, left_patience: float
) -> Stopped:
    """Bring everything to a stop.

    Args:
        machines: The machines.
        jobs: Asked, when no scheduler is there any more, for the ids of all jobs of this run.
        patience: Seconds that schedulers get.
        left_patience: Seconds that robots get after that.
    """
    stopped = Stopped()
    for machine in machines:
        machine.resume()
        machine.ask_to_stop()
    deadline = time.monotonic() + patience
    for machine in machines:
        if not machine.await_end(deadline):
            stopped.not_stopped.append(machine.name)
            stopped.cut_off.update(machine.kill_everything())
    known = frozenset(jobs())

    def left() -> list[RunProcess]:
        return [process for process in marked_processes() if process.job_id in known]

    remaining = wait_for_none(left, left_patience)
    stopped.left_over += [shown(process) for process in remaining if process.job_id not in stopped.cut_off]
    while remaining:  # a host may start one more before it is killed
        for process in remaining:
            signal_process(process.pid, signal.SIGKILL)
        remaining = wait_for_none(left, _LOOK_SECONDS)
    return stopped


def wait_for_none(look: Callable[[], Sequence[T]], seconds: float) -> Sequence[T]:
    """Look until there is nothing, and return what is still there after a while."""
    deadline = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return found


def shown(process: RunProcess) -> str:
    """Return a process in words."""
    return f"{'host' if process.is_host else 'robot'} pid {process.pid} of job {process.job_id}"
