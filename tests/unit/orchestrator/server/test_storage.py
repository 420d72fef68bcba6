"""What the app keeps on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from OpenOrchestrator.orchestrator.server.storage import prepare_storage


def test_the_cookie_secret_is_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    folder, first = prepare_storage()
    again, second = prepare_storage()
    assert (folder, first) == (again, second)
    secret = folder.parent / "cookie-secret"
    assert secret.stat().st_mode & 0o077 == 0
