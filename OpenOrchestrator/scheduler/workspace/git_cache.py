"""What this machine keeps of one git repository, and which folder a run gets.

Owns everything below ``cache/<hash>*`` and ``trees/<hash>/`` in the workspace. All of it may be deleted at any time
no robot runs; it is made again. Several processes may use it: each change is made under one lock per repository, and
whoever finds that an earlier holder of that lock died first repairs what it left.

Below ``trees/<hash>/`` are, each with a ``.json`` beside it that says that it is complete:
``<job id>``, the folder of one run, deleted when the run is settled;
``kept-<trigger id>``, the folder of a trigger that keeps what its robot leaves, held by one job at a time (``.used``);
``spare-<hash>``, a clone that no robot has had, ready to be handed out, so that a start need not wait for one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.common.robot_entry import RobotEntry
from OpenOrchestrator.scheduler.workspace import files, held_folders
from OpenOrchestrator.scheduler.workspace.file_lock import locked
from OpenOrchestrator.scheduler.workspace.git_command import GitCommand, GitFailedError, end_marked_processes
from OpenOrchestrator.scheduler.workspace.git_mirror import GitMirror, Wanted
from OpenOrchestrator.scheduler.workspace.robot_start import Start
from OpenOrchestrator.scheduler.workspace.run_tree import UNFINISHED_SUFFIX, RunTrees

_BAD_REFERENCE = re.compile(r"^[-/.]|[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//|[/.]$|\.lock$")
_DAMAGED = re.compile(
    r"corrupt|bad object|not a git repository|unable to read|is empty|loose object|missing (blob|tree|commit)"
    r"|invalid sha1|bad tree|far too short|does not match index|bad pack|broken",
    re.IGNORECASE,
)
_HOUSEKEEPING_SECONDS = 600.0
_SPARE_SECONDS = 120.0
_SPARE = "spare-"
_KEPT = "kept-"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit on the disk.

    Attributes:
        commit: Full id of the commit.
        folder: Root of its files.
        start: What of them is started.
        wanted: What was asked for, for the spare of the next run.
        missing: What else belongs to it and cannot be had, each as a sentence.
    """

    commit: str
    folder: Path
    start: Start
    wanted: Wanted
    missing: tuple[str, ...] = ()


