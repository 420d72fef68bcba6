"""Bytes of a CSV file as text, without guessing: what cannot be read for certain is refused. Pure."""

from __future__ import annotations

import re

from OpenOrchestrator.common.errors import InvalidInputError

INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"
"""Characters without width, which files carry along from web pages and from other files that were joined to them."""

_LOOKED_AT = 4096
_FEWEST_NULS = 8
"""One byte in so many is NUL in UTF-16: those of separators, digits and line ends in a table of any language."""

_MARK = "\ufeff"
_END_OF_FILE = "\x1a"
"""Ctrl-Z: how programs of DOS end a file."""

_MULTI_BYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_LETTER = re.compile(r"[A-Za-z]")
_SMALL = re.compile(r"[a-z]")
_APOSTROPHES = "\u2019\u00b4"
_SAVE = 'Save it as "CSV UTF-8" and choose it again.'


def decoded(content: bytes) -> tuple[str, str, list[str]]:
    """Return the text of a file, what it was read as, and what there was to leave out.

    Raises:
        InvalidInputError: If it is no text, or in no encoding that can be told.
    """
    notes = []
    text, encoding = _decoded(content)
    bare = text.lstrip(_MARK)
    if len(text) - len(bare) > 1:
        notes.append(f"The file begins with {len(text) - len(bare)} byte order marks; all are left out.")
    visible = bare.lstrip(INVISIBLE)
    if visible != bare:
        notes.append("The file begins with characters that cannot be seen; they are left out.")
        bare = visible
    ended = bare.rstrip("\r\n").rstrip(_END_OF_FILE)
    if ended != bare.rstrip("\r\n"):
        notes.append("The file ends with Ctrl-Z, the end-of-file mark of DOS; it is left out.")
        bare = ended
    return bare, encoding, notes


def _decoded(content: bytes) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise InvalidInputError(f"The file is UTF-32, which is not read here. {_SAVE}")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16"), "UTF-16"
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"The file begins as UTF-16, but is not: {error}") from error
    without_mark = _utf_16_without_mark(content)
    if without_mark is not None:
        try:
            return content.decode(without_mark), "UTF-16"
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"The file looks like UTF-16, but is not: {error}. {_SAVE}") from error
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as error:
        if b"\0" in content[:4096]:
            raise InvalidInputError("This is no CSV file: it holds binary data. Save it as CSV in Excel.") from None
        if _MULTI_BYTE.search(content):
            raise InvalidInputError(
                f"The file is UTF-8, except for the byte {content[error.start]:02X} in line "
                f"{_line_of(content, error.start)}: it is damaged, or was put together from files of different "
                f"encodings. Correct that line. {_SAVE}"
            ) from error
        return _windows(content), "Windows-1252"


def _utf_16_without_mark(content: bytes) -> str | None:
    """Return which UTF-16 a file without a byte order mark is in, told by the half of it that is NUL in plain letters.

    Raises:
        InvalidInputError: If it is full of NULs in another way.
    """
    first, second = content[:_LOOKED_AT:2].count(0), content[1:_LOOKED_AT:2].count(0)
    if (first + second) * _FEWEST_NULS <= min(len(content), _LOOKED_AT):
        return None
    if first * 2 < second:
        return "utf-16-le"
    if second * 2 < first:
        return "utf-16-be"
    raise InvalidInputError("This is no CSV file: it holds binary data. Save it as CSV in Excel.")


def _windows(content: bytes) -> str:
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"The file is neither UTF-8 nor Windows-1252: see the byte {content[error.start]:02X} in line "
            f"{_line_of(content, error.start)}. It may be Mac Roman or of DOS. {_SAVE}"
        ) from error
    odd = next((found.start() for found in _BEYOND_ASCII.finditer(text) if _is_odd(text, found.start())), None)
    if odd is not None:
        word = re.split(r"[\s;,]", text[:odd])[-1] + re.split(r"[\s;,]", text[odd:])[0]
        raise InvalidInputError(
            f"The file is not UTF-8, and read as Windows-1252 it holds {word[:40]!r} in line {_line_of(content, odd)}: "
            f"it may be Mac Roman or of DOS. {_SAVE}"
        )
    return text


def _is_odd(text: str, place: int) -> bool:
    """Tell whether a character is a sign within a word, or a capital among small letters.

    Mac Roman and DOS have their small letters where Windows-1252 has those.
    """
    before, character, after = text[place - 1 : place], text[place], text[place + 1 : place + 2]
    if not _LETTER.fullmatch(before) or character in _APOSTROPHES or character in INVISIBLE:
        return False
    if character.isalpha():
        small = _SMALL.fullmatch(before) or _SMALL.fullmatch(after)
        return character.isupper() and small is not None
    return _SMALL.fullmatch(after) is not None


def _line_of(content: bytes, place: int) -> int:
    """Return the number of the line; a byte is a character in the encodings this is asked for, or ASCII before it."""
    return len(re.findall(rb"\r\n|\r|\n", content[:place])) + 1
