"""What the data of a queue's elements has to be: JSON that fits the schema of the queue, where it has one.

Owns what a schema may be, and how it is told what does not fit. Programs of earlier versions write data unchecked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database import element_data
from OpenOrchestrator.database.stores.queue_names import name_hash

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.database import Database

# Not the model: robots that add elements wait for what is loaded, and few queues have a schema.
_SETTINGS = sa.table("Queue_Settings", sa.column("name_hash", sa.String()), sa.column("json_schema", sa.UnicodeText()))
_SHOWN = 300
_TOO_DEEP = "it is nested too deeply"


class DataSchema:
    """The schema of a queue, ready to be asked.

    Args:
        text: The schema, as JSON.

    Raises:
        InvalidInputError: If it is none.
    """

    def __init__(self, text: str) -> None:
        # Imported where a queue has a schema, and not by every robot.
        from jsonschema import Draft202012Validator, SchemaError, validators  # noqa: PLC0415
        from referencing.jsonschema import EMPTY_REGISTRY  # noqa: PLC0415

        try:
            schema = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"The JSON schema is no JSON: {error}. Correct it, or leave it empty.") from error
        if not isinstance(schema, dict):
            raise InvalidInputError(
                f'The JSON schema has to be a JSON object, such as {{"type": "object"}}, not {type(schema).__name__}.'
            )
        kind = validators.validator_for(schema, default=Draft202012Validator)
        named = str(schema.get("$schema", "")).rstrip("#")
        if named and named != str(kind.META_SCHEMA.get("$schema")).rstrip("#"):
            raise InvalidInputError(f"The JSON schema is of a kind that is not known: {named[:200]}.")
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise InvalidInputError(
                f"The JSON schema is none: {_shown(error.json_path, error.message)}. Correct it, or leave it empty."
            ) from error
        # With this registry nothing is fetched from anywhere.
        self._validator: Validator = kind(schema, registry=EMPTY_REGISTRY)
        self._require_references(schema)

    def problem(self, data: str | None) -> str:
        """Return what of an element's data does not fit, with the path to it; empty if all does."""
        from jsonschema.exceptions import best_match  # noqa: PLC0415

        if data is None:
            return "there is none"
        try:
            error = best_match(self._validator.iter_errors(json.loads(data)))
        except RecursionError:
            return _TOO_DEEP
        except ValueError as no_json:
            return f"it is no JSON: {no_json}"
        return "" if error is None else _shown(error.json_path, error.message)

    def _require_references(self, schema: dict[str, Any]) -> None:
        from referencing import Registry, Resource  # noqa: PLC0415
        from referencing.exceptions import Unresolvable  # noqa: PLC0415
        from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

        resource = Resource.from_contents(schema, default_specification=DRAFT202012)
        resolver = Registry().with_resource(resource.id() or "", resource).resolver(resource.id() or "")
        for reference in _references(schema):
            try:
                resolver.lookup(reference)
            except Unresolvable as error:
                raise InvalidInputError(
                    f"The JSON schema refers to {reference[:200]!r}, which is not within it. Nothing is fetched from "
                    "elsewhere: copy it into the schema, beneath $defs."
                ) from error


def checked_schema(text: str) -> str:
    """Return the text of a schema that can be used.

    Raises:
        InvalidInputError: If it is none.
    """
    DataSchema(text)
    return text


def find(session: Session, queue_name: str) -> DataSchema | None:
    """Return the schema of a queue; None if it has none.

    Raises:
        InvalidInputError: If somebody stored one by other means that is none.
    """
    query = sa.select(_SETTINGS.c.json_schema).where(_SETTINGS.c.name_hash == name_hash(queue_name))
    text = session.scalar(query)
    if text is None:
        return None
    try:
        return DataSchema(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"Nothing can be added to the queue {queue_name!r}. {error}") from error


def require_fit(session: Session, queue_name: str, data: str | None) -> None:
    """Refuse data of an element that does not fit the schema of its queue.

    Raises:
        InvalidInputError: If it does not, with the path to what is wrong.
    """
    schema = find(session, queue_name)
    problem = schema.problem(data) if schema is not None else ""
    if problem:
        raise InvalidInputError(_refusal(queue_name, "data", problem))


def require_rows_fit(database: Database, rows: Iterable[Mapping[str, Any]]) -> None:
    """Refuse new rows of one queue of which one does not fit; outside of a transaction, because it takes time.

    Raises:
        InvalidInputError: If one does not, with its number and the path to what is wrong.
    """
    given = list(rows)
    if not given:
        return
    name = given[0]["queue_name"]
    schema = database.read(lambda session: find(session, name))
    if schema is None:
        return
    for number, row in enumerate(given, 1):
        problem = schema.problem(element_data.whole(row["data"], row["whole_data"]))
        if problem:
            raise InvalidInputError(_refusal(name, f"data number {number}", problem))


def text_of(data: str | None, value: object) -> str | None:
    """Return the data of an element that was given as a text or as a value, which is ``...`` where there is none.

    Raises:
        InvalidInputError: If both were given, or the value cannot be JSON.
    """
    if value is ...:
        return data
    if data is not None:
        raise InvalidInputError("Both data and json were given for an element: give one of them.")
    return as_data(value)


def texts_of(data: Iterable[str | None] | None, values: Iterable[object] | None) -> Iterable[str | None] | None:
    """Return the data of several elements that was given as texts or as values.

    Raises:
        InvalidInputError: If both were given, or a value cannot be JSON.
    """
    if values is None:
        return data
    if data is not None:
        raise InvalidInputError("Both data and json were given for the elements: give one of them.")
    if isinstance(values, (str, bytes, dict)) or not isinstance(values, Iterable):
        raise InvalidInputError(f"json has to be a list or tuple, one value per element, not {type(values).__name__}.")
    return [as_data(value) for value in values]


def as_data(value: object) -> str:
    """Return a value as the compact JSON that stands in the data of an element.

    Raises:
        InvalidInputError: If it cannot be JSON.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError as error:
        raise InvalidInputError(f"This cannot be the JSON of an element: {_TOO_DEEP}.") from error
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"This cannot be the JSON of an element: {error}. Use dictionaries, lists, texts, numbers, booleans and "
            "None only."
        ) from error


def _refusal(queue_name: str, what: str, problem: str) -> str:
    return f"The {what} does not fit the schema of the queue {queue_name!r}: {problem}. Nothing was added or changed."


def _shown(path: str, message: str) -> str:
    return f"{path}: {message if len(message) <= _SHOWN else message[:_SHOWN] + '…'}"


def _references(schema: Any) -> Iterable[str]:
    """Return all that a schema refers to."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                yield reference
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
