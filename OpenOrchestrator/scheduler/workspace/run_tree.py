"""The folder that a run gets: a clone of its own, on the branch asked for, with exactly what the commit holds.

Owns how such a clone is made, brought up to date, cleared of another run's code, and proven. It shares nothing with
the mirror but hard links to git's object files, which git never writes to: whatever a robot does in its clone, no other
run sees it. The caller holds the repository's lock and decides who gets which folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.common.robot_entry import RobotEntry
from OpenOrchestrator.scheduler.workspace import files
from OpenOrchestrator.scheduler.workspace.git_command import GitCommand
from OpenOrchestrator.scheduler.workspace.git_mirror import HEADS, GitMirror, Wanted
from OpenOrchestrator.scheduler.workspace.robot_start import Start, find_start

UNFINISHED_SUFFIX = ".tmp"
"""What folders end in that are being made."""

_VENV_MARK = "pyvenv.cfg"
_CODE = (".py", ".pyw", ".pyi", ".pyc", ".pyo", ".pyd", ".so", ".pth", ".egg-link")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_SHOWN_FILES = 3


@dataclass(frozen=True, slots=True)
class RunTrees:
    """Makes the folders of runs from one mirror.

    Attributes:
        mirror: Where the commits come from.
        address: The repository.
        git: Runs git for it.
        lfs_pointers_wanted: Whether files of Git LFS may stay pointers.
    """

    mirror: GitMirror
    address: RepositoryAddress
    git: GitCommand
    lfs_pointers_wanted: bool

    def clone(self, tree: Path, wanted: Wanted, deadline: float) -> None:
        """Make a new clone. Whatever stood in its place is deleted."""
        unfinished = self._clone_without_files(tree, wanted, deadline)
        self._put_files(unfinished, wanted, deadline)
        files.remove_tree(tree)
        files.rename(unfinished, tree)

    def renew(self, tree: Path, wanted: Wanted, deadline: float) -> None:
        """Bring a clone that no robot ever had to a commit of its branch, and to the branches and tags of now."""
        self._run(tree, "fetch", "--quiet", "--prune", "--force", "--no-tags", self.mirror.folder,
                  f"+{HEADS}*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", deadline=deadline)  # fmt: skip
        self._put_files(tree, wanted, deadline)
        for name in ("FETCH_HEAD", "ORIG_HEAD"):
            files.unlink(tree / ".git" / name)

    def refresh(self, tree: Path, wanted: Wanted, deadline: float) -> None:
        """Make a folder that a robot had fit for the next run of the same commit, with what that robot added.

        It gets a new repository; every file of the commit is written anew; code that was left outside of virtual
        environments, which Python might import in place of the commit's, is deleted.
        """
        unfinished = self._clone_without_files(tree, wanted, deadline)
        files.remove_tree(tree / ".git")
        files.rename(unfinished / ".git", tree / ".git")
        files.remove_tree(unfinished)
        for folder in self._submodules(wanted.commit, deadline):
            files.remove_tree(tree / folder)
        self._put_files(tree, wanted, deadline)
        tracked = self._run(tree, "ls-files", "-z", deadline=deadline).split("\0")
        for path in _code_left_behind(tree, frozenset(tracked)):
            files.remove_tree(path)

    def is_clean(self, tree: Path, deadline: float) -> bool:
        """Whether a folder holds the files of its commit, unchanged, and no others."""
        changed = self._run(tree, "diff-files", "--name-only", "--ignore-submodules", deadline=deadline)
        return not changed and not self._run(tree, "ls-files", "--others", "--directory", deadline=deadline)

    def complete(self, tree: Path, wanted: Wanted, deadline: float) -> tuple[str, ...]:
        """Add what is not in the repository itself: submodules. Then prove what the folder holds.

        Returns:
            What is missing, each as a sentence: submodules that cannot be had, and files of Git LFS. The robot may do
            without them, as robots of 3.0 did.

        Raises:
            LaunchError: Git put something else there than was asked for, or time ran out.
        """
        missing = []
        for folder in self._submodules(wanted.commit, deadline):  # one by one: git stops at the first it cannot have
            try:
                self._run(
                    tree, "submodule", "--quiet", "update", "--init", "--recursive", "--", folder, deadline=deadline
                )
            except LaunchError as error:
                missing.append(f'Its submodule "{folder}" cannot be had: {error}')
        self._prove(tree, wanted, deadline)
        if not self.lfs_pointers_wanted and (pointers := self._lfs_pointers(tree, deadline)):
            shown = ", ".join(pointers[:_SHOWN_FILES])
            more = f" and {len(pointers) - _SHOWN_FILES} more" if len(pointers) > _SHOWN_FILES else ""
            missing.append(
                f"Files of Git LFS are missing, in their place are only pointers: {shown}{more}. Install git-lfs on "
                "this machine (git lfs install --system), or set GIT_LFS_SKIP_SMUDGE=1 for the scheduler if its robots "
                "do without them."
            )
        return tuple(missing)

    def find_start(self, commit: str, entry: RobotEntry | None, deadline: float) -> Start:
        """Return what is started of a commit.

        Raises:
            LaunchError: It is not there.
        """
        names = self.mirror.run("ls-tree", "-r", "-z", "--name-only", commit, deadline=deadline).split("\0")
        return find_start(names, entry)

    def _clone_without_files(self, tree: Path, wanted: Wanted, deadline: float) -> Path:
        unfinished = tree.with_name(f"{tree.name}.{uuid4().hex}{UNFINISHED_SUFFIX}")
        branch = () if wanted.branch is None else (f"--branch={wanted.branch}",)
        self.git.run("clone", "--quiet", "--local", "--no-checkout", "--template=", "--origin=origin", *branch,
                     self.mirror.folder, unfinished, deadline=deadline)  # fmt: skip
        self._run(unfinished, "config", "remote.origin.url", _for_another_folder(self.address.plain), deadline=deadline)
        return unfinished

    def _put_files(self, tree: Path, wanted: Wanted, deadline: float) -> None:
        if wanted.branch is None:
            self._run(tree, "checkout", "--quiet", "--force", "--detach", wanted.commit, deadline=deadline)
        else:
            self._run(tree, "reset", "--quiet", "--hard", wanted.commit, deadline=deadline)

    def _prove(self, tree: Path, wanted: Wanted, deadline: float) -> None:
        """Make sure that HEAD and index are the commit, and that no file of it is missing.

        Contents are not compared: a file that was just written is what git made of the commit, and where line ends
        are converted, git itself calls such a file changed.
        """
        head, tree_of_head = self._run(
            tree, "rev-parse", "HEAD", f"{wanted.commit}^{{tree}}", deadline=deadline
        ).split()
        missing = self._run(tree, "diff-files", "--name-only", "--diff-filter=D", deadline=deadline)
        if head != wanted.commit or self._run(tree, "write-tree", deadline=deadline).strip() != tree_of_head or missing:
            raise LaunchError(
                f"git was asked for commit {wanted.commit} and put something else into the folder (HEAD is {head}). "
                "Look at git's settings of this machine and account: git config --list --show-origin"
            )

    def _submodules(self, commit: str, deadline: float) -> list[str]:
        """Return the folders of submodules, with ``/`` between them."""
        listed = self.mirror.run("ls-tree", "-r", "-z", commit, deadline=deadline).split("\0")
        return [line.partition("\t")[2] for line in listed if line.startswith("160000 ")]

    def _lfs_pointers(self, tree: Path, deadline: float) -> list[str]:
        if not any(True for _ in tree.rglob(".gitattributes")):
            return []
        names = self._run(tree, "ls-files", "-z", "--", ":(top,attr:filter=lfs)", deadline=deadline).split("\0")
        return [name for name in names if name and _begins_with(tree / name, _LFS_POINTER)]

    def _run(self, tree: Path, *arguments: str | Path, deadline: float) -> str:
        """Run git on one folder, addressed explicitly; a few commands want to be inside as well."""
        return self.git.run(
            f"--git-dir={tree / '.git'}", f"--work-tree={tree}", *arguments, deadline=deadline, folder=tree
        )


def _for_another_folder(address: str) -> str:
    """Return an address that means the same in every folder: that of a local repository may be relative."""
    return os.path.abspath(address) if "://" not in address and os.path.exists(address) else address  # noqa: PTH100, PTH110


def _code_left_behind(tree: Path, tracked: frozenset[str]) -> Iterator[Path]:
    """Yield what Python could import and the commit does not hold, except inside of virtual environments."""
    folders_of_commit = {str(parent) for name in tracked for parent in PurePosixPath(name).parents}
    for folder, names, file_names in os.walk(tree):
        here = Path(folder).relative_to(tree).as_posix()
        inner = [name for name in names if here != "." or name != ".git"]
        names[:] = []
        for name in inner:
            path = Path(folder, name)
            relative = path.relative_to(tree).as_posix()
            if path.is_symlink() or name == "__pycache__":
                if relative not in tracked and relative not in folders_of_commit:
                    yield path
            elif relative in folders_of_commit or not (path / _VENV_MARK).is_file():
                names.append(name)
        for name in file_names:
            path = Path(folder, name)
            if path.relative_to(tree).as_posix() not in tracked and (name.endswith(_CODE) or path.is_symlink()):
                yield path


def _begins_with(path: Path, start: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False
