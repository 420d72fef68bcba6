"""What a robot writes: decoded, redacted (stream_redactor), capped, and appended to one file in records.

Owns the output file of a run. Runs inside the robot host: standard library only, nothing of ours. It must never raise
into the host because of what a robot wrote or because of a disk, must never stop reading (the robot would hang), and
must keep its memory bounded whatever comes.
"""

from __future__ import annotations

import codecs
import json
import os
import threading
import time
from collections import deque
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host.stream_redactor import StreamRedactor
else:
    from stream_redactor import StreamRedactor

STDOUT = "stdout"
STDERR = "stderr"

RECORD_CHARACTERS = 16_000
"""Most characters of one record. Four bytes each at most: fits a 64 kB text column everywhere."""

TAIL_BYTES = 64 * 1024
"""What is kept from the end of each stream once the limit is reached."""

COALESCE_SECONDS = 0.08
"""How long text waits for more, so that many small writes become one record."""

_READ_BYTES = 64 * 1024


class OutputFile:
    """The append-only file of records, with a limit. Safe to use from several threads.

    A record is one line: ``n`` number from 1, ``t`` UTC time, ``s`` stream, ``x`` text, and ``cut`` (bytes) on the
    one record that says how much is missing.

    Args:
        path: The file; made if missing.
        limit: Most bytes of text to store, as UTF-8. After that only the last TAIL_BYTES of each stream are kept, in
            memory, and written by ``close``.
        printed: The number after which records are numbered.
    """

    def __init__(self, path: Path, limit: int, *, printed: int = 0) -> None:
        self.error: str | None = None
        """Why output could not be stored, if so; the first reason."""
        self._lock = threading.Lock()
        self._room = limit
        self._number = printed
        self._waiting: dict[str, _Waiting] = {}
        self._tails = {STDOUT: _Tail(), STDERR: _Tail()}
        self._cutting = False
        self._closed = False
        self._descriptor: int | None = None
        self._good_size = 0
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(path, flags, 0o600)
            self._good_size = os.fstat(self._descriptor).st_size
        except OSError as error:
            self._give_up(error)

    def add(self, stream: str, text: str) -> None:
        """Store text of a stream, together with what comes within COALESCE_SECONDS."""
        with self._lock:
            if self._closed or not text:
                return
            if stream not in self._waiting:
                self._waiting[stream] = _Waiting()
            if self._waiting[stream].add(text) >= RECORD_CHARACTERS:
                self._flush(stream, keep_rest=True)

    def flush_due(self) -> None:
        """Write what has waited long enough; to be called every few hundredths of a second."""
        now = time.monotonic()
        with self._lock:
            # The dictionary is in order of arrival, so the streams keep their order as far as it is known.
            for stream in [name for name, text in self._waiting.items() if now - text.since >= COALESCE_SECONDS]:
                self._flush(stream)

    def close(self) -> None:
        """Write what is left, the mark of what was cut, and the ends of both streams. Later text is ignored."""
        with self._lock:
            for stream in list(self._waiting):
                self._flush(stream)
            self._closed = True
            if self._cutting:
                ends = {stream: tail.text() for stream, tail in self._tails.items()}
                cut = sum(tail.total - len(ends[stream].encode()) for stream, tail in self._tails.items())
                if cut:
                    words = f"[{cut:,} bytes of output are missing here: {self._reason()}. The end follows.]\n"
                    self._write_record(STDERR, words, _utc_now(), cut)
                for stream, end in ends.items():
                    for start in range(0, len(end), RECORD_CHARACTERS):
                        self._write_record(stream, end[start : start + RECORD_CHARACTERS], _utc_now())
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def note_error(self, reason: str) -> None:
        """Remember why output is incomplete, unless a reason is known already."""
        with self._lock:
            self.error = self.error or reason

    def _reason(self) -> str:
        return f"it could not be written ({self.error})" if self.error else "the limit for one run was reached"

    def _flush(self, stream: str, *, keep_rest: bool = False) -> None:
        waiting = self._waiting.pop(stream)
        text = "".join(waiting.pieces)
        whole = len(text) - len(text) % RECORD_CHARACTERS if keep_rest else len(text)
        for start in range(0, whole, RECORD_CHARACTERS):
            self._store(stream, text[start : min(start + RECORD_CHARACTERS, whole)], waiting.arrived_at)
        if whole < len(text):
            self._waiting[stream] = _Waiting()
            self._waiting[stream].add(text[whole:])

    def _store(self, stream: str, text: str, arrived_at: datetime) -> None:
        if not self._cutting:
            encoded = text.encode()
            if len(encoded) > self._room:
                kept = encoded[: self._room].decode(errors="ignore")
                self._room = 0
                self._cutting = True
            else:
                kept = text
                self._room -= len(encoded)
            if kept and not self._write_record(stream, kept, arrived_at):
                kept = ""
            text = text[len(kept) :]
        if text:
            self._tails[stream].add(text)

    def _write_record(self, stream: str, text: str, written_at: datetime, cut: int | None = None) -> bool:
        if self._descriptor is None:
            return False
        record: dict[str, object] = {
            "n": self._number + 1,
            "t": written_at.isoformat(),
            "s": stream,
            "x": text,
        }
        if cut is not None:
            record["cut"] = cut
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self._give_up(error)
            return False
        self._good_size += len(line)
        self._number += 1
        return True

    def _give_up(self, error: OSError) -> None:
        """Go on without storing: the run is worth more than its output."""
        self._cutting = True
        self.error = self.error or (error.strerror or type(error).__name__)
        if self._descriptor is not None:
            try:
                os.ftruncate(self._descriptor, self._good_size)
            except OSError:
                # The half record stays; without its end of line, readers leave it alone, and nothing may follow it.
                os.close(self._descriptor)
                self._descriptor = None


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class _Waiting:
    """Text of one stream on its way into a record."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.since = time.monotonic()
        self.arrived_at = _utc_now()
        self._size = 0

    def add(self, text: str) -> int:
        """Add text and return how much there is now."""
        self.pieces.append(text)
        self._size += len(text)
        return self._size


class _Tail:
    """The last TAIL_BYTES of a stream, and how much there was in all."""

    def __init__(self) -> None:
        self.total = 0
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, text: str) -> None:
        piece = text.encode()
        self.total += len(piece)
        self._size += len(piece)
        if self._pieces and len(self._pieces[-1]) + len(piece) <= RECORD_CHARACTERS:
            piece = self._pieces.pop() + piece
        self._pieces.append(piece)
        while self._size - len(self._pieces[0]) >= TAIL_BYTES:
            self._size -= len(self._pieces.popleft())

    def text(self) -> str:
        # The first character may have lost its beginning to the cut.
        return b"".join(self._pieces)[-TAIL_BYTES:].decode(errors="ignore")


def pump(descriptor: int, stream: str, secrets: list[str], output: OutputFile) -> None:
    """Move one pipe into the output until every writer has closed it. Runs in a thread of its own.

    Never ends before that, whatever happens to the output: a full pipe would stop the robot.

    Args:
        descriptor: The reading end.
        stream: STDOUT or STDERR.
        secrets: Texts that must not reach the disk.
        output: Where it goes.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    redactor = StreamRedactor(secrets)
    while True:
        try:
            data = os.read(descriptor, _READ_BYTES)
        except OSError as error:
            output.note_error(f"reading {stream} failed: {error.strerror}")
            data = b""
        text = decoder.decode(data, final=not data).replace("\0", "\ufffd")
        output.add(stream, redactor.feed(text))
        if not data:
            output.add(stream, redactor.finish())
            return
