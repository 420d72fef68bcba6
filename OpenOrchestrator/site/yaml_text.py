"""From values to the text of a file. Pure.

Owns how values are written: always the same text for the same value, and one that every reader of YAML takes for that
value. Knows no key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from OpenOrchestrator.site.yaml_tree import is_clearly_text

LONGEST_LINE = 100
"""A value in one line that would be longer is written over several, where it can be."""

_PLAIN = re.compile(r"[^\W\d][\w ./@+()-]*(?<! )")
_IN_ONE_PIECE = re.compile(r"[^\W\d][\w./@+-]*(:[\w./@+-]+)*")
_NOT_PRINTED = re.compile(r"[\x7f-\x9f\u00ad\u2028\u2029\ufeff\ufffe\uffff]|[\u200b-\u200f\u202a-\u202e\u2060-\u2069]")


class Bare(str):
    """A text whose meaning its key fixes, such as a date or a duration: written without quotes."""

    __slots__ = ()


def scalar(value: Any, *, in_line: bool = True) -> str:
    """Return one value as it is written.

    Args:
        value: None, a truth value, a number or a text.
        in_line: Whether it stands among others within brackets.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return json.dumps(value)
    return str(value) if isinstance(value, Bare) else _text(value, in_line=in_line)


def flow(value: Any) -> str:
    """Return a value in one line, lists in [] and keys in {}."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def entry(key: str, value: Any, indent: int) -> list[str]:
    """Return the lines of a key with its value.

    Args:
        key: The key.
        value: Anything that a file can hold.
        indent: Blanks before it.
    """
    head = f"{' ' * indent}{scalar(key, in_line=False)}:"
    if not isinstance(value, (Mapping, Sequence)) or isinstance(value, str) or not value:
        return [f"{head} {flow(value) if not isinstance(value, str) else scalar(value, in_line=False)}"]
    line = f"{head} {flow(value)}"
    if len(line) <= LONGEST_LINE:
        return [line]
    lines = [head]
    if isinstance(value, Mapping):
        for name, each in value.items():
            lines += entry(name, each, indent + 2)
    else:
        lines += [f"{' ' * (indent + 2)}- {flow(each)}" for each in value]
    return lines


def item(values: Mapping[str, Any], indent: int) -> list[str]:
    """Return the lines of one item of a list, which has keys."""
    lines: list[str] = []
    for key, value in values.items():
        lines += entry(key, value, indent + 2)
    lines[0] = f"{' ' * indent}- {lines[0].lstrip()}"
    return lines


def _text(text: str, *, in_line: bool) -> str:
    plain = (_PLAIN if not text.isascii() or " " in text or "(" in text else _IN_ONE_PIECE).fullmatch(text)
    if plain and is_clearly_text(text) and not (in_line and ":" in text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    if "\\" in text and "'" not in text and text.isprintable() and not _NOT_PRINTED.search(text):
        return f"'{text}'"
    return _NOT_PRINTED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
