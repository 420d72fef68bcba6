"""Constants in a file: a value alone, or with those that single schedulers have in its place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.shown_arguments import shown
from OpenOrchestrator.database.stores import constant_overrides, constants
from OpenOrchestrator.site.groups import Named, Part, Record
from OpenOrchestrator.site.kinds import Kind, Reading, Schema, Text
from OpenOrchestrator.site.problems import ProblemError
from OpenOrchestrator.site.yaml_tree import Entries, Node


@dataclass(frozen=True, slots=True)
class ConstantValues:
    """What a constant is.

    Attributes:
        value: On all schedulers that are not among the others.
        schedulers: Values by name of a scheduler.
    """

    value: str
    schedulers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


_VALUE: Kind = Text("value of the constant", constants.VALUE_LENGTH, may_be_empty=True)
_WITH_SCHEDULERS = Record(
    MappingProxyType(
        {
            "value": Part(_VALUE, None, "The value on all other schedulers, and for robots of 3.0."),
            "schedulers": Part(
                Named(Text("name of the scheduler", constant_overrides.SCHEDULER_LENGTH), _VALUE),
                MappingProxyType({}),
                "Values by name of a scheduler: what robots on it read.",
            ),
        }
    ),
    required=("value",),
)


def shown_values(values: ConstantValues) -> ConstantValues:
    """Return what a file may show of values: no secret that stands in them."""
    return ConstantValues(shown(values.value, ()), {name: shown(each, ()) for name, each in values.schedulers.items()})


class ConstantKind:
    """The kind of the values of constants."""

    def read(self, node: Node, reading: Reading) -> ConstantValues:
        """Return what a node says.

        Raises:
            ProblemError: If it is neither a text nor has the keys ``value`` and ``schedulers``.
        """
        if not isinstance(node, Entries):
            return ConstantValues(_VALUE.read(node, reading))
        before = len(reading.problems)
        found = _WITH_SCHEDULERS.read(node, reading)
        if len(reading.problems) > before:
            return ConstantValues(found["value"] or "")
        try:
            checked = constant_overrides.checked(found["schedulers"], reading.dialect_name)
        except InvalidInputError as error:
            raise ProblemError(node.mark, str(error)) from error
        return ConstantValues(found["value"], MappingProxyType(checked))

    def schema(self) -> Schema:
        """Return its two forms."""
        return {"anyOf": [_VALUE.schema(), _WITH_SCHEDULERS.schema()]}

    def plain(self, value: ConstantValues) -> Any:
        """Return it as it is written: alone, if no scheduler has a value of its own."""
        if not value.schedulers:
            return value.value
        return {"value": value.value, "schedulers": dict(value.schedulers)}
