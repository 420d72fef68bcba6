"""How much of which pool a trigger needs or a job holds, as one column has it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores import validation

Amounts: TypeAlias = tuple[tuple[str, int], ...]
"""Names of pools with how much of each, in the order of the names."""

LENGTH = 1000
NAME_LENGTH = 100
LARGEST = 1_000_000


def in_order(amounts: Mapping[str, int]) -> Amounts:
    """Return amounts as a value that can be compared."""
    return tuple(sorted(amounts.items()))


def written(amounts: Amounts) -> str | None:
    """Return the text of a column: a JSON object, always the same for the same amounts; None for none."""
    return json.dumps(dict(sorted(amounts)), ensure_ascii=False) if amounts else None


def read(text: Any) -> Amounts:
    """Return what a column holds.

    Raises:
        TypeError: If it is no text.
        ValueError: If it is not what ``written`` returns.
    """
    if text is None or text == "":
        return ()
    if not isinstance(text, str):
        raise TypeError(text)
    found = json.loads(text)
    if not isinstance(found, dict) or not all(_is_amount(amount) for amount in found.values()):
        raise ValueError(text)
    return in_order(found)


def checked(value: object, what: str, dialect_name: str) -> str | None:
    """Return amounts as a column can hold them.

    Args:
        value: Names of pools with how much of each; a text that ``written`` returned; or None.
        what: What they are, for the message.
        dialect_name: The kind of database they are for.

    Raises:
        InvalidInputError: If they are none, or too many.
    """
    if isinstance(value, str):
        try:
            value = dict(read(value))
        except ValueError as error:
            raise InvalidInputError(f"The {what} have to be names with whole numbers, not {value!r}.") from error
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"The {what} have to be names with whole numbers, not {value!r}.")
    found: dict[str, int] = {}
    for pool, amount in value.items():
        name = validation.name(pool, f"name of one of the {what}", NAME_LENGTH, dialect_name)
        if name in found:
            raise InvalidInputError(f"The pool {name!r} is named twice.")
        if not _is_amount(amount):
            raise InvalidInputError(
                f"What is needed of the pool {name!r} has to be a whole number from 1 to {LARGEST}, not {amount!r}."
            )
        found[name] = amount
    text = written(in_order(found))
    if text is not None and len(text.encode("utf-16-le")) // 2 > LENGTH:
        raise InvalidInputError(f"The {what} are too many: their names have more than {LENGTH} characters together.")
    return text


def _is_amount(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST
