"""The machine's copies of one git repository: a bare mirror, and worktrees of the commits that are run.

Owns everything below ``cache/<hash>*`` and ``trees/<hash>/`` in the workspace. All of it may be deleted at any time
no robot runs; it is made again. Several processes may use it: each change is made under one lock per repository, and
whoever finds that an earlier holder of that lock died first repairs what it left.

Not done: submodules are not checked out. Git LFS works as far as git-lfs is installed for the machine (its filter
then runs with the same credentials and time-out); otherwise robots see LFS's pointer files.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.workspace.file_lock import locked
from OpenOrchestrator.scheduler.workspace.git_command import (
    GitCommand,
    GitFailedError,
    RemoteAddress,
    end_marked_processes,
)

_HEAD_REF = "refs/openorchestrator/head"
_COMMIT_REFS = "refs/openorchestrator/commits"
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ANY_SHA = re.compile(r"[0-9a-fA-F]{4,64}")
_BAD_REFERENCE = re.compile(r"^[-/.]|[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//|[/.]$|\.lock$")
_DAMAGED = re.compile(
    r"corrupt|bad object|not a git repository|unable to read|is empty|loose object|missing (blob|tree|commit)"
    r"|invalid sha1|bad tree|far too short|does not match index|bad pack|broken",
    re.IGNORECASE,
)
_HOUSEKEEPING_SECONDS = 600.0
_HANDOVER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit on the disk.

    Attributes:
        commit: Full id of the commit.
        folder: Root of its files.
        main: The robot's file.
    """

    commit: str
    folder: Path
    main: Path


