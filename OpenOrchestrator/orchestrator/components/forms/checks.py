"""What can be wrong with a field of any form. Pure: each check returns what is wrong, or None."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from OpenOrchestrator.orchestrator.components import times

MOST_NAMED = 3


def to_correct(fields: Sequence[str]) -> str:
    """Return how many fields are wrong, and which: the first by name. Empty for none."""
    if not fields:
        return ""
    more = len(fields) - MOST_NAMED
    named = ", ".join(fields[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{len(fields)} field{'s' if len(fields) > 1 else ''} to correct: {named}"


def required(what: str, limit: int) -> Callable[[Any], str | None]:
    """Return a check that a text is there and not too long."""

    def check(value: Any) -> str | None:
        text = str(value or "").strip()
        if not text:
            return f"Enter {what}."
        return None if len(text) <= limit else f"At most {limit} characters; this has {len(text)}."

    return check


def at_most(limit: int, *, spaces: bool = False) -> Callable[[Any], str | None]:
    """Return a check that a text is not too long.

    Args:
        limit: Characters it may have.
        spaces: Whether those around it count, as where it is stored as it is.
    """

    def check(value: Any) -> str | None:
        text = str(value or "")
        length = len(text if spaces else text.strip())
        return None if length <= limit else f"At most {limit} characters; this has {length}."

    return check


def whole(what: str, low: int, high: int) -> Callable[[Any], str | None]:
    """Return a check that a text is a whole number in a range."""

    def check(value: Any) -> str | None:
        try:
            number = int(str(value).strip())
        except ValueError:
            return f"Enter {what} as a whole number."
        if low <= number <= high:
            return None
        return f"Must be {times.number(low)} or more." if number < low else f"Must be at most {times.number(high)}."

    return check


def check_end(text: str, now: datetime, zone: tzinfo) -> str | None:
    """Say what is wrong with an end: none is right, one in the past is not."""
    if not text:
        return None
    try:
        end = end_of(text, zone)
    except ValueError:
        return "Enter date and time, such as 2026-12-24T18:00."
    return "This has passed already." if end is not None and end <= now else None


def end_of(text: str, zone: tzinfo) -> datetime | None:
    """Return the end that a field says, aware; None for none.

    Raises:
        ValueError: If it is no date with a time.
    """
    return times.from_site(datetime.fromisoformat(text).replace(tzinfo=None), zone) if text else None
