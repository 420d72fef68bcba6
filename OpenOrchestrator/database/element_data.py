"""Data of elements that is longer than the column that clients of earlier versions know.

Pure functions. Such data is kept whole in a column of its own, and its beginning, with a note, in the old one. Earlier
clients, searches and lists see that beginning. A client that writes the old column knows nothing of the other: what is
whole counts only while the beginning is the one that belongs to it.
"""

from __future__ import annotations

from OpenOrchestrator.database.engine.dialects import text_length

SHORT_LENGTH = 2000
"""How long data may be, in the unit of the database, to be kept in the old column alone."""

MOST_LENGTH = 3_000_000
"""How many characters data may have: in their longest form they are below what servers take in one statement."""

_NOTE = "\n[... the beginning of {} characters; to have them all takes OpenOrchestrator 4 ...]"


def columns(data: str | None, dialect_name: str) -> dict[str, str | None]:
    """Return the values of both columns for data, which is storable."""
    if data is None or text_length(data, dialect_name) <= SHORT_LENGTH:
        return {"data": data, "whole_data": None}
    return {"data": beginning(data), "whole_data": data}


def whole(data: str | None, whole_data: str | None) -> str | None:
    """Return the data of an element from both of its columns."""
    if whole_data is None or data is None or data != beginning(whole_data):
        return data
    return whole_data


def beginning(data: str) -> str:
    """Return the beginning of long data with a note of how much there is: the same on every kind of database."""
    note = _NOTE.format(len(data))
    room = SHORT_LENGTH - len(note)
    units = data[:room].encode("utf-16-le")[: 2 * room]  # the most that any database counts
    return units.decode("utf-16-le", "ignore") + note


def may_be_beginning(data: str | None) -> bool:
    """Tell whether data is, by its look, the beginning of longer data: whether to read the other column."""
    return data is not None and data.endswith(_NOTE.partition("{}")[2])
