"""A lock between processes: who is there waits, and what is no lock at all is told at once."""

from __future__ import annotations

import errno
import sys
import time
from pathlib import Path

import pytest

from OpenOrchestrator.scheduler.workspace.file_lock import locked

LOCKING = "msvcrt.locking" if sys.platform == "win32" else "fcntl.flock"


def test_a_lock_that_somebody_holds_is_waited_for(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", timeout=1),
        pytest.raises(TimeoutError, match="held by another process"),
        locked(tmp_path / "lock", timeout=0.1),
    ):
        pass
    with locked(tmp_path / "lock", timeout=0):
        pass


def test_a_disk_without_locks_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(LOCKING, refuse)
    began = time.monotonic()
    with pytest.raises(OSError, match="Invalid argument"), locked(tmp_path / "lock", timeout=60):
        pass
    assert time.monotonic() - began < 30
