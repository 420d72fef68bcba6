"""Which program uv makes managed environments, and whether it can be started on this machine.

Owns nothing. Must not know what uv is used for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

_PROBE_SECONDS = 60.0
_MOST_SHOWN = 200
_DLL_MISSING = 0xC0000135  # STATUS_DLL_NOT_FOUND

FindUv = Callable[[], "str | None"]
"""Returns the program uv; None if it is not there."""


def find_uv() -> str | None:
    """Return the program uv: that of the package beside OpenOrchestrator, else the one on the PATH; None without."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415  (an extra)

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def failure_of(uv: str) -> str | None:
    """Start uv once, and return why it does not run here, as the end of a sentence; None if it runs.

    Args:
        uv: The program.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    try:
        done = subprocess.run(
            [uv, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A wrong setting is told by what uses uv, and does not mean that uv does not run.
            env={name: value for name, value in os.environ.items() if not name.upper().startswith("UV_")},
            timeout=_PROBE_SECONDS,
            check=False,
            creationflags=flags,
        )
    except OSError as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return f"it did not answer within {_PROBE_SECONDS:.0f} s"
    return explain_end(done.returncode, done.stdout.decode("utf-8", "replace"))


def explain_end(status: int, printed: str) -> str | None:
    """Return why uv did not run, as the end of a sentence; None if it did. Pure.

    Args:
        status: The exit status of ``uv --version``.
        printed: What it printed.
    """
    if status == 0:
        return None
    if status & 0xFFFFFFFF == _DLL_MISSING:
        return "Windows does not find a DLL that it needs; the Microsoft Visual C++ Redistributable has it"
    said = " ".join(printed.split())[:_MOST_SHOWN]
    return f"it ended with status {status} and said {said or 'nothing'}"
