"""Cookies as browsers send them."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.access.cookies import cookie_values


@pytest.mark.parametrize(
    "others",
    [
        'prefs={"theme":"dark"}',
        'prefs={"theme":"dark","list":[1, 2]}',
        "a=b=c",
        "no-value",
        "=nameless",
        'quoted="; x="',
        "[brackets]=1",
        "über=æ",
        "",
        ";;;",
        "x=" + "y" * 4000,
    ],
)
def test_what_others_left_keeps_none_from_being_read(others: str) -> None:
    assert cookie_values([f"{others}; session=abc"], "session") == ["abc"]
    assert cookie_values([f"session=abc; {others}"], "session") == ["abc"]
    assert cookie_values([others, "session=abc"], "session") == ["abc"]


def test_all_of_one_name() -> None:
    assert cookie_values(["session=one; session=two"], "session") == ["one", "two"]
    assert cookie_values(["xsession=one; Session=two; session_tab=three"], "session") == []
