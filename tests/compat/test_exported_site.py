"""What a database of OpenOrchestrator 3.0.0 holds, exported after its upgrade, makes the same site elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from databases import Server
from old_versions import ROBOTS, EnvironmentMissingError, python_of

from OpenOrchestrator.common import crypto_util


def run(*command: str, status: int = 0) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def ours(*arguments: str, status: int = 0) -> str:
    return run(sys.executable, "-m", "OpenOrchestrator", *arguments, status=status)


def test_the_export_of_an_upgraded_database_makes_the_same_site_again(
    empty_database_url: str, database_server: Server, tmp_path: Path
) -> None:
    try:
        python = python_of("3.0.0")
    except EnvironmentMissingError as error:
        pytest.skip(f"OpenOrchestrator 3.0.0 cannot be installed: {error}")
    old, file = empty_database_url, tmp_path / "site.yaml"
    run(str(python), str(ROBOTS / "make_database.py"), old, crypto_util.generate_key().decode())
    ours("upgrade", old, "--yes", "--timezone", "Europe/Copenhagen")
    ours("export", str(file), "-c", old)
    assert "The site is as the file says." in ours("plan", str(file), "--prune", "-c", old)
    new = database_server.make_empty()
    try:
        ours("upgrade", new, "--yes", "--timezone", "UTC")
        ours("apply", str(file), "--yes", "-c", new)
        again = tmp_path / "again.yaml"
        ours("export", str(again), "-c", new)
        assert again.read_bytes() == file.read_bytes()
        assert "The credential 'login' has no password yet." in ours("plan", str(file), "--prune", "-c", new)
    finally:
        database_server.drop(new)
