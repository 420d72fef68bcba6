"""Whether an error is about what this machine has too little of for now, rather than about what was done. Pure."""

from __future__ import annotations

import errno

_PASSING = frozenset(
    {
        errno.EMFILE,  # file descriptors of this process
        errno.ENFILE,  # of this machine
        errno.ENOMEM,
        errno.ENOBUFS,  # memory for sockets
        errno.EAGAIN,  # processes
    }
)
_WINDOWS_PASSING = frozenset(
    {
        4,  # files of this process
        8,  # memory
        1450,  # resources of the system
        1455,  # paging file
        10024,  # sockets of this process
        10055,  # memory for sockets
    }
)


def is_shortage(error: BaseException) -> bool:
    """Tell whether an error, or what caused it, passes when others give back descriptors, memory, processes or threads.

    A full disk does not: it is nobody's to give back. Nor does a file that is missing or must not be read.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return True
        if isinstance(cause, RuntimeError) and "can't start new thread" in str(cause):
            return True
        if isinstance(cause, OSError):
            windows_number = getattr(cause, "winerror", None)
            if cause.errno in _PASSING or windows_number in _WINDOWS_PASSING:
                return True
        cause = cause.__cause__
    return False
