"""Fixtures of the compatibility tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from old_versions import VERSIONS, EnvironmentMissingError, python_of


@pytest.fixture(params=VERSIONS)
def old_version(request: pytest.FixtureRequest) -> str:
    """An older version of OpenOrchestrator."""
    return str(request.param)


@pytest.fixture
def old_python(old_version: str) -> Path:
    """The Python of an environment with that version."""
    try:
        return python_of(old_version)
    except EnvironmentMissingError as error:
        pytest.skip(f"OpenOrchestrator {old_version} cannot be installed: {error}")
