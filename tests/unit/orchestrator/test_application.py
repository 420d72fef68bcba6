"""Starting the admin app."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator import application


def test_others_are_refused_without_a_password() -> None:
    with pytest.raises(ConfigurationError, match="OpenOrchestratorPassword"):
        application.run(application.Options(host="0.0.0.0"), say=lambda line: None)
