"""Checks of what callers pass in, before the database sees it: the same answer on every kind of database.

Owns the limits that no column type tells. Must not ask the database anything. Every check returns the value to use,
and raises InvalidInputError with what is wrong, what it is about, and what would be right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.dialects import text_length

E = TypeVar("E", bound=Enum)

LARGEST_INTEGER = 2**31 - 1
"""What an integer column holds on every database."""

LARGEST_ROW_COUNT = 2**53
"""A limit or offset above this counts as this: no table is longer, and no database refuses it."""

WHITELIST_LENGTH = 250
"""How long a whitelist may be, written as a JSON array."""

LONGEST_STOP_SECONDS = 24 * 3600
"""How long a robot whose time is up may be asked to end, and how long it may take to terminate."""

MOST_RETRIES = 100
"""How often a failed run can be tried again."""

LONGEST_RETRY_PAUSE_SECONDS = 30 * 24 * 3600
"""No pause before a retry is longer, however much pauses grow."""

LARGEST_RETRY_GROWTH = 10.0
"""By how much a pause can be longer than the one before it."""

_EXAMPLE_ID = "123e4567-e89b-12d3-a456-426614174000"

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def identifier(value: object, what: str) -> UUID:
    """Return an id given as UUID or text.

    Args:
        value: The id.
        what: What it is the id of, such as ``queue element``.

    Raises:
        InvalidInputError: If it is no id.
    """
    found = find_identifier(value)
    if found is None:
        raise InvalidInputError(f"{value!r} is not the id of a {what}: pass a UUID, or its text such as {_EXAMPLE_ID}.")
    return found


def find_identifier(value: object) -> UUID | None:
    """Return an id given as UUID or text; None for anything else."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    return None


def optional_identifier(value: object, what: str) -> UUID | None:
    """Return an id, or None for None, an empty text, or the text "None" that an argument list makes of it.

    Raises:
        InvalidInputError: If it is something else that is no id.
    """
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        return None
    found = find_identifier(value)
    if found is None:
        raise InvalidInputError(
            f"{value!r} is not the id of a {what}: pass None if there is none, or a UUID, or its text such as "
            f"{_EXAMPLE_ID}."
        )
    return found


