"""Labels: how they are compared and checked, and the mark that keeps older schedulers away."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database import labels
from OpenOrchestrator.database.lifecycle.required_labels import are_unmet, takers, unmet_words


def test_case_and_outer_blanks_do_not_count() -> None:
    assert labels.missing([" SAP ", "Windows"], ["sap", "windows "]) == ()
    assert labels.missing(["sap", "ocr", "Windows"], ["SAP"]) == ("ocr", "Windows")
    assert labels.missing([], []) == ()


def test_labels_are_stored_trimmed_and_once() -> None:
    assert labels.checked_labels([" sap ", "", "SAP", "Windows"]) == ("sap", "Windows")


@pytest.mark.parametrize("wrong", ["a,b", "a\nb", "x" * (labels.LONGEST_LABEL + 1)])
def test_what_cannot_be_a_label_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be"):
        labels.checked_labels(["sap", wrong])


def test_too_many_labels_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="20 at most"):
        labels.checked_labels(str(number) for number in range(labels.MOST_LABELS + 1))


def test_the_mark_stands_only_where_no_name_does() -> None:
    assert labels.stored_whitelist([], ()) == []
    assert labels.stored_whitelist(["worker-1"], ["sap"]) == ["worker-1"]
    assert labels.stored_whitelist([], ["sap"]) == [labels.NEEDS_LABELS]
    assert labels.without_mark(labels.stored_whitelist([], ["sap"])) == []


LIVE = {"worker-1": ("SAP", "windows"), "worker-2": ("windows",), "old": None}


@pytest.mark.parametrize(
    ("whitelist", "required", "expected"),
    [
        ([], [], ("worker-1", "worker-2", "old")),
        ([], ["windows"], ("worker-1", "worker-2")),
        ([], ["windows", "sap"], ("worker-1",)),
        ([" Worker-2 "], [], ("worker-2",)),
        (["Worker-2"], ["windows"], ("worker-2",)),
        (["worker-2"], ["sap"], ()),
        ([], ["ocr"], ()),
        (["old"], ["sap"], ("old",)),  # it knows no labels, and starts what names it
    ],
)
def test_whitelist_and_labels_both_have_to_hold(
    whitelist: list[str], required: list[str], expected: tuple[str, ...]
) -> None:
    assert takers(whitelist, required, LIVE) == expected
    assert are_unmet(whitelist, required, LIVE) is (bool(required) and not expected)
    assert bool(unmet_words(whitelist, required, LIVE)) is (bool(required) and not expected)


def test_what_is_unmet_says_who_lacks_what() -> None:
    assert unmet_words(["worker-1", "worker-2"], ["sap", "ocr"], LIVE) == (
        "It requires the labels sap, ocr, and no scheduler that is heard from carries all of them. "
        "Of those that may run it, worker-1 lacks ocr; worker-2 lacks sap, ocr."
    )
    assert unmet_words([], ["ocr"], {}) == (
        "It requires the label ocr, and no scheduler that is heard from carries it."
    )