def cache_name(address: RepositoryAddress) -> str:
    """Return what a repository's files in the workspace are called: the same when only its credentials change."""
    return hashlib.sha256(address.with_query.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def release_trees(root: Path, job_id: UUID) -> None:
    """Delete the folder of a job's run, or let the next run have the one that is kept.

    Raises:
        OSError: A program still works in the folder; ``prune`` deletes it later.
    """
    held_folders.release(root / "trees", "*/*", job_id)
    for tree in (root / "trees").glob(f"*/{job_id}"):
        files.unlink(_ready_file(tree))
        files.remove_tree(tree)


def cached_names(root: Path) -> list[str]:
    """Return the names of all repositories in a workspace."""
    return sorted({path.stem for path in (root / "cache").glob("*.git")} | {p.name for p in (root / "trees").glob("*")})


class RepositoryCache:
    """What is kept of one repository.

    Args:
        root: Root of the workspace.
        name: What ``cache_name`` returns for the address.
        address: The repository, or None for housekeeping, which does without the server.
        run_ended: Tells whether the run of a job has ended; None when there is no sign of that run.
    """

    def __init__(
        self, root: Path, name: str, address: RepositoryAddress | None, run_ended: Callable[[UUID], bool | None]
    ) -> None:
        self._address = address or RepositoryAddress("")
        self._run_ended = run_ended
        self._cache = root / "cache"
        self._lock = self._cache / f"{name}.lock"
        self._busy = self._cache / f"{name}.busy"
        self._stamp = self._cache / f"{name}.fetched"
        self._trees = root / "trees" / name
        self._mark = name
        git = GitCommand(self._address, name)
        self._mirror = GitMirror(self._cache / f"{name}.git", self._stamp, self._address, git)
        pointers_wanted = os.environ.get("GIT_LFS_SKIP_SMUDGE", "").lower() in {"1", "true", "yes", "on"}
        self._run_trees = RunTrees(self._mirror, self._address, git, pointers_wanted)

    def check_out(
        self,
        reference: str | None,
        job_id: UUID,
        *,
        timeout: float,
        kept_for: UUID | None = None,
        entry: RobotEntry | None = None,
    ) -> Checkout:
        """Put the wanted commit on the disk, for one run.

        Args:
            reference: Branch, tag, full or abbreviated commit, or None for the remote's HEAD.
            job_id: The job it is for.
            timeout: Seconds for all of it, waiting for others included.
            kept_for: The trigger whose last run's folder is to be used again, if it is free and of the same commit;
                None for a fresh folder.
            entry: What of its files is started; None for its main.py.

        Raises:
            LaunchError: No such reference or nothing to start, git failed, or time ran out.
        """
        if reference is not None and _BAD_REFERENCE.search(reference):
            raise LaunchError(f'"{reference}" is not the name of a branch or tag, nor a commit.')
        asked_at = time.monotonic()
        deadline = asked_at + timeout
        self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._trees.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with locked(self._lock, timeout=timeout):
                self._recover()
                with self._marked_busy():
                    try:
                        return self._check_out(reference, job_id, kept_for, entry, asked_at, deadline)
                    except GitFailedError as error:
                        if not _DAMAGED.search(str(error)):
                            raise
                        # The mirror holds nothing that cannot be fetched again.
                        self._mirror.remove()
                        return self._check_out(reference, job_id, kept_for, entry, asked_at, deadline)
        except TimeoutError as error:
            raise LaunchError(
                f"Another process kept the local copy of {self._address.shown} busy for {timeout:.0f} s."
            ) from error

    def make_spare(self, wanted: Wanted) -> None:
        """Make a clone for the next run of a branch or commit, if there is none; in vain if somebody else is at work.

        Raises:
            LaunchError: git failed; the next run makes its own clone.
            OSError: The same, because of the disk.
        """
        deadline = time.monotonic() + _SPARE_SECONDS
        with contextlib.suppress(TimeoutError), locked(self._lock, timeout=_SPARE_SECONDS):
            self._recover()
            with self._marked_busy():
                spare = self._spare(wanted)
                if not _ready_file(spare).is_file() and self._mirror.folder.is_dir():
                    state = self._mirror.state(deadline)
                    self._run_trees.clone(spare, wanted, deadline)
                    files.write_json(_ready_file(spare), {"commit": wanted.commit, "state": state})

    def _check_out(  # noqa: PLR0917  (only what check_out was given, and when that was)
        self,
        reference: str | None,
        job_id: UUID,
        kept_for: UUID | None,
        entry: RobotEntry | None,
        asked_at: float,
        deadline: float,
    ) -> Checkout:
        self._mirror.make(deadline)
        wanted = self._mirror.find(reference, asked_at, deadline)
        start = self._run_trees.find_start(wanted.commit, entry, deadline)
        kept = None if kept_for is None else self._trees / f"{_KEPT}{kept_for.hex}"
        if kept is not None and held_folders.is_free(kept, job_id, self._run_ended):
            tree = kept
            self._prepare_kept(tree, wanted, job_id, deadline)
        else:
            tree = self._trees / str(job_id)
            self._prepare_fresh(tree, wanted, deadline)
        missing = self._run_trees.complete(tree, wanted, deadline)
        files.write_json(_ready_file(tree), {"commit": wanted.commit})
        return Checkout(wanted.commit, tree, start, wanted, missing)

    def _prepare_kept(self, tree: Path, wanted: Wanted, job_id: UUID, deadline: float) -> None:
        of_commit = files.read_json(_ready_file(tree)).get("commit")
        files.unlink(_ready_file(tree))
        held_folders.hold(tree, job_id)
        if of_commit == wanted.commit and tree.is_dir() and not tree.is_symlink():
            self._run_trees.refresh(tree, wanted, deadline)
        else:
            self._prepare_fresh(tree, wanted, deadline)

    def _prepare_fresh(self, tree: Path, wanted: Wanted, deadline: float) -> None:
        files.unlink(_ready_file(tree))
        files.remove_tree(tree)
        if not self._take_spare(tree, wanted, deadline):
            self._run_trees.clone(tree, wanted, deadline)

    def _spare(self, wanted: Wanted) -> Path:
        """Return where the spare of a branch is, or of a commit that was asked for by its id or by a tag."""
        of_branch = f"{wanted.branch} {self._mirror.default_branch}"
        key = f"@{wanted.commit}" if wanted.branch is None else of_branch
        return self._trees / f"{_SPARE}{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"

    def _take_spare(self, tree: Path, wanted: Wanted, deadline: float) -> bool:
        """Make the spare, brought up to date, the folder of a run; False if there is none that is clean."""
        spare = self._spare(wanted)
        made = files.read_json(_ready_file(spare))
        if not made:
            return False
        files.unlink(_ready_file(spare))
        state = {"commit": wanted.commit, "state": self._mirror.state(deadline)}
        try:
            if made != state:
                self._run_trees.renew(spare, wanted, deadline)
            if self._run_trees.is_clean(spare, deadline):
                files.rename(spare, tree)
                return True
        except (GitFailedError, OSError):
            # Then the run gets a clone of its own, and what is wrong with the mirror comes to light there.
            pass
        files.remove_tree(spare)
        return False

    # Housekeeping ----------------------------------------------------------------------------------------------

    def prune(self, in_use: Collection[Path], *, keep_days: float, keep_mirror_days: float) -> list[Path]:
        """Delete folders of runs that are over, others that were not used for some days, and the mirror after longer.

        Waits for nobody: does nothing while the repository is in use by another process.

        Returns:
            The folders deleted.
        """
        removed: list[Path] = []
        deadline = time.monotonic() + _HOUSEKEEPING_SECONDS
        self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with locked(self._lock, timeout=0):
                self._recover()
                with self._marked_busy():
                    for tree in [path for path in self._trees.glob("*") if path.is_dir()]:
                        if tree.suffix == files.TRASH_SUFFIX:
                            files.empty_trash(tree)
                        elif self._is_over(tree, keep_days) and not _is_in_use(tree, in_use):
                            removed += [tree] if _remove_if_possible(tree) else []
                    mirror = self._mirror.folder
                    if not mirror.is_dir():
                        return removed
                    if not any(self._trees.glob("*")) and _days_since(self._stamp, mirror) > keep_mirror_days:
                        self._mirror.remove()
                        removed.append(mirror)
                    else:
                        # The settings of our git keep gc out of fetches; here is its place.
                        self._mirror.run("-c", "gc.auto=6700", "gc", "--auto", "--quiet", deadline=deadline)
        except TimeoutError:
            return removed
        return removed

    def _is_over(self, tree: Path, keep_days: float) -> bool:
        days = _days_since(_ready_file(tree), tree)
        if tree.name.startswith((_SPARE, _KEPT)):
            return days > keep_days and held_folders.is_free(tree, None, self._run_ended)
        try:
            job_id = UUID(tree.name)
        except ValueError:
            return days > keep_days
        return held_folders.has_ended(job_id, days * 86400, self._run_ended)

    @contextlib.contextmanager
    def _marked_busy(self) -> Iterator[None]:
        """Leave a mark while working. Who finds it under the lock knows that its author died or failed."""
        self._busy.touch()
        yield
        files.unlink(self._busy)

    def _recover(self) -> None:
        """Repair what a killed process left: git processes still at work, lock files, half of a pack or a clone."""
        if not self._busy.exists():
            return
        end_marked_processes(self._mark)
        mirror = self._mirror.folder
        for leftover in (*self._cache.glob(f"{mirror.name}.*"), *self._trees.glob(f"*{UNFINISHED_SUFFIX}")):
            with contextlib.suppress(OSError):  # somebody has it open; nothing counts on its name
                files.remove_tree(leftover)
        if mirror.is_dir():
            for pattern in ("*.lock", "gc.pid", "FETCH_HEAD", "tmp_pack_*", "tmp_idx_*", "tmp_obj_*"):
                for leftover in mirror.rglob(pattern):
                    files.unlink(leftover)
            for leftover in (mirror / "objects").glob("tmp_objdir-*"):
                shutil.rmtree(leftover, ignore_errors=True)


def _ready_file(tree: Path) -> Path:
    """Return the file whose existence says that the folder is complete."""
    return tree.with_name(f"{tree.name}.json")


def _remove_if_possible(tree: Path) -> bool:
    """Delete a folder, unless a program still works in it: then it is tried again the next time."""
    try:
        files.unlink(_ready_file(tree))
        files.remove_tree(tree)
        held_folders.forget(tree)
    except OSError:
        return False
    return True


def _is_in_use(tree: Path, in_use: Collection[Path]) -> bool:
    return any(path == tree or tree in path.parents for path in in_use)


def _days_since(*candidates: Path) -> float:
    """Return the age of the first of these files that exists."""
    for file in candidates:
        with contextlib.suppress(OSError):
            return (time.time() - file.stat().st_mtime) / 86400
    return 0.0
