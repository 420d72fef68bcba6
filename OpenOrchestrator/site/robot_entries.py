"""What of a robot's files is started, as it stands in files. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.robot_entry import LONGEST_ENTRY, read_entry
from OpenOrchestrator.site.kinds import Reading, Schema, Text
from OpenOrchestrator.site.problems import ProblemError
from OpenOrchestrator.site.yaml_tree import Node

_TEXT = Text("entry", LONGEST_ENTRY)


@dataclass(frozen=True, slots=True)
class Entry:
    """A Python file of the robot, or a module."""

    def read(self, node: Node, reading: Reading) -> str | None:
        """Return the file or module of a node.

        Raises:
            ProblemError: If it is neither.
        """
        try:
            entry = read_entry(_TEXT.read(node, reading))
        except InvalidInputError as error:
            raise ProblemError(node.mark, str(error)) from error
        return None if entry is None else entry.file or entry.module

    def schema(self) -> Schema:
        """Return its type and length."""
        return _TEXT.schema()

    def plain(self, value: str) -> str:
        """Return it as it is."""
        return value
