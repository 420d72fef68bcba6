"""Where the robots' files are on this machine.

Owns the workspace folder: turns the path or repository of a trigger into a Python file that can be run, and clears
away what is not used any more. Decides nothing about triggers and starts no robot.

Layout: ``runs/<job id>/`` (run_directory.py), ``cache/`` and ``trees/`` (git_cache.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, run_root
from OpenOrchestrator.scheduler.workspace.declared_version import nearest_project
from OpenOrchestrator.scheduler.workspace.git_cache import RepositoryCache, cache_name, cached_names, release_trees
from OpenOrchestrator.scheduler.workspace.git_command import RemoteAddress

DEFAULT_TIMEOUT = 120.0
"""Seconds to get a robot's files."""

KEEP_DAYS = 7.0
"""Days after its last use that a worktree is deleted."""

KEEP_MIRROR_DAYS = 90.0
"""Days after its last use that the local copy of a repository is deleted."""

_LEVELS_ABOVE_A_LOCAL_FILE = 2


@dataclass(frozen=True, slots=True)
class PreparedRobot:
    """A robot that is ready to be started.

    Attributes:
        file: Its Python file, absolute.
        folder: The folder of that file, its working folder.
        commit: Full id of the commit, or None for a robot that is not in a repository.
        project: The folder whose declarations of requirements hold for it.
    """

    file: Path
    folder: Path
    commit: str | None
    project: Path


class Workspace:
    """The workspace folder of a machine. Any number of threads and processes may use it at the same time.

    Args:
        root: The folder; made when needed, on a local disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def prepare(
        self,
        process_path: str,
        is_git_repo: bool,
        git_branch: str | None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        job_id: UUID | None = None,
    ) -> PreparedRobot:
        """Get a robot's files onto the disk.

        A local robot is used where it is. Of a repository the wanted commit is fetched and checked out; the robot is
        the first ``main.py``, the one in the shallowest folder, then by alphabet. Submodules are not checked out; LFS
        files are if git-lfs is installed.

        Args:
            process_path: A .py file, or the address of a git repository.
            is_git_repo: Which of the two.
            git_branch: Branch, tag, or full or abbreviated commit; None or empty for the remote's HEAD.
            timeout: Seconds for all of it.
            job_id: The job it is for. A job gets a worktree that no other job uses until its run has ended (its run
                directory holds the exit, or ``release`` was called): two robots that set up their virtual environment
                in one folder would break each other. Without a job the worktree is shared.

        Raises:
            LaunchError: It cannot be had; says why, without credentials. Nothing half-made is ever used later.
        """
        path = process_path.strip()
        if not path:
            raise LaunchError("The trigger has no process path. Enter the robot's .py file or git repository.")
        if is_git_repo:
            return self._prepare_repository(path, (git_branch or "").strip() or None, job_id, timeout)
        return _prepare_file(path)

    def release(self, job_id: UUID) -> None:
        """Let the worktree of a job be used by the next one; to be called when its run is settled."""
        release_trees(self.root, job_id)

    def prune(self, in_use: Collection[Path] = ()) -> list[Path]:
        """Delete worktrees not used for KEEP_DAYS, and copies of repositories not used for KEEP_MIRROR_DAYS.

        May take a while (it lets git pack what it collected); repositories in use at the moment are left alone.

        Args:
            in_use: Files or folders of robots that run. Worktrees of jobs whose run has not ended are kept anyway.

        Returns:
            The folders deleted.

        Raises:
            LaunchError: git failed on a local copy; the next use repairs it.
        """
        removed: list[Path] = []
        for name in cached_names(self.root):
            cache = RepositoryCache(self.root, name, None, self._run_ended)
            removed += cache.prune(in_use, keep_days=KEEP_DAYS, keep_mirror_days=KEEP_MIRROR_DAYS)
        return removed

    def _prepare_repository(
        self, url: str, reference: str | None, job_id: UUID | None, timeout: float
    ) -> PreparedRobot:
        if url.startswith("-"):
            raise LaunchError(f'"{url}" is not the address of a repository.')
        address = RemoteAddress(url)
        wanted = "its default branch" if reference is None else f'"{reference}"'
        try:
            cache = RepositoryCache(self.root, cache_name(address), address, self._run_ended)
            checkout = cache.check_out(reference, job_id, timeout=timeout)
        except LaunchError as error:
            raise LaunchError(f"{address.shown} ({wanted}) cannot be prepared: {error}") from error
        except OSError as error:
            raise LaunchError(
                f"{address.shown} ({wanted}) cannot be prepared in {self.root}: {error.strerror or error}."
            ) from error
        folder = checkout.main.parent
        return PreparedRobot(
            checkout.main, folder, checkout.commit, nearest_project(folder, checkout.folder) or checkout.folder
        )

    def _run_ended(self, job_id: UUID) -> bool | None:
        run = RunDirectory(run_root(self.root) / str(job_id))
        if not run.path.is_dir():
            return None
        return run.read_exit() is not None


def _prepare_file(process_path: str) -> PreparedRobot:
    file = Path(process_path).expanduser().absolute()
    if file.suffix.lower() != ".py":
        raise LaunchError(
            f'"{process_path}" is not a Python file. Enter a .py file, or mark the trigger as a git repository.'
        )
    try:
        found = file.is_file()
    except OSError as error:
        raise LaunchError(f'"{process_path}" cannot be read: {error.strerror}.') from error
    if not found:
        raise LaunchError(f'There is no file "{process_path}" on this machine.')
    # The project of a local robot has no marked root: look as far up as src layouts go.
    top = file.parents[min(_LEVELS_ABOVE_A_LOCAL_FILE, len(file.parents) - 1)]
    return PreparedRobot(file, file.parent, None, nearest_project(file.parent, top) or file.parent)
