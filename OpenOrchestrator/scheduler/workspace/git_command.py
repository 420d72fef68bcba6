"""Running git without ever waiting for a person, or for longer than allowed.

Owns the command line of git, its time-outs, and how its failures read. Knows nothing about caches and trees; what git
finds in its environment is in ``git_environment``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.scheduler.processes.marked_processes import kill_marked
from OpenOrchestrator.scheduler.workspace.git_environment import MARK_VARIABLE, environment_of_git

_LONGEST_MESSAGE = 500
_ADVICE = ("Please make sure you have the correct access rights", "and the repository exists.", "hint:")
_PROGRAM_VARIABLE = "GIT_PYTHON_GIT_EXECUTABLE"
_SETTINGS = {
    # Nothing may go on in the background after git has returned: it would hold locks.
    "gc.auto": "0",
    "maintenance.auto": "false",
    "gc.autoDetach": "false",
    "core.longpaths": "true",
    "advice.detachedHead": "false",
    # What runs is the commit, not what somebody's hooks make of it.
    "core.hooksPath": os.devnull,
    # A connection that delivers nothing ends by itself, should the scheduler not be there to end it.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}


class GitFailedError(LaunchError):
    """git ended with an error; the message is git's own, without credentials."""


class GitTimeoutError(LaunchError):
    """git was stopped because it took too long."""


class GitCommand:
    """Runs git for one remote address. Safe to use from several threads.

    Args:
        address: The repository; its credentials are used and never shown.
        mark: Value of MARK_VARIABLE for all processes started.
    """

    def __init__(self, address: RepositoryAddress, mark: str) -> None:
        self._address = address
        self._mark = mark

    def run(self, *arguments: str | Path, deadline: float, folder: Path | None = None) -> str:
        """Run git and return its standard output.

        Args:
            arguments: Without ``git`` itself. Which repository it is about is said here, never left to git to find.
            deadline: When to stop it, on ``time.monotonic()``.
            folder: Working folder.

        Raises:
            GitFailedError: git reported an error.
            GitTimeoutError: The deadline passed; git and its helpers were ended.
            LaunchError: git is not installed.
        """
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [_program(), *settings, *map(str, arguments)]
        subcommand = next(str(argument) for argument in arguments if not str(argument).startswith("-"))
        seconds = max(0.0, deadline - time.monotonic())
        try:
            process = _start(command, environment_of_git(os.environ, self._address, self._mark), folder)
        except FileNotFoundError as error:
            raise LaunchError("git is not installed, or not on the PATH of the scheduler.") from error
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            end_tree(process)
            raise GitTimeoutError(
                f"git {subcommand} did not finish in time ({seconds:.0f} s left for it) and was stopped."
            ) from None
        if process.returncode != 0:
            raise GitFailedError(self._reason(errors, subcommand, process.returncode))
        return output.decode("utf-8", "surrogateescape")

    def _reason(self, errors: bytes, subcommand: str, code: int) -> str:
        lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines()]
        telling = [line for line in lines if line and not line.startswith(_ADVICE)]
        text = "; ".join(telling[-2:]) or f"git {subcommand} ended with status {code} and said nothing"
        return self._address.redact(text)[:_LONGEST_MESSAGE]


def end_marked_processes(mark: str) -> None:
    """End git processes that a killed scheduler left working on the cache with this mark."""
    kill_marked(MARK_VARIABLE, mark)


def _program() -> str:
    found = shutil.which(os.environ.get(_PROGRAM_VARIABLE) or "git")
    if found is None:
        raise LaunchError("git is not installed, or not on the PATH of the scheduler.")
    return found


def _start(command: list[str], env: dict[str, str], folder: Path | None) -> subprocess.Popen[bytes]:
    # A session of its own has no terminal that ssh could ask for a password; on Windows the same is no window.
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=folder,
        start_new_session=sys.platform != "win32",
        creationflags=flags,
    )


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """End a process and its helpers (git-remote-https, ssh), which would go on waiting for the server."""
    kill_tree(process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=5)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started, and leave its pipes to whoever reads them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                child.kill()
    process.kill()
