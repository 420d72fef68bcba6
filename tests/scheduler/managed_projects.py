"""What the tests of managed environments share: projects whose packages are files, so that no network is needed."""

from __future__ import annotations

import subprocess
import threading
import zipfile
from pathlib import Path

import psutil

from OpenOrchestrator.scheduler.runs.services import StartUnwantedError
from OpenOrchestrator.scheduler.workspace import install_steps
from OpenOrchestrator.scheduler.workspace.uv_program import find_uv

PYPROJECT = """
[project]
name = "my-robot"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["shouting"]

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.uv.sources]
shouting = { path = "shouting-1.0-py3-none-any.whl" }
"""


def wheel(folder: Path, name: str = "shouting", version: str = "1.0", code: str = "WORDS = 'AH'") -> Path:
    """Make a package with a program, as a file."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"{code}\ndef main():\n    print('from the program')\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        file.writestr(f"{info}/RECORD", "")
    return path


def project(folder: Path, *, requirements: str = "./shouting-1.0-py3-none-any.whl\n") -> Path:
    """Make a project with a requirements.txt that names one package beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel(folder)
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    return folder


def locked_project(folder: Path) -> Path:
    """Make a project with a pyproject.toml and a uv.lock."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel(folder)
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    uv = find_uv()
    assert uv is not None, "uv belongs to what the tests need"
    subprocess.run([uv, "lock", "--offline", "--quiet", "--directory", str(folder)], check=True)
    return folder


BACKEND = """
import os, time, zipfile
GATE = {gate!r}
def get_requires_for_build_wheel(*arguments, **named):
    return []
def build_wheel(folder, *arguments, **named):
    deadline = time.monotonic() + 600
    while not os.path.exists(GATE) and time.monotonic() < deadline:
        time.sleep(0.02)
    name = "slowly-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as file:
        file.writestr("slowly.py", "")
        file.writestr("slowly-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: slowly\\nVersion: 1\\n")
        file.writestr("slowly-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr("slowly-1.dist-info/RECORD", "")
    return name
"""


def slow_project(folder: Path) -> Path:
    """Make a project with a package that is not built before there is a file ``gate`` in the project."""
    package = folder / "slowly"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text(
        '[project]\nname = "slowly"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        encoding="utf-8",
    )
    (package / "backend.py").write_text(BACKEND.format(gate=str(folder / "gate")), encoding="utf-8")
    (folder / "requirements.txt").write_text("./slowly\n", encoding="utf-8")
    (folder / "main.py").write_text("import slowly; print('it runs')", encoding="utf-8")
    return folder


def makers_in(workspace: Path) -> list[psutil.Process]:
    """Return the processes that build a package for an environment of a workspace."""
    found = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(install_steps.MARK_VARIABLE, "")
            if mark.startswith(str(workspace)) and "backend" in " ".join(process.cmdline()):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def uv_runs() -> bool:
    """Whether there is a uv that can be run here: under Wine it ends at once and says nothing."""
    uv = find_uv()
    return uv is not None and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0


class Watch:
    """What a preparation is watched with: keeps its lines, and can be told that nobody wants it any more."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.unwanted = threading.Event()

    @property
    def said(self) -> int:
        return len(self.lines)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def require_wanted(self) -> None:
        if self.unwanted.is_set():
            raise StartUnwantedError
