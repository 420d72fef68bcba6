"""Colours by name and by number, and that text on any of them can be read."""

from __future__ import annotations

from itertools import product

import pytest

from OpenOrchestrator.common.colours import PALETTE, READABLE, checked_colour, contrast, hex_of, text_on
from OpenOrchestrator.common.errors import InvalidInputError


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),  # known as the lightest grey that is readable on white
        ("#ff0000", "#ffffff", 4.0),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_the_guideline(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == pytest.approx(expected, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@pytest.mark.parametrize("name", PALETTE)
def test_text_on_every_named_colour_can_be_read(name: str) -> None:
    assert contrast(text_on(name), PALETTE[name]) >= READABLE


def test_text_on_any_colour_can_be_read() -> None:
    steps = range(0, 256, 15)
    colours = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in product(steps, steps, steps)]
    assert min(contrast(text_on(colour), colour) for colour in colours) >= READABLE


@pytest.mark.parametrize(
    ("given", "stored", "shown"),
    [
        ("red", "red", "#c2302a"),
        (" Red ", "red", "#c2302a"),
        ("#0E5A6C", "#0e5a6c", "#0e5a6c"),
        ("", "", PALETTE["grey"]),
        ("  ", "", PALETTE["grey"]),
    ],
)
def test_colours_are_stored_in_one_way(given: str, stored: str, shown: str) -> None:
    assert checked_colour(given) == stored
    assert hex_of(stored) == shown


@pytest.mark.parametrize(
    "given",
    [
        "crimson",
        "#fff",
        "#12345g",
        "#1234567",
        "0e5a6c",
        "rgb(1,2,3)",
        "red;}",
        "#c2302a\n#c2302a",
        "#\u0661\u0662\u0663456",
    ],
)
def test_what_is_no_colour_is_refused_with_those_that_are(given: str) -> None:
    with pytest.raises(InvalidInputError, match=r"is no colour\. Give one of red, orange.*#rrggbb"):
        checked_colour(given)