def cache_name(address: RemoteAddress) -> str:
    """Return what a repository's files in the workspace are called: the same when only its credentials change."""
    return hashlib.sha256(address.plain.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def release_trees(root: Path, job_id: UUID) -> None:
    """Let the worktree that a job used be used by the next run."""
    for used in (root / "trees").glob("*/*.used"):
        if _job_in(used) == job_id:
            used.unlink(missing_ok=True)


def cached_names(root: Path) -> list[str]:
    """Return the names of all repositories in a workspace."""
    return sorted(path.stem for path in (root / "cache").glob("*.git"))


class RepositoryCache:
    """The copies of one repository.

    Args:
        root: Root of the workspace.
        name: What ``cache_name`` returns for the address.
        address: The repository, or None for housekeeping, which does without the server.
        run_ended: Tells whether the run of a job has ended; None when there is no sign of that run.
    """

    def __init__(
        self, root: Path, name: str, address: RemoteAddress | None, run_ended: Callable[[UUID], bool | None]
    ) -> None:
        self._address = address or RemoteAddress("")
        self._run_ended = run_ended
        self._cache = root / "cache"
        self._mirror = self._cache / f"{name}.git"
        self._lock = self._cache / f"{name}.lock"
        self._busy = self._cache / f"{name}.busy"
        self._stamp = self._cache / f"{name}.fetched"
        self._trees = root / "trees" / name
        self._mark = name
        self._git = GitCommand(self._address, name)

    def check_out(self, reference: str | None, job_id: UUID | None, *, timeout: float) -> Checkout:
        """Put the wanted commit on the disk.

        Args:
            reference: Branch, tag, full or abbreviated commit, or None for the remote's HEAD.
            job_id: The job it is for: it gets a worktree that no other run uses. None: the first one, shared.
            timeout: Seconds for all of it, waiting for others included.

        Raises:
            LaunchError: No such reference or no main.py, git failed, or time ran out.
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
                        return self._check_out(reference, job_id, asked_at, deadline)
                    except GitFailedError as error:
                        if not _DAMAGED.search(str(error)):
                            raise
                        # The mirror holds nothing that cannot be fetched again.
                        _remove_tree(self._mirror)
                        self._stamp.unlink(missing_ok=True)
                        return self._check_out(reference, job_id, asked_at, deadline)
        except TimeoutError as error:
            raise LaunchError(
                f"Another process kept the local copy of {self._address.shown} busy for {timeout:.0f} s."
            ) from error

    def _check_out(self, reference: str | None, job_id: UUID | None, asked_at: float, deadline: float) -> Checkout:
        self._make_mirror(deadline)
        commit = self._find_commit(reference, asked_at, deadline)
        tree = self._pick_tree(commit, job_id, deadline)
        main = json.loads(_ready_file(tree).read_text(encoding="utf-8"))["main"]
        if main is None:
            raise LaunchError("The repository holds no file main.py in this commit.")
        return Checkout(commit, tree, tree / main)

    # The mirror ------------------------------------------------------------------------------------------------

    def _make_mirror(self, deadline: float) -> None:
        if (self._mirror / "HEAD").is_file() and (self._mirror / "objects").is_dir():
            return
        _remove_tree(self._mirror)
        self._stamp.unlink(missing_ok=True)
        unfinished = self._mirror.with_name(f"{self._mirror.name}.{uuid4().hex}.tmp")
        self._git.run("init", "--quiet", "--bare", "--template=", unfinished, deadline=deadline)
        self._git.run(f"--git-dir={unfinished}", "config", "remote.origin.url", self._address.plain, deadline=deadline)
        unfinished.rename(self._mirror)

    def _find_commit(self, reference: str | None, asked_at: float, deadline: float) -> str:
        if reference is not None and _FULL_SHA.fullmatch(reference) and self._resolve(reference, deadline):
            # A commit never changes; nothing to ask the server for.
            return reference
        self._fetch(asked_at, with_head=reference is None, deadline=deadline)
        if reference is None:
            candidates = [_HEAD_REF]
        else:
            candidates = [f"refs/heads/{reference}", f"refs/tags/{reference}"]
            candidates += [reference] if reference.startswith("refs/") or _ANY_SHA.fullmatch(reference) else []
        for candidate in candidates:
            if commit := self._resolve(candidate, deadline):
                return commit
        if reference is not None and _FULL_SHA.fullmatch(reference):
            # On no branch (any more); many servers give it out all the same.
            with contextlib.suppress(GitFailedError):
                self._run("fetch", "--quiet", "origin", f"+{reference}:{_COMMIT_REFS}/{reference}", deadline=deadline)
                return reference
        raise LaunchError(f'There is no branch, tag or commit "{reference}".')

    def _resolve(self, name: str, deadline: float) -> str | None:
        try:
            found = self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", deadline=deadline)
        except GitFailedError:
            return None
        return found.strip()

    def _fetch(self, asked_at: float, *, with_head: bool, deadline: float) -> None:
        """Bring the mirror up to date, unless somebody did so since we asked.

        A fetch counts only if it began after we asked: an older one may have missed what was pushed before. So of
        many that ask at once, two fetch at most.
        """
        fetched = self._fetched_at()
        now = time.monotonic()
        wanted = "head" if with_head else "refs"
        if asked_at <= fetched.get(wanted, 0.0) <= now:
            return
        specs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        if with_head:
            specs.append(f"+HEAD:{_HEAD_REF}")
        self._run("fetch", "--quiet", "--prune", "--force", "--no-tags", "origin", *specs, deadline=deadline)
        fetched |= {"refs": now} | ({"head": now} if with_head else {})
        _write_json(self._stamp, fetched)

    def _fetched_at(self) -> dict[str, float]:
        # On the monotonic clock, which all processes of a machine share. After a restart of the machine it begins
        # anew; times in what is then the future do not count.
        try:
            content = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _run(self, *arguments: str | Path, deadline: float) -> str:
        return self._git.run(f"--git-dir={self._mirror}", *arguments, deadline=deadline)

    # The worktrees ---------------------------------------------------------------------------------------------

    def _pick_tree(self, commit: str, job_id: UUID | None, deadline: float) -> Path:
        """Return the first worktree of the commit that is free, making one if all are in use.

        Two robots in one folder would set up their virtual environments over each other.
        """
        number = 1
        while True:
            tree = self._trees / (commit if number == 1 else f"{commit}-{number}")
            if job_id is None or self._is_free(tree, job_id):
                break
            number += 1
        if not self._is_ready(tree) or (job_id is not None and not self._restore(tree, deadline)):
            self._add_tree(tree, commit, deadline)
        os.utime(_ready_file(tree))
        if job_id is not None:
            _write_json(_used_file(tree), {"job": str(job_id)})
        return tree

    def _is_free(self, tree: Path, job_id: UUID | None) -> bool:
        used = _used_file(tree)
        try:
            since = used.stat().st_mtime
        except FileNotFoundError:
            return True
        holder = _job_in(used)
        if holder is None or holder == job_id:
            return True
        ended = self._run_ended(holder)
        # No sign of the run: it is about to start, or it never did, or it was cleared away without a release.
        return time.time() - since > _HANDOVER_SECONDS if ended is None else ended

    def _is_ready(self, tree: Path) -> bool:
        if not _ready_file(tree).is_file() or not tree.is_dir():
            return False
        try:
            link = (tree / ".git").read_text(encoding="utf-8")
        except OSError:
            return False
        return Path(link.removeprefix("gitdir:").strip()).is_dir()

    def _restore(self, tree: Path, deadline: float) -> bool:
        """Undo what an earlier run did to files of the commit. What it added (its virtual environment) stays."""
        try:
            self._git.run("reset", "--quiet", "--hard", deadline=deadline, folder=tree)
        except GitFailedError:
            return False
        return True

    def _add_tree(self, tree: Path, commit: str, deadline: float) -> None:
        _ready_file(tree).unlink(missing_ok=True)
        _remove_tree(tree)
        self._run("worktree", "prune", deadline=deadline)
        self._run("worktree", "add", "--quiet", "--force", "--detach", tree, commit, deadline=deadline)
        names = self._run("ls-tree", "-r", "-z", "--name-only", commit, deadline=deadline).split("\0")
        mains = sorted(
            (name for name in names if name.rpartition("/")[2] == "main.py"), key=lambda name: (name.count("/"), name)
        )
        _write_json(_ready_file(tree), {"main": mains[0] if mains else None})

    # Housekeeping ----------------------------------------------------------------------------------------------

    def prune(self, in_use: Collection[Path], *, keep_days: float, keep_mirror_days: float) -> list[Path]:
        """Delete worktrees that were not used for some days, and the mirror when it was not used for longer.

        Waits for nobody: does nothing while the repository is in use by another process.

        Returns:
            The folders deleted.
        """
        removed: list[Path] = []
        deadline = time.monotonic() + _HOUSEKEEPING_SECONDS
        try:
            with locked(self._lock, timeout=0):
                self._recover()
                with self._marked_busy():
                    for tree in [path for path in self._trees.glob("*") if path.is_dir()]:
                        if _days_since(_ready_file(tree), tree) > keep_days and not self._is_in_use(tree, in_use):
                            _ready_file(tree).unlink(missing_ok=True)
                            _remove_tree(tree)
                            _used_file(tree).unlink(missing_ok=True)
                            removed.append(tree)
                    if not self._mirror.is_dir():
                        return removed
                    if not any(self._trees.glob("*")) and _days_since(self._stamp, self._mirror) > keep_mirror_days:
                        _remove_tree(self._mirror)
                        self._stamp.unlink(missing_ok=True)
                        removed.append(self._mirror)
                    else:
                        self._run("worktree", "prune", deadline=deadline)
                        # The setting in _SETTINGS keeps gc out of fetches; here is its place.
                        self._run("-c", "gc.auto=6700", "gc", "--auto", "--quiet", deadline=deadline)
        except TimeoutError:
            return removed
        return removed

    def _is_in_use(self, tree: Path, in_use: Collection[Path]) -> bool:
        return not self._is_free(tree, None) or any(path == tree or tree in path.parents for path in in_use)

    @contextlib.contextmanager
    def _marked_busy(self) -> Iterator[None]:
        """Leave a mark while working. Who finds it under the lock knows that its author died or failed."""
        self._busy.touch()
        yield
        self._busy.unlink(missing_ok=True)

    def _recover(self) -> None:
        """Repair what a killed process left: git processes still at work, lock files, half of a pack."""
        if not self._busy.exists():
            return
        end_marked_processes(self._mark)
        for leftover in (*self._cache.glob(f"{self._mirror.name}.*"), *self._trees.glob("*.trash")):
            shutil.rmtree(leftover, ignore_errors=True)
        if self._mirror.is_dir():
            for pattern in ("*.lock", "gc.pid", "tmp_pack_*", "tmp_idx_*", "tmp_obj_*"):
                for leftover in self._mirror.rglob(pattern):
                    leftover.unlink(missing_ok=True)
            for leftover in (self._mirror / "objects").glob("tmp_objdir-*"):
                _remove_tree(leftover)


def _ready_file(tree: Path) -> Path:
    """Return the file whose existence says that the worktree is complete."""
    return tree.with_name(f"{tree.name}.json")


def _used_file(tree: Path) -> Path:
    """Return the file that says which job has the worktree."""
    return tree.with_name(f"{tree.name}.used")


def _job_in(used: Path) -> UUID | None:
    try:
        return UUID(json.loads(used.read_text(encoding="utf-8"))["job"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_json(path: Path, content: object) -> None:
    temporary = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(path)


def _days_since(*files: Path) -> float:
    """Return the age of the first of these files that exists."""
    for file in files:
        with contextlib.suppress(OSError):
            return (time.time() - file.stat().st_mtime) / 86400
    return 0.0


def _remove_tree(path: Path) -> None:
    """Delete a folder; git's files are read-only, which Windows minds."""
    if not path.exists():
        return
    # First out of the way, so that a deletion that is interrupted leaves nothing that looks usable.
    trash = path.with_name(f"{path.name}.{uuid4().hex}.trash")
    path.rename(trash)
    if os.name == "nt":
        for folder, _, names in os.walk(trash):
            for name in names:
                with contextlib.suppress(OSError):
                    (Path(folder) / name).chmod(stat.S_IWRITE)
    shutil.rmtree(trash, ignore_errors=True)
