"""Interpreters of robots: which one is the scheduler's own, where its packages and tools are, what tells it apart.

Owns what is known about a Python on this machine. Makes and changes nothing.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
import site
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from OpenOrchestrator.common.errors import LaunchError

ON_WINDOWS = os.name == "nt"

_PROBE_SECONDS = 60.0
_PROBE = (
    "import json, platform, sys, sysconfig; print(json.dumps([sys.version, sysconfig.get_platform(), "
    "''.join(platform.libc_ver()), '.'.join(map(str, sys.version_info[:3]))]))"
)


@dataclass(frozen=True, slots=True)
class RobotPython:
    """What runs a robot.

    Attributes:
        executable: The interpreter.
        path: Folders that come first on the robot's PATH: those of the interpreter's tools.
    """

    executable: str
    path: tuple[str, ...]


def is_own(python: str) -> bool:
    """Whether this is the Python that the scheduler runs on."""
    found = shutil.which(python) or python
    return os.path.normcase(Path(found).absolute()) == os.path.normcase(Path(sys.executable).absolute())


def tool_folders(python: str) -> tuple[str, ...]:
    """Return the folder of an interpreter and, on Windows, that of its scripts."""
    found = shutil.which(python)
    if found is None:
        return ()
    folder = Path(found).absolute().parent
    scripts = folder / "Scripts"
    return (str(folder), str(scripts)) if ON_WINDOWS and scripts.is_dir() else (str(folder),)


def tools_of(environment: Path) -> Path:
    """Return the folder of the programs of an environment."""
    return environment / ("Scripts" if ON_WINDOWS else "bin")


def python_of(environment: Path) -> Path:
    """Return the interpreter of an environment."""
    return tools_of(environment) / ("python.exe" if ON_WINDOWS else "python")


def packages_of(environment: Path) -> Path | None:
    """Return the folder of an environment's packages; None if there is none."""
    if ON_WINDOWS:
        folder = environment / "Lib" / "site-packages"
        return folder if folder.is_dir() else None
    return next(iter(sorted((environment / "lib").glob("python*/site-packages"))), None)


def package_folders() -> list[str]:
    """Return where the packages of the scheduler's Python are."""
    found = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
    return [path for path in found if Path(path).is_dir()]


def package_statements() -> list[str]:
    """Return the lines of a ``.pth`` file that lets an environment see the scheduler's packages, behind its own.

    As statements, because paths alone would leave out what .pth files there add, and may hold any character.
    """
    return [f"import site; site.addsitedir({path!a})" for path in package_folders()]


def identity_of(python: str) -> dict[str, str]:
    """Return what tells an interpreter from others that need environments of their own, with its ``version``.

    Raises:
        LaunchError: It cannot be run.
    """
    if is_own(python):
        return _identity(sys.version, sysconfig.get_platform(), "".join(platform.libc_ver()), platform.python_version())
    found = shutil.which(python)
    if found is None:
        raise LaunchError(
            f"There is no Python {python} on this machine. Correct the setting OpenOrchestratorPython, or install it."
        )
    state = Path(found).stat()
    return _probed(found, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=16)
def _probed(python: str, _changed: int, _size: int) -> dict[str, str]:
    try:
        done = subprocess.run(
            [python, "-I", "-c", _PROBE],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        return _identity(*json.loads(done.stdout))
    except (OSError, ValueError, TypeError, subprocess.SubprocessError) as error:
        raise LaunchError(
            f"The Python {python} cannot be asked for its version: {error}. Correct the setting "
            "OpenOrchestratorPython, or install it anew."
        ) from error


def _identity(build: str, system: str, libc: str, version: str) -> dict[str, str]:
    return {"version": version, "build": build, "platform": system, "libc": libc}
