"""Keeping secrets out of everything people read: output, logs, messages.

Owns what counts as a secret and how it is hidden. Cheap to import, and parses connection strings without SQLAlchemy,
because every robot imports it.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"

SHORTEST_SECRET = 4
"""Passwords shorter than this are not redacted: replacing every "a" or "123" would shred ordinary text. The whole
connection string that holds such a password is redacted all the same."""

SHORTEST_BASE64 = 6
"""Pieces of base64 shorter than this are not redacted: they stand in ordinary text."""

_USER_INFO = re.compile(
    r"^[\w+.-]+://(?P<user>[^:/?#]*):(?P<password>[^?#]*)@|^[\w+.-]+://[^:/?#@]*:(?P<plain>.*)@", re.DOTALL
)
_NAMES = r"(?P<name>(?:^|[;?&{=\s]|%3B|%7B|%3D)\s*[\w.-]*(?:pwd|password|passwd|passphrase)(?:\s|\+|%20)*"
_BRACED = r"\{(?:[^}]|\}\})*\}|%7B(?:(?!%7D).|%7D%7D)*%7D"
# How a value ends depends on how the whole is written: an encoded ODBC string, the query of a URL, an ODBC string.
_NAMED_PASSWORD = re.compile(
    _NAMES + rf"(?:%3D(?:\s|\+|%20)*(?P<encoded>{_BRACED}|(?:(?!%3B)[^;&])*)"
    rf"|=(?:\s|\+|%20)*(?P<plain>{_BRACED}|(?:(?<=[=\s])[^;&]*))))",
    re.IGNORECASE,
)
_ODBC_PASSWORD = re.compile(_NAMES + rf"=\s*(?P<value>{_BRACED}|[^;]*))", re.IGNORECASE)
_QUERY_PASSWORD = re.compile(r"[?&][\w.-]*(?:pwd|password|passwd|passphrase)=(?P<value>[^&]*)", re.IGNORECASE)
_HOST_END = re.compile(r"[@:/?#&=,]")
_PERCENT_CODE = re.compile("%[0-9A-F]{2}")


@functools.lru_cache(maxsize=16)
def secrets_of(connection_string: str, crypto_key: str | None) -> tuple[str, ...]:
    """Return every text that must be hidden because it is, or gives away, the password or the key.

    That is the connection string as it stands; its password as written, decoded, and encoded the ways it may be
    printed (also one whose name ends in ``PWD``, ``password`` or the like, in the query or inside ``odbc_connect``, or
    in a plain ODBC string); and the key. Each also in the forms it takes in a URL, in base64, and inside quoted Python
    or JSON strings, twice over too.

    Args:
        connection_string: A SQLAlchemy URL or an ODBC string; may be empty.
        crypto_key: The encryption key, or None.

    Returns:
        The texts, longest first, without those shorter than SHORTEST_SECRET characters.
    """
    found = {crypto_key or ""}
    for password in _passwords(connection_string):
        found |= {password, unquote(password), unquote_plus(password)}
    texts = {text for text in found if len(text) >= SHORTEST_SECRET}
    forms = {form for text in texts for form in _written(text)}
    forms |= {escaped for form in (*forms, connection_string) for escaped in _escaped(form)}
    if texts - {crypto_key}:
        texts.add(connection_string)
    forms |= {connection_string, *(piece for text in texts for piece in _base64(text))}
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST_SECRET), key=lambda s: (-len(s), s)))


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
    if "://" not in masked:
        return _ODBC_PASSWORD.sub(lambda match: _hide(match, "value"), masked)
    masked = _QUERY_PASSWORD.sub(lambda match: _hide(match, "value"), masked)
    return _NAMED_PASSWORD.sub(lambda match: _hide(match, "encoded" if match["plain"] is None else "plain"), masked)


def _hide(match: re.Match[str], group: str) -> str:
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return match[0][:start] + (MASK if end > start else "") + match[0][end:]


def _passwords(connection_string: str) -> Iterator[str]:
    """Yield passwords as they are written in the connection string; where that is not clear, all they may be."""
    if user_info := _USER_INFO.search(connection_string):
        password = user_info["plain"] if user_info["password"] is None else user_info["password"]
        yield password
        # SQLAlchemy ends it at the first @; people who forgot to encode one meant the last.
        yield password.partition("@")[0]
        # Or a ? or # in it was not encoded, and what looks like the query belongs to it.
        if user_info["plain"] is None and "@" in (rest := connection_string[user_info.end() :]):
            before, _, _ = rest.rpartition("@")
            if "/" not in before.partition("?")[0]:
                yield (password := f"{password}@{before}")
        yield from _pieces(password, connection_string)
    for text in (connection_string, unquote_plus(connection_string), unquote(connection_string)):
        values = [match["encoded"] or match["plain"] or "" for match in _NAMED_PASSWORD.finditer(text)]
        values += [match["value"] for kind in (_ODBC_PASSWORD, _QUERY_PASSWORD) for match in kind.finditer(text)]
        for value in values:
            yield (bare := value.strip())
            if bare.startswith("{"):
                yield bare[1:-1]
                yield bare[1:-1].replace("}}", "}")


def _pieces(password: str, connection_string: str) -> Iterator[str]:
    """Yield what a password with an ``@`` in it, not encoded, leaves in host, port, database and query."""
    behind = password
    while "@" in behind:
        behind = behind.partition("@")[2]
        if behind:
            yield behind
            host = _HOST_END.split(connection_string.partition(f"{behind}@")[2], maxsplit=1)[0]
            yield f"{behind}@{host}"  # short pieces are hidden only so
    if behind != password:
        for piece in _HOST_END.split(password):
            yield piece
            # Drivers write names of hosts so, and look the names of options up so.
            yield piece.lower()


def _written(text: str) -> Iterator[str]:
    """Yield a text as URLs and templates write it."""
    yield text
    yield text.replace("}", "}}")
    yield text.replace("{", "{{").replace("}", "}}")
    every_byte = "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
    yield every_byte
    yield every_byte.lower()
    for coded in (quote(text, safe=""), quote(text), quote_plus(text), quote(text, safe=" +")):  # the last: SQLAlchemy
        yield coded
        yield _PERCENT_CODE.sub(lambda match: match[0].lower(), coded)
        yield quote(coded, safe="")  # a URL within a URL


def _escaped(text: str) -> Iterator[str]:
    """Yield a text as it stands inside quotes of Python or JSON, and inside quotes inside quotes."""
    once = {*_quoted(text), repr(text.encode("utf-8", "surrogatepass"))[2:-1]}
    yield from once
    for form in once:
        yield from _quoted(form)


def _quoted(text: str) -> tuple[str, str, str]:
    return repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _base64(text: str) -> Iterator[str]:
    """Yield what of a text is the same in any base64 that holds it, wherever in the encoded bytes it begins."""
    data = text.encode("utf-8", "surrogatepass")
    for offset in range(3):
        begin, end = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            piece = encode(bytes(offset) + data).decode("ascii")[begin:end]
            if len(piece) >= SHORTEST_BASE64:
                yield piece


@functools.lru_cache(maxsize=16)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    if not longest_first:
        return None
    # Gathered by their first letter, which most of a text is not: several times as fast.
    rests: dict[str, list[str]] = {}
    for secret in longest_first:
        rests.setdefault(secret[0], []).append(re.escape(secret[1:]))
    return re.compile("|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in rests.items()))
