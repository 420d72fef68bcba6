"""From the text of a file to a tree that remembers where everything stands. Pure.

Owns which part of YAML is understood. What YAML leaves to a reader's taste is refused instead of guessed: a word that
one version of YAML takes for a number, a date or a truth value and another one for a text, keys that stand twice, and
everything that makes one value out of another one (anchors, aliases, merges, tags). What a value means is said by the
key it belongs to, not by how it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from OpenOrchestrator.site.problems import Mark, ProblemError, SiteFileError

LARGEST_FILE = 16 * 1024 * 1024
DEEPEST = 50

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_TEXT_TAG = "tag:yaml.org,2002:str"
_ALSO_NO_TEXT = re.compile(r"[yYnN]|0o[0-7]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""What PyYAML takes for a text, but YAML 1.2, or all of 1.1, does not."""

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value.

    Attributes:
        is_plain: Whether it stands without quotes.
    """

    text: str
    is_plain: bool
    mark: Mark


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys with their values; no key stands twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    mark: Mark


Node = Scalar | Items | Entries


def parse(data: bytes, file_name: str = "the file") -> Node:
    """Return the tree of a file in UTF-8.

    Raises:
        SiteFileError: If it is no YAML, or something that is not understood here.
    """
    try:
        return _Builder(_events(_decoded(data))).build()
    except ProblemError as error:
        raise SiteFileError([error.problem], file_name) from error


def is_clearly_text(word: str) -> bool:
    """Tell whether every reader of YAML takes a word without quotes for a text."""
    tag = _RESOLVER.resolve(yaml.ScalarNode, word, (True, False))
    return bool(tag == _TEXT_TAG) and _ALSO_NO_TEXT.fullmatch(word) is None


def is_whole_number(word: str) -> bool:
    """Tell whether every reader takes a word for the same whole number: no octal, no sexagesimal, no underscores."""
    return _WHOLE.fullmatch(word) is not None


def is_number(word: str) -> bool:
    """Tell whether a word is a number as JSON has it."""
    return _NUMBER.fullmatch(word) is not None


def _decoded(data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        raise ProblemError(Mark(1, 1), f"The file is larger than {LARGEST_FILE // 1024**2} MiB.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        mark = Mark(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise ProblemError(mark, "The file is not in UTF-8. Save it in UTF-8.") from error


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        words = " ".join(part for part in (error.context, error.problem) if part)
        hint = " A text that begins with one of * & ! % @ ` has to stand in quotes." if "alias" in words else ""
        mark = Mark(1, 1) if at is None else Mark(at.line + 1, at.column + 1)
        raise ProblemError(mark, f"This is no YAML: {words}.{hint}") from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise ProblemError(mark, "Here stands a character that YAML does not allow. Write it as an escape.") from error


class _Builder:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def build(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise ProblemError(_mark(event), "A second document begins here. Leave out '---'.")
                root = self._node(next(self._events), 0)
        if root is None:
            raise ProblemError(Mark(1, 1), "The file is empty. It begins with: version: 1")
        return root

    def _node(self, event: Any, depth: int) -> Node:
        mark = _mark(event)
        if isinstance(event, yaml.AliasEvent):
            raise ProblemError(mark, f"*{event.anchor} stands for something else. Write that out; a text in quotes.")
        if event.anchor is not None:
            raise ProblemError(mark, f"Anchors such as &{event.anchor} are not understood. Write everything out.")
        if event.tag is not None:
            raise ProblemError(mark, f"Tags such as {event.tag!r} are not understood. Leave it out.")
        if depth > DEEPEST:
            raise ProblemError(mark, f"Nothing can be more than {DEEPEST} levels deep.")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, event.style in (None, ""), mark)
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(tuple(self._node(each, depth + 1) for each in self._until(yaml.SequenceEndEvent)), mark)
        return self._entries(mark, depth)

    def _entries(self, mark: Mark, depth: int) -> Entries:
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[str, Mark] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise ProblemError(key.mark, "A key has to be a text.")
            if key.is_plain and not is_clearly_text(key.text):
                raise ProblemError(key.mark, f'Write "{key.text}" in quotes: without them it is no text for everybody.')
            if key.text in seen:
                raise ProblemError(key.mark, f"{key.text!r} stands here a second time, after {seen[key.text]}.")
            seen[key.text] = key.mark
            entries.append((key, self._node(next(self._events), depth + 1)))
        return Entries(tuple(entries), mark)

    def _until(self, end: type[Any]) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)
