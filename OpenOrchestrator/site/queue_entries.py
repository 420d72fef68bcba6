"""What a queue says about its elements, in a file. Pure.

A queue exists by having elements; what stands in a file are its settings. One that says nothing has the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from OpenOrchestrator.database.statuses import UniqueReferences, WhenRobotDied
from OpenOrchestrator.database.stores import element_order, notes, queue_rules, validation
from OpenOrchestrator.database.stores.notes import Annotated, Owner
from OpenOrchestrator.database.stores.queue_names import QUEUE_NAME_LENGTH, queue_name_of
from OpenOrchestrator.database.stores.queue_rules import QueueRules
from OpenOrchestrator.site import argument_texts
from OpenOrchestrator.site.argument_texts import Arguments
from OpenOrchestrator.site.groups import Part, Record
from OpenOrchestrator.site.kinds import Choice, Duration, Flag, Number, Reading, Schema, Text, WholeNumber, shown
from OpenOrchestrator.site.problems import Mark, ProblemError
from OpenOrchestrator.site.yaml_text import Bare
from OpenOrchestrator.site.yaml_tree import Node, Scalar

_DAYS = re.compile("[1-9][0-9]{0,5}d")
_DIED = {member.name.lower(): member for member in WhenRobotDied}
_UNIQUE = {member.name.lower(): member for member in UniqueReferences}


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A queue of a file.

    Attributes:
        values: By key of ``QUEUE``; those that are not there by their defaults.
    """

    name: str
    mark: Mark
    values: Mapping[str, Any]


class Days:
    """A number of whole days, such as 90d."""

    def read(self, node: Node, _reading: Reading) -> int:
        """Return the days of a node."""
        text = node.text if isinstance(node, Scalar) else ""
        days = int(text[:-1]) if _DAYS.fullmatch(text) else 0
        if not 1 <= days <= queue_rules.MOST_DAYS:
            most = f"from 1d to {queue_rules.MOST_DAYS}d"
            raise ProblemError(node.mark, f"Here has to stand a number of days such as 90d, {most}, not {shown(node)}.")
        return days

    def schema(self) -> Schema:
        """Return its type and form."""
        return {"type": "string", "pattern": f"^{_DAYS.pattern}$"}

    def plain(self, value: int) -> str:
        """Return it in days."""
        return Bare(f"{value}d")


_PAUSE = Duration(0, validation.LONGEST_RETRY_PAUSE_SECONDS)
GROWING_PAUSE = Record(
    MappingProxyType(
        {
            "first": Part(_PAUSE, 0, "How long an element waits before its second attempt."),
            "growth": Part(
                Number(1, validation.LARGEST_RETRY_GROWTH), 1.0, "By how much each later pause is longer than the last."
            ),
        }
    ),
    required=("first",),
)


class AttemptPause:
    """The pause between attempts: a duration, or how long the first is and how they grow; the value has both."""

    def read(self, node: Node, reading: Reading) -> dict[str, Any]:
        """Return the first pause and the growth of a node."""
        if isinstance(node, Scalar):
            return GROWING_PAUSE.defaults() | {"first": _PAUSE.read(node, reading)}
        return GROWING_PAUSE.read(node, reading)

    def schema(self) -> Schema:
        """Return both forms."""
        return {"anyOf": [_PAUSE.schema(), GROWING_PAUSE.schema()]}

    def plain(self, value: Mapping[str, Any]) -> Any:
        """Return one duration where all pauses are the same."""
        return _PAUSE.plain(value["first"]) if value["growth"] == 1 else GROWING_PAUSE.plain(value)


OWNER = Record(
    MappingProxyType(
        {
            "name": Part(Text("name of the owner", notes.OWNER_NAME_LENGTH), "", "A person or a team."),
            "mail": Part(Text("mail address", notes.MAIL_LENGTH), "", "Their mail address."),
            "runbook": Part(Text("link to the runbook", notes.RUNBOOK_LENGTH), "", "Where it says what to do."),
        }
    )
)
_KEPT = {"done": "that are Done", "failed": "that Failed", "abandoned": "that were Abandoned"}
RETENTION = Record(
    MappingProxyType(
        {status: Part(Days(), None, f"How long elements {words} are kept.") for status, words in _KEPT.items()}
    )
)
_NAME = Text("name of the queue", QUEUE_NAME_LENGTH, may_be_empty=True)

