"""What it means when uv or pip cannot install something, in plain words. Pure.

Owns the explanations. Whatever is not known here is told as the program said it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST_REASON = 700
_LONGEST_LINE = 200
_SHOWN_LINES = 2
_ERRORS = ("error", "\N{MULTIPLICATION SIGN}", "x ")
_NO_NEWS = ("hint:", "help:", "note:", "[notice]")

_FULL_DISK = "The disk of this machine is full. Make room, or set another folder in OpenOrchestratorWorkspace."
_OLD_LOCK = "uv.lock does not belong to this pyproject.toml. Run uv lock in the robot's project, and commit both files."
_LOGIN = (
    "A package index refused the login. Give the scheduler's account the credentials, as the guide to robot "
    "environments says."
)
_NO_WAY = (
    "A package index or repository cannot be reached from this machine. Look at its network, proxy and certificates, "
    "and at which index is set for the scheduler's account."
)
_OTHER_PYTHON = (
    "It needs another version of Python than robots are started with here. Name one that fits in the setting "
    "OpenOrchestratorPython, or let the robot permit this one."
)
_NO_SOLUTION = (
    "What the robot asks for cannot be had together, or does not exist. Try it with uv lock, and correct the versions."
)
_NO_COMPILER = (
    "A package has to be compiled here, and that failed. Use a version that comes as a wheel, or install what its "
    "build needs."
)
_UNREADABLE = "A file that names the robot's packages cannot be understood. Correct it."
_OTHER_HASH = "A package is another one than the lock names: its hash differs. Find out why before you lock anew."

_AWAY = (
    r"dns error|failed to lookup|name resolution|getaddrinfo|Connection refused|Network is unreachable"
    r"|No route to host|error sending request|tcp connect error|client error \(Connect\)|NewConnectionError"
    r"|ConnectTimeout|operation timed out|certificate|network (?:was|is) disabled|ot found in the cache"
)
# The first that fits counts: what is said of a network that is away speaks of unsatisfiable requirements as well.
_MEANINGS = (
    (r"No space left on device|os error (?:28|112)\b|not enough space on the disk", _FULL_DISK),
    (r"(?i)lock ?file .*(?:needs to be updated|outdated|out of date)", _OLD_LOCK),
    (
        r"\b40[13] (?:Unauthorized|Forbidden|Client Error)|\((?:401|403)\b|Missing credentials|[Ii]nvalid credentials",
        _LOGIN,
    ),
    (_AWAY, _NO_WAY),
    (r"[Rr]equires-[Pp]ython|Python requirement|requires a different Python|Python[<>]", _OTHER_PYTHON),
    (r"(?i)hash mismatch|DO NOT MATCH THE HASHES", _OTHER_HASH),
    (
        r"No solution found|ResolutionImpossible|unsatisfiable|No matching distribution|not found in the package",
        _NO_SOLUTION,
    ),
    (r"Failed to build|failed-wheel-build|subprocess-exited-with-error|[Bb]uild backend", _NO_COMPILER),
    (r"Failed to parse|TOML parse error|Invalid requirement|Couldn't parse", _UNREADABLE),
)


def explain(lines: Sequence[str], name: str) -> str:
    """Return why an environment could not be made, for people: what it means, then what was said last.

    Args:
        lines: What was printed, without secrets.
        name: Of the file that it was to be made from.
    """
    said = [line.strip() for line in lines if line.strip() and not line.strip().startswith(_NO_NEWS)]
    meaning = next((words for pattern, words in _MEANINGS if re.search(pattern, "\n".join(lines))), "")
    error = next((number for number, line in enumerate(said) if line.lower().startswith(_ERRORS)), None)
    if error is not None:
        said = said[error:][:_SHOWN_LINES]
    shown = (line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in said[-_SHOWN_LINES:])
    last = "; ".join(shown)
    parts = (f"The environment cannot be made from {name}.", meaning, last and f"Said last: {last}")
    return " ".join(part for part in parts if part)[:_LONGEST_REASON]
