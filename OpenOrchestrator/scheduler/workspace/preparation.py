"""From a claimed run to a robot that can be started: its files, how it gets its secrets, what it is handed.

Owns the order of these steps. Knows no database.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.scheduler.runs.launcher import Launcher
from OpenOrchestrator.scheduler.runs.robot_command import LaunchSpec
from OpenOrchestrator.scheduler.runs.services import Prepared
from OpenOrchestrator.scheduler.workspace.checkout import PreparedRobot, Workspace, run_has_ended
from OpenOrchestrator.scheduler.workspace.git_environment import access_variables
from OpenOrchestrator.scheduler.workspace.robot_python import RobotEnvironments
from OpenOrchestrator.scheduler.workspace.secret_passing import resolve_passing


class RobotPreparation:
    """Prepares robots in one workspace. Safe to use from several threads.

    Args:
        workspace: Where robots' files and run directories are.
        python: The Python to run robots with.
        connection_string: Handed to robots.
        crypto_key: Handed to robots.
        on_end: Called with the job's id when the host of a robot started here has ended.
    """

    def __init__(
        self,
        workspace: Path,
        python: str,
        *,
        connection_string: str,
        crypto_key: str,
        on_end: Callable[[UUID], None],
    ) -> None:
        self._workspace = Workspace(workspace)
        self._environments = RobotEnvironments(workspace, partial(run_has_ended, workspace.absolute()))
        self._python = python
        self._launcher = Launcher(workspace, python, on_end=on_end)
        self._connection_string = connection_string
        self._crypto_key = crypto_key
        self._prepared: dict[UUID, PreparedRobot] = {}

    def __call__(self, run: ClaimedRun) -> Prepared:
        """Get the robot's files, and return what starts it.

        Raises:
            LaunchError: With the reason to store on the job.
        """
        robot = self._workspace.prepare(
            run.process_path,
            run.is_git_repo,
            run.git_branch,
            job_id=run.job_id,
            kept_for=run.trigger_id if run.keep_files else None,
        )
        self._prepared[run.job_id] = robot
        python = self._environments.provide(self._python, run.trigger_id, run.job_id)
        spec = LaunchSpec(
            job_id=run.job_id,
            trigger_id=run.trigger_id,
            process_name=run.process_name,
            process_arguments=run.process_args or "",
            file=robot.file,
            passing=resolve_passing(run.passing, robot.project),
            connection_string=self._connection_string,
            crypto_key=self._crypto_key,
            timeout=run.timeout_seconds,
            python=python.executable,
            path=python.path,
            variables={} if robot.address is None else access_variables(robot.address),
            secrets=() if robot.address is None else robot.address.secrets,
        )
        return Prepared(partial(self._launcher.start, spec), robot.commit, robot.missing)

    def release(self, job_id: UUID) -> None:
        """Delete the files of a run that nobody needs any more, once it is settled, and let others have the rest.

        Raises:
            OSError: A program still uses them; the clean-up deletes them later.
        """
        try:
            self._environments.release(job_id)
        finally:
            self._workspace.release(job_id)

    def prepare_next(self, job_id: UUID) -> None:
        """Make ready for the next run what the run of this job, prepared here, had to wait for. May take a while.

        Raises:
            LaunchError: It cannot be had; the next run tries again.
            OSError: The same, because of the disk.
        """
        robot = self._prepared.pop(job_id, None)
        if robot is not None:
            self._workspace.make_spare(robot)

    def forget(self, job_id: UUID) -> None:
        """Take note that the run of this job, prepared here, is somebody else's or that none comes after it."""
        self._prepared.pop(job_id, None)

    def clean_up(self) -> None:
        """Delete what was not used for a long time."""
        self._environments.prune()
        self._workspace.prune()
