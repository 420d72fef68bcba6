"""Running git without ever waiting for a person, or for longer than allowed.

Owns the command line and the environment of git, its time-outs, and how its failures read. Knows nothing about caches
and worktrees. Credentials in an http(s) address are handed to git through its environment: git would show them in the
argument lists of its helpers.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import psutil

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.processes.marked_processes import kill_marked

MARK_VARIABLE = "OPENORCHESTRATOR_GIT"
"""Environment variable that marks git processes with the cache they work on, so that orphans can be found."""

_MASK = "***"
_LONGEST_MESSAGE = 500
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")
_HTTP_USER_INFO = re.compile(r"^(?P<scheme>https?://)(?P<user>[^/@:]*)(?::(?P<password>[^/@]*))?@", re.IGNORECASE)
_CREDENTIAL_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$OPENORCHESTRATOR_GIT_USER" '
    '"$OPENORCHESTRATOR_GIT_PASSWORD"; }; f'
)
_ADVICE = ("Please make sure you have the correct access rights", "and the repository exists.", "hint:")
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15"
_SETTINGS = {
    # Nothing may go on in the background after git has returned: it would hold locks.
    "gc.auto": "0",
    "maintenance.auto": "false",
    "gc.autoDetach": "false",
    "core.longpaths": "true",
    "advice.detachedHead": "false",
    # A connection that delivers nothing ends by itself, should the scheduler not be there to end it.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}


class GitFailedError(LaunchError):
    """git ended with an error; the message is git's own, without credentials."""


class GitTimeoutError(LaunchError):
    """git was stopped because it took too long."""


@dataclass(frozen=True)
class RemoteAddress:
    """Where a repository is.

    Attributes:
        url: As the trigger has it, with credentials if it has some.
    """

    url: str = field(repr=False)

    @cached_property
    def shown(self) -> str:
        """The address without credentials, for messages."""
        return _USER_INFO.sub(f"{_MASK}@", self.url)

    @cached_property
    def plain(self) -> str:
        """The address to give to git."""
        return _HTTP_USER_INFO.sub(lambda match: match["scheme"], self.url)

    @cached_property
    def credentials(self) -> tuple[str, str] | None:
        """User name and password of an http(s) address that has some."""
        match = _HTTP_USER_INFO.match(self.url)
        return None if match is None else (unquote(match["user"]), unquote(match["password"] or ""))

    def without_credentials(self, text: str) -> str:
        """Return the text with this address's credentials, and those of any other address, replaced."""
        for secret in self.credentials or ():
            if len(secret) > 3:
                text = text.replace(secret, _MASK)
        return _USER_INFO.sub(f"{_MASK}@", text)


class GitCommand:
    """Runs git for one remote address. Safe to use from several threads.

    Args:
        address: The repository; its credentials are used and never shown.
        mark: Value of MARK_VARIABLE for all processes started.
    """

    def __init__(self, address: RemoteAddress, mark: str) -> None:
        self._address = address
        self._mark = mark

    def run(self, *arguments: str | Path, deadline: float, folder: Path | None = None) -> str:
        """Run git and return its standard output.

        Args:
            arguments: Without ``git`` itself.
            deadline: When to stop it, on ``time.monotonic()``.
            folder: Working folder.

        Raises:
            GitFailedError: git reported an error.
            GitTimeoutError: The deadline passed; git and its helpers were ended.
            LaunchError: git is not installed.
        """
        # Imported here because GitPython looks for git when it is imported, and robots in local files need neither.
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        import git  # noqa: PLC0415

        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [git.Git.GIT_PYTHON_GIT_EXECUTABLE or "git", *settings, *map(str, arguments)]
        subcommand = next(str(argument) for argument in arguments if not str(argument).startswith("-"))
        seconds = max(0.0, deadline - time.monotonic())
        try:
            # A session of its own has no terminal that ssh could ask for a password.
            started = git.Git(folder).execute(
                command, istream=subprocess.DEVNULL, as_process=True, env=self._environment(), start_new_session=True
            )
        except git.GitCommandNotFound as error:
            raise LaunchError("git is not installed, or not on the PATH of the scheduler.") from error
        process: subprocess.Popen[bytes] | None = started.proc
        if process is None:
            raise RuntimeError("GitPython returned no process")
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _end_tree(process)
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
        return self._address.without_credentials(text)[:_LONGEST_MESSAGE]

    def _environment(self) -> dict[str, str]:
        env = {
            MARK_VARIABLE: self._mark,
            "GIT_TERMINAL_PROMPT": "0",
            "GCM_INTERACTIVE": "never",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "SSH_ASKPASS_REQUIRE": "never",
        }
        if not {"GIT_SSH", "GIT_SSH_COMMAND"} & os.environ.keys():
            # A setting for ssh chosen by the operator stays; it may not even be OpenSSH.
            env["GIT_SSH_COMMAND"] = _SSH
        if self._address.credentials is not None:
            env |= _credential_settings(*self._address.credentials, os.environ)
        return env


def end_marked_processes(mark: str) -> None:
    """End git processes that a killed scheduler left working on the cache with this mark."""
    kill_marked(MARK_VARIABLE, mark)


def _credential_settings(user: str, password: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make git use these credentials, after whatever is configured this way already."""
    count = int(environment.get("GIT_CONFIG_COUNT") or 0)
    return {
        "GIT_CONFIG_COUNT": str(count + 2),
        # An empty helper removes those of the machine, which may know another user of the same server.
        f"GIT_CONFIG_KEY_{count}": "credential.helper",
        f"GIT_CONFIG_VALUE_{count}": "",
        f"GIT_CONFIG_KEY_{count + 1}": "credential.helper",
        f"GIT_CONFIG_VALUE_{count + 1}": _CREDENTIAL_HELPER,
        "OPENORCHESTRATOR_GIT_USER": user,
        "OPENORCHESTRATOR_GIT_PASSWORD": password,
    }


def _end_tree(process: subprocess.Popen[bytes]) -> None:
    """End git and its helpers (git-remote-https, ssh), which would go on waiting for the server."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                child.kill()
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=5)
