"""The value of a constant, which is a text, read as something else. Pure.

Messages do not repeat values: some sites keep in constants what they do not want in a log.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from OpenOrchestrator.common.errors import InvalidInputError

if TYPE_CHECKING:
    from OpenOrchestrator.database.constants import Constant

V = TypeVar("V")

_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def of_constant(constant: Constant, read: Callable[[str], V]) -> V:
    """Return what a constant says.

    Args:
        constant: The constant.
        read: Reads a text, and raises a ValueError that says what it is not.

    Raises:
        InvalidInputError: If it does not say such a thing.
    """
    try:
        return read(constant.value)
    except ValueError as error:
        raise InvalidInputError(
            f"The value of the constant {constant.name!r} is {error}. Correct it in the admin app, under Constants, "
            "or read it as a text with get_constant."
        ) from None


def whole_number(text: str) -> int:
    """Read a whole number, such as ``10`` or ``-3``.

    Raises:
        ValueError: If it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise ValueError("no whole number, such as 10") from None


def number(text: str) -> float:
    """Read a finite number, such as ``1.5``.

    Raises:
        ValueError: If it is none.
    """
    try:
        read = float(text)
    except ValueError:
        raise ValueError("no number with a decimal point, such as 1.5") from None
    if not math.isfinite(read):
        raise ValueError("no number with a decimal point, such as 1.5")
    return read


def truth(text: str) -> bool:
    """Read true, yes, on, 1, or false, no, off, 0; in any case.

    Raises:
        ValueError: If it is none of them.
    """
    read = _TRUTHS.get(text.strip().lower())
    if read is None:
        raise ValueError("none of true, yes, on, 1, false, no, off, 0")
    return read


def json_value(text: str) -> Any:
    """Read JSON.

    Raises:
        ValueError: If it is none; says where.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON (line {error.lineno}, column {error.colno}: {error.msg})") from None
