"""What can be wrong with a field."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.components.forms.checks import at_most, required, to_correct


@pytest.mark.parametrize("check", [at_most(3), required("a name", 3)])
def test_spaces_around_do_not_count_where_they_are_not_stored(check: object) -> None:
    assert callable(check)
    assert check(" abc ") is None
    assert check("abcd") == "At most 3 characters; this has 4."


def test_spaces_count_where_they_are_stored() -> None:
    check = at_most(3, spaces=True)
    assert check("abc") is None
    assert check("ab  ") == "At most 3 characters; this has 4."


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], ""),
        (["Name"], "1 field to correct: Name"),
        (["Name", "Path", "Cron"], "3 fields to correct: Name, Path, Cron"),
        (["Name", "Process", "Path", "Cron", "Date"], "5 fields to correct: Name, Process, Path and 2 more"),
    ],
)
def test_what_is_to_be_corrected_is_counted_and_the_first_of_it_named(fields: list[str], words: str) -> None:
    assert to_correct(fields) == words
