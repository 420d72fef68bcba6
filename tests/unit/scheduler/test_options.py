"""What a scheduler can be told, checked before it does anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.common.settings import load_settings
from OpenOrchestrator.scheduler.options import scheduler_options


@pytest.mark.parametrize("beneath", [".", "below", "below/further"])
def test_a_workspace_that_is_a_file_is_said(tmp_path: Path, beneath: str) -> None:
    """Windows says of this that the path cannot be found, or exists already."""
    file = tmp_path / "workspace"
    file.touch()
    with pytest.raises(ConfigurationError) as raised:
        scheduler_options(load_settings(workspace=file / beneath))
    assert f"{file} is a file" in str(raised.value)
    assert "--workspace" in str(raised.value)


def test_an_account_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_data_dir", homeless)
    settings = load_settings()
    with pytest.raises(ConfigurationError, match="OpenOrchestratorWorkspace"):
        scheduler_options(settings)
    with pytest.raises(ConfigurationError, match="OpenOrchestratorAppFolder"):
        settings.require_app_folder()
