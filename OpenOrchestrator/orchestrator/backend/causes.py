"""What a failure says without what varies from one to the next, so that those with one cause are found together. Pure.

Two failures have one cause when their reasons say the same but for numbers, ids, times, paths and quoted names.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from OpenOrchestrator.common.printed_errors import last_error

LONGEST_TITLE = 160

_VARIES = (
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),
    re.compile(r"""(["'])(?:(?!\1).){1,200}\1"""),
    re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE),
    re.compile(r"(?:\b[a-z]:)?(?:[\\/][^\s\\/:,;]+){2,}", re.IGNORECASE),
    re.compile(r"\b0x[0-9a-f]+\b|\b(?=[a-f0-9]*[0-9])[0-9a-f]{7,}\b", re.IGNORECASE),
    re.compile(r"[0-9]+(?:[.,:/-][0-9]+)*"),
)
_BLANKS = re.compile(r"\s+")
_SAYS_NOTHING = re.compile(r"(?:the robot ended with )?exit code -?[0-9]+(?: \(0x[0-9A-Fa-f]+\))?\.?", re.IGNORECASE)


@lru_cache(maxsize=4096)
def normalised(reason: str) -> str:
    """Return what a reason says without what varies from failure to failure."""
    text = reason
    for pattern in _VARIES:
        text = pattern.sub("#", text)
    return _BLANKS.sub(" ", text).strip(" .!").casefold()


def says_nothing(reason: str | None) -> bool:
    """Tell whether a reason only says that the robot failed, so that its log knows more."""
    return not reason or not reason.strip() or _SAYS_NOTHING.fullmatch(reason.strip()) is not None


def title_of(reason: str) -> str:
    """Return a reason as one line that is not too long, beginning with a capital where it is a sentence."""
    line = next((line.strip() for line in reason.splitlines() if line.strip()), "")
    line = _BLANKS.sub(" ", line)
    if len(line) > LONGEST_TITLE:
        line = line[: LONGEST_TITLE - 1].rstrip() + "…"
    word = line.split(" ", 1)[0]
    return line[:1].upper() + line[1:] if word.isalpha() and word.islower() else line


@lru_cache(maxsize=4096)
def cause_key(reason: str) -> str:
    """Return what stands for the cause of a reason in an address: the same for all failures with that cause."""
    return hashlib.sha256(normalised(reason).encode("utf-8", "replace")).hexdigest()[:12]


def telling_line(text: str) -> str:
    """Return the line of a message that says what happened: of a traceback, or beneath a bare exit code, its end."""
    first, _, rest = text.strip().partition("\n")
    if not rest.strip() or not (first.startswith("Traceback ") or says_nothing(first)):
        return first
    error = last_error(text.strip() + "\n")
    if error is not None:
        return error.words.partition("\n")[0].strip()
    return text.strip().rpartition("\n")[2].strip()
