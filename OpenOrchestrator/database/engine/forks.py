"""What becomes of open objects when a program forks, as ``multiprocessing`` does on Linux.

A child inherits sockets, locks and the memory of threads, but not the threads: two processes on one socket read each
other's answers, and a lock that a thread held at that moment is never released. So everything that has such things is
told. Owns whom to tell. Must not know what they do about it. A fork concerns the whole process, and so does this
module: its two collections are no state that anything else reads.
"""

from __future__ import annotations

import os
import sys
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


def _after_in_parent() -> None:
    for what in _living():
        what.after_fork_in_parent()


def _after_in_child() -> None:
    for what in _living():
        what.after_fork_in_child()


def _living() -> list[Followed]:
    # A list of references is taken in one step, whatever other threads add meanwhile.
    return [what for reference in _followed.valuerefs() if (what := reference()) is not None]


if sys.platform != "win32":
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
