"""Counts with their nouns."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.dashboard.words import count_of, of_count


@pytest.mark.parametrize(("count", "words"), [(0, "jobs"), (1, "job"), (2, "jobs")])
def test_a_noun_goes_with_its_number(count: int, words: str) -> None:
    assert of_count(count, "job") == words
    assert count_of(count, "job") == f"{count} {words}"
