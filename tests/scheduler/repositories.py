"""What the tests of repositories share: one that stands for the server's, and robots from it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.scheduler.workspace.checkout import PreparedRobot, Workspace


class Origin:
    """A repository that stands for the one on the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = folder.as_uri()
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.first = self.commit("main.py", "print(1)")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.folder), *identity, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Change {name}")
        return self.git("rev-parse", "HEAD")


def from_git(
    work: Workspace,
    origin: Origin,
    branch: str | None = None,
    job_id: UUID | None = None,
    *,
    kept_for: UUID | None = None,
) -> PreparedRobot:
    return work.prepare(origin.url, True, branch, timeout=60, job_id=job_id, kept_for=kept_for)


def git_in(robot: PreparedRobot, *arguments: str) -> str:
    """What a robot gets that runs git in its folder."""
    done = subprocess.run(["git", *arguments], cwd=robot.folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }
