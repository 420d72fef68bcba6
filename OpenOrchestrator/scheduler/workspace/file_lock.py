"""A lock between processes of one machine that ends with its holder, however that dies.

Owns nothing but the lock: what it protects is the caller's. The lock file is never deleted, because deleting it would
let two processes hold a lock of the same name.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EBADF, errno.ENOLCK):  # not held, but no disk that knows locks
                raise
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold the lock of this name for the block; threads of one process exclude each other as well.

    Args:
        path: The lock file; made if missing, in a folder that exists, on a local disk.
        timeout: Seconds to wait for it.

    Raises:
        TimeoutError: Somebody else held it all the time.
        OSError: The file cannot be made or locked.
    """
    give_up_at = time.monotonic() + timeout
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(descriptor):
            if time.monotonic() >= give_up_at:
                raise TimeoutError(f"{path} was held by another process for {timeout:.0f} s")
            time.sleep(_PAUSE)
        yield
    finally:
        # Closing it ends the lock.
        os.close(descriptor)
