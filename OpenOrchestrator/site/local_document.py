"""From the tree of a file for a run without a site to what is stored for it, every value checked. Pure.

Such a file is one of a site that says more: what is secret, and which elements wait. Owns these further keys, which
``plan`` and ``apply`` refuse, so that no secret gets into the file of a site.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from OpenOrchestrator.database.stores import constants, credentials, queue_elements, queue_names, trigger_input
from OpenOrchestrator.database.stores.sample_data import SampleCredential, SampleData, SampleElement
from OpenOrchestrator.site import document, yaml_tree
from OpenOrchestrator.site.argument_texts import Arguments
from OpenOrchestrator.site.document import SiteDocument
from OpenOrchestrator.site.groups import Named, Part, Record
from OpenOrchestrator.site.kinds import Kind, Reading, Text, entries_of, shown
from OpenOrchestrator.site.problems import Problem, ProblemError, SiteFileError
from OpenOrchestrator.site.yaml_tree import Entries, Items, Node

_LONGEST_PASSWORD = 660
_ARGUMENTS = Arguments(trigger_input.PROCESS_ARGS_LENGTH)
_CREDENTIAL = Record(
    MappingProxyType(
        {
            "username": Part(Text("user name", credentials.USERNAME_LENGTH, may_be_empty=True), "", "The user name."),
            "password": Part(
                Text("password", _LONGEST_PASSWORD, may_be_empty=True), None, "The password, where it is no secret."
            ),
            "password_from": Part(
                Text("environment variable", 200), None, "The environment variable that holds the password."
            ),
            "fields": Part(
                Named(
                    Text("name of the field", credentials.FIELD_NAME_LENGTH),
                    Text("field", credentials.FIELDS_LENGTH, may_be_empty=True),
                ),
                MappingProxyType({}),
                "What it has beside, by name.",
            ),
        }
    )
)
_CREDENTIALS = Named(Text("name of the credential", constants.NAME_LENGTH), _CREDENTIAL)
_QUEUE: Kind = Text("name of the queue", queue_names.QUEUE_NAME_LENGTH)
_ELEMENT = Record(
    MappingProxyType(
        {
            "reference": Part(
                Text("reference", queue_elements.REFERENCE_LENGTH, may_be_empty=True), None, "To find it by."
            ),
            "data": Part(
                Arguments(queue_elements.DATA_LENGTH, "data"), None, "A text, or lists and mappings that become JSON."
            ),
        }
    )
)

LOCAL_SECTIONS = ("arguments", "elements")
"""Sections that a site's file does not have. That of the credentials is one of both, in two forms."""


@dataclass(frozen=True, slots=True)
class LocalDocument:
    """What a file says.

    Attributes:
        site: What could stand in the file of a site as well.
        arguments: Of the robot; None if nothing is said.
        sample: What belongs into no file of a site.
    """

    site: SiteDocument
    arguments: str | None = None
    sample: SampleData = field(default_factory=SampleData)


def read(
    data: bytes, *, dialect_name: str, environment: Mapping[str, str | None], file_name: str = "the file"
) -> LocalDocument:
    """Return what a file says.

    Args:
        data: What is in it.
        dialect_name: The kind of database it is for.
        environment: Where passwords are looked for that the file leaves out.
        file_name: For messages.

    Raises:
        SiteFileError: If anything in it cannot be, or a password is nowhere.
    """
    tree = yaml_tree.parse(data, file_name)
    reading = Reading(dialect_name)
    site = SiteDocument()
    found: dict[str, Any] = {}
    try:
        own, rest = _parted(tree)
        site = document.read_sections(rest, reading, known=(*document.SECTIONS, *LOCAL_SECTIONS))
        for name, node in own.items():
            try:
                found[name] = _read(name, node, reading, environment)
            except ProblemError as error:
                reading.problems.append(error.problem)
    except ProblemError as error:
        reading.problems.append(error.problem)
    if reading.problems:
        raise SiteFileError(reading.problems, file_name)
    sample = SampleData(credentials=found.get("credentials", {}), elements=found.get("elements", {}))
    return LocalDocument(site, found.get("arguments"), sample)


def _parted(tree: Node) -> tuple[dict[str, Node], Entries]:
    """Return what belongs to a local file alone, by name, and the rest, which is as in a site's file."""
    own: dict[str, Node] = {}
    rest = []
    for key, node in entries_of(tree):
        if key.text in LOCAL_SECTIONS or (key.text == "credentials" and isinstance(node, Entries)):
            own[key.text] = node
        else:
            rest.append((key, node))
    return own, Entries(tuple(rest), tree.mark)


def _read(name: str, node: Node, reading: Reading, environment: Mapping[str, str | None]) -> Any:
    if name == "arguments":
        return _ARGUMENTS.read(node, reading)
    if name == "elements":
        return {_QUEUE.read(key, reading): _elements(value, reading) for key, value in entries_of(node)}
    places = {key.text.strip(): value for key, value in entries_of(node)}
    return {
        credential: _credential(credential, given, places.get(credential, node), reading, environment)
        for credential, given in _CREDENTIALS.read(node, reading).items()
    }


def _elements(node: Node, reading: Reading) -> tuple[SampleElement, ...]:
    if not isinstance(node, Items):
        raise ProblemError(node.mark, f"Here has to stand a list of elements, or [] for none, not {shown(node)}.")
    found = []
    for each in node.items:
        try:
            found.append(SampleElement(**_ELEMENT.read(each, reading)))
        except ProblemError as error:
            reading.problems.append(error.problem)
    return tuple(found)


def _credential(
    name: str, given: Mapping[str, Any], place: Node, reading: Reading, environment: Mapping[str, str | None]
) -> SampleCredential:
    password, variable = given["password"], given["password_from"]
    if (password is None) == (variable is None):
        words = f"The credential {name!r} needs either password, or password_from with an environment variable."
        reading.problems.append(Problem(place.mark, words))
    elif variable is not None:
        password = environment.get(variable)
        if password is None:
            words = (
                f"The password of {name!r} is in no environment variable {variable}, nor in a line of the .env file."
            )
            reading.problems.append(Problem(place.mark, f"{words} Set it there: {variable}=..."))
    return SampleCredential(given["username"], password or "", given["fields"])
