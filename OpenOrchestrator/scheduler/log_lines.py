"""The log lines of a scheduler: how they look, as text or JSON, without secrets.

Owns format and writing. Must never raise: a full disk or a closed terminal must not stop a scheduler.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TextIO
from uuid import UUID

from OpenOrchestrator.common.redaction import redact
from OpenOrchestrator.common.settings import LogFormat

INFO = "INFO"
WARNING = "WARNING"
ERROR = "ERROR"

Field = str | int | float | bool | None


class LogLines:
    """Writes one line at a time. Safe to use from several threads.

    Args:
        stream: Where lines go; None (a service without a console) drops them.
        log_format: Text for people, or one JSON object to a line.
        secrets: Texts that must appear in no line.
        now: Tells the time in the lines, aware.
    """

    def __init__(
        self, stream: TextIO | None, *, log_format: LogFormat, secrets: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        self._stream = stream
        self._format = log_format
        self._secrets = list(secrets)
        self._now = now
        self._lock = threading.Lock()

    def redacted(self, text: str) -> str:
        """Return a text without the secrets that no line may hold."""
        return redact(text, self._secrets)

    def write(self, level: str, event: str, message: str, **fields: Field | UUID) -> None:
        """Write one line.

        Args:
            level: INFO, WARNING or ERROR.
            event: What happened, as a word for programs.
            message: The same for people.
            fields: What belongs to it, for programs.
        """
        if self._stream is None:
            return
        now = self._now()
        message = " ".join(message.split())
        if self._format is LogFormat.JSON:
            content: dict[str, Field] = {"time": now.isoformat(), "level": level, "event": event, "message": message}
            content |= {name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()}
            redacted = {
                name: redact(value, self._secrets) if isinstance(value, str) else value
                for name, value in content.items()
            }
            line = json.dumps(redacted, ensure_ascii=True)
        else:
            line = redact(f"{now.astimezone():%Y-%m-%d %H:%M:%S} {level:<7} {message}", self._secrets)
        with self._lock:
            try:
                self._stream.write(_printable(line, self._stream) + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                # The reader is gone (closed pipe) or the disk full: losing a line is better than losing the scheduler.
                return


def _printable(line: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return line.encode(encoding, errors="backslashreplace").decode(encoding)
