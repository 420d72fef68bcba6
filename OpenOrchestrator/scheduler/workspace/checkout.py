"""Where the robots' files are on this machine.

Owns the workspace folder: turns the path or repository of a trigger into a Python file that can be run, and clears
away what is not used any more. Decides nothing about triggers and starts no robot.

Layout: ``runs/<job id>/`` (run_directory.py), ``cache/`` and ``trees/`` (git_cache.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.common.robot_entry import RobotEntry
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, run_root
from OpenOrchestrator.scheduler.workspace.declared_version import nearest_project
from OpenOrchestrator.scheduler.workspace.git_cache import RepositoryCache, cache_name, cached_names, release_trees
from OpenOrchestrator.scheduler.workspace.git_mirror import Wanted
from OpenOrchestrator.scheduler.workspace.robot_start import Start, find_start

DEFAULT_TIMEOUT = 120.0
"""Seconds to get a robot's files."""

KEEP_DAYS = 7.0
"""Days after its last use that a folder is deleted that was kept for a later run."""

KEEP_MIRROR_DAYS = 90.0
"""Days after its last use that the local copy of a repository is deleted."""

_LEVELS_ABOVE_A_LOCAL_FILE = 2


@dataclass(frozen=True, slots=True)
class PreparedRobot:
    """A robot that is ready to be started.

    Attributes:
        file: Its Python file, absolute; of a module the folder in which that is started.
        folder: Its working folder.
        commit: Full id of the commit, or None for a robot that is not in a repository.
        project: The folder whose declarations of requirements hold for it.
        address: Its repository, or None.
        wanted: What of that repository was asked for, or None.
        missing: What else belongs to it and cannot be had, each as a sentence.
        top: The folder above which nothing belongs to it.
        module: The module that is started in place of the file; None for the file.
        import_folder: Where its modules are besides, if not in its working folder.
    """

    file: Path
    folder: Path
    commit: str | None
    project: Path
    address: RepositoryAddress | None = None
    wanted: Wanted | None = None
    missing: tuple[str, ...] = ()
    top: Path | None = None
    module: str | None = None
    import_folder: Path | None = None


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
        kept_for: UUID | None = None,
        entry: RobotEntry | None = None,
    ) -> PreparedRobot:
        """Get a robot's files onto the disk.

        A local robot is used where it is. A repository is cloned into a folder of the run's own, on the branch asked
        for, with its submodules; what is started there is said by ``robot_start``.

        Args:
            process_path: A .py file, or a folder of such, or the address of a git repository.
            is_git_repo: Which of the two.
            git_branch: Branch, tag, or full or abbreviated commit; None or empty for the remote's HEAD.
            timeout: Seconds for all of it.
            job_id: The job it is for; its folder is nobody else's until ``release``. None for one that is made up.
            kept_for: The trigger that keeps what its robot left in the folder, from one run of a commit to the next.
                If an earlier run of it still has that folder, this one gets a fresh one.
            entry: What of its files is started; None for that file, or the main.py.

        Raises:
            LaunchError: It cannot be had; says why, without credentials. Nothing half-made is ever used later.
        """
        path = process_path.strip()
        if not path:
            raise LaunchError("The trigger has no process path. Enter the robot's .py file or git repository.")
        if is_git_repo:
            reference = (git_branch or "").strip() or None
            return self._prepare_repository(path, reference, job_id or uuid4(), kept_for, entry, timeout)
        return _prepare_local(path, entry)

    def release(self, job_id: UUID) -> None:
        """Delete the folder of a job's run, once that is settled; one that is kept may be had by the next run.

        Raises:
            OSError: A program still works in the folder; ``prune`` deletes it later.
        """
        release_trees(self.root, job_id)

    def make_spare(self, robot: PreparedRobot) -> None:
        """Make a folder for the next run of a robot in a repository, so that its start need not wait for a clone.

        Raises:
            LaunchError: git failed; the next run makes its own folder.
            OSError: The same, because of the disk.
        """
        if robot.address is not None and robot.wanted is not None:
            self._cache(robot.address).make_spare(robot.wanted)

    def prune(self, in_use: Collection[Path] = ()) -> list[Path]:
        """Delete folders of runs that are over, and what was not used for KEEP_DAYS or KEEP_MIRROR_DAYS.

        May take a while (it lets git pack what it collected); repositories in use at the moment are left alone.

        Args:
            in_use: Files or folders of robots that run. Those of jobs whose run has not ended are kept anyway.

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

    def _cache(self, address: RepositoryAddress) -> RepositoryCache:
        return RepositoryCache(self.root, cache_name(address), address, self._run_ended)

    def _prepare_repository(  # noqa: PLR0917  (only what prepare was given)
        self,
        url: str,
        reference: str | None,
        job_id: UUID,
        kept_for: UUID | None,
        entry: RobotEntry | None,
        timeout: float,
    ) -> PreparedRobot:
        address = RepositoryAddress(url)
        if url.startswith("-"):
            raise LaunchError(f'"{address.shown}" is not the address of a repository.')
        wanted = "its default branch" if reference is None else f'"{reference}"'
        try:
            checkout = self._cache(address).check_out(
                reference, job_id, timeout=timeout, kept_for=kept_for, entry=entry
            )
        except LaunchError as error:
            raise LaunchError(f"{address.shown} ({wanted}) cannot be prepared: {error}") from error
        except OSError as error:
            raise LaunchError(
                f"{address.shown} ({wanted}) cannot be prepared in {self.root}: {error.strerror or error}."
            ) from error
        return _prepared(
            checkout.folder,
            checkout.start,
            commit=checkout.commit,
            address=address,
            wanted=checkout.wanted,
            missing=checkout.missing,
        )

    def _run_ended(self, job_id: UUID) -> bool | None:
        return run_has_ended(self.root, job_id)


def run_has_ended(root: Path, job_id: UUID) -> bool | None:
    """Tell whether the run of a job in a workspace has ended; None when there is no sign of that run."""
    run = RunDirectory(run_root(root) / str(job_id))
    if not run.path.is_dir():
        return None
    return run.read_exit() is not None


def _prepared(
    root: Path,
    start: Start,
    *,
    top: Path | None = None,
    commit: str | None = None,
    address: RepositoryAddress | None = None,
    wanted: Wanted | None = None,
    missing: tuple[str, ...] = (),
) -> PreparedRobot:
    folder = root / start.folder
    highest = top or root
    return PreparedRobot(
        file=folder if start.file is None else root / start.file,
        folder=folder,
        commit=commit,
        project=nearest_project(folder, highest) or (folder if top else root),
        address=address,
        wanted=wanted,
        missing=missing,
        top=highest,
        module=start.module,
        import_folder=None if start.import_folder is None else root / start.import_folder,
    )


def _prepare_local(process_path: str, entry: RobotEntry | None) -> PreparedRobot:
    path = Path(process_path).expanduser().absolute()
    # It may be the address of a repository whose trigger was not marked as one.
    shown = RepositoryAddress(process_path).shown
    try:
        is_folder = path.is_dir()
        if not is_folder and path.suffix.lower() != ".py":
            raise LaunchError(
                f'"{shown}" is not a Python file. Enter a .py file, or mark the trigger as a git repository.'
            )
        if not is_folder and not path.is_file():
            raise LaunchError(f'There is no file "{shown}" on this machine.')
        root = path if is_folder else path.parent
        names = [path.name] if entry is None and not is_folder else _names_near(root, entry)
    except OSError as error:
        raise LaunchError(f'"{shown}" cannot be read: {error.strerror}.') from error
    if entry is None and is_folder and not names:
        raise LaunchError(f'The folder "{shown}" holds no file main.py. Enter the file, or the entry.')
    # The project of a local robot has no marked root: look as far up as src layouts go.
    top = (root, *root.parents)[min(_LEVELS_ABOVE_A_LOCAL_FILE, len(root.parents))]
    start = Start("", file=path.name) if entry is None and not is_folder else find_start(names, entry)
    return _prepared(root, start, top=top)


def _names_near(root: Path, entry: RobotEntry | None) -> list[str]:
    """Return which of the files that an entry may mean are there; a local folder may be too large to be walked."""
    if entry is None:
        candidates = ["main.py"]
    elif entry.file is not None:
        candidates = [entry.file]
    else:
        module = (entry.module or "").replace(".", "/")
        candidates = [f"{place}{module}{end}" for place in ("", "src/") for end in ("/__main__.py", ".py")]
    return [name for name in candidates if (root / name).is_file()]
