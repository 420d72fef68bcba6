"""A repository and a workspace for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import Origin

from OpenOrchestrator.scheduler.workspace.checkout import Workspace


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")
