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
    """Make an environment with compiled bytecode, as pip leaves it on a worker machine, and return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--compile", *requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        raise OSError(f"cannot install {requirements[0]}: {installed.stderr.strip()[-300:]}")
    return python


def _sample(python: Path, script: str, *arguments: str) -> float:
    # Not in the checkout: its package would be imported in place of the one installed.
    done = subprocess.run(
        [str(python), "-c", script, *arguments], capture_output=True, text=True, check=True, cwd=tempfile.gettempdir()
    )
    return float(done.stdout.strip().splitlines()[-1]) * 1000


def ready(target: Target, *, samples: int) -> Iterator[Figure]:
    """Start robots of both versions in turn on the same database."""
    folder = Path(tempfile.mkdtemp(prefix="oo-bench-"))
    checkout = str(Path(__file__).resolve().parent.parent)
    try:
        ours = environment(folder / "ours", checkout)
        old = environment(folder / "old", f"OpenOrchestrator=={OLD_VERSION}")
        for until, title in (("ready", "connection ready"), ("log", "connection ready and first log written")):
            times: dict[str, list[float]] = {"ours": [], "old": [], "raw": []}
            for sample in range(samples + 1):
                measured = {
                    "ours": _sample(ours, SCRIPT, target.url, KEY, until),
                    "old": _sample(old, SCRIPT, target.url, KEY, until),
                    "raw": _sample(Path(sys.executable), RAW_SCRIPT, target.url.split("///", 1)[1]),
                }
                for make, value in measured.items():
                    if sample:  # the first round warms the disk cache
                        times[make].append(value)
            yield Figure(
                f"robot: {title}",
                target.kind,
                "median ms",
                median(times["ours"]),
                median(times["old"]),
                f"OpenOrchestrator {OLD_VERSION}",
                f"raw driver alone: {median(times['raw']):.1f} ms",
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
