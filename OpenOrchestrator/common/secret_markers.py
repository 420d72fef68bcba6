"""How a start argument says that its value is in the environment instead.

Shared by the scheduler, which writes the markers, and the connection library, which resolves them. Cheap to import.
"""

from __future__ import annotations

CONNECTION_STRING_VARIABLE = "OpenOrchestratorConnString"
"""Environment variable with the connection string."""

KEY_VARIABLE = "OpenOrchestratorKey"
"""Environment variable with the encryption key."""

_PREFIX = "env:"


def marker(variable: str) -> str:
    """Return the argument that stands for the value of an environment variable, such as ``env:OpenOrchestratorKey``."""
    return f"{_PREFIX}{variable}"
