"""Finding in an error output what somebody wants to see first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from OpenOrchestrator.common.printed_errors import PrintedError, last_error

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
    found = last_error("\n".join(lines))
    if found is None or not found.is_near:
        return Failure(lines[-1].strip(), "\n".join(lines[-_WITHOUT_TRACEBACK:]))
    block = lines[_start_of(found, lines) :]
    if len(block) > MOST_LINES:
        half = MOST_LINES // 2
        block = [*block[:half], f"[{len(block) - 2 * half} lines left out]", *block[-half:]]
    return Failure(found.words, "\n".join(block))


def _start_of(found: PrintedError, lines: list[str]) -> int:
    """Return the number of the line at which the traceback of an exception begins."""
    words = [line.strip(" |") for line in lines]
    last = max((number for number, line in enumerate(words) if line and found.words.startswith(line)), default=0)
    return max((number for number in range(last) if words[number].endswith(TRACEBACK)), default=last)


def _shown(line: str) -> str:
    """Return what a terminal would show of a line that was written over."""
    return line.rstrip("\r").rpartition("\r")[2]
