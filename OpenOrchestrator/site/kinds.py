"""Kinds of values in a file: how each is read, what a JSON schema says of it, and how it is written. Pure.

A kind turns a node of the tree into a value, and a value into what is written. Reading refuses everything that is not
exactly of the kind, with the place and with what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores import validation
from OpenOrchestrator.site import durations
from OpenOrchestrator.site.problems import Problem, ProblemError
from OpenOrchestrator.site.yaml_text import Bare
from OpenOrchestrator.site.yaml_tree import Entries, Items, Node, Scalar, is_clearly_text, is_number, is_whole_number

Schema = dict[str, Any]

DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(slots=True)
class Reading:
    """What belongs to reading one file.

    Attributes:
        dialect_name: The kind of database it is for, which counts the length of texts its own way.
        problems: What was found to be wrong so far.
    """

    dialect_name: str
    problems: list[Problem] = field(default_factory=list)


class Kind(Protocol):
    """A kind of values."""

    def read(self, node: Node, reading: Reading) -> Any:
        """Return the value of a node.

        Raises:
            ProblemError: If it is none of this kind.
        """

    def schema(self) -> Schema:
        """Return what a JSON schema says of it."""

    def plain(self, value: Any) -> Any:
        """Return a value as it is written: texts, numbers, truth values, lists and mappings of these."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    Attributes:
        limit: How long it may be, in the unit of the database.
        may_be_empty: Otherwise blanks around it are dropped, too.
        what: What it is, for messages.
    """

    what: str
    limit: int
    may_be_empty: bool = False

    def read(self, node: Node, reading: Reading) -> str:
        """Return the text of a node."""
        text = text_of(node)
        try:
            if self.may_be_empty:
                return validation.text(text, self.what, self.limit, reading.dialect_name)
            return validation.name(text, self.what, self.limit, reading.dialect_name)
        except InvalidInputError as error:
            raise ProblemError(node.mark, str(error)) from error

    def schema(self) -> Schema:
        """Return its type and length."""
        least = {} if self.may_be_empty else {"minLength": 1}
        return {"type": "string", **least, "maxLength": self.limit}

    def plain(self, value: str) -> str:
        """Return it as it is."""
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words.

    Attributes:
        words: All of them.
    """

    words: tuple[str, ...]

    def read(self, node: Node, _reading: Reading) -> str:
        """Return the word of a node."""
        text = node.text if isinstance(node, Scalar) else None
        if text not in self.words:
            raise ProblemError(node.mark, f"Here has to stand one of {', '.join(self.words)}, not {shown(node)}.")
        return text

    def schema(self) -> Schema:
        """Return the words."""
        return {"enum": list(self.words)}

    def plain(self, value: str) -> str:
        """Return it as it is."""
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false, in these words alone."""

    def read(self, node: Node, _reading: Reading) -> bool:
        """Return the truth value of a node."""
        if not isinstance(node, Scalar) or not node.is_plain or node.text not in ("true", "false"):
            raise ProblemError(node.mark, f"Here has to stand true or false, not {shown(node)}.")
        return node.text == "true"

    def schema(self) -> Schema:
        """Return its type."""
        return {"type": "boolean"}

    def plain(self, value: bool) -> bool:
        """Return it as it is."""
        return value


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number.

    Attributes:
        least: Smallest.
        most: Largest.
    """

    least: int
    most: int = validation.LARGEST_INTEGER

    def read(self, node: Node, _reading: Reading) -> int:
        """Return the number of a node."""
        if not isinstance(node, Scalar) or not node.is_plain or not is_whole_number(node.text):
            raise ProblemError(node.mark, f"Here has to stand a whole number, not {shown(node)}.")
        number = int(node.text) if len(node.text) < 20 else None
        if number is None or not self.least <= number <= self.most:
            raise ProblemError(node.mark, f"The number has to be from {self.least} to {self.most}, not {shown(node)}.")
        return number

    def schema(self) -> Schema:
        """Return its type and limits."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def plain(self, value: int) -> int:
        """Return it as it is."""
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A number, perhaps with decimals.

    Attributes:
        least: Smallest.
        most: Largest.
    """

    least: float
    most: float

    def read(self, node: Node, _reading: Reading) -> float:
        """Return the number of a node."""
        if not isinstance(node, Scalar) or not node.is_plain or not is_number(node.text):
            raise ProblemError(node.mark, f"Here has to stand a number, not {shown(node)}.")
        number = float(node.text)
        if not self.least <= number <= self.most:
            raise ProblemError(
                node.mark, f"The number has to be from {self.least:g} to {self.most:g}, not {shown(node)}."
            )
        return number

    def schema(self) -> Schema:
        """Return its type and limits."""
        return {"type": "number", "minimum": self.least, "maximum": self.most}

    def plain(self, value: float) -> float | int:
        """Return it without decimals that say nothing."""
        return int(value) if float(value).is_integer() else value


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration; its value is in seconds.

    Attributes:
        least: Shortest.
        most: Longest.
    """

    least: int = 0
    most: int = validation.LARGEST_INTEGER

    def read(self, node: Node, _reading: Reading) -> int:
        """Return the seconds of a node."""
        seconds = durations.read(node.text) if isinstance(node, Scalar) else None
        if seconds is None:
            raise ProblemError(node.mark, f"Here has to stand a duration such as 30s, 5m, 1h or 2d, not {shown(node)}.")
        if not self.least <= seconds <= self.most:
            limits = f"from {durations.written(self.least)} to {durations.written(self.most)}"
            raise ProblemError(node.mark, f"The duration has to be {limits}, not {shown(node)}.")
        return seconds

    def schema(self) -> Schema:
        """Return its type and form."""
        return {"type": "string", "pattern": durations.PATTERN}

    def plain(self, value: int) -> str:
        """Return it in its largest unit."""
        return Bare(durations.written(value))


@dataclass(frozen=True, slots=True)
class Date:
    """A day."""

    def read(self, node: Node, _reading: Reading) -> date:
        """Return the day of a node."""
        text = node.text if isinstance(node, Scalar) else ""
        try:
            if re.match(DATE_PATTERN, text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise ProblemError(node.mark, f"Here has to stand a day such as 2026-12-24, not {shown(node)}.")

    def schema(self) -> Schema:
        """Return its type and form."""
        return {"type": "string", "pattern": DATE_PATTERN}

    def plain(self, value: date) -> str:
        """Return it as ISO 8601 has it."""
        return Bare(value.isoformat())


def text_of(node: Node) -> str:
    """Return the text of a node.

    Raises:
        ProblemError: If it is none, or somebody could take it for something else.
    """
    if not isinstance(node, Scalar):
        raise ProblemError(node.mark, f"Here has to stand a text, not {shown(node)}.")
    if node.is_plain and not node.text:
        raise ProblemError(node.mark, 'Here stands nothing. Write "" for an empty text, or leave the key out.')
    if node.is_plain and not is_clearly_text(node.text):
        raise ProblemError(node.mark, f'Write "{node.text}" in quotes: without them it is no text for everybody.')
    return node.text


def entries_of(node: Node) -> tuple[tuple[Scalar, Node], ...]:
    """Return the keys and values of a node.

    Raises:
        ProblemError: If it has none.
    """
    if not isinstance(node, Entries):
        raise ProblemError(node.mark, f"Here have to stand keys with values, or {{}} for none, not {shown(node)}.")
    return node.entries


def unknown_key(key: Scalar, known: Iterable[str]) -> ProblemError:
    """Return that a key is none, with the one that may be meant, or all that there are."""
    import difflib  # noqa: PLC0415  (only where something is wrong)

    names = list(known)
    near = difflib.get_close_matches(key.text, names, 1)
    hint = f"Is {near[0]} meant?" if near else f"The keys here are {', '.join(names)}."
    return ProblemError(key.mark, f"There is no key {key.text!r} here. {hint}")


def shown(node: Node) -> str:
    """Return a node as a message names it."""
    if isinstance(node, Scalar):
        if not node.text and node.is_plain:
            return "nothing"
        return repr(node.text if len(node.text) <= 60 else node.text[:59] + "…")
    return "a list" if isinstance(node, Items) else "keys with values"
