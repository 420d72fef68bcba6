"""The machine's bare copy of one git repository.

Owns what is in it and when it is fetched. The caller holds the repository's lock. Nothing that a robot is given refers
to the mirror, and nothing in it cannot be fetched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.scheduler.workspace import files
from OpenOrchestrator.scheduler.workspace.git_command import GitCommand, GitFailedError

HEADS = "refs/heads/"

_HEAD_REF = "refs/openorchestrator/head"
_COMMIT_REFS = "refs/openorchestrator/commits"
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ANY_SHA = re.compile(r"[0-9a-fA-F]{4,64}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to be given.

    Attributes:
        commit: Full id of the commit.
        branch: The branch that was asked for, whose tip the commit is; None for a tag or a commit.
    """

    commit: str
    branch: str | None


class GitMirror:
    """The bare copy of one repository.

    Args:
        folder: Where it is.
        stamp: File that says when it was fetched.
        address: The repository.
        git: Runs git for it.
    """

    def __init__(self, folder: Path, stamp: Path, address: RepositoryAddress, git: GitCommand) -> None:
        self.folder = folder
        self._stamp = stamp
        self._address = address
        self._git = git

    def run(self, *arguments: str | Path, deadline: float) -> str:
        """Run git on the mirror; see ``GitCommand.run``."""
        return self._git.run(f"--git-dir={self.folder}", *arguments, deadline=deadline)

    def make(self, deadline: float) -> None:
        """Make it if it is missing or damaged in a way that can be seen at once; it is empty then."""
        if (self.folder / "HEAD").is_file() and (self.folder / "objects").is_dir():
            # Worktrees of earlier versions; git refuses to fetch into a branch that a robot checked out in one.
            files.remove_tree(self.folder / "worktrees")
            return
        self.remove()
        unfinished = self.folder.with_name(f"{self.folder.name}.{uuid4().hex}.tmp")
        self._git.run("init", "--quiet", "--bare", "--template=", unfinished, deadline=deadline)
        self._git.run(f"--git-dir={unfinished}", "config", "remote.origin.url", self._address.plain, deadline=deadline)
        files.rename(unfinished, self.folder)

    def remove(self) -> None:
        """Delete it."""
        files.remove_tree(self.folder)
        files.unlink(self._stamp)

    def find(self, reference: str | None, asked_at: float, deadline: float) -> Wanted:
        """Return the commit that a reference means now, on the server if that has to be asked.

        Args:
            reference: Branch, tag, full or abbreviated commit, or None for the remote's HEAD.
            asked_at: When the question came up, on ``time.monotonic()``; only what was fetched since counts.
            deadline: When to stop.

        Raises:
            LaunchError: There is no such reference, or git failed.
        """
        if reference is not None and _FULL_SHA.fullmatch(reference) and self._resolve(reference, deadline):
            # A commit never changes; nothing to ask the server for.
            return Wanted(reference, None)
        self._fetch(asked_at, with_head=reference is None, deadline=deadline)
        if reference is None:
            if commit := self._resolve(_HEAD_REF, deadline):
                return Wanted(commit, self.default_branch)
            raise LaunchError("The repository has no default branch yet. Push one, or name a branch in the trigger.")
        candidates = [f"{HEADS}{reference}", f"refs/tags/{reference}"]
        candidates += [reference] if reference.startswith("refs/") or _ANY_SHA.fullmatch(reference) else []
        for candidate in candidates:
            if commit := self._resolve(candidate, deadline):
                return Wanted(commit, candidate[len(HEADS) :] if candidate.startswith(HEADS) else None)
        if _FULL_SHA.fullmatch(reference):
            # On no branch (any more); many servers give it out all the same.
            with contextlib.suppress(GitFailedError):
                self._fetch_refs("origin", f"+{reference}:{_COMMIT_REFS}/{reference}", deadline=deadline)
                return Wanted(reference, None)
        raise LaunchError(f'There is no branch, tag or commit "{reference}".')

    def state(self, deadline: float) -> str:
        """Return a text that changes whenever a branch or tag does."""
        refs = self.run("for-each-ref", "--format=%(objectname) %(refname)", HEADS, "refs/tags/", deadline=deadline)
        return hashlib.sha256(refs.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def default_branch(self) -> str | None:
        """The branch that the remote's HEAD named when it was last asked; None for a HEAD on no branch."""
        branch = files.read_json(self._stamp).get("branch")
        return branch if isinstance(branch, str) else None

    def _resolve(self, name: str, deadline: float) -> str | None:
        try:
            found = self.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", deadline=deadline)
        except GitFailedError:
            return None
        return found.strip()

    def _fetch(self, asked_at: float, *, with_head: bool, deadline: float) -> None:
        """Bring the mirror up to date, unless somebody did so since we asked.

        A fetch counts only if it began after we asked: an older one may have missed what was pushed before. So of
        many that ask at once, two fetch at most.
        """
        # Times are on the monotonic clock, which all processes of a machine share. After a restart of the machine it
        # begins anew; times in what is then the future do not count.
        stamp = files.read_json(self._stamp)
        now = time.monotonic()
        if asked_at <= stamp.get("head" if with_head else "refs", 0.0) <= now:
            return
        specs = [f"+{HEADS}*:{HEADS}*", "+refs/tags/*:refs/tags/*"]
        if with_head:
            specs.append(f"+HEAD:{_HEAD_REF}")
        self._fetch_refs("--prune", "--force", "--no-tags", "origin", *specs, deadline=deadline)
        stamp["refs"] = now
        if with_head:
            stamp |= {"head": now, "branch": self._branch_of_head(deadline)}
        files.write_json(self._stamp, stamp)

    def _fetch_refs(self, *arguments: str, deadline: float) -> None:
        try:
            self.run("fetch", "--quiet", *arguments, deadline=deadline)
        finally:
            # git writes into it where it fetched from, with a token that stands in the address.
            files.unlink(self.folder / "FETCH_HEAD")

    def _branch_of_head(self, deadline: float) -> str | None:
        """Return the branch that the remote's HEAD names: the one at its commit, or, of several, what the server says.

        Asking costs a connection, and nearly always there is but one.
        """
        found = self.run("for-each-ref", f"--points-at={_HEAD_REF}", "--format=%(refname)", HEADS, deadline=deadline)
        branches = [name[len(HEADS) :] for name in found.splitlines()]
        branch = branches[0] if len(branches) == 1 else None
        if len(branches) > 1:
            for line in self.run("ls-remote", "--symref", "origin", "HEAD", deadline=deadline).splitlines():
                target = line.removeprefix("ref: ").partition("\t")[0]
                if line.startswith(f"ref: {HEADS}") and target[len(HEADS) :] in branches:
                    branch = target[len(HEADS) :]
        if branch is not None:
            # A clone of the mirror takes its origin/HEAD from here.
            self.run("symbolic-ref", "HEAD", f"{HEADS}{branch}", deadline=deadline)
        return branch
