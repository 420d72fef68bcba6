"""Environments of older OpenOrchestrator versions, each installed once from the package registry and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import platformdirs

VERSIONS = ("1.3.1", "2.0.1", "3.0.0")
ROBOTS = Path(__file__).parent / "robots"
PATIENCE_SECONDS = 240


class EnvironmentMissingError(Exception):
    """The environment cannot be made; the message says what is missing."""


def python_of(version: str) -> Path:
    """Return the Python of an environment with that version, making the environment if it is not there yet.

    Raises:
        EnvironmentMissingError: If it cannot be installed.
    """
    name = f"{version}-{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(platformdirs.user_cache_dir("openorchestrator-tests", appauthor=False)) / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready"
    if ready.exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_suffix(".lock")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if ready.exists():
                return python
            if time.time() - lock.stat().st_mtime > PATIENCE_SECONDS or time.monotonic() > deadline:
                shutil.rmtree(lock, ignore_errors=True)  # its maker died
            time.sleep(0.2)
    try:
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run("venv", "--python", sys.executable, str(folder))
            # The versions that SQLAlchemy had while these versions were current.
            _run(
                *("pip", "install", "--python", str(python), f"OpenOrchestrator=={version}"),
                *("sqlalchemy<2.1", "psycopg[binary]", "pymysql"),
            )
            ready.touch()
    finally:
        shutil.rmtree(lock, ignore_errors=True)
    return python


def _run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise EnvironmentMissingError(f"uv {' '.join(arguments[:2])} failed: {done.stderr.strip()[-500:]}")
