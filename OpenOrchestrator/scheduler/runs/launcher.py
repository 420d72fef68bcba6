"""Starting a robot: its argument list, its environment, and the robot host that will own it.

Owns what a robot is handed (contract: ``python main.py <process name> <connection string> <key> <arguments>
<trigger id> <job id>``) and the hand-over to the host. Knows no database: claiming before and finishing after are
the caller's.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psutil

from OpenOrchestrator.common import secret_markers
from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.redaction import secrets_of
from OpenOrchestrator.database.statuses import SecretPassing
from OpenOrchestrator.scheduler.host import run_files
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, run_root

DEFAULT_OUTPUT_LIMIT = 10 * 1024 * 1024
"""Most bytes of a run's output that are kept, besides its end."""

DEFAULT_GRACE = 10.0
"""Seconds a robot has to end by itself when it is stopped."""

_HOST_SCRIPT = Path(__file__).parents[1] / "host" / "robot_host.py"

_NOT_INHERITED = frozenset(
    {
        # They steer the scheduler's own interpreter. A robot runs another main module, often in another interpreter
        # with its own, older OpenOrchestrator, and would import the scheduler's packages instead.
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONSAFEPATH",
        "PYTHONEXECUTABLE",
        "PYTHONINSPECT",
        "__PYVENV_LAUNCHER__",
        # uv and others install into what this names: a robot that sets itself up would change the scheduler.
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
        "UV_PROJECT_ENVIRONMENT",
    }
)

_HOST_NEEDS = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """Everything about one start of a robot.

    Attributes:
        job_id: The job; names the run directory and marks all processes of the run.
        trigger_id: The trigger that is due.
        process_name: Name of the process, first argument of the robot.
        process_arguments: Arguments of the process; may be empty.
        file: The robot's Python file. Its folder becomes the working folder.
        passing: ENVIRONMENT or ARGUMENTS (see environment.resolve_passing).
        connection_string: With its password.
        crypto_key: The encryption key.
        timeout: Seconds the robot may run, or None for no limit.
        grace: Seconds between the request to end and the kill.
        output_limit: Bytes of output kept.
    """

    job_id: UUID
    trigger_id: UUID
    process_name: str
    process_arguments: str
    file: Path
    passing: SecretPassing
    connection_string: str
    crypto_key: str
    timeout: float | None = None
    grace: float = DEFAULT_GRACE
    output_limit: int = DEFAULT_OUTPUT_LIMIT


