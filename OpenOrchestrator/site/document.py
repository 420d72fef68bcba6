"""From the tree of a file to what it says the site is to be, every value checked. Pure, but for the holidays' package.

Owns which sections a file has. What is wrong is collected, so that all of it is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.schedules import zone_named
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores import (
    calendars,
    constants,
    pool_amounts,
    queue_backoff,
    trigger_input,
    validation,
)
from OpenOrchestrator.site import yaml_tree
from OpenOrchestrator.site.calendar_entries import read_calendar
from OpenOrchestrator.site.constant_entries import ConstantKind
from OpenOrchestrator.site.groups import Named, Part, Record
from OpenOrchestrator.site.kinds import (
    Duration,
    Kind,
    Reading,
    Text,
    WholeNumber,
    entries_of,
    shown,
    text_of,
    unknown_key,
)
from OpenOrchestrator.site.problems import Mark, Problem, ProblemError, SiteFileError
from OpenOrchestrator.site.queue_entries import Days, QueueEntry, read_queue
from OpenOrchestrator.site.trigger_fields import FIELDS_BY_KEY, TRIGGER_FIELDS, TYPE_KEYS, fields_of
from OpenOrchestrator.site.yaml_tree import Items, Node, Scalar

VERSION = "1"


POOLS = Named(
    Text("name of the pool", pool_amounts.NAME_LENGTH),
    WholeNumber(0, pool_amounts.LARGEST),
)

CONSTANTS = Named(Text("name of the constant", constants.NAME_LENGTH), ConstantKind())

KEEP = Record(
    MappingProxyType(
        {
            "jobs": Part(Days(), None, "How long jobs are kept that have ended."),
            "output": Part(Days(), None, "How long the output of jobs is kept that have ended."),
            "logs": Part(Days(), None, "How long logs are kept."),
            "files": Part(Days(), None, "How long files are kept of jobs and elements that have ended."),
        }
    )
)

SETTINGS: Mapping[str, Part] = MappingProxyType(
    {
        "timezone": Part(Text("time zone", trigger_input.ZONE_LENGTH), None, "The time zone of the site."),
        "queue_poll": Part(
            Duration(1, queue_backoff.MOST_LONGEST_SECONDS),
            None,
            "How long queue triggers whose runs take nothing rest at most.",
        ),
        "retention": Part(KEEP, KEEP.defaults(), "How long jobs, output, logs and files are kept; else for ever."),
    }
)
"""What holds for the whole site; a key that is not there leaves the setting as it is."""

SECTIONS = ("version", *SETTINGS, "calendars", "pools", "queues", "triggers", "constants", "credentials")


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A calendar of a file."""

    calendar: Calendar
    mark: Mark


@dataclass(frozen=True, slots=True)
class TriggerEntry:
    """A trigger of a file.

    Attributes:
        id: Which one it is, where the file says it.
        values: By key, all that its kind has; those that are not there by their defaults.
        marks: Where the keys stand that are there.
    """

    mark: Mark
    id: UUID | None
    type: TriggerType
    values: Mapping[str, Any]
    marks: Mapping[str, Mark]

    @property
    def name(self) -> str:
        """What it is to be called."""
        return str(self.values["name"])

    def mark_of(self, key: str) -> Mark:
        """Return where a key stands; where the trigger does, if it has none."""
        return self.marks.get(key, self.mark)


@dataclass(frozen=True, slots=True)
class NamedEntry:
    """A pool, constant or credential of a file."""

    name: str
    mark: Mark
    value: Any = None


@dataclass(slots=True)
class SiteDocument:
    """What a file says. A section that is None is not there, and what it is about stays as it is.

    Attributes:
        settings: Value and place, by key.
    """

    settings: dict[str, tuple[Any, Mark]] = field(default_factory=dict)
    calendars: tuple[CalendarEntry, ...] | None = None
    pools: tuple[NamedEntry, ...] | None = None
    queues: tuple[QueueEntry, ...] | None = None
    triggers: tuple[TriggerEntry, ...] | None = None
    constants: tuple[NamedEntry, ...] | None = None
    credentials: tuple[NamedEntry, ...] | None = None


