"""Filters as an address carries them."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.components.choices import join_choice, split_choice


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("names", [("failed",), ("a,b", "100%", "-minus", "æ ø"), ("%2C",), ("-",)])
def test_any_names_come_back(names: tuple[str, ...], exclude: bool) -> None:
    assert split_choice(join_choice(names, exclude=exclude)) == (names, exclude)


def test_as_people_write_them() -> None:
    assert join_choice(("failed", "paused"), exclude=False) == "failed,paused"
    assert split_choice("-done") == (("done",), True)
    assert split_choice("") == ((), False)
    assert join_choice((), exclude=True) == ""
