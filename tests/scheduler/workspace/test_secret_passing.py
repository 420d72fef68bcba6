"""How connection string and key reach a robot."""

from __future__ import annotations

from pathlib import Path

from OpenOrchestrator.database.statuses import SecretPassing
from OpenOrchestrator.scheduler.workspace.secret_passing import resolve_passing


def test_auto_passes_arguments_to_old_robots_only(tmp_path: Path) -> None:
    assert resolve_passing(SecretPassing.AUTO, tmp_path) is SecretPassing.ENVIRONMENT
    (tmp_path / "requirements.txt").write_text("OpenOrchestrator==3.*\n")
    assert resolve_passing(SecretPassing.AUTO, tmp_path) is SecretPassing.ARGUMENTS
    assert resolve_passing(SecretPassing.ENVIRONMENT, tmp_path) is SecretPassing.ENVIRONMENT
    (tmp_path / "requirements.txt").write_text("OpenOrchestrator>=4\n")
    assert resolve_passing(SecretPassing.AUTO, tmp_path) is SecretPassing.ENVIRONMENT
    assert resolve_passing(SecretPassing.ARGUMENTS, tmp_path) is SecretPassing.ARGUMENTS
