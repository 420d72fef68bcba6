"""The password."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator.access.passwords import Password

PASSWORD = "correct horse battery"


def test_is_kept_as_its_hash_only() -> None:
    password = Password(PASSWORD)
    assert password.matches(PASSWORD)
    assert not password.matches(PASSWORD + "x")
    held = repr([getattr(password, name) for name in vars(password)])
    assert PASSWORD not in held


def test_too_short_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="8 characters"):
        Password("short")
