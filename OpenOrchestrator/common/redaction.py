"""Keeping secrets out of everything people read: output, logs, messages.

Owns what counts as a secret and how it is hidden. Cheap to import, and parses connection strings without SQLAlchemy,
because every robot imports it.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"

SHORTEST_SECRET = 4
"""Passwords shorter than this are not redacted: replacing every "a" or "123" would shred ordinary text. The whole
connection string that holds such a password is redacted all the same."""

_USER_INFO = re.compile(
    r"^[\w+.-]+://(?P<user>[^:/?#@]*):(?P<password>[^?#]*)@|^[\w+.-]+://[^:/?#@]*:(?P<plain>[^@]*)@"
)
_NAMED_PASSWORD = re.compile(
    r"(?P<name>(?:^|[;?&{\s]|%3B|%7B)\s*(?:pwd|password|passwd)(?:\s|\+|%20)*(?:=|%3D)(?:\s|\+|%20)*)"
    r"(?P<value>\{(?:[^}]|\}\})*\}|%7B(?:(?!%7D).|%7D%7D)*%7D|(?:(?!%3B)[^;&])*)",
    re.IGNORECASE,
)


def secrets_of(connection_string: str, crypto_key: str | None) -> tuple[str, ...]:
    """Return every text that must be hidden because it is, or gives away, the password or the key.

    That is the connection string as it stands; its password as written, decoded, and encoded the ways it may be
    printed (also one named ``PWD``, ``Password`` or ``passwd`` in the query or inside ``odbc_connect``, or in a plain
    ODBC string); and the key. Each also in the form it takes inside a quoted Python or JSON string.

    Args:
        connection_string: A SQLAlchemy URL or an ODBC string; may be empty.
        crypto_key: The encryption key, or None.

    Returns:
        The texts, longest first, without those shorter than SHORTEST_SECRET characters.
    """
    found = {connection_string, crypto_key or ""}
    for password in _passwords(connection_string):
        for plain in {password, unquote(password), unquote_plus(password)}:
            # The last is how SQLAlchemy writes it into a URL.
            found |= {plain, quote(plain, safe=""), quote_plus(plain), quote(plain, safe=" +")}
    for secret in list(found):
        found |= {repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    return tuple(sorted((secret for secret in found if len(secret) >= SHORTEST_SECRET), key=lambda s: (-len(s), s)))


def redact(text: str, secrets: Sequence[str]) -> str:
    """Return the text with every secret replaced by ``***``.

    Args:
        text: Anything.
        secrets: What ``secrets_of`` returned, or more of the kind; empty ones are ignored.
    """
    pattern = _pattern(tuple(secrets))
    return text if pattern is None else pattern.sub(MASK, text)


def mask_connection_string(connection_string: str) -> str:
    """Return the connection string for showing: all of it but its passwords, of whatever length."""
    masked = _USER_INFO.sub(
        lambda match: _hide(match, "password" if match["plain"] is None else "plain"), connection_string
    )
    return _NAMED_PASSWORD.sub(lambda match: _hide(match, "value"), masked)


def _hide(match: re.Match[str], group: str) -> str:
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return match[0][:start] + (MASK if end > start else "") + match[0][end:]


def _passwords(connection_string: str) -> Iterator[str]:
    """Yield passwords as they are written in the connection string."""
    if user_info := _USER_INFO.search(connection_string):
        password = user_info["plain"] if user_info["password"] is None else user_info["password"]
        yield password
        # SQLAlchemy ends it at the first @; people who forgot to encode one meant the last.
        yield password.partition("@")[0]
    for text in (connection_string, unquote_plus(connection_string), unquote(connection_string)):
        for named in _NAMED_PASSWORD.finditer(text):
            value = named["value"].strip()
            yield value
            if value.startswith("{"):
                yield value[1:-1].replace("}}", "}")


@functools.lru_cache(maxsize=16)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