def text(value: object, what: str, limit: int, dialect_name: str) -> str:
    """Return a text that fits its column.

    Numbers are taken as their text, because earlier versions stored them so.

    Args:
        value: The text.
        what: What it is, such as ``reference``.
        limit: How long it may be, in the unit in which the database counts.
        dialect_name: Which kind of database it is for.

    Raises:
        InvalidInputError: If it is no text, too long, or holds NUL or half a surrogate pair.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidInputError(f"The {what} has to be a text, not {type(value).__name__}: convert it with str().")
    length = text_length(value, dialect_name)
    if length > limit:
        raise InvalidInputError(
            f"The {what} is {length} characters long, but at most {limit} can be stored: {value[:40]!r}... "
            "Shorten it, or store it elsewhere and keep a reference."
        )
    if "\0" in value:
        raise InvalidInputError(f"The {what} {value[:40]!r} holds a NUL character, which databases cannot store.")
    if not value.isascii() and _has_surrogate(value):
        raise InvalidInputError(
            f"The {what} {value[:40]!r} holds half a character (a lone surrogate), usually from text that was decoded "
            "wrongly. Decode it with the right encoding."
        )
    return value


def optional_text(value: object, what: str, limit: int, dialect_name: str) -> str | None:
    """Return a text that fits its column, or None.

    Raises:
        InvalidInputError: As ``text`` does.
    """
    return None if value is None else text(value, what, limit, dialect_name)


def texts(values: object, what: str) -> list[Any]:
    """Return a list of what is to be texts.

    Raises:
        InvalidInputError: If it is none, such as a single text.
    """
    if values is None or isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidInputError(f"The {what} have to be a list or tuple of texts, not {type(values).__name__}.")
    return list(values)


def name(value: object, what: str, limit: int, dialect_name: str) -> str:
    """Return a name without the blanks around it, which databases compare in different ways.

    Raises:
        InvalidInputError: As ``text`` does, and if nothing is left.
    """
    trimmed = text(value.strip() if isinstance(value, str) else value, what, limit, dialect_name)
    if not trimmed:
        raise InvalidInputError(f"The {what} is empty.")
    return trimmed


def storable(value: str) -> str:
    """Return a text with what no database can store replaced by U+FFFD: NUL and lone surrogates."""
    if "\0" in value:
        value = value.replace("\0", _REPLACEMENT)
    if not value.isascii() and _has_surrogate(value):
        value = "".join(_REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in value)
    return value


def member(value: object, enumeration: type[E], what: str) -> E:
    """Return a member of an enumeration.

    Raises:
        InvalidInputError: If it is something else, even the member's name: a text would reach the database unchecked.
    """
    if isinstance(value, enumeration):
        return value
    valid = ", ".join(f"{enumeration.__name__}.{item.name}" for item in enumeration)
    raise InvalidInputError(f"{value!r} is not a {what}. Pass one of {valid}.")


def optional_member(value: object, enumeration: type[E], what: str) -> E | None:
    """Return a member of an enumeration, or None.

    Raises:
        InvalidInputError: As ``member`` does.
    """
    return None if value is None else member(value, enumeration, what)


def integer(value: object, what: str, *, at_least: int = -LARGEST_INTEGER - 1) -> int:
    """Return a whole number that an integer column holds.

    Raises:
        InvalidInputError: If it is something else, or too small or large.
    """
    number = _whole_number(value, what)
    if not at_least <= number <= LARGEST_INTEGER:
        raise InvalidInputError(f"The {what} has to be from {at_least} to {LARGEST_INTEGER}, not {number}.")
    return number


def row_count(value: object, what: str) -> int:
    """Return a limit or offset of a query, however large.

    Raises:
        InvalidInputError: If it is negative or no whole number.
    """
    number = _whole_number(value, what)
    if number < 0:
        raise InvalidInputError(f"The {what} cannot be negative, but is {number}.")
    return min(number, LARGEST_ROW_COUNT)


def flag(value: object, what: str) -> bool:
    """Return a truth value.

    Raises:
        InvalidInputError: If it is neither a bool nor 0 or 1.
    """
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise InvalidInputError(f"{what} has to be True or False, not {value!r}.")


def site_datetime(value: object, what: str, zone: ZoneInfo) -> datetime:
    """Return a date and time on the site's wall clock: a naive one as it is, an aware one converted, a date's midnight.

    Raises:
        InvalidInputError: If it is no datetime, or outside what a date can be after conversion.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if not isinstance(value, datetime):
        raise InvalidInputError(f"The {what} has to be a datetime, not {value!r}.")
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(zone).replace(tzinfo=None)
    except OverflowError as error:
        raise InvalidInputError(f"The {what} {value} cannot be converted to the site's time zone.") from error


def optional_site_datetime(value: object, what: str, zone: ZoneInfo) -> datetime | None:
    """Return a date and time on the site's wall clock, or None.

    Raises:
        InvalidInputError: As ``site_datetime`` does.
    """
    return None if value is None else site_datetime(value, what, zone)


def whitelist(value: object, dialect_name: str) -> list[str]:
    """Return the names of the schedulers a trigger may run on, trimmed, each once; None is an empty list.

    Raises:
        InvalidInputError: If it is no list of names, or too long as a JSON array.
    """
    if value is None:
        return []
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise InvalidInputError(f"The scheduler whitelist has to be a list of names, not {value!r}.")
    names = list(dict.fromkeys(name(item, "name in the scheduler whitelist", 100, dialect_name) for item in value))
    length = text_length(json.dumps(names, ensure_ascii=False), dialect_name)
    if length > WHITELIST_LENGTH:
        raise InvalidInputError(
            f"The scheduler whitelist of {len(names)} names takes {length} characters, but at most {WHITELIST_LENGTH} "
            "can be stored. Shorten it, or leave it empty and let schedulers run whitelisted triggers only."
        )
    return names


def column(value: object, columns: Iterable[str], default: str) -> str:
    """Return the name of a column to sort by; None and an empty text mean the default.

    Titles count too: ``Created Date`` is ``created_date``.

    Raises:
        InvalidInputError: If there is no such column.
    """
    if value is None or value == "":
        return default
    allowed = tuple(columns)
    wanted = value.strip().lower().replace(" ", "_") if isinstance(value, str) else value
    if wanted not in allowed:
        raise InvalidInputError(f"Cannot order by {value!r}. Pass one of: {', '.join(allowed)}.")
    return str(wanted)


def _whole_number(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInputError(f"The {what} has to be a whole number, not {value!r}.")
    return value


def _has_surrogate(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
