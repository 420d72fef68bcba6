"""What was done to a run, when and to whom: measure of the books, and where to look for the cause of a fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TextIO

from benchmarks.chaos.plan import Kind


@dataclass(slots=True)
class Entry:
    """One disturbance as it was carried out.

    Attributes:
        at: When it began, seconds since the epoch.
        machine: Name of the scheduler it was done to; None if it was done to all or none.
        subjects: Ids of the jobs and rows it was done to.
        end: When it was over; infinite while it is not.
    """

    at: float
    kind: Kind
    machine: str | None = None
    subjects: frozenset[str] = frozenset()
    end: float = field(default=float("inf"))

    def overlaps(self, begin: float, end: float) -> bool:
        """Tell whether any of it was in a time."""
        return self.at <= end and self.end >= begin


class Diary:
    """All entries of a run, also as lines of a file. Safe to use from several threads.

    Args:
        path: Where the lines go; None for nowhere.
        now: Tells the time.
    """

    def __init__(self, path: Path | None, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._began = now()
        self._lock = threading.Lock()
        self._file: TextIO | None = None if path is None else path.open("a", encoding="utf-8")
        self.entries: list[Entry] = []

    def begin(
        self,
        kind: Kind,
        words: str,
        *,
        machine: str | None = None,
        subjects: Iterable[object] = (),
        moment: bool = False,
    ) -> Entry:
        """Note that a disturbance begins, or, if it is a moment, that it was carried out."""
        at = self._now()
        entry = Entry(at, kind, machine, frozenset(str(subject) for subject in subjects))
        if moment:
            entry.end = at
        with self._lock:
            self.entries.append(entry)
        self.say(f"{kind.value}{f' [{machine}]' if machine else ''}: {words}")
        return entry

    def end(self, entry: Entry, words: str) -> None:
        """Note that it is over."""
        entry.end = self._now()
        took = entry.end - entry.at
        self.say(f"{entry.kind.value}{f' [{entry.machine}]' if entry.machine else ''}: {words} after {took:.1f} s")

    def say(self, words: str) -> None:
        """Write a line."""
        if self._file is None:
            return
        now = self._now()
        clock = datetime.fromtimestamp(now).astimezone().isoformat(timespec="milliseconds")
        with self._lock:
            self._file.write(f"{clock} {now - self._began:+9.3f} s  {words}\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
