"""Log messages that wait to be written together, in the background.

Owns when they are written: a second after the first one, when there are many, when somebody asks, and when the Python
process ends; in the order in which they came. While the database cannot be reached they are kept, up to a limit; beyond
it the oldest are dropped, which is counted and told. Loaded with the first message that may wait.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from OpenOrchestrator.common.errors import (
    CommitOutcomeUnknownError,
    ConnectionFailedError,
    DatabaseError,
    TransientDatabaseError,
)
from OpenOrchestrator.database.engine import forks
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import logs

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

SECONDS = 1.0
"""From the first message that waits until they are written."""

MANY_LINES = 1_000
"""So many are written at once, without waiting for the second to end; and so many in one transaction."""

MOST_LINES = 10_000
MOST_CHARACTERS = 10_000_000
"""What is kept at most while the database cannot be reached."""

_MICROSECOND = timedelta(microseconds=1)
_CLOCK_TICK = timedelta(seconds=1)

_PASSING = (ConnectionFailedError, TransientDatabaseError, CommitOutcomeUnknownError)


class LogBatch:
    """The messages of one connection that wait. Safe to share between threads.

    The child of a fork begins with none: what waits in the parent, the parent writes.

    Args:
        database: The database of the connection.
        seconds: From the first message that waits until they are written.
        most_lines: What is kept at most while the database cannot be reached.
        most_characters: The same, in characters of all messages together.
    """

    def __init__(
        self,
        database: Database,
        *,
        seconds: float = SECONDS,
        most_lines: int = MOST_LINES,
        most_characters: int = MOST_CHARACTERS,
    ) -> None:
        self._database = database
        self._seconds = seconds
        self._most_lines = most_lines
        self._most_characters = most_characters
        self._latest = datetime.min  # noqa: DTZ901  (site time is naive)
        _ = database.zone  # asked for here, where an error can be raised: later the time must be known at once
        self._begin_anew()
        forks.follow(self)
        atexit.register(_end, weakref.ref(self))

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lines: deque[dict[str, Any]] = deque()
        self._characters = 0
        self._dropped = 0
        self._is_away = self._is_hurried = self._ended = self._ends_with_child = False
        self._changed = threading.Condition()  # entered anew by a signal handler that logs
        self._writing = threading.Lock()
        self._here = threading.local()
        self._thread: threading.Thread | None = None

    def before_fork(self) -> None:
        """Nothing has to be prepared."""

    def after_fork_in_parent(self) -> None:
        """Nothing was prepared."""

    def after_fork_in_child(self) -> None:
        """Leave to the parent what waits there, its thread and its locks."""
        self._require_process()

    def _require_process(self) -> None:
        # Before the fork is told here as well: others who are told of it log.
        if self._process != os.getpid():
            self._begin_anew()

    @property
    def is_writing_here(self) -> bool:
        """Whether it is this thread that writes at this moment: what it logs meanwhile would never come to an end."""
        return getattr(self._here, "writing", False)

    def next_time(self) -> datetime:
        """Return the site's time for a message: later than that of the one before, unless the clock was set back."""
        self._require_process()
        with self._changed:
            now = self._database.site_now()
            if timedelta() <= self._latest - now < _CLOCK_TICK:
                now = self._latest + _MICROSECOND
            self._latest = now
            return now

    def add(self, line: dict[str, Any]) -> None:
        """Have a message written soon.

        Waits for the database only if messages come faster than it takes them, or the Python process is ending.

        Args:
            line: What ``logs.row`` returned; its time is set here.
        """
        self._require_process()
        with self._changed:
            line["log_time"] = self.next_time()
            self._lines.append(line)
            self._characters += len(line["log_message"])
            full = len(self._lines) > self._most_lines or self._characters > self._most_characters
            if full and self._is_away:
                self._drop()
            if len(self._lines) >= MANY_LINES and not self._is_away:
                self._is_hurried = True
                self._changed.notify()
            at_once = self._ended or not self._has_thread() or (full and not self._is_away)
        if at_once:
            self.flush()

    def flush(self, *, unless_away: bool = False) -> None:
        """Write what waits now. What cannot be written waits on; nothing is raised.

        Args:
            unless_away: Leave it to the background if the database could not be reached the last time.
        """
        self._require_process()
        if self.is_writing_here or (unless_away and self._is_away):
            return
        with self._writing:
            self._here.writing = True
            try:
                left = len(self._lines)
                while left > 0 and (lines := self._take(min(left, MANY_LINES))):
                    left -= len(lines)
                    if not self._write(lines):
                        return
            finally:
                self._here.writing = False

    def end(self) -> None:
        """Write what waits, and from now on every message at once. Tell what could not be written."""
        self._ended = True
        self.flush()
        lost = len(self._lines) + self._dropped
        if lost:
            _tell(f"{lost} log messages could not be written, because the database could not be reached.")

    def _take(self, most: int) -> list[dict[str, Any]]:
        with self._changed:
            taken = [self._lines.popleft() for _ in range(min(most, len(self._lines)))]
            self._characters -= sum(len(line["log_message"]) for line in taken)
            return taken

    def _put_back(self, lines: list[dict[str, Any]]) -> None:
        with self._changed:
            self._lines.extendleft(reversed(lines))
            self._characters += sum(len(line["log_message"]) for line in lines)
            self._drop()

    def _drop(self) -> None:
        """Drop the oldest, until there is room; the last one stays."""
        while len(self._lines) > 1 and (
            len(self._lines) > self._most_lines or self._characters > self._most_characters
        ):
            self._characters -= len(self._lines.popleft()["log_message"])
            self._dropped += 1

    def _write(self, lines: list[dict[str, Any]]) -> bool:
        """Tell whether lines are settled now: written, or refused for good."""
        dropped = self._dropped
        try:
            self._store([*_notice(dropped, lines[0]), *lines])
        except _PASSING:
            self._is_away = True
            self._put_back(lines)
            return False
        except DatabaseError as error:
            return self._write_one_by_one(lines, error)
        except BaseException:
            self._put_back(lines)
            raise
        self._is_away = False
        with self._changed:
            self._dropped -= dropped
        return True

    def _write_one_by_one(self, lines: list[dict[str, Any]], refusal: DatabaseError) -> bool:
        """Write all of what was refused together but those that are refused alone, too."""
        refused = 0
        for position, line in enumerate(lines):
            try:
                self._store([line])
            except _PASSING:
                self._is_away = True
                self._put_back(lines[position:])
                return False
            except DatabaseError as error:
                refused, refusal = refused + 1, error
        if refused:
            _tell(f"The database refused {refused} log messages: {refusal}")
        return True

    def _store(self, lines: list[dict[str, Any]]) -> None:
        def work(session: Any) -> bool:
            # Of a write whose outcome was not known, all of it may be there.
            if not logs.exists(session, lines[-1]["id"]):
                logs.insert_rows(session, lines)
            return True

        self._database.write(work, read_back=lambda session: logs.exists(session, lines[-1]["id"]) or None)

    def _has_thread(self) -> bool:
        """Tell whether somebody will write in the background; under the lock."""
        if self._thread is not None:
            return True
        if not self._ends_with_child:
            self._ends_with_child = True
            _end_with_child(self)
        thread = threading.Thread(target=self._run, name="log messages", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the process ends, or has as many threads as it may
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        changed = self._changed
        try:
            while self._wait(changed):
                self.flush()
        except BaseException:
            with changed:
                self._thread = None
            raise

    def _wait(self, changed: threading.Condition) -> bool:
        with changed:
            changed.wait_for(lambda: self._is_hurried, self._seconds)
            self._is_hurried = False
            if not self._lines:
                self._thread = None  # under the lock: whoever adds the next one starts another
            return bool(self._lines)


def _notice(dropped: int, like: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a message that tells how many were dropped before another one; none if none were."""
    if not dropped:
        return []
    text = (
        f"{dropped} log messages before this one were dropped: the database could not be reached for so long that no "
        "more could be kept."
    )
    time = like["log_time"] - _MICROSECOND
    return [
        like | {"id": uuid4(), "log_time": time, "log_level": LogLevel.INFO, "log_message": text, "element_id": None}
    ]


def _end(batch: weakref.ref[LogBatch]) -> None:
    found = batch()
    if found is not None:
        found.end()


def _end_with_child(batch: LogBatch) -> None:
    """Have a batch end with this process if it is a child of ``multiprocessing``, which runs no ``atexit``."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize  # noqa: PLC0415

        Finalize(None, _end, args=(weakref.ref(batch),), exitpriority=100)


def _tell(text: str) -> None:
    if sys.stderr is not None:  # as with pythonw
        sys.stderr.write(f"OpenOrchestrator: {text}\n")
