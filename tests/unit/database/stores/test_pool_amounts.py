"""What a trigger needs of pools is one text, always the same for the same amounts, and nothing else is taken for it."""

from __future__ import annotations

from typing import Any

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores.pool_amounts import checked, in_order, read, written


def test_what_is_written_is_read_again() -> None:
    for amounts in ({}, {"SAP konto æ": 1}, {"b": 2, "a": 1_000_000}):
        assert read(written(in_order(amounts))) == in_order(amounts)
    assert written(in_order({"b": 1, "a": 2})) == written((("a", 2), ("b", 1))) == '{"a": 2, "b": 1}'
    assert written(()) is None
    assert read("") == ()


@pytest.mark.parametrize("text", ["x", "[]", "1", '{"a": 0}', '{"a": -1}', '{"a": 1.5}', '{"a": true}', '{"a": null}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


def test_blanks_are_dropped_and_a_name_counts_once() -> None:
    assert checked({" a ": 1}, "pools", "sqlite") == '{"a": 1}'
    assert checked('{"b": 1, "a": 2}', "pools", "sqlite") == '{"a": 2, "b": 1}'
    assert checked({}, "pools", "sqlite") is checked(None, "pools", "sqlite") is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 0}, "whole number from 1"),
        ({"a": "1"}, "whole number from 1"),
        ({"": 1}, "is empty"),
        ({"a": 1, "a ": 1}, "named twice"),
        ({"x" * 101: 1}, "100"),
        ({f"{'x' * 95}{n:02}": 1 for n in range(12)}, "more than 1000 characters"),
        ("garbage", "names with whole numbers"),
        (3, "names with whole numbers"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_reason(value: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        checked(value, "pools", "mssql")
