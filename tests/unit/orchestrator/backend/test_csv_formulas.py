"""Cells that a spreadsheet would take for a formula, however it splits the file."""

from __future__ import annotations

import csv
import io
import random

import pytest

from OpenOrchestrator.orchestrator.backend.csv_format import encode, neutral, original

ACTIVE = "=+-@\uff1d\uff0b\uff0d\uff20"
HOSTILE = [
    "=1+1",
    "x,=cmd|' /C calc'!A0,y",
    "x, =cmd|' /C calc'!A0",
    'x,"=cmd|1"',
    "x\t=cmd|1\ty",
    "x\n=cmd|1",
    "x\r\n@SUM(1)",
    "x;+cmd|1;y",
    "x,-2+3+cmd|' /C calc'!A0",
    "x,\uff1dcmd",
    "\t=1",
    "x,'=1",
    "'=1",
    "a,,=1",
    'a," =1',
]
HARMLESS = ['{"a": [1, -2, -3.5e-7], "b": -4}', "a,b;c", "['a', 'b']", "Sag 1-2, +45-nummer"[:7], "x=1, y=2", ""]


def parts(line: str) -> list[str]:
    """Return all that begins a cell, if a file is split at any of the usual separators, with quotation marks or not."""
    found = []
    for separator in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(line, newline=""), delimiter=separator):
            found += row
        for plain in line.splitlines():
            found += plain.split(separator)
    return [part.strip(' "\u00a0') for part in found]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_part_begins_as_a_formula(text: str) -> None:
    line = encode([["reference", text, "end"]]).decode("utf-8")
    assert [part for part in parts(line) if part and part[0] in ACTIVE] == []


@pytest.mark.parametrize("text", [*HOSTILE, *HARMLESS, "'", "''", "'x", "'a,b", "','", "-5", "x,''=1"])
def test_it_is_read_as_it_was(text: str) -> None:
    assert original(neutral(text)) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_does_nothing_is_left_as_it_is(text: str) -> None:
    assert neutral(text) == text


@pytest.mark.parametrize("cell", ["a,'=b", "'t Hooft", "'a', 'b'", "x;'-y", "'"])
def test_cells_of_others_mean_themselves(cell: str) -> None:
    assert original(cell) == cell


def test_any_text_is_safe_and_comes_back() -> None:
    chance = random.Random(1)
    for _ in range(20_000):
        text = "".join(chance.choice("=+-@',;\t\n\" 1ax.e]") for _ in range(chance.randrange(12)))
        assert original(neutral(text)) == text, repr(text)
