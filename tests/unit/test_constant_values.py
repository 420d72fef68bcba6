"""Values of constants read as something else, and names that were mistyped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.stores.constants import close_names
from OpenOrchestrator.orchestrator_connection import constant_values
from OpenOrchestrator.orchestrator_connection.constant_values import json_value, number, truth, whole_number


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (whole_number, "10", 10),
        (whole_number, " -3 ", -3),
        (number, "1.5", 1.5),
        (number, "1e3", 1000.0),
        (truth, " Yes", True),
        (truth, "OFF", False),
        (truth, "0", False),
        (json_value, '{"a": [1, null]}', {"a": [1, None]}),
        (json_value, "[]", []),
    ],
)
def test_values_are_read(read: Callable[[str], Any], text: str, expected: Any) -> None:
    read_value = read(text)
    assert read_value == expected
    assert type(read_value) is type(expected)


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (whole_number, "1.5", "no whole number"),
        (whole_number, "", "no whole number"),
        (number, "1,5", "decimal point"),
        (number, "nan", "decimal point"),
        (number, "inf", "decimal point"),
        (truth, "maybe", "none of true"),
        (truth, "", "none of true"),
        (json_value, '{"a": hidden-7}', "line 1, column 7"),
    ],
)
def test_other_values_are_refused_by_name_and_not_repeated(read: Any, text: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        constant_values.of_constant(Constant(name="Most rows", value=text), read)
    assert words in str(caught.value)
    assert "'Most rows'" in str(caught.value)
    assert "hidden-7" not in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "close"),
    [
        ("shop name", ["Shop name", "Shop names"]),
        ("Shopname", ["Shop name", "Shop names"]),
        (" SHOP NAME ", ["Shop name", "Shop names"]),
        ("api key", ["API KEY", "Api key"]),
        ("Something else", []),
        ("", []),
    ],
)
def test_names_close_to_a_mistyped_one(wanted: str, close: list[str]) -> None:
    assert close_names(wanted, ["Api key", "API KEY", "Shop names", "Shop name", "Host"]) == close
