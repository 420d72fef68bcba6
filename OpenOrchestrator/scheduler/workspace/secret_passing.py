"""How connection string and key reach a robot: in its environment, or as arguments where it is too old for that.

Owns the policy. What a robot's project declares is read in ``declared_version``; the hand-over itself is in
``runs.robot_command``.
"""

from __future__ import annotations

from pathlib import Path

from OpenOrchestrator.database.statuses import SecretPassing
from OpenOrchestrator.scheduler.workspace.declared_version import declared_major

FIRST_MAJOR_WITH_ENVIRONMENT = 4
"""The first version whose library reads secrets from the environment."""


def resolve_passing(mode: SecretPassing, project: Path) -> SecretPassing:
    """Decide how connection string and key reach a robot.

    Args:
        mode: What the trigger says. AUTO asks the robot's project.
        project: Folder of the robot's project (see ``declared_version.nearest_project``).

    Returns:
        ENVIRONMENT or ARGUMENTS. AUTO becomes ARGUMENTS for a robot that declares an OpenOrchestrator too old to look
        into the environment, and ENVIRONMENT for all others.
    """
    if mode is not SecretPassing.AUTO:
        return mode
    major = declared_major(project)
    if major is not None and major < FIRST_MAJOR_WITH_ENVIRONMENT:
        return SecretPassing.ARGUMENTS
    return SecretPassing.ENVIRONMENT
