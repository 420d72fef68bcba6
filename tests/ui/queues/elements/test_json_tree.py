"""JSON to read: as it is stored."""

from __future__ import annotations

import json

import pytest
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.orchestrator.components.stored_json import JsonObject, as_text, parsed, unwrapped
from OpenOrchestrator.orchestrator.triggers.page_side import pretty
from tests.ui.queues.elements.test_element_page import add


@pytest.mark.parametrize(
    "text",
    [
        '{"amount": 1250.50, "rate": 1.0E+2, "zero": -0.0}',
        '{"account": 12345678901234567890123, "small": 0.1000000000000000055}',
        '{"a": 1, "a": 2, "b": {"c": true, "c": null}}',
        "[1e999, -1e999, NaN, Infinity, -Infinity]",
        '["æ", "\\n", "\\ud83d", "1.50", "1e999"]',
        '["' + "x" * 10_000 + '"]',
        "[" + "9" * 5_000 + "]",
        "[]",
        "{}",
    ],
)
def test_nothing_is_changed(text: str) -> None:
    value = parsed(text)
    assert value is not None
    assert as_text(value) == text
    as_text(value).encode()  # can be sent to a browser


def test_what_is_too_deep_is_left_as_text() -> None:
    assert parsed("[" * 150 + "]" * 150) is not None
    assert parsed("[" * 300 + "]" * 300) is None
    assert parsed('{"a":' * 900 + "1" + "}" * 900) is None


def test_arguments_of_triggers_keep_their_numbers_too() -> None:
    assert pretty('{"a": 1250.50, "a": [1e999, {}]}') == '{\n  "a": 1250.50,\n  "a": [\n    1e999,\n    {}\n  ]\n}'
    assert pretty("plain") == "plain"


def labels(user: User) -> list[str]:
    with user:
        (element,) = user.find(marker="element-data").elements
        return [each.text for each in element.descendants() if isinstance(each, ui.label)]


async def shown(user: User, site: Database, data: str) -> list[str]:
    element = add(site, data=data)
    await user.open(f"/queues/q/{element}")
    await user.should_see(marker="element-data", retries=30)
    return labels(user)


async def test_numbers_and_names_are_shown_as_stored(user: User, site: Database) -> None:
    found = await shown(user, site, '{"amount": 1250.50, "id": 12345678901234567890, "x": 1e999, "x": 1}')
    assert found == ["amount:", "1250.50", "id:", "12345678901234567890", "x:", "1e999", "x:", "1"]


async def test_json_within_json_can_be_opened(user: User, site: Database) -> None:
    inner = '{"lines": [{"price": 2.50}]}'
    found = await shown(user, site, as_text(JsonObject((("payload", inner), ("not", "{broken")))))
    assert found == [
        *("payload:", f"text with JSON in it, {len(inner)} characters"),
        *("lines:", "[1]", "0:", "{1}", "price:", "2.50"),
        *("not:", '"{broken"'),
    ]


def wrapped(text: str, times: int) -> str:
    for _ in range(times):
        text = json.dumps(text)
    return text


@pytest.mark.parametrize("times", [0, 1, 2, 5])
@pytest.mark.parametrize("text", ['{"a": 1250.50, "a": 2}', "[1e999]"])
def test_json_that_is_stored_as_a_text_is_found(text: str, times: int) -> None:
    value = unwrapped(f" {wrapped(text, times)} ")
    assert value is not None
    assert as_text(value) == text


@pytest.mark.parametrize("text", [None, "", '"plain"', '"{broken"', '"not closed', '""', "1", '"1"', '"null"'])
def test_a_text_without_json_stays_a_text(text: str | None) -> None:
    assert unwrapped(text) is None


def test_a_text_is_not_unwrapped_without_end() -> None:
    assert unwrapped(wrapped("{}", 9)) is not None
    assert unwrapped(wrapped("{}", 10)) is None


@pytest.mark.parametrize("times", [1, 2])
async def test_data_that_is_a_text_with_json_can_be_opened_and_is_shown_as_stored(
    user: User, site: Database, times: int
) -> None:
    stored = wrapped('{"a": {"b": 2.50}}', times)
    found = await shown(user, site, stored)
    assert found == ["It is stored as a text with JSON in it.", "a:", "{1}", "b:", "2.50"]
    with user:
        (mode,) = user.find(marker="data-mode").elements
        mode.value = "text"  # type: ignore[attr-defined]
    assert labels(user) == [stored]


async def test_half_a_character_does_not_break_the_page(user: User, site: Database) -> None:
    found = await shown(user, site, '{"\\udc00": "\\ud83d"}')
    assert found == ["\\udc00:", '"\\ud83d"']
