"""Kinds of values that are made of others: lists, values by name, and fixed keys. Pure.

What is wrong with one part is noted, and the rest is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from OpenOrchestrator.site.kinds import Kind, Reading, Schema, entries_of, shown, unknown_key
from OpenOrchestrator.site.problems import Problem, ProblemError
from OpenOrchestrator.site.yaml_tree import Items, Node


@dataclass(frozen=True, slots=True)
class Many:
    """A list in which nothing stands twice.

    Attributes:
        of: The kind of its items.
        order: Puts the items into the order in which they are compared and written; None keeps that of the file.
        least: So many items at least.
    """

    of: Kind
    order: Callable[[Iterable[Any]], list[Any]] | None = None
    least: int = 0

    def read(self, node: Node, reading: Reading) -> tuple[Any, ...]:
        """Return the items of a node; what is wrong with one is noted, and the rest is read."""
        if not isinstance(node, Items):
            raise ProblemError(
                node.mark, f"Here has to stand a list such as [a, b], or [] for none, not {shown(node)}."
            )
        found: list[Any] = []
        for each in node.items:
            try:
                value = self.of.read(each, reading)
            except ProblemError as error:
                reading.problems.append(error.problem)
                continue
            if value in found:
                reading.problems.append(Problem(each.mark, f"{shown(each)} stands in this list a second time."))
            found.append(value)
        if len(node.items) < self.least:
            raise ProblemError(node.mark, f"Here has to stand at least {self.least} item.")
        return tuple(self.order(found) if self.order else found)

    def schema(self) -> Schema:
        """Return its type and that of its items."""
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.of.schema(), "uniqueItems": True, **least}

    def plain(self, value: Iterable[Any]) -> list[Any]:
        """Return its items as they are written."""
        return [self.of.plain(each) for each in value]


@dataclass(frozen=True, slots=True)
class Named:
    """Values by free names, such as ``{SAP account: 1}``.

    Attributes:
        name: The kind of the names.
        of: The kind of the values.
    """

    name: Kind
    of: Kind

    def read(self, node: Node, reading: Reading) -> dict[str, Any]:
        """Return the values of a node by name, in the order of the names."""
        found = {}
        for key, value in entries_of(node):
            try:
                found[self.name.read(key, reading)] = self.of.read(value, reading)
            except ProblemError as error:
                reading.problems.append(error.problem)
        return dict(sorted(found.items()))

    def schema(self) -> Schema:
        """Return its type and that of its values."""
        return {"type": "object", "additionalProperties": self.of.schema()}

    def plain(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return its values as they are written."""
        return {name: self.of.plain(each) for name, each in value.items()}


@dataclass(frozen=True, slots=True)
class Part:
    """A key of a ``Record``.

    Attributes:
        kind: Of its value.
        default: Where the key is not there.
        words: What it is, for people who write it.
    """

    kind: Kind
    default: Any
    words: str


@dataclass(frozen=True, slots=True)
class Record:
    """Several values that belong together under fixed keys; its value is a mapping with all of them.

    Attributes:
        parts: By key.
        required: Keys that have to be there.
    """

    parts: Mapping[str, Part]
    required: tuple[str, ...] = ()

    def read(self, node: Node, reading: Reading) -> dict[str, Any]:
        """Return the values of a node, those that are not there by their defaults."""
        found = self.defaults()
        there = []
        for key, value in entries_of(node):
            there.append(key.text)
            try:
                part = self.parts.get(key.text)
                if part is None:
                    raise unknown_key(key, self.parts)
                found[key.text] = part.kind.read(value, reading)
            except ProblemError as error:
                reading.problems.append(error.problem)
        missing = [key for key in self.required if key not in there]
        if missing:
            raise ProblemError(node.mark, f"Here is no {missing[0]}: it is needed.")
        return found

    def schema(self) -> Schema:
        """Return its type and keys."""
        parts = {key: {**part.kind.schema(), "description": part.words} for key, part in self.parts.items()}
        required = {"required": list(self.required)} if self.required else {}
        return {"type": "object", "properties": parts, **required, "additionalProperties": False}

    def plain(self, value: Mapping[str, Any], *, beside: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what differs from the defaults, and from another value that is shown beside it, as it is written."""
        return {
            key: None if value[key] is None else part.kind.plain(value[key])
            for key, part in self.parts.items()
            if key in self.required or value[key] != part.default or (beside and value[key] != beside[key])
        }

    def defaults(self) -> dict[str, Any]:
        """Return the value of a record in which nothing is said."""
        return {key: part.default for key, part in self.parts.items()}
