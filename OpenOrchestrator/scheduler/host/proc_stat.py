"""What Linux tells about its processes in ``/proc/<id>/stat``; elsewhere there is nothing to read.

Used by the host and by the scheduler: standard library only, nothing of ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_DEAD_STATES = frozenset("ZX")


class ProcessStat(NamedTuple):
    """One process.

    Attributes:
        parent: Id of its parent.
        session: Number of its session.
        start: When it was started, in ticks since the boot: differs between two processes of one id.
        is_alive: Whether it has not ended; one that has and was not cleared away yet is still listed.
    """

    parent: int
    session: int
    start: str
    is_alive: bool


def read(pid: int) -> ProcessStat | None:
    """Return what is known of a process, or None if there is none of this id."""
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        # It ended while we looked, or this is not Linux.
        return None
    # The name in the middle may hold blanks and parentheses; the fields follow the last one.
    fields = line[line.rfind(b")") + 2 :].decode("ascii", "replace").split()
    return ProcessStat(int(fields[1]), int(fields[3]), fields[19], fields[0] not in _DEAD_STATES)


def read_all() -> Iterator[tuple[int, ProcessStat]]:
    """Yield every process with its id; takes milliseconds, in which others come and go."""
    for name in os.listdir("/proc") if sys.platform == "linux" else ():  # noqa: PTH208 - names, not paths
        if name.isdigit():
            found = read(int(name))
            if found is not None:
                yield int(name), found
