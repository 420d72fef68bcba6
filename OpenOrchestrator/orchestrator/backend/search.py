"""Searching for text as people mean it: what they type is no pattern."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa


def contains(column: Any, text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column holds a text, whatever the case; ``%`` and ``_`` mean themselves."""
    lowered = sa.func.lower(column).like(_pattern(text.lower()), escape="\\")
    if text.isascii():
        return lowered
    # SQLite's lower() leaves letters beyond ASCII as they are: look for the ways people write them, too.
    spellings = sorted({text, text.lower(), text.upper(), text.capitalize(), text.title()})
    return sa.or_(lowered, *(column.like(_pattern(each), escape="\\") for each in spellings))


def _pattern(text: str) -> str:
    for sign in "\\%_[":  # the bracket is one of SQL Server's
        text = text.replace(sign, f"\\{sign}")
    return f"%{text}%"


def split_choice(value: str) -> tuple[tuple[str, ...], bool]:
    """Return what a filter in an address names, and whether that is what shall be left out.

    ``failed,paused`` means one of the two, ``-done`` means all but that. A comma, a percent sign and a leading minus
    that belong to a name are percent-encoded.
    """
    exclude = value.startswith("-")
    names = value[1:] if exclude else value
    return tuple(unquote(part) for part in names.split(",") if part), exclude


def join_choice(names: tuple[str, ...], *, exclude: bool) -> str:
    """Return a filter as an address carries it; empty without names."""
    encoded = [name.replace("%", "%25").replace(",", "%2C") for name in names]
    encoded = [f"%2D{name[1:]}" if name.startswith("-") else name for name in encoded]
    return ("-" if exclude and names else "") + ",".join(encoded)