def read(data: bytes, *, dialect_name: str, file_name: str = "the file") -> SiteDocument:
    """Return what a file says.

    Args:
        data: What is in it.
        dialect_name: The kind of database it is for.
        file_name: For messages.

    Raises:
        SiteFileError: If anything in it cannot be.
    """
    tree = yaml_tree.parse(data, file_name)
    reading = Reading(dialect_name)
    document = SiteDocument()
    try:
        document = read_sections(tree, reading)
    except ProblemError as error:
        reading.problems.append(error.problem)
    if reading.problems:
        raise SiteFileError(reading.problems, file_name)
    return document


def read_sections(tree: Node, reading: Reading, *, known: Iterable[str] = SECTIONS) -> SiteDocument:
    """Return what the sections of a tree say; what is wrong with one is noted, and the others are read.

    Args:
        tree: The whole of a file.
        reading: Takes the problems.
        known: The sections to name where there is one of another name.

    Raises:
        ProblemError: If the tree has no sections, or none that are understood here.
    """
    document = SiteDocument()
    entries = {key.text: (key, value) for key, value in entries_of(tree)}
    if "version" not in entries:
        raise ProblemError(tree.mark, f"Here is no version. A file begins with: version: {VERSION}")
    version = entries["version"][1]
    if not isinstance(version, Scalar) or version.text != VERSION or not version.is_plain:
        raise ProblemError(
            version.mark, f"This program understands version {VERSION} of these files, not {shown(version)}."
        )
    for name, (key, node) in entries.items():
        with _noted(reading):
            if name in SETTINGS:
                document.settings[name] = (SETTINGS[name].kind.read(node, reading), node.mark)
                if name == "timezone":
                    _as_input(node.mark, lambda: zone_named(document.settings["timezone"][0]))
            elif name == "calendars":
                document.calendars = tuple(_each(node, reading, _calendar))
                _unique(reading, [(each.calendar.name, each.mark) for each in document.calendars], "calendar")
            elif name == "triggers":
                document.triggers = tuple(_each(node, reading, _trigger))
                _unique_triggers(reading, document.triggers)
            elif name == "pools":
                document.pools = _named(POOLS, node, reading)
                _unique(reading, [(each.name, each.mark) for each in document.pools], "pool")
            elif name == "queues":
                document.queues = tuple(_each(node, reading, _queue))
                # Queues whose names differ in case alone are two.
                _unique(reading, [(each.name, each.mark) for each in document.queues], "queue", exactly=True)
            elif name == "constants":
                document.constants = _named(CONSTANTS, node, reading)
                _unique(reading, [(each.name, each.mark) for each in document.constants], "constant")
            elif name == "credentials":
                document.credentials = tuple(_each(node, reading, _credential))
                _unique(reading, [(each.name, each.mark) for each in document.credentials], "credential")
            elif name != "version":
                raise unknown_key(key, known)
    return document


