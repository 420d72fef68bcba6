"""From a claimed run to a robot that can be started: its files, its environment, its secrets, what it is handed.

Owns the order of these steps. Knows no database.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.common.errors import InvalidInputError, LaunchError
from OpenOrchestrator.common.redaction import secrets_of
from OpenOrchestrator.common.robot_entry import read_entry
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.statuses import RobotEnvironment
from OpenOrchestrator.scheduler.runs.launcher import Launcher
from OpenOrchestrator.scheduler.runs.robot_command import DEFAULT_GRACE, LaunchSpec
from OpenOrchestrator.scheduler.runs.services import Prepared, StartWatch
from OpenOrchestrator.scheduler.workspace import environment_upkeep, requirement_files
from OpenOrchestrator.scheduler.workspace.checkout import PreparedRobot, Workspace, run_has_ended
from OpenOrchestrator.scheduler.workspace.git_environment import access_variables
from OpenOrchestrator.scheduler.workspace.interpreters import RobotPython
from OpenOrchestrator.scheduler.workspace.managed_environments import ManagedEnvironments, Wanted
from OpenOrchestrator.scheduler.workspace.robot_python import RobotEnvironments
from OpenOrchestrator.scheduler.workspace.secret_passing import resolve_passing

_BUILD_END_SECONDS = 10.0


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
        self._managed = ManagedEnvironments(workspace)
        self._python = python
        self._launcher = Launcher(workspace, python, on_end=on_end)
        self._connection_string = connection_string
        self._crypto_key = crypto_key
        self._prepared: dict[UUID, PreparedRobot] = {}
        self._builds = 0
        self._builds_changed = threading.Condition()

    def __call__(self, run: ClaimedRun, watch: StartWatch) -> Prepared:
        """Get the robot's files and its environment, and return what starts it.

        Raises:
            LaunchError: With the reason to store on the job.
            StartUnwantedError: The watch said so.
        """
        try:
            entry = read_entry(run.entry)
        except InvalidInputError as error:
            raise LaunchError(str(error)) from error
        robot = self._workspace.prepare(
            run.process_path,
            run.is_git_repo,
            run.git_branch,
            job_id=run.job_id,
            kept_for=run.trigger_id if run.keep_files else None,
            entry=entry,
        )
        self._prepared[run.job_id] = robot
        is_managed = run.environment is RobotEnvironment.MANAGED
        python = self._manage(run, robot, watch) if is_managed else self._provide_own(run)
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
            grace=DEFAULT_GRACE if run.terminate_seconds is None else run.terminate_seconds,
            soft=run.soft_seconds,
            python=python.executable,
            path=python.path,
            variables={} if robot.address is None else access_variables(robot.address),
            secrets=() if robot.address is None else robot.address.secrets,
            module=robot.module,
            folder=robot.folder,
            import_folders=_import_folders(robot, is_managed=is_managed),
            printed=watch.said,
        )
        return Prepared(partial(self._launcher.start, spec), robot.commit, robot.missing)

    def _provide_own(self, run: ClaimedRun) -> RobotPython:
        return self._environments.provide(self._python, run.trigger_id, run.job_id)

    def _manage(self, run: ClaimedRun, robot: PreparedRobot, watch: StartWatch) -> RobotPython:
        secrets = secrets_of(self._connection_string, self._crypto_key)
        wanted = wanted_by(robot, self._python, run.process_path, secrets)
        self._count_builds(1)
        try:
            return self._managed.provide(wanted, run.job_id, watch)
        finally:
            self._count_builds(-1)

    def _count_builds(self, more: int) -> None:
        with self._builds_changed:
            self._builds += more
            self._builds_changed.notify_all()

    def release(self, job_id: UUID) -> None:
        """Delete the files of a run that nobody needs any more, once it is settled, and let others have the rest.

        Raises:
            OSError: A program still uses them; the clean-up deletes them later.
        """
        with contextlib.ExitStack() as each:
            each.callback(self._workspace.release, job_id)
            each.callback(self._managed.release, job_id)
            each.callback(self._environments.release, job_id)

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

    def await_builds(self) -> bool:
        """Wait a moment for the end of builds that nobody wants any more, so that the end of this process leaves none.

        Returns:
            Whether none is left.
        """
        with self._builds_changed:
            return self._builds_changed.wait_for(lambda: self._builds == 0, timeout=_BUILD_END_SECONDS)

    def clean_up(self) -> None:
        """Delete what was not used for a long time."""
        self._environments.prune()
        environment_upkeep.prune(self._managed)
        environment_upkeep.prune_cache(self._managed)
        self._workspace.prune()


def wanted_by(robot: PreparedRobot, python: str, process_path: str, secrets: Sequence[str]) -> Wanted:
    """Return the managed environment of a robot.

    Args:
        robot: With its files on the disk.
        python: The interpreter to make it from.
        process_path: As its trigger says it.
        secrets: Texts that must not be shown.

    Raises:
        LaunchError: The robot has no file that says what it needs.
    """
    found = requirement_files.find(robot.folder, robot.top or robot.folder)
    if robot.address is None:
        return Wanted(found, python, process_path, tuple(secrets))
    return Wanted(found, python, robot.address.shown, (*secrets, *robot.address.secrets))


def _import_folders(robot: PreparedRobot, *, is_managed: bool) -> tuple[str, ...]:
    """Return where Python is to look for the robot's own modules: as if its project were installed, where it is not."""
    folders = [] if robot.import_folder is None else [robot.import_folder]
    if is_managed:
        sources = robot.project / "src"
        folders += [sources] if sources.is_dir() else []
        folders += [robot.project] if robot.project != robot.folder else []
    return tuple(str(each) for each in dict.fromkeys(folders))
