"""The log lines of a scheduler: how they look, as text or JSON, without secrets, and how they are written.

Owns the format; ``stream_writer`` writes, and neither a full disk nor a closed or halted terminal stops a scheduler.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TextIO
from uuid import UUID

from OpenOrchestrator.common.redaction import redact
from OpenOrchestrator.common.settings import LogFormat
from OpenOrchestrator.common.visible import visible_line
from OpenOrchestrator.scheduler.stream_writer import StreamWriter

INFO = "INFO"
WARNING = "WARNING"
ERROR = "ERROR"

MOST_WAITING = 1000
"""Lines that wait for a stream that takes none; what comes after them is dropped."""

Field = str | int | float | bool | None


class LogLines:
    """Writes one line at a time, in order. Safe to use from several threads.

    Nobody is held up by a stream that takes none, as ``StreamWriter`` says.

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
        self._format = log_format
        self._secrets = list(secrets)
        self._now = now
        self._dropped = dropped
        self._writer = StreamWriter(stream, name="log lines", most_waiting=MOST_WAITING, dropped=self._missing_lines)

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
        if self._writer.is_open:
            self._writer.write(self._line(level, event, message, fields))

    def flush(self, seconds: float) -> bool:
        """Wait until everything is written, at most so long.

        Returns:
            Whether it is.
        """
        return self._writer.flush(seconds)

    def _missing_lines(self, missing: int) -> str:
        return self._line(WARNING, "lines_dropped", self._dropped(missing), {"lines": missing})

    def _line(self, level: str, event: str, message: str, fields: dict[str, Field | UUID]) -> str:
        now = self._now()
        if self._format is LogFormat.TEXT:
            shown = visible_line(redact(message, self._secrets))
            return f"{now.astimezone():%Y-%m-%d %H:%M:%S} {level:<7} {shown}\n"
        message = " ".join(message.split())
        content: dict[str, Field] = {"time": now.isoformat(), "level": level, "event": event, "message": message}
        content |= {name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()}
        redacted = {
            name: redact(value, self._secrets) if isinstance(value, str) else value for name, value in content.items()
        }
        return json.dumps(redacted, ensure_ascii=True) + "\n"
