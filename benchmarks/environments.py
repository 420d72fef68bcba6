"""What a managed environment that is there adds to the start of a robot, beside an environment of the trigger's own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from benchmarks.databases import Target
from benchmarks.report import Figure, judged, median
from OpenOrchestrator.scheduler.workspace import requirement_files
from OpenOrchestrator.scheduler.workspace.interpreters import RobotPython
from OpenOrchestrator.scheduler.workspace.managed_environments import ManagedEnvironments, Wanted
from OpenOrchestrator.scheduler.workspace.robot_python import RobotEnvironments

MOST_ADDED_MS = 200.0
"""What a later start may take longer than a plain one."""

_LOCK = """version = 1
requires-python = ">=3.10"

[[package]]
name = "robot"
version = "1.0"
source = {{ virtual = "." }}
{others}"""
_PYPROJECT = '[project]\nname = "robot"\nversion = "1.0"\nrequires-python = ">=3.10"\ndependencies = []\n'
_LOCKED_PACKAGES = 150


class _Silent:
    """Watches a preparation without showing it."""

    said = 0

    def say(self, line: str) -> None:
        """Show nothing."""

    def require_wanted(self) -> None:
        """Go on."""


def environments(_target: Target, *, samples: int) -> Iterator[Figure]:
    """Find the environment of a start, and start Python in it, in turn with an own and a managed environment."""
    with tempfile.TemporaryDirectory(prefix="oo-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        project = _project(folder / "robot")
        own = RobotEnvironments(folder / "workspace", lambda _job_id: True)
        managed = ManagedEnvironments(folder / "workspace")
        trigger_id = uuid4()

        def find_own() -> RobotPython:
            job_id = uuid4()
            python = own.provide(sys.executable, trigger_id, job_id)
            own.release(job_id)
            return python

        def find_managed() -> RobotPython:
            job_id = uuid4()
            wanted = Wanted(requirement_files.find(project, project), sys.executable, "benchmark")
            python = managed.provide(wanted, job_id, _Silent())
            managed.release(job_id)
            return python

        ways = {"own": find_own, "managed": find_managed}
        for find in ways.values():  # made here, and not counted
            find()
        preparing = _in_turn(ways, samples, time.process_time)
        yield judged(
            Figure("environments", "-", "finding it, ms of processor time", preparing["managed"], preparing["own"],
                   "an own environment"),
            MOST_ADDED_MS,
        )  # fmt: skip
        pythons = {way: find().executable for way, find in ways.items()}
        starts = _in_turn({way: _starter(python) for way, python in pythons.items()}, samples, time.perf_counter)
        yield Figure("environments", "-", "starting Python in it, ms", starts["managed"], starts["own"],
                     "an own environment")  # fmt: skip
        added = preparing["managed"] - preparing["own"] + starts["managed"] - starts["own"]
        yield judged(Figure("environments", "-", "added to a plain start, ms", added), MOST_ADDED_MS)


def _in_turn(ways: dict[str, Callable[[], object]], samples: int, clock: Callable[[], float]) -> dict[str, float]:
    """Return the median milliseconds of each way, measured side by side."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(samples):
        for way, work in ways.items():
            begun = clock()
            work()
            times[way].append((clock() - begun) * 1000)
    return {way: median(values) for way, values in times.items()}


def _starter(python: str) -> Callable[[], object]:
    return lambda: subprocess.run([python, "-c", "import json"], check=True)


def _project(folder: Path) -> Path:
    """Make a project whose lock is as long as that of a real robot, and installs nothing, so that none is fetched."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(_PYPROJECT, encoding="utf-8")
    hashes = ", ".join(f'{{ hash = "sha256:{number:064x}" }}' for number in range(20))
    comment = "".join(f"# package {number}: {hashes}\n" for number in range(_LOCKED_PACKAGES))
    (folder / "uv.lock").write_text(_LOCK.format(others=comment), encoding="utf-8")
    return folder
