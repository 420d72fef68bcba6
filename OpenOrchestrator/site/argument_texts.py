"""The arguments of a robot in a file: a text, or JSON written as YAML. Pure.

A stored text is exported as YAML only where that gives exactly the same text back; any other stays a text. Where a file
and the site differ in the blanks of their JSON alone, they are the same.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores import validation
from OpenOrchestrator.site.kinds import Reading, Schema, entries_of, shown, text_of
from OpenOrchestrator.site.problems import ProblemError
from OpenOrchestrator.site.yaml_tree import DEEPEST, Items, Node, Scalar, is_number, is_whole_number

_WORDS = {"true": True, "false": False, "null": None}
_LONGEST_NUMBER = 300


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments; the value is their text.

    Attributes:
        limit: How long it may be, in the unit of the database.
        what: What it is, for messages.
    """

    limit: int
    what: str = "arguments"

    def read(self, node: Node, reading: Reading) -> str:
        """Return the text of a node."""
        text = text_of(node) if isinstance(node, Scalar) else json.dumps(_data(node), ensure_ascii=False)
        try:
            return validation.text(text, self.what, self.limit, reading.dialect_name)
        except InvalidInputError as error:
            raise ProblemError(node.mark, str(error)) from error

    def schema(self) -> Schema:
        """Return its types."""
        return {"type": ["string", "object", "array"], "maxLength": self.limit}

    def plain(self, value: str) -> Any:
        """Return the data that a text stands for, if that gives exactly this text back; else the text."""
        data = _structure(value)
        return value if data is None or _dumped(data) != value else data


def are_same(one: str, other: str) -> bool:
    """Tell whether two texts are the same arguments: the same text, or JSON of the same data in the same order."""
    if one == other:
        return True
    data, others = (None if found is None else _dumped(found) for found in (_structure(one), _structure(other)))
    return data is not None and data == others


def _data(node: Node) -> Any:
    if isinstance(node, Items):
        return [_data(each) for each in node.items]
    if not isinstance(node, Scalar):
        return {key.text: _data(value) for key, value in entries_of(node)}
    if node.is_plain:
        if node.text in _WORDS:
            return _WORDS[node.text]
        if is_number(node.text) and len(node.text) <= _LONGEST_NUMBER:
            number = int(node.text) if is_whole_number(node.text) else float(node.text)
            if not math.isfinite(number):
                raise ProblemError(node.mark, f"{shown(node)} is too large a number.")
            return number
    return text_of(node)


def _structure(text: str) -> Any:
    """Return the list or mapping that a text is in JSON; None if it is none, or one that YAML cannot say."""
    if text[:1] not in ("{", "["):
        return None
    try:
        data = json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return None
    return data if _depth(data) < DEEPEST - 5 else None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _dumped(data: Any) -> str | None:
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return None


def _depth(data: Any) -> int:
    if isinstance(data, dict):
        return 1 + max(map(_depth, data.values()), default=0)
    return 1 + max(map(_depth, data), default=0) if isinstance(data, list) else 0
