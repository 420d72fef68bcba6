"""What is wrong with a file, and where. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from OpenOrchestrator.common.errors import InvalidInputError

MOST_SHOWN = 20
"""So many problems are told at once."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that is wrong.

    Attributes:
        mark: Where.
        words: What, and what would be right, as sentences.
    """

    mark: Mark
    words: str


class ProblemError(Exception):
    """Something is wrong with one value; whoever reads what stands around it goes on with the rest."""

    def __init__(self, mark: Mark, words: str) -> None:
        super().__init__(words)
        self.problem = Problem(mark, words)


class SiteFileError(InvalidInputError):
    """A file cannot be used; nothing was changed.

    Attributes:
        problems: What is wrong, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem], file_name: str = "the file") -> None:
        self.problems = tuple(sorted(set(problems)))
        shown = [f"{problem.mark}: {problem.words}" for problem in self.problems[:MOST_SHOWN]]
        more = len(self.problems) - len(shown)
        if more:
            shown.append(f"and {more} more")
        joined = " | ".join(shown)
        super().__init__(f"In {file_name}, {joined}")
