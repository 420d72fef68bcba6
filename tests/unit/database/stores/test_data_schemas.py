"""Schemas of queues: which are taken, and what is told of data that does not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores.data_schemas import DataSchema, as_data, checked_schema

ORDER = {
    "type": "object",
    "required": ["lines"],
    "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    "$defs": {"line": {"type": "object", "properties": {"amount": {"type": "number"}}}},
}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"lines": [{"amount": 1}, {"amount": 2.5}, {}]}, ""),
        ({"lines": [{}, {}, {}, {"amount": "7,50"}]}, "$.lines[3].amount: '7,50' is not of type 'number'"),
        ({"Lines": []}, "$: 'lines' is a required property"),
        ([], "$: [] is not of type 'object'"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(value: object, problem: str) -> None:
    assert DataSchema(json.dumps(ORDER)).problem(json.dumps(value)) == problem


@pytest.mark.parametrize(
    ("data", "problem"), [(None, "there is none"), ("4711;x", "it is no JSON"), ("[" * 100_000, "too deeply")]
)
def test_data_that_is_no_json_does_not_fit(data: str | None, problem: str) -> None:
    assert problem in DataSchema("{}").problem(data)


def test_a_problem_with_much_data_is_told_in_short() -> None:
    assert len(DataSchema('{"type": "object"}').problem(json.dumps("x" * 100_000))) < 400


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ("{", "no JSON"),
        ("[]", "has to be a JSON object"),
        ('{"type": "objekt"}', r"none: \$\.type: 'objekt'"),
        ('{"$schema": "https://example.com/own"}', "not known"),
        ('{"$ref": "https://example.com/order.json"}', "not within it"),
        ('{"properties": {"a": {"$ref": "#/$defs/missing"}}}', "not within it"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_when_it_is_set(schema: str, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        checked_schema(schema)


@pytest.mark.parametrize(
    "kind", ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"]
)
def test_older_kinds_of_schemas_are_taken(kind: str) -> None:
    assert DataSchema(json.dumps({"$schema": kind, **ORDER})).problem('{"lines": 1}').startswith("$.lines: 1 is not")
    own = {"$id": "https://example.com/order", "$defs": {"a": {"type": "null"}}, "$ref": "#/$defs/a"}
    assert checked_schema(json.dumps(own))


@pytest.mark.parametrize("value", [None, 1, "ø", [1, {"a": None}], True, {"a": [1.5]}])
def test_a_value_becomes_compact_json(value: object) -> None:
    text = as_data(value)
    assert json.loads(text) == value
    assert " " not in text


def test_what_is_no_json_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), float("nan"), {1, 2}, loop, {(1, 2): 3}):
        with pytest.raises(InvalidInputError, match="cannot be the JSON"):
            as_data(value)
