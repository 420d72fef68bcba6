"""Runs tests in a Windows Python, under Wine where this is not Windows, and says so where there is none.

Usage: python .ci/windows.py prepare|test FOLDER [PYTEST ARGUMENT...], in an environment with uv. ``prepare`` sets the
Python up in FOLDER, unless it is there, and installs what the tests require; ``test`` runs pytest here.

A script sets it up: the one that OPENORCHESTRATOR_WINDOWS_SETUP names, else ../shared/windows/set-up beside the
checkout. It gets FOLDER, makes FOLDER/python, which starts the Windows Python, and FOLDER/Python311, its home. It needs
root, because it installs Wine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETUP = "OPENORCHESTRATOR_WINDOWS_SETUP"
READY = "ready"
"""A file in the folder that says that everything is installed."""
USUAL_SETUP = ROOT.parent / "shared" / "windows" / "set-up"


def missing(folder: Path) -> str:
    """Return what is missing to run tests; nothing if they can be run."""
    if sys.platform == "win32":
        return "this is Windows: run pytest"
    if (folder / "python").exists():
        return ""
    script = setup_script()
    if not script.is_file():
        return f"there is no script that sets a Windows Python up at {script}; {SETUP} names another"
    return "" if os.geteuid() == 0 else f"{script} needs root"


def setup_script() -> Path:
    """Return the path of the script, whether or not it is there."""
    return Path(os.environ.get(SETUP) or USUAL_SETUP).absolute()


def prepare(folder: Path) -> int:
    """Set the Python up, and install the package's requirements and those of its tests.

    What comes from elsewhere may not be had: then the tests say that they are not run.
    """
    if not (folder / "python").exists() and subprocess.run([str(setup_script()), str(folder)], check=False).returncode:
        print(f"NOT RUN: {setup_script()} failed.")
        return 0
    # uv runs here: pip in the Windows Python takes minutes for the same.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet"),
            *("--python-platform", "x86_64-pc-windows-msvc", "--python-version", "3.11", "--only-binary", ":all:"),
            *("--target", str(folder / "Python311" / "Lib" / "site-packages")),
            *("--no-binary", "openorchestrator", f"{ROOT}[test]"),
        ],
        check=False,
    )
    if done.returncode:
        print("NOT RUN: the requirements for Windows cannot be had.")
    else:
        (folder / READY).touch()
    return 0


def test(folder: Path, arguments: list[str]) -> int:
    """Run pytest in the current folder."""
    if not (folder / READY).exists():
        print(f"NOT RUN: {folder} could not be prepared, or was not.")
        return 0
    command = [str(folder / "python"), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """Do what is asked for, or say why not."""
    task, folder, arguments = sys.argv[1], Path(sys.argv[2]).absolute(), sys.argv[3:]
    reason = missing(folder)
    if reason:
        print(f"NOT RUN: {reason}.")
        return 0
    return prepare(folder) if task == "prepare" else test(folder, arguments)


if __name__ == "__main__":
    sys.exit(main())
