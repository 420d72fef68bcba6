"""Cutting texts that are too long for their column, measured in the unit in which each database counts."""

from __future__ import annotations

from OpenOrchestrator.database.engine.dialects import text_length


def without_end(text: str, limit: int, dialect_name: str) -> str:
    """Return a text that fits: of an over-long one the beginning, and an ellipsis; for sentences.

    Args:
        text: The text, storable.
        limit: How long it may be, in the unit in which the database counts.
        dialect_name: The kind of database.
    """
    if text_length(text, dialect_name) <= limit:
        return text
    return _beginning(text, limit - 1, dialect_name) + "…"


def without_middle(text: str, limit: int, dialect_name: str) -> str:
    """Return a text that fits: of an over-long one beginning and end, with a mark of how much was cut between them.

    For messages that may hold a traceback, whose last lines say what happened.

    Args:
        text: The text, storable.
        limit: How long it may be, in the unit in which the database counts.
        dialect_name: The kind of database.
    """
    if text_length(text, dialect_name) <= limit:
        return text
    mark = "\n[... {} characters cut ...]\n"
    room = limit - len(mark.format(len(text)))
    head = _beginning(text, room // 2, dialect_name)
    tail = _beginning(text[::-1], room - room // 2, dialect_name)[::-1]
    return f"{head}{mark.format(len(text) - len(head) - len(tail))}{tail}"


def _beginning(text: str, room: int, dialect_name: str) -> str:
    """Return as much of the beginning of a text as takes no more than the room."""
    end = room  # at least one unit a character
    while (excess := text_length(text[:end], dialect_name) - room) > 0:
        end -= (excess + 1) // 2  # at most two
    return text[:end]
