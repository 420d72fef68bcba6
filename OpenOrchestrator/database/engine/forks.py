"""What becomes of open objects when a program forks, as ``multiprocessing`` does on Linux.

A child inherits sockets, locks and the memory of threads, but not the threads: two processes on one socket read each
other's answers, and a lock that a thread held at that moment is never released. So everything that has such things is
told. Owns whom to tell. Must not know what they do about it. A fork concerns the whole process, and so does this
module: its two collections are no state that anything else reads.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakValueDictionary


class Followed(Protocol):
    """What is told of forks."""

    def before_fork(self) -> None:
        """Prepare, in the parent."""

    def after_fork_in_parent(self) -> None:
        """Undo what was prepared."""

    def after_fork_in_child(self) -> None:
        """Make locks, threads and connections anew. Nothing else runs in the child yet."""


class Gate:
    """Keeps forks and the making of connections apart. Any number of threads may be inside while it is open.

    Args:
        seconds: How long a fork waits for those inside. One that hangs for longer must not keep a program from
            forking.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.open_in_child()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Do something that no fork may fall into; wait while it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
            changed = self._changed
        try:
            yield
        finally:
            with changed:
                if changed is self._changed:  # not so in a child that began inside
                    self._inside -= 1
                changed.notify_all()

    def close(self) -> None:
        """Let nobody in, and wait until nobody is inside, at most for some seconds."""
        with self._changed:
            self._closed += 1
            self._changed.wait_for(lambda: not self._inside, self._seconds)

    def open(self) -> None:
        """Take back one ``close``: threads may fork at the same time."""
        with self._changed:
            self._closed -= 1
            self._changed.notify_all()

    def open_in_child(self) -> None:
        """Begin anew, with nobody inside: their threads are the parent's."""
        self._changed = threading.Condition()
        self._closed = 0
        self._inside = 0


connecting = Gate(seconds=15)
"""Whoever makes a connection is inside; longer than the time-out of making one."""

_followed: WeakValueDictionary[int, Followed] = WeakValueDictionary()
_left: list[Any] = []


def follow(what: Followed) -> None:
    """Tell an object of every fork for as long as it lives."""
    _followed[id(what)] = what


def leave_to_parent(*what: object) -> None:
    """Keep what belongs to the parent from being collected in the child: drivers close, and so say good-bye, then."""
    _left.extend(what)


def _before() -> None:
    for what in _living():
        what.before_fork()
    connecting.close()  # last: what ends above may need a connection for that


def _after_in_parent() -> None:
    connecting.open()
    for what in _living():
        what.after_fork_in_parent()


def _after_in_child() -> None:
    connecting.open_in_child()
    for what in _living():
        what.after_fork_in_child()


def _living() -> list[Followed]:
    # A list of references is taken in one step, whatever other threads add meanwhile.
    return [what for reference in _followed.valuerefs() if (what := reference()) is not None]


if sys.platform != "win32":
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