QUEUE = Record(
    MappingProxyType(
        {
            "name": Part(_NAME, "", "What it is called, to the last character."),
            "description": Part(
                Text("description", queue_rules.DESCRIPTION_LENGTH, may_be_empty=True), None, "What it is for."
            ),
            "owner": Part(OWNER, OWNER.defaults(), "Whom to call about it."),
            "attempts": Part(WholeNumber(1, queue_rules.MOST_ATTEMPTS), 1, "How often an element is tried at most."),
            "attempt_pause": Part(AttemptPause(), GROWING_PAUSE.defaults(), "How long an element waits between them."),
            "when_robot_died": Part(
                Choice(tuple(_DIED)), "abandon", "What becomes of an element whose robot died: given up or tried again."
            ),
            "unique": Part(
                Choice(tuple(_UNIQUE)), "none", "Among which elements a reference may occur once: none, open or ever."
            ),
            "lease": Part(
                Duration(queue_rules.SHORTEST_LEASE_SECONDS, queue_rules.LONGEST_LEASE_SECONDS),
                None,
                "How long a robot without a job holds an element unless it prolongs that.",
            ),
            "retention": Part(RETENTION, RETENTION.defaults(), "How long elements that have ended are kept."),
            "schema": Part(
                Arguments(queue_rules.SCHEMA_LENGTH, "JSON schema"), None, "The JSON schema that data has to fit."
            ),
            "priority": Part(
                WholeNumber(-element_order.MOST_PRIORITY, element_order.MOST_PRIORITY),
                0,
                "The priority of elements for which none is given.",
            ),
            "finish_within": Part(
                Duration(1, queue_rules.LONGEST_FINISH_SECONDS),
                None,
                "From when an element may be handed out to its deadline, where none is given.",
            ),
            "paused": Part(Flag(), None, "Whether nothing is handed out. Left out: it stays as it is."),
            "breaker": Part(
                WholeNumber(1, queue_rules.MOST_BREAKER_ERRORS),
                None,
                "After how many errors of robots in a row the queue is paused.",
            ),
        }
    ),
    required=("name",),
)

KEYS = tuple(key for key in QUEUE.parts if key != "name")


def read_queue(node: Node, reading: Reading, as_input: Callable[[Mark, Callable[[], object]], None]) -> QueueEntry:
    """Return the queue of a node. What is wrong with one of its values is noted.

    Args:
        node: What stands in the file.
        reading: Takes the problems.
        as_input: Runs a check of the stores, and tells what it refuses at a place.

    Raises:
        ProblemError: If the node is no queue, or one that cannot be.
    """
    before = len(reading.problems)
    values = QUEUE.read(node, reading)
    values["description"] = values["description"] or None
    if len(reading.problems) == before:

        def check() -> None:
            queue_name_of(values["name"], reading.dialect_name)
            queue_rules.checked(rules_of(values), reading.dialect_name)
            values["owner"] = owner_values(notes.checked(Annotated(owner=owner_of(values)), reading.dialect_name).owner)

        as_input(node.mark, check)
    return QueueEntry(values["name"], node.mark, MappingProxyType(values))


def values_of(name: str, rules: QueueRules, owner: Owner, *, paused: bool) -> dict[str, Any]:
    """Return what is stored in the words of files."""
    return {
        "name": name,
        "description": rules.description or None,
        "owner": owner_values(owner),
        "attempts": rules.most_attempts,
        "attempt_pause": {"first": rules.pause_seconds, "growth": rules.pause_growth},
        "when_robot_died": rules.when_robot_died.name.lower(),
        "unique": rules.unique_references.name.lower(),
        "lease": rules.lease_seconds,
        "retention": {status: getattr(rules, f"keep_{status}_days") for status in _KEPT},
        "schema": rules.json_schema or None,
        "priority": rules.default_priority,
        "finish_within": rules.finish_within_seconds,
        "paused": paused,
        "breaker": rules.breaker_errors,
    }


def rules_of(values: Mapping[str, Any]) -> QueueRules:
    """Return what is to be stored for the values of a queue."""
    pause = values["attempt_pause"]
    return QueueRules(
        most_attempts=values["attempts"],
        pause_seconds=pause["first"],
        pause_growth=float(pause["growth"]),
        when_robot_died=_DIED[values["when_robot_died"]],
        description=values["description"],
        unique_references=_UNIQUE[values["unique"]],
        lease_seconds=values["lease"],
        keep_done_days=values["retention"]["done"],
        keep_failed_days=values["retention"]["failed"],
        keep_abandoned_days=values["retention"]["abandoned"],
        json_schema=values["schema"],
        default_priority=values["priority"],
        finish_within_seconds=values["finish_within"],
        breaker_errors=values["breaker"],
    )


def owner_of(values: Mapping[str, Any]) -> Owner:
    """Return whom to call about a queue."""
    return Owner(**values["owner"])


def owner_values(owner: Owner) -> dict[str, str]:
    """Return an owner in the words of files."""
    return {"name": owner.name, "mail": owner.mail, "runbook": owner.runbook}


def nothing_said(name: str) -> dict[str, Any]:
    """Return the values of a queue that says nothing and is not paused."""
    return {**QUEUE.defaults(), "name": name, "paused": False}


def says_nothing(values: Mapping[str, Any]) -> bool:
    """Tell whether a stored queue is one that says nothing and is not paused."""
    return dict(values) == nothing_said(values["name"])


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ; a pause that a file does not mention stays as it is."""
    return [key for key in KEYS if not _are_same(key, before[key], after[key])]


def plain(key: str, value: Any) -> Any:
    """Return one value as it is written; None for none."""
    return None if value is None else QUEUE.parts[key].kind.plain(value)


def written_queue(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a queue as it is written; what is as by default is left out, and that it is not paused."""
    return QUEUE.plain({**values, "paused": values["paused"] or None})


def _are_same(key: str, before: Any, after: Any) -> bool:
    if key == "paused" and after is None:
        return True
    if key == "schema" and before is not None and after is not None:
        return argument_texts.are_same(before, after)
    return bool(before == after)
