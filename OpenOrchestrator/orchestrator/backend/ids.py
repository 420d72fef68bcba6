"""Ids as addresses and people write them. Pure."""

from __future__ import annotations

from uuid import UUID


def as_uuid(text: str) -> UUID | None:
    """Return the id that a text is, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
