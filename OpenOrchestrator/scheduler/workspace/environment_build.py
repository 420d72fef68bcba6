"""Makes a managed environment in a folder of its own: runs uv, or venv and pip, and completes what they made.

Owns the processes it starts, and their time limit. Must not know who uses an environment, nor where it is kept.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.runs.services import StartWatch
from OpenOrchestrator.scheduler.workspace import install_failures, install_steps
from OpenOrchestrator.scheduler.workspace.git_command import kill_tree
from OpenOrchestrator.scheduler.workspace.interpreters import is_own, package_statements, packages_of, python_of
from OpenOrchestrator.scheduler.workspace.requirement_files import RequirementFiles, Source

BUILD_SECONDS = 1800.0
"""How long making an environment may take."""

_LOOK_SECONDS = 0.2
_PIPE_SECONDS = 1.0
_KEPT_LINES = 200
_PATHS = "openorchestrator.pth"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OUR_PACKAGE = re.compile(r"(?i)^openorchestrator-(?P<version>[^-]+)\.dist-info$")


def build(
    environment: Path,
    requirements: RequirementFiles,
    python: str,
    *,
    uv: str | None,
    uv_failure: str | None = None,
    cache: Path,
    mark: str,
    secrets: Sequence[str],
    watch: StartWatch,
) -> str | None:
    """Make an environment.

    Args:
        environment: Its folder, which does not exist; what is left of it after an error is the caller's.
        requirements: What is to be in it.
        python: The interpreter it is made from.
        uv: The program uv; None for venv and pip.
        uv_failure: Why the program uv that is there does not run; None if it does, or there is none.
        cache: Where downloads are kept.
        mark: What marks the processes that work on it.
        secrets: Texts that must not be shown.
        watch: Told every line, and asked whether to go on.

    Returns:
        The version of OpenOrchestrator that the robot's own files brought; None if they brought none, and it sees the
        packages of the scheduler.

    Raises:
        LaunchError: It cannot be made; says why.
        StartUnwantedError: Nobody wants it any more.
        OSError: The disk is full, or a program cannot be started.
    """
    if uv is None and requirements.source in (Source.UV_LOCK, Source.PYLOCK):
        name = requirements.file.name
        if uv_failure is not None:
            raise LaunchError(
                f"{name} can be read by uv only, and uv cannot be started on this machine ({uv_failure}). Repair it, "
                "or install it again for the scheduler."
            )
        raise LaunchError(
            f"{name} can be read by uv only, and there is none on this machine. Install "
            "OpenOrchestrator[environments], or uv, for the scheduler."
        )
    env = install_steps.variables(os.environ, cache=cache, mark=mark)
    hidden = (*secrets, *install_steps.secrets_in(env))
    deadline = time.monotonic() + BUILD_SECONDS
    for step in install_steps.steps(requirements, environment, python, uv):
        printed: list[str] = []

        def show(raw: bytes, printed: list[str] = printed) -> None:
            text = _ESCAPES.sub("", raw.decode("utf-8", "replace").replace("\0", "\ufffd")).rstrip()
            line = install_steps.shown(text, hidden)
            printed.append(line)
            del printed[:-_KEPT_LINES]
            watch.say(line)

        process = _start(step.argv, {**env, **step.env}, requirements.project)
        code = _follow(process, deadline, show, watch)
        if code is None:
            raise LaunchError(
                f"The environment could not be made from {requirements.file.name} within {BUILD_SECONDS / 60:.0f} "
                "minutes. Look at the network of this machine, and at what it did last in the output of the job."
            )
        if code != 0 and not any(line.strip() for line in printed):
            printed.append(f"{Path(step.argv[0]).name} ended with status {code} and said nothing")
        if code != 0:
            raise LaunchError(install_failures.explain(printed, requirements.file.name))
    return _complete(environment, python)


def _complete(environment: Path, python: str) -> str | None:
    packages = packages_of(environment)
    if packages is None or not python_of(environment).is_file():
        raise LaunchError(
            f"There is no complete environment in {environment}, although making it reported no error: {python} is "
            "not a whole Python. Repair it, or name another one in the setting OpenOrchestratorPython."
        )
    found = [match["version"] for path in packages.iterdir() if (match := _OUR_PACKAGE.match(path.name))]
    if found:
        return found[0]
    if is_own(python):
        (packages / _PATHS).write_text("\n".join(package_statements()) + "\n", encoding="ascii")
    return None


def _start(argv: Sequence[str], env: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=folder,
        start_new_session=sys.platform != "win32",
        creationflags=flags,
    )


def _follow(
    process: subprocess.Popen[bytes], deadline: float, show: Callable[[bytes], None], watch: StartWatch
) -> int | None:
    """Show what a program prints, to its end, and return its exit status; None if it was ended at the deadline."""
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    quiet_since: float | None = None
    try:
        while True:
            try:
                line = lines.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                # What it left running may hold the pipe open.
                now = time.monotonic()
                quiet_since = quiet_since or now
                if process.poll() is not None and now - quiet_since > _PIPE_SECONDS:
                    return process.returncode
            else:
                quiet_since = None
                if line is None:
                    return _wait(process, deadline, watch)
                show(line)
            watch.require_wanted()
            if time.monotonic() >= deadline:
                return None
    finally:
        if process.poll() is None:
            kill_tree(process)  # its output is the thread's to read and to close
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)


def _wait(process: subprocess.Popen[bytes], deadline: float, watch: StartWatch) -> int | None:
    while time.monotonic() < deadline:
        try:
            return process.wait(timeout=_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            watch.require_wanted()
    return None


def _read(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    if process.stdout is not None:
        with process.stdout as pipe:
            for line in pipe:
                lines.put(line)
    lines.put(None)
