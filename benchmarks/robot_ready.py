"""How soon a robot can work: the time from starting to import the library until its connection is ready."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from benchmarks.databases import Target
from benchmarks.report import Figure, median

OLD_VERSION = "3.0.0"
KEY = "bmV2ZXIgdXNlZCBmb3IgYW55dGhpbmcgYnV0IHRpbWU="

SCRIPT = """
import sys, time
begun = time.perf_counter()
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
connection = OrchestratorConnection("benchmark", sys.argv[1], sys.argv[2], "", None, None)
if sys.argv[3] == "log":
    connection.log_info("ready")
print(time.perf_counter() - begun)
"""

RAW_SCRIPT = """
import sys, time
begun = time.perf_counter()
import sqlite3
sqlite3.connect(sys.argv[1]).execute('SELECT version_num FROM alembic_version').fetchone()
print(time.perf_counter() - begun)
"""


def environment(folder: Path, *requirements: str) -> Path:
    """Make an environment with compiled bytecode, as pip leaves it on a worker machine, and return its Python.

    With uv where that is installed, for it takes seconds where pip takes minutes on a busy machine.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = shutil.which("uv")
    if uv is None:
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--compile"]
    else:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    installed = subprocess.run([*install, *requirements], capture_output=True, text=True, check=False)
    if installed.returncode:
        raise OSError(f"cannot install {requirements[0]}: {installed.stderr.strip()[-300:]}")
    return python


def _sample(python: Path, script: str, *arguments: str) -> float:
    # Not in the checkout: its package would be imported in place of the one installed.
    done = subprocess.run(
        [str(python), "-c", script, *arguments], capture_output=True, text=True, check=True, cwd=tempfile.gettempdir()
    )
    return float(done.stdout.strip().splitlines()[-1]) * 1000


def ready(target: Target, *, samples: int, commit: str = "") -> Iterator[Figure]:
    """Start robots of both versions in turn on the same database; and of a commit of this repository, if one is named.

    Raises:
        OSError: If an environment cannot be made, or there is no such commit.
    """
    folder = Path(tempfile.mkdtemp(prefix="oo-bench-"))
    checkout = Path(__file__).resolve().parent.parent
    try:
        pythons = {"ours": environment(folder / "ours", str(checkout))}
        others = {"old": f"OpenOrchestrator {OLD_VERSION}"}
        pythons["old"] = environment(folder / "old", f"OpenOrchestrator=={OLD_VERSION}")
        if commit:
            pythons["commit"] = environment(folder / "commit", str(_source(checkout, commit, folder / "source")))
            others["commit"] = f"commit {commit}"
        for until, title in (("ready", "connection ready"), ("log", "connection ready and first log written")):
            times: dict[str, list[float]] = {make: [] for make in (*pythons, "raw")}
            for sample in range(samples + 1):
                measured = {make: _sample(python, SCRIPT, target.url, KEY, until) for make, python in pythons.items()}
                measured["raw"] = _sample(Path(sys.executable), RAW_SCRIPT, target.url.split("///", 1)[1])
                for make, value in measured.items():
                    if sample:  # the first round warms the disk cache
                        times[make].append(value)
            for other, name in others.items():
                yield Figure(
                    f"robot: {title}",
                    target.kind,
                    "median ms",
                    median(times["ours"]),
                    median(times[other]),
                    name,
                    f"raw driver alone: {median(times['raw']):.1f} ms; fastest {min(times['ours']):.1f} "
                    f"beside {min(times[other]):.1f} ms",
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _source(checkout: Path, commit: str, folder: Path) -> Path:
    """Clone this repository at a commit: the package is built as it was then."""
    for command in (
        ["git", "clone", "--quiet", "--no-checkout", str(checkout), str(folder)],
        ["git", "-C", str(folder), "checkout", "--quiet", "--detach", commit],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"cannot get commit {commit}: {done.stderr.strip()[-300:]}")
    return folder
