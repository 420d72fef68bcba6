"""What a robot tells of its own run: the published part of the connection.

Loaded with every connection, so it loads nothing; what is told is in ``robot_job``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    from OpenOrchestrator.orchestrator_connection.robot_job import RobotJob


class Reporting:
    """What a connection can tell about the job of its robot."""

    @property
    def job(self) -> RobotJob:
        """This run, to tell people about: title, progress, output, what is left undone, alerts."""
        from OpenOrchestrator.orchestrator_connection.robot_job import RobotJob  # noqa: PLC0415

        robot = cast("OrchestratorConnection", self)
        return RobotJob(robot, robot._calls.job)
