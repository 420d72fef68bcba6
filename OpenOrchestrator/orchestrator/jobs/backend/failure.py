"""Finding in an error output what somebody wants to see first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

TRACEBACK = "Traceback (most recent call last):"
MOST_LINES = 40
_WITHOUT_TRACEBACK = 12
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Failure:
    """The end of an error output.

    Attributes:
        headline: The exception and its message, or the last line.
        text: The last traceback, or the last lines; at most MOST_LINES lines.
    """

    headline: str
    text: str


def find_failure(output: str) -> Failure | None:
    """Return what went wrong at last, as far as an error output tells; None if it is empty."""
    lines = [_shown(line) for line in _CONTROL.sub("", output.replace("\r\n", "\n")).split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        return None
    starts = [number for number, line in enumerate(lines) if line.strip() == TRACEBACK]
    if not starts:
        return Failure(lines[-1].strip(), "\n".join(lines[-_WITHOUT_TRACEBACK:]))
    block = lines[starts[-1] :]
    headline = next((line for line in block[1:] if line and not line[0].isspace()), block[-1].strip())
    if len(block) > MOST_LINES:
        half = MOST_LINES // 2
        block = [*block[:half], f"[{len(block) - 2 * half} lines left out]", *block[-half:]]
    return Failure(headline, "\n".join(block))


def _shown(line: str) -> str:
    """Return what a terminal would show of a line that was written over."""
    return line.rstrip("\r").rpartition("\r")[2]
