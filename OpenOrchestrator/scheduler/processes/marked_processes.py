"""Finds and ends processes by a mark in their environment, which children inherit however they detach themselves.

Must not decide whether they should end. Processes whose environment this user may not read are not found.
"""

from __future__ import annotations

import contextlib
import errno
import sys
import time
from collections.abc import Callable, Iterable

import psutil

_PATIENCE_SECONDS = 5.0
_PASS_PAUSE_SECONDS = 0.02
_CLEAN_LOOKS = 2
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
    return kill_all(lambda: find_marked(variable, mark))


def kill_all(find: Callable[[], Iterable[psutil.Process]]) -> list[int]:
    """End all processes that are found, without grace, until two looks in a row find none.

    Each round first stops what it finds, so that nothing starts others while it waits to be killed.

    Args:
        find: Returns the living processes to be ended.

    Returns:
        Ids of those that are still there after five seconds.
    """
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    clean_looks = 0
    while True:
        left = _freeze(find, give_up_at)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()
        clean_looks = 0 if left else clean_looks + 1
        if clean_looks == _CLEAN_LOOKS:
            return []
        if time.monotonic() >= give_up_at:
            return sorted(process.pid for process in left if _is_alive(process))
        time.sleep(_PASS_PAUSE_SECONDS)


def _freeze(find: Callable[[], Iterable[psutil.Process]], give_up_at: float) -> list[psutil.Process]:
    """Stop what is found until a look finds nothing new, and return all of it."""
    left: dict[int, psutil.Process] = {}
    while True:
        new = [process for process in find() if process.pid not in left]
        for process in new:
            left[process.pid] = process
            if sys.platform != "win32":  # there the job object of a dead host has ended everything
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    process.suspend()
        if not new or time.monotonic() >= give_up_at:
            return list(left.values())


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


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
