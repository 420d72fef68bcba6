"""Finds and ends processes by a mark in their environment, which children inherit however they detach themselves.

Must not decide whether they should end. Processes whose environment this user may not read are not found.
"""

from __future__ import annotations

import contextlib
import errno
import time

import psutil

_PATIENCE_SECONDS = 5.0
_PASS_PAUSE_SECONDS = 0.02
_OWN_TROUBLE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def find_marked(variable: str, mark: str) -> list[psutil.Process]:
    """Return all living processes of this machine that carry a mark; looks at every one (some 20 ms).

    Args:
        variable: Name of the environment variable.
        mark: Its value.

    Raises:
        OSError: This process has no file descriptors or memory to look with.
    """
    return [process for process in psutil.process_iter() if _is_marked(process, variable, mark)]


def kill_marked(variable: str, mark: str) -> list[int]:
    """End all processes that carry a mark, without grace, those too that are started meanwhile.

    Returns:
        Ids of those that are still there after five seconds.

    Raises:
        OSError: This process has no file descriptors or memory to look with.
    """
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        left = find_marked(variable, mark)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()
        if not left or time.monotonic() >= give_up_at:
            return [process.pid for process in left]
        time.sleep(_PASS_PAUSE_SECONDS)


def _is_marked(process: psutil.Process, variable: str, mark: str) -> bool:
    try:
        # A process that has ended (a zombie) has no environment.
        return bool(process.environ().get(variable) == mark)
    except (psutil.Error, PermissionError, FileNotFoundError, ProcessLookupError):
        # Gone meanwhile, or another user's: not one of ours.
        return False
    except OSError as error:
        # Without file descriptors nobody can be looked at, and a mark that was not looked for is not missing.
        if error.errno in _OWN_TROUBLE:
            raise
        return False
