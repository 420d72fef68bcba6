"""Starting a robot: makes its run directory, starts the robot host that will own it, and hands over what to start.

Knows no database: claiming before and finishing after are the caller's.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

import psutil

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.redaction import secrets_of
from OpenOrchestrator.scheduler.host import run_files
from OpenOrchestrator.scheduler.runs.robot_command import LaunchSpec, RobotCommand, build_command
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, run_root

_HOST_SCRIPT = Path(__file__).parents[1] / "host" / "robot_host.py"

_HOST_NEEDS = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR",
)  # fmt: skip


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
        except Exception as error:
            run.remove()
            raise LaunchError(
                f"The robot host of job {spec.job_id} cannot be started with {_host_python()}: {_cause(error)}."
            ) from error
        try:
            self._hand_over(run, host, spec, command)
        except Exception as error:
            # The host starts nothing before it has read everything; what it may have started then is marked.
            host.kill()
            host.wait()
            with contextlib.suppress(OSError):  # nothing to look with; hardly anything to find
                run.kill_leftovers()
            reason = "the host ended at once" if isinstance(error, BrokenPipeError | psutil.Error) else _cause(error)
            log = _read_log(run)
            run.remove()
            raise LaunchError(
                f"Job {spec.job_id} cannot be handed to its robot host: {reason}. {log}".rstrip()
            ) from error
        # Without a thread to wait for its end, whoever follows the run sees that the host is gone.
        with contextlib.suppress(RuntimeError):
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
                "cwd": str(spec.folder or spec.file.parent),
                "env": dict(command.env),
                "secrets": (*secrets_of(spec.connection_string, spec.crypto_key), *spec.secrets),
                "limit": spec.output_limit,
                "printed": spec.printed,
                "timeout": spec.timeout,
                "grace": spec.grace,
                "soft": spec.soft,
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


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"


def _read_log(run: RunDirectory) -> str:
    try:
        return (run.path / run_files.HOST_LOG_FILE).read_text(encoding="utf-8", errors="replace")[-500:]
    except OSError:
        return ""
