"""Writes to a stream that may take nothing: a terminal that is halted, a pipe that nobody reads, a full disk.

Owns the thread that writes, and what waits for it. Must never raise and never hold up whoever has something to say:
what waits is bounded, and what is beyond that is dropped and counted.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

_MOMENT_SECONDS = 0.25
_RETRY_SECONDS = 0.05


class StreamWriter:
    """Writes one piece of text at a time, in order. Safe to use from several threads.

    As long as the stream takes pieces, ``write`` returns when its piece is out, so that a crash right afterwards does
    not lose it. Once the stream took none for a moment, nobody waits for it any more until it goes on.

    Args:
        stream: Where pieces go; None (a service without a console) drops them.
        name: Of the thread.
        most_waiting: What may wait for a stream that takes none; pieces that come after that are dropped.
        dropped: Returns the piece that says how many are missing.
        size: How much of ``most_waiting`` a piece takes.
        is_exact: Whether line ends stay as they are, where the system has others.
    """

    def __init__(
        self,
        stream: TextIO | None,
        *,
        name: str,
        most_waiting: int,
        dropped: Callable[[int], str],
        size: Callable[[str], int] = lambda _piece: 1,
        is_exact: bool = False,
    ) -> None:
        self._sink = None if stream is None else _Sink(stream, is_exact=is_exact)
        self._name = name
        self._most_waiting = most_waiting
        self._dropped = dropped
        self._size = size
        self._changed = threading.Condition()
        self._waiting: deque[str] = deque()
        self._waiting_size = 0
        self._missing = 0
        self._taken = 0
        self._is_stuck = False
        self._writer: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a stream at all."""
        return self._sink is not None

    @property
    def unwritten(self) -> int:
        """How many pieces wait, or were dropped and that is not said yet."""
        with self._changed:
            return len(self._waiting) + self._missing

    def write(self, piece: str) -> None:
        """Write a piece, or have it written as soon as the stream takes any again."""
        if self._sink is None:
            return
        with self._changed:
            self._tell_missing()
            if self._is_full:
                self._missing += 1
                return
            mine = self._add(piece)
            self._changed.notify_all()
            if not self._has_writer() or self._is_stuck:
                return
            if not self._changed.wait_for(lambda: self._written >= mine or self._is_stuck, _MOMENT_SECONDS):
                self._is_stuck = True
                self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until everything is written, at most so long.

        Returns:
            Whether it is.
        """
        with self._changed:
            return self._changed.wait_for(self._is_done, seconds)

    def flush_to_reader(self, seconds: float, *, given_up: Callable[[], bool]) -> bool:
        """Wait until everything is written, for as long as the stream takes a piece within so many seconds.

        Args:
            seconds: How long it may take none.
            given_up: Asked some times a second whether to wait no longer.

        Returns:
            Whether everything is written.
        """
        quiet_since, written = time.monotonic(), self._written
        while not self.flush(_MOMENT_SECONDS):
            if self._written > written:
                quiet_since, written = time.monotonic(), self._written
            if given_up() or time.monotonic() - quiet_since >= seconds:
                return False
        return True

    def _is_done(self) -> bool:
        return not self._waiting and not self._missing

    @property
    def _written(self) -> int:
        return self._taken - len(self._waiting)

    @property
    def _is_full(self) -> bool:
        return self._waiting_size >= self._most_waiting

    def _add(self, piece: str) -> int:
        self._waiting.append(piece)
        self._waiting_size += self._size(piece)
        self._taken += 1
        return self._taken

    def _tell_missing(self) -> None:
        """Put a piece where others are missing, as soon as there is room for it."""
        if self._missing and not self._is_full:
            missing, self._missing = self._missing, 0
            self._add(self._dropped(missing))

    def _has_writer(self) -> bool:
        """Begin the thread that writes, with the first piece; where there are no more threads, with a later one."""
        if self._writer is None or not self._writer.is_alive():
            writer = threading.Thread(target=self._write_on, name=self._name, daemon=True)
            try:
                writer.start()
            except RuntimeError:
                return False
            self._writer = writer
        return True

    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                piece = self._waiting[0]
            if self._sink is not None:
                self._sink.write(piece)
            with self._changed:
                self._waiting.popleft()
                self._waiting_size -= self._size(piece)
                self._tell_missing()
                self._is_stuck = self._is_stuck and bool(self._waiting)
                self._changed.notify_all()


class _Sink:
    """Takes pieces to a stream: past the stream's own buffer if it has a file, for the thread that writes alone.

    The buffer of a standard stream has a lock that the interpreter wants at its end: a write that hangs would hold it,
    and the process could not end.
    """

    def __init__(self, stream: TextIO, *, is_exact: bool) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._raw = _raw_file(stream)
        self._line_end = "\n" if is_exact else os.linesep

    def write(self, piece: str) -> None:
        """Write a piece; returns when the stream has taken it, or cannot take any."""
        text = piece.encode(self._encoding, errors="backslashreplace").decode(self._encoding)
        try:
            if self._raw is None:
                self._stream.write(text)
                self._stream.flush()
                return
            left = memoryview(text.replace("\n", self._line_end).encode(self._encoding))
            while left:
                count = self._raw.write(left)
                if not count:  # somebody made the terminal non-blocking
                    time.sleep(_RETRY_SECONDS)
                left = left[count or 0 :]
        except (OSError, ValueError):
            # The reader is gone (closed pipe) or the disk full: losing a piece is better than losing the scheduler.
            return


def _raw_file(stream: TextIO) -> io.RawIOBase | None:
    try:
        stream.flush()
        # A descriptor of its own: closing the stream must not pass its number on to another file.
        return open(os.dup(stream.fileno()), "wb", buffering=0)  # noqa: PTH123  (lives as long as the writer)
    except (OSError, ValueError, AttributeError):
        return None
