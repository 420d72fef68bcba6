"""The log lines of a scheduler: how they look, as text or JSON, without secrets, and how they are written.

Owns format and writing. Must never raise and never hold up whoever says something: neither a full disk nor a closed or
halted terminal must stop a scheduler. So a thread of its own writes, and what it cannot keep up with is dropped and
counted.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TextIO
from uuid import UUID

from OpenOrchestrator.common.redaction import redact
from OpenOrchestrator.common.settings import LogFormat
from OpenOrchestrator.common.visible import visible_line

INFO = "INFO"
WARNING = "WARNING"
ERROR = "ERROR"

MOST_WAITING = 1000
"""Lines that wait for a stream that takes none; what comes after them is dropped."""

Field = str | int | float | bool | None

_MOMENT_SECONDS = 0.25
_RETRY_SECONDS = 0.05


class LogLines:
    """Writes one line at a time, in order. Safe to use from several threads.

    As long as the stream takes lines, ``write`` returns when its line is out, so that a crash right afterwards does
    not lose it. Once the stream took none for a moment, nobody waits for it any more until it goes on.

    Args:
        stream: Where lines go; None (a service without a console) drops them.
        log_format: Text for people, or one JSON object to a line.
        secrets: Texts that must appear in no line.
        now: Tells the time in the lines, aware.
        dropped: Returns the message that says how many lines are missing.
    """

    def __init__(
        self,
        stream: TextIO | None,
        *,
        log_format: LogFormat,
        secrets: Sequence[str],
        now: Callable[[], datetime],
        dropped: Callable[[int], str],
    ) -> None:
        self._sink = None if stream is None else _Sink(stream)
        self._format = log_format
        self._secrets = list(secrets)
        self._now = now
        self._dropped = dropped
        self._changed = threading.Condition()
        self._waiting: deque[str] = deque()
        self._missing = 0
        self._taken = 0
        self._is_stuck = False
        self._writer: threading.Thread | None = None

    def redacted(self, text: str) -> str:
        """Return a text without the secrets that no line may hold."""
        return redact(text, self._secrets)

    def write(self, level: str, event: str, message: str, **fields: Field | UUID) -> None:
        """Write one line, or have it written as soon as the stream takes lines again.

        Args:
            level: INFO, WARNING or ERROR.
            event: What happened, as a word for programs.
            message: The same for people.
            fields: What belongs to it, for programs.
        """
        if self._sink is None:
            return
        line = self._line(level, event, message, fields)
        with self._changed:
            self._tell_missing()
            if len(self._waiting) >= MOST_WAITING:
                self._missing += 1
                return
            self._waiting.append(line)
            self._taken += 1
            mine = self._taken
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
            return self._changed.wait_for(lambda: not self._waiting and not self._missing, seconds)

    @property
    def _written(self) -> int:
        return self._taken - len(self._waiting)

    def _tell_missing(self) -> None:
        """Put a line where others are missing, as soon as there is room for it."""
        if self._missing and len(self._waiting) < MOST_WAITING:
            missing, self._missing = self._missing, 0
            self._waiting.append(self._line(WARNING, "lines_dropped", self._dropped(missing), {"lines": missing}))
            self._taken += 1

    def _line(self, level: str, event: str, message: str, fields: dict[str, Field | UUID]) -> str:
        now = self._now()
        if self._format is LogFormat.TEXT:
            shown = visible_line(redact(message, self._secrets))
            return f"{now.astimezone():%Y-%m-%d %H:%M:%S} {level:<7} {shown}"
        message = " ".join(message.split())
        content: dict[str, Field] = {"time": now.isoformat(), "level": level, "event": event, "message": message}
        content |= {name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()}
        redacted = {
            name: redact(value, self._secrets) if isinstance(value, str) else value for name, value in content.items()
        }
        return json.dumps(redacted, ensure_ascii=True)

    def _has_writer(self) -> bool:
        """Begin the thread that writes, with the first line; where there are no more threads, with a later one."""
        if self._writer is None or not self._writer.is_alive():
            writer = threading.Thread(target=self._write_on, name="log lines", daemon=True)
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
                line = self._waiting[0]
            if self._sink is not None:
                self._sink.write(line)
            with self._changed:
                self._waiting.popleft()
                self._tell_missing()
                self._is_stuck = self._is_stuck and bool(self._waiting)
                self._changed.notify_all()


class _Sink:
    """Takes lines to a stream: past the stream's own buffer if it has a file, for the thread that writes alone.

    The buffer of standard error has a lock that the interpreter wants at its end: a write that hangs would hold it, and
    the process could not end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._raw = _raw_file(stream)

    def write(self, line: str) -> None:
        """Write a line; returns when the stream has taken it, or cannot take any."""
        text = line.encode(self._encoding, errors="backslashreplace").decode(self._encoding)
        try:
            if self._raw is None:
                self._stream.write(text + "\n")
                self._stream.flush()
                return
            left = memoryview((text + os.linesep).encode(self._encoding))
            while left:
                count = self._raw.write(left)
                if not count:  # somebody made the terminal non-blocking
                    time.sleep(_RETRY_SECONDS)
                left = left[count or 0 :]
        except (OSError, ValueError):
            # The reader is gone (closed pipe) or the disk full: losing a line is better than losing the scheduler.
            return


def _raw_file(stream: TextIO) -> io.RawIOBase | None:
    try:
        stream.flush()
        # A descriptor of its own: closing the stream must not pass its number on to another file.
        return open(os.dup(stream.fileno()), "wb", buffering=0)  # noqa: PTH123  (lives as long as the lines)
    except (OSError, ValueError, AttributeError):
        return None
