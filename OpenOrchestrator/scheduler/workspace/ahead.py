"""Making a managed environment before a run needs it.

Owns what a robot is when there is no job of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from OpenOrchestrator.common.errors import InvalidInputError, LaunchError
from OpenOrchestrator.common.robot_entry import read_entry
from OpenOrchestrator.scheduler.runs.services import StartWatch
from OpenOrchestrator.scheduler.workspace import requirement_files
from OpenOrchestrator.scheduler.workspace.checkout import Workspace
from OpenOrchestrator.scheduler.workspace.managed_environments import ManagedEnvironments, Wanted
from OpenOrchestrator.scheduler.workspace.preparation import wanted_by


@dataclass(frozen=True, slots=True)
class RobotSource:
    """Where a robot comes from.

    Attributes:
        name: For people.
        path: As its trigger says it.
        is_git: Whether that is a repository.
        branch: Branch, tag or commit; None for the default one.
        entry: What of its files is started; None for its main.py.
        is_files_only: Whether the path is a folder of which only its requirements count.
    """

    name: str
    path: str
    is_git: bool = False
    branch: str | None = None
    entry: str | None = None
    is_files_only: bool = False


def build_ahead(workspace: Path, python: str, source: RobotSource, watch: StartWatch, *, anew: bool = False) -> str:
    """Make the environment of a robot, if it is not there, and return its interpreter.

    A failure of a moment ago does not count. Nothing of the robot is started.

    Args:
        workspace: Root of the workspace.
        python: The interpreter it is made from.
        source: The robot.
        watch: Told how it is made.
        anew: Make it also if it is there.

    Raises:
        LaunchError: The robot's files or its environment cannot be had; says why.
    """
    folders, environments, job_id = Workspace(workspace), ManagedEnvironments(workspace), uuid4()
    try:
        wanted = _wanted(folders, python, source, job_id)
        return environments.provide(wanted, job_id, watch, insist=True, anew=anew).executable
    except InvalidInputError as error:
        raise LaunchError(str(error)) from error
    finally:
        environments.release(job_id)
        folders.release(job_id)


def _wanted(folders: Workspace, python: str, source: RobotSource, job_id: UUID) -> Wanted:
    if source.is_files_only:
        folder = Path(source.path)
        if not folder.is_dir():
            raise LaunchError(f'There is no folder "{source.path}" on this machine.')
        return Wanted(requirement_files.find(folder, folder), python, source.path)
    robot = folders.prepare(source.path, source.is_git, source.branch, job_id=job_id, entry=read_entry(source.entry))
    return wanted_by(robot, python, source.path, () if robot.address is None else robot.address.secrets)
