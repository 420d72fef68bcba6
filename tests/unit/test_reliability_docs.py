"""The list of faults is complete, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "explanation" / "reliability.md").read_text(encoding="utf-8")
ROWS = {
    int(fields[1]): fields
    for line in TEXT.splitlines()
    if re.match(r"\| \d+ \|", line)
    for fields in [[field.strip() for field in line.split("|")]]
}
FAULTS = 23
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def test_every_fault_is_in_the_list() -> None:
    assert sorted(ROWS) == list(range(1, FAULTS + 1))


@pytest.mark.parametrize("number", sorted(ROWS))
def test_a_fault_says_what_holds_when_and_which_tests_show_it(number: int) -> None:
    _, _, fault, guarantee, within, shown_by, _ = ROWS[number]
    assert fault
    assert guarantee
    assert within
    named = re.findall(r"`(\w+)`", shown_by)
    assert named, "no test shows it"
    assert [name for name in named if name not in TESTS] == []


def test_no_other_test_is_named_that_is_not_there() -> None:
    assert [name for name in re.findall(r"`(test_\w+)`", TEXT) if name not in TESTS] == []
