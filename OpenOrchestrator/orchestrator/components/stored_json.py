"""JSON as it is stored: numbers, repeated names and their order stay as they are written. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_DEEPEST = 200
"""What is deeper is no JSON to show."""

_MOST_WRAPPINGS = 10
"""What is a text in a text more often is left as it is."""


class Literal(str):
    """A number as it is written: ``1250.50`` and ``1e999`` would not come back from a float."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class JsonObject:
    """An object as it is written: with names that occur twice.

    Attributes:
        pairs: Its names and values in order.
    """

    pairs: tuple[tuple[str, Any], ...]

    def __len__(self) -> int:
        return len(self.pairs)


def parsed(text: str | None) -> JsonObject | list[Any] | None:
    """Return the object or list that a text holds as JSON; None for anything else, also for a bare number or word."""
    if not text or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: JsonObject(tuple(pairs)),
            parse_int=Literal,
            parse_float=Literal,
            parse_constant=Literal,
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (JsonObject, list)) and not _is_too_deep(value) else None


def unwrapped(text: str | None) -> JsonObject | list[Any] | None:
    """Return what ``parsed`` does, also of JSON that is stored as a JSON text as a whole, once or several times."""
    for _ in range(_MOST_WRAPPINGS):
        value = parsed(text)
        if value is not None or not text or text.lstrip()[:1] != '"':
            return value
        try:
            text = json.loads(text)
        except ValueError:
            return None
    return None


def as_text(value: Any, *, indent: int = 0, level: int = 0) -> str:
    """Return a part of what ``parsed`` returned as JSON.

    Args:
        value: The part.
        indent: Blanks before each level, with a line for each part; 0 for one line.
        level: How many levels it is within others.
    """
    if isinstance(value, (JsonObject, list)):
        names = (
            [f"{_quoted(name)}: " for name, _ in value.pairs] if isinstance(value, JsonObject) else [""] * len(value)
        )
        texts = [as_text(part, indent=indent, level=level + 1) for _, part in parts(value)]
        first, last = "{}" if isinstance(value, JsonObject) else "[]"
        lines = [name + text for name, text in zip(names, texts, strict=True)]
        if not indent or not lines:
            return first + ", ".join(lines) + last
        margin = "\n" + " " * indent * level
        inner = margin + " " * indent
        return first + inner + f",{inner}".join(lines) + margin + last
    if isinstance(value, Literal):
        return str(value)
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def parts(value: JsonObject | list[Any]) -> list[tuple[str, Any]]:
    """Return names or numbers of the parts of an object or list, and the parts."""
    if isinstance(value, JsonObject):
        return list(value.pairs)
    return [(str(number), part) for number, part in enumerate(value)]


def _quoted(text: str) -> str:
    return showable(json.dumps(text, ensure_ascii=False))


def showable(text: str) -> str:
    """Return a text that can be sent to a browser: half characters, which only JSON can name, as JSON names them."""
    return "".join(f"\\u{ord(each):04x}" if "\ud800" <= each <= "\udfff" else each for each in text)


def _is_too_deep(value: JsonObject | list[Any]) -> bool:
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [part for each in level for _, part in parts(each) if isinstance(part, (JsonObject, list))]
        if not level:
            return False
    return True


def pretty(text: str) -> str:
    """Return a text as it is read best: JSON indented, anything else as it is."""
    value = parsed(text)
    return text if value is None else as_text(value, indent=2)
