"""The Python that a robot is started with, and the folders of its tools.

Owns the environments below ``environments/`` in the workspace. They may be deleted at any time no robot runs; they are
made again. Knows nothing of repositories.

A robot that is started with the scheduler's own Python gets an environment of its trigger's: it sees every package of
the scheduler's, and what ``pip install`` in its ``main.py`` installs stays there, for this trigger's later runs. So
nothing a robot installs reaches the scheduler or another robot. An interpreter that was chosen by a setting is used as
it is: whoever chose it knows what is installed there.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.workspace import files, held_folders
from OpenOrchestrator.scheduler.workspace.file_lock import locked
from OpenOrchestrator.scheduler.workspace.held_folders import RunEnded
from OpenOrchestrator.scheduler.workspace.interpreters import (
    ON_WINDOWS,
    RobotPython,
    is_own,
    package_folders,
    package_statements,
    python_of,
    tool_folders,
    tools_of,
)

KEEP_DAYS = 90.0
"""Days after its last use that an environment is deleted."""

_FOLDER = "environments"
_LOCK = "lock"
_LOCK_SECONDS = 120.0
_MADE = "openorchestrator.json"
_PATHS = "openorchestrator.pth"
# Windows starts only .exe files by name; pip brings what makes them.
_MAKE_PIP_EXE = """
import sys
from pip._vendor.distlib.scripts import ScriptMaker
maker = ScriptMaker(None, sys.argv[1])
maker.executable, maker.variants = sys.executable, {"", "X"}
maker.make("pip = pip._internal.cli.main:main")
"""


class RobotEnvironments:
    """The environments of a workspace. Any number of threads and processes may use them at the same time.

    Args:
        root: Root of the workspace.
        run_ended: Tells whether the run of a job has ended; None when there is no sign of that run.
    """

    def __init__(self, root: Path, run_ended: RunEnded) -> None:
        self._folder = root.absolute() / _FOLDER
        self._run_ended = run_ended

    def provide(self, python: str, trigger_id: UUID, job_id: UUID) -> RobotPython:
        """Return what runs a robot.

        Args:
            python: The interpreter that is set. The scheduler's own stands for an environment on top of it.
            trigger_id: Whose environment; if an earlier run still has that, the job gets one for itself.
            job_id: The job.

        Raises:
            LaunchError: The environment cannot be made.
        """
        if not is_own(python) or importlib.util.find_spec("venv") is None:
            return RobotPython(python, tool_folders(python))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self._folder / _LOCK, timeout=_LOCK_SECONDS):
                environment = self._folder / trigger_id.hex
                if not held_folders.is_free(environment, job_id, self._run_ended):
                    environment = self._folder / str(job_id)
                held_folders.hold(environment, job_id)
                if files.read_json(environment / _MADE) != _description():
                    _make(environment)
                os.utime(environment / _MADE)
        except (OSError, subprocess.SubprocessError, TimeoutError) as error:
            raise LaunchError(
                f"The Python environment of the robot cannot be made in {self._folder}: {error}. Make room there, or "
                "name an interpreter for robots in the setting OpenOrchestratorPython."
            ) from error
        return RobotPython(str(python_of(environment)), (str(tools_of(environment)), *tool_folders(python)))

    def release(self, job_id: UUID) -> None:
        """Let the next run have the environment of a job's trigger; delete one that the job had for itself.

        Raises:
            OSError: A program still runs in it; ``prune`` deletes it later.
        """
        held_folders.release(self._folder, "*", job_id)
        files.remove_tree(self._folder / str(job_id))

    def prune(self) -> list[Path]:
        """Delete environments that were not used for KEEP_DAYS, and those of runs that are over.

        Returns:
            The folders deleted.
        """
        removed: list[Path] = []
        for environment in [path for path in self._folder.glob("*") if path.is_dir()]:
            if environment.suffix == files.TRASH_SUFFIX:
                files.empty_trash(environment)
                continue
            try:
                with locked(self._folder / _LOCK, timeout=0):
                    if self._is_over(environment):
                        files.remove_tree(environment)
                        held_folders.forget(environment)
                        removed.append(environment)
            except TimeoutError:
                break
            except OSError:
                continue  # a program still runs in it; the next time
        return removed

    def _is_over(self, environment: Path) -> bool:
        made = environment / _MADE
        unused = time.time() - (made if made.is_file() else environment).stat().st_mtime
        of_one_job = "-" in environment.name
        return held_folders.is_free(environment, None, self._run_ended) and (
            of_one_job or not made.is_file() or unused > KEEP_DAYS * 86400
        )


def _description() -> dict[str, object]:
    """Return what an environment depends on: when it changes, the environment is made anew."""
    return {"python": sys.executable, "version": sys.version, "paths": package_folders(), "pip": _bundled_pip()}


def _bundled_pip() -> str | None:
    """Return the pip that Python carries, if the scheduler's Python has none installed (uv makes such ones)."""
    if importlib.util.find_spec("pip") is not None:
        return None
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    bundled = importlib.util.find_spec("ensurepip")
    if bundled is not None and bundled.origin is not None:
        folders.append(str(Path(bundled.origin).parent / "_bundled"))
    wheels = [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]
    return str(wheels[-1]) if wheels else None


def _make(environment: Path) -> None:
    import venv  # noqa: PLC0415  (some distributions leave it out)

    files.remove_tree(environment)
    venv.EnvBuilder(system_site_packages=True, symlinks=not ON_WINDOWS, with_pip=False).create(environment)
    if not python_of(environment).is_file():  # on Windows it only warns
        raise LaunchError(
            f"The Python environment of the robot cannot be made in {environment.parent}: the module venv of "
            f"{sys.executable} put no interpreter there, so that Python is not complete. Repair it, or name an "
            "interpreter for robots in the setting OpenOrchestratorPython."
        )
    bundled = _bundled_pip()
    lines = package_statements()
    lines += [f"import sys; sys.path.append({bundled!a})"] if bundled else []
    packages = sysconfig.get_path("purelib", "nt" if ON_WINDOWS else "posix_prefix", {"base": str(environment)})
    (Path(packages) / _PATHS).write_text("\n".join(lines) + "\n", encoding="ascii")
    if bundled or importlib.util.find_spec("pip") is not None:
        _make_pip(environment)
    files.write_json(environment / _MADE, _description())


def _make_pip(environment: Path) -> None:
    """Put a pip of its own before that of the scheduler, which may be on the PATH as well."""
    tools, python = tools_of(environment), python_of(environment)
    if ON_WINDOWS:
        subprocess.run([python, "-c", _MAKE_PIP_EXE, tools], check=True, stdin=subprocess.DEVNULL, capture_output=True)
        return
    for name in ("pip", f"pip{sys.version_info[0]}", f"pip{sys.version_info[0]}.{sys.version_info[1]}"):
        # Not "#!python": such a line cannot hold a blank, nor a long path.
        quoted = str(python).replace("'", "'\\''")
        (tools / name).write_text(f"#!/bin/sh\nexec '{quoted}' -m pip \"$@\"\n", encoding="utf-8")
        (tools / name).chmod(0o755)