@dataclass(frozen=True, slots=True)
class RobotCommand:
    """What to execute.

    Attributes:
        argv: Program and arguments.
        env: The whole environment.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]


def build_command(spec: LaunchSpec, *, python: str, inherited: Mapping[str, str]) -> RobotCommand:
    """Put together argument list and environment of a robot.

    The environment is the scheduler's, without connection string and key (unless they are passed that way) and
    without what steers the scheduler's own Python. Robots may rely on: ``OPENORCHESTRATOR_JOB``, the id of the job;
    unbuffered output, so that it can be watched; and standard streams in UTF-8, so that printing any character works
    on Windows too. The default encoding of files stays the machine's (PYTHONUTF8 is not set), because robots in
    service read files written that way. What the scheduler's environment says about buffering or encoding wins.

    Args:
        spec: The start.
        python: The interpreter to run the robot with.
        inherited: The scheduler's environment.

    Raises:
        ValueError: The way to pass secrets is still AUTO.
    """
    if spec.passing is SecretPassing.AUTO:
        raise ValueError("How secrets are passed is still AUTO: ask environment.resolve_passing first.")
    secrets = {
        secret_markers.CONNECTION_STRING_VARIABLE: spec.connection_string,
        secret_markers.KEY_VARIABLE: spec.crypto_key,
    }
    # Names are compared in capitals, because on Windows they are one and the same in any case.
    left_out = _NOT_INHERITED | {variable.upper() for variable in secrets}
    env = {name: value for name, value in inherited.items() if name.upper() not in left_out}
    env.setdefault("PYTHONUNBUFFERED", "1")
    env.setdefault("PYTHONIOENCODING", "utf-8:backslashreplace")
    env[run_files.JOB_VARIABLE] = str(spec.job_id)
    if spec.passing is SecretPassing.ENVIRONMENT:
        env |= secrets
        handed_over = [secret_markers.marker(variable) for variable in secrets]
    else:
        handed_over = list(secrets.values())
    argv = (
        python,
        str(spec.file),
        spec.process_name,
        *handed_over,
        spec.process_arguments,
        str(spec.trigger_id),
        str(spec.job_id),
    )
    return RobotCommand(argv, env)


class Launcher:
    """Starts robots, each under a host of its own that outlives this process. Safe to use from several threads.

    Args:
        workspace: Root of the workspace; run directories are made in its folder ``runs``.
        python: The interpreter to run robots with; by default the scheduler's.
        environment: Variables to add for robots, over those of this process.
        on_end: Called with the job's id, in a thread of its own, when a host started here has ended.
    """

    def __init__(
        self,
        workspace: Path,
        python: str = sys.executable,
        *,
        environment: Mapping[str, str] | None = None,
        on_end: Callable[[UUID], None] | None = None,
    ) -> None:
        self._workspace = workspace.absolute()
        self._python = python
        self._added = dict(environment or {})
        self._on_end = on_end

    def start(self, spec: LaunchSpec) -> RunDirectory:
        """Start the robot of a job.

        Returns as soon as the host has been handed the start; ``read_host`` of the result knows the host from then
        on, and the robot some 30 ms later. A robot that cannot be started (no such interpreter) ends its run with
        ``error`` in ``read_exit``.

        Args:
            spec: The start.

        Returns:
            The run.

        Raises:
            LaunchError: The job has or had a run already, or the disk, or the process table, is full. No robot was
                started by this call, and none will be.
        """
        command = build_command(spec, python=self._python, inherited=os.environ | self._added)
        try:
            run = RunDirectory.create(self._workspace, spec.job_id)
        except FileExistsError as error:
            raise LaunchError(
                f"Job {spec.job_id} has a run directory already in {run_root(self._workspace)}. A job is run only "
                "once: let the trigger start a new one."
            ) from error
        except OSError as error:
            raise LaunchError(
                f"The run directory of job {spec.job_id} cannot be made in {run_root(self._workspace)}: "
                f"{error.strerror}. Make room, or choose another workspace folder."
            ) from error
        try:
            host = self._spawn_host(run, spec.job_id)
        except OSError as error:
            run.remove()
            raise LaunchError(
                f"The robot host of job {spec.job_id} cannot be started with {_host_python()}: {error.strerror}."
            ) from error
        try:
            self._hand_over(run, host, spec, command)
        except (OSError, psutil.Error) as error:
            # The host starts nothing before it has read everything.
            host.kill()
            host.wait()
            reason = getattr(error, "strerror", None) or "the host ended at once"
            log = _read_log(run)
            run.remove()
            raise LaunchError(
                f"Job {spec.job_id} cannot be handed to its robot host: {reason}. {log}".rstrip()
            ) from error
        threading.Thread(target=self._await_end, args=(host, spec.job_id), daemon=True).start()
        return run

    def _spawn_host(self, run: RunDirectory, job_id: UUID) -> subprocess.Popen[bytes]:
        argv = [_host_python(), "-I", "-S", str(_HOST_SCRIPT), str(run.path)]
        if sys.dont_write_bytecode:
            argv.insert(1, "-B")
        env = {name: os.environ[name] for name in _HOST_NEEDS if name in os.environ}
        env[run_files.JOB_VARIABLE] = str(job_id)
        log = os.open(run.path / run_files.HOST_LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return _spawn_detached(argv, env, cwd=run.path.parent, log=log)
        finally:
            os.close(log)

    def _hand_over(
        self, run: RunDirectory, host: subprocess.Popen[bytes], spec: LaunchSpec, command: RobotCommand
    ) -> None:
        if host.stdin is None:
            raise RuntimeError("the host was started without a pipe")
        with contextlib.closing(host.stdin):
            # Known before anything is handed over, so that a crash in between leaves no robot without an owner.
            host_info = run.write_host(host.pid)
            content = {
                "job": str(spec.job_id),
                "argv": command.argv,
                "cwd": str(spec.file.parent),
                "env": dict(command.env),
                "secrets": secrets_of(spec.connection_string, spec.crypto_key),
                "limit": spec.output_limit,
                "timeout": spec.timeout,
                "grace": spec.grace,
                "host": host_info,
            }
            host.stdin.write(json.dumps(content).encode("ascii"))

    def _await_end(self, host: subprocess.Popen[bytes], job_id: UUID) -> None:
        """Read the exit status, so that no zombie stays, and tell."""
        host.wait()
        if self._on_end is not None:
            self._on_end(job_id)


if sys.platform == "win32":

    def _spawn_detached(argv: list[str], env: dict[str, str], *, cwd: Path, log: int) -> subprocess.Popen[bytes]:
        """Start the host outside of the scheduler's console and job object, whose end would be the host's too."""

        def spawn(flags: int) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=log, stderr=log, creationflags=flags
            )

        detached = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        try:
            return spawn(detached | subprocess.CREATE_BREAKAWAY_FROM_JOB)
        except PermissionError:
            # The scheduler runs in a job object that lets nobody go; then the host lives as long as that does.
            return spawn(detached)

else:

    def _spawn_detached(argv: list[str], env: dict[str, str], *, cwd: Path, log: int) -> subprocess.Popen[bytes]:
        """Start the host in a session of its own, so that the end of the scheduler's does not reach it."""
        return subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )


def _host_python() -> str:
    """Return the interpreter for hosts.

    On Windows the one behind the virtual environment: ``python.exe`` of an environment is only a starter that runs
    the real one as its child, under another process id.
    """
    base: str | None = getattr(sys, "_base_executable", None)
    return base if base and sys.platform == "win32" else sys.executable


def _read_log(run: RunDirectory) -> str:
    try:
        return (run.path / run_files.HOST_LOG_FILE).read_text(encoding="utf-8", errors="replace")[-500:]
    except OSError:
        return ""
