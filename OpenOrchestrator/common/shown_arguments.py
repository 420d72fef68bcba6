"""Arguments of robots as people may see them. Pure.

Owns what is hidden in them: passwords of the database, users and tokens in addresses, and values that are called a
password, a token or the like.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from OpenOrchestrator.common.redaction import MASK, redact
from OpenOrchestrator.common.repository_address import redact_addresses

_CALLED = r"password|passwd|passphrase|passcode|pwd|secret|token|api[_-]?key|adgangskode|kodeord"
_NAMED = re.compile(
    rf"(?P<name>[\"']?[\w.-]*(?:{_CALLED})[\w.-]*[\"']?\s*[:=]\s*"
    # An option and its value: --password x, or "--password", "x" in a list.
    rf"|(?<![^\s\"'\[,])--?[\w.-]*(?:{_CALLED})[\w.-]*(?:\s+|[\"']\s*,\s*|[\"']\s+)(?![\"']?-))"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|(?!null\b|true\b|false\b)[^\s,;&}\]]+)",
    re.IGNORECASE | re.DOTALL,
)


def shown(arguments: str, secrets: Sequence[str]) -> str:
    """Return arguments with what must not be seen replaced by ``***``.

    Args:
        arguments: As the robot gets them.
        secrets: Of the database, as ``redaction.secrets_of`` returns them.
    """
    return _NAMED.sub(_masked, redact_addresses(redact(arguments, secrets)))


def _masked(match: re.Match[str]) -> str:
    quote = match["value"][0] if match["value"][0] in "\"'" else ""
    return f"{match['name']}{quote}{MASK}{quote}"
