"""Ids of rows as they are written, where a database compares their text. Pure."""

from __future__ import annotations

from typing import Any
from uuid import UUID


def is_lost_id(value: Any, dialect_name: str) -> bool:
    """Tell whether an id is written in a form that nobody finds it by, such as in capitals or with dashes.

    SQLite compares the text of ids, and all versions look for 32 lower-case digits.
    """
    if dialect_name != "sqlite" or not isinstance(value, str):
        return False
    try:
        return value != UUID(value).hex
    except ValueError:
        return True