class _noted:  # noqa: N801  (used as a context manager, like contextlib.suppress)
    """Notes what is wrong in a block, and goes on after it."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        """Note a problem."""
        if isinstance(error, ProblemError):
            self._reading.problems.append(error.problem)
            return True
        return False


def _each(node: Node, reading: Reading, read_one: Callable[[Node, Reading], Any]) -> list[Any]:
    if not isinstance(node, Items):
        raise ProblemError(node.mark, f"Here has to stand a list, or [] for none, not {shown(node)}.")
    found = []
    for each in node.items:
        with _noted(reading):
            found.append(read_one(each, reading))
    return found


def _calendar(node: Node, reading: Reading) -> CalendarEntry:
    before = len(reading.problems)
    calendar = read_calendar(node, reading)
    if len(reading.problems) == before:
        _as_input(node.mark, lambda: calendars.checked(calendar, reading.dialect_name))
    return CalendarEntry(calendar, node.mark)


def _queue(node: Node, reading: Reading) -> QueueEntry:
    return read_queue(node, reading, _as_input)


def _trigger(node: Node, reading: Reading) -> TriggerEntry:
    nodes = {key.text: (key, value) for key, value in entries_of(node)}
    for key, _ in nodes.values():
        if key.text not in FIELDS_BY_KEY and key.text != "id":
            reading.problems.append(unknown_key(key, ("id", *FIELDS_BY_KEY)).problem)
    kinds = [key for key in TYPE_KEYS if key in nodes]
    if len(kinds) != 1:
        also = f" This one has {' and '.join(kinds)}." if kinds else ""
        raise ProblemError(node.mark, f"A trigger has exactly one of {', '.join(TYPE_KEYS)}.{also}")
    kind = TYPE_KEYS[kinds[0]]
    values: dict[str, Any] = {}
    for field_ in fields_of(kind):
        values[field_.key] = field_.default
        if field_.key in nodes:
            with _noted(reading):
                values[field_.key] = _checked(field_.key, nodes[field_.key][1], reading)
        elif field_.required:
            reading.problems.append(Problem(node.mark, f"This trigger has no {field_.key}: it is needed."))
    for field_ in TRIGGER_FIELDS:
        if field_.key in nodes and kind not in field_.types:
            with_ = " or ".join(key for key, of in TYPE_KEYS.items() if of in field_.types)
            mark = nodes[field_.key][0].mark
            reading.problems.append(Problem(mark, f"{field_.key} goes with {with_} only; this one has {kinds[0]}."))
    if values["process"] is None:
        values["process"] = values["name"]
    identity = None
    if "id" in nodes:
        with _noted(reading):
            identity = _identity(nodes["id"][1])
    marks = {key: value.mark for key, (_, value) in nodes.items()}
    return TriggerEntry(node.mark, identity, kind, MappingProxyType(values), MappingProxyType(marks))


def _checked(key: str, node: Node, reading: Reading) -> Any:
    """Return the value of a key that the store of triggers takes, too."""
    field_ = FIELDS_BY_KEY[key]
    before = len(reading.problems)
    value = field_.kind.read(node, reading)
    columns = field_.stored(value) if len(reading.problems) == before else {}
    _as_input(
        node.mark, lambda: trigger_input.checked(columns, dialect_name=reading.dialect_name, zone=ZoneInfo("UTC"))
    )
    return value


def _identity(node: Node) -> UUID:
    text = node.text if isinstance(node, Scalar) else ""
    found = validation.find_identifier(text)
    if found is None:
        raise ProblemError(
            node.mark, f"{shown(node)} is no id of a trigger, such as 123e4567-e89b-12d3-a456-426614174000."
        )
    return found


def _named(kind: Named, node: Node, reading: Reading) -> tuple[NamedEntry, ...]:
    found = []
    for key, value in entries_of(node):
        with _noted(reading):
            name = kind.name.read(key, reading)
            found.append(NamedEntry(name, value.mark, kind.of.read(value, reading)))
    return tuple(found)


def _credential(node: Node, reading: Reading) -> NamedEntry:
    if not isinstance(node, Scalar):
        raise ProblemError(
            node.mark, "Credentials stand here by name alone; no user and no password belong into a file."
        )
    kind: Kind = Text("name of the credential", constants.NAME_LENGTH)
    text_of(node)
    return NamedEntry(kind.read(node, reading), node.mark)


def _unique(reading: Reading, names: list[tuple[str, Mark]], noun: str, *, exactly: bool = False) -> None:
    seen: dict[str, Mark] = {}
    for name, mark in names:
        first = seen.setdefault(name if exactly else name.casefold(), mark)
        if first is not mark:
            reading.problems.append(Problem(mark, f"The {noun} {name!r} stands here a second time, after {first}."))


def _unique_triggers(reading: Reading, triggers: tuple[TriggerEntry, ...]) -> None:
    by_name: dict[str, TriggerEntry] = {}
    by_id: dict[UUID, TriggerEntry] = {}
    for each in triggers:
        first = by_name.setdefault(each.name, each)
        if first is not each and (first.id is None or each.id is None):
            words = f"The trigger {each.name!r} stands here a second time, after {first.mark}. Give both their id."
            reading.problems.append(Problem(each.mark_of("name"), words))
        if each.id is not None and by_id.setdefault(each.id, each) is not each:
            words = f"This id stands here a second time, after {by_id[each.id].mark_of('id')}."
            reading.problems.append(Problem(each.mark_of("id"), words))


def _as_input(mark: Mark, check: Callable[[], object]) -> None:
    try:
        check()
    except InvalidInputError as error:
        raise ProblemError(mark, str(error)) from error
