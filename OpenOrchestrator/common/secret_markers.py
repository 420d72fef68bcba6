"""What the environment of a robot carries, and how a start argument says that its value is there instead.

Shared by the scheduler, which writes it, and the connection library, which reads it. Cheap to import.
"""

from __future__ import annotations

import os

from OpenOrchestrator.common.errors import ConfigurationError

CONNECTION_STRING_VARIABLE = "OpenOrchestratorConnString"
"""Environment variable with the connection string."""

KEY_VARIABLE = "OpenOrchestratorKey"
"""Environment variable with the encryption key."""

JOB_VARIABLE = "OPENORCHESTRATOR_JOB"
"""Environment variable with the id of the job that a program runs for; there if a scheduler started it."""

_PREFIX = "env:"


def marker(variable: str) -> str:
    """Return the argument that stands for the value of an environment variable, such as ``env:OpenOrchestratorKey``."""
    return f"{_PREFIX}{variable}"


def resolve(argument: str, variable: str) -> str:
    """Return the value of a start argument: itself or, if it is the marker of a variable, what that holds.

    Raises:
        ConfigurationError: If the variable is not set.
    """
    if argument != marker(variable):
        return argument
    value = os.environ.get(variable)
    if value is None:
        raise ConfigurationError(
            f"The start argument {argument!r} says that the value is in the environment variable {variable}, but that "
            "is not set. Pass the environment on to the process that runs the robot, or set the trigger to pass "
            "secrets as arguments."
        )
    return value
