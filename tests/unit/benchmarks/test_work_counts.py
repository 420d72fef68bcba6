"""The benchmark of claims counts what was handed out twice and what was not handed out."""

from __future__ import annotations

import pytest

from benchmarks.work import faults


@pytest.mark.parametrize(
    ("handed_out", "elements", "duplicates", "lost"),
    [
        ([], 2, 0, 2),
        (["1", "2"], 2, 0, 0),
        (["1", "2", "1", "1"], 3, 2, 1),
    ],
)
def test_what_was_handed_out_twice_or_not_at_all(
    handed_out: list[str], elements: int, duplicates: int, lost: int
) -> None:
    assert faults(handed_out, elements) == {"duplicates": duplicates, "lost": lost}
