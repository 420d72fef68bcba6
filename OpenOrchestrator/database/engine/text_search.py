"""Searching columns for text as people mean it: what they type is no pattern, on any kind of database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def contains(column: Any, text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column holds a text, whatever the case; ``%``, ``_`` and ``[`` mean themselves."""
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
