"""What the app keeps on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator.server.storage import prepare_storage


def test_the_cookie_secret_is_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    folder, first = prepare_storage()
    again, second = prepare_storage()
    assert (folder, first) == (again, second)
    secret = folder.parent / "cookie-secret"
    assert secret.read_text("ascii") == first
    if sys.platform != "win32":  # there, the folder of the account is private
        assert [path.stat().st_mode & 0o077 for path in (secret, folder)] == [0, 0]


def test_a_folder_that_cannot_be_used_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="OpenOrchestratorAppFolder"):
        prepare_storage(tmp_path / "file")
