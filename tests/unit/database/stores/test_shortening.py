"""Texts that are too long, cut in the unit in which their database counts."""

from __future__ import annotations

import re

import pytest

from OpenOrchestrator.database.stores.shortening import without_end, without_middle

UNITS = [pytest.param("mssql", 2, id="SQL Server"), pytest.param("postgresql", 1, id="others")]


def size_of(text: str, unit: int) -> int:
    return len(text.encode("utf-16-le")) // 2 if unit == 2 else len(text)


@pytest.mark.parametrize(("server", "unit"), UNITS)
@pytest.mark.parametrize("message", ["😀" * 9000, "x😀" * 9000, "😀" + "x" * 9000 + "😀"])
def test_a_cut_message_keeps_both_ends(server: str, unit: int, message: str) -> None:
    cut = without_middle(message, 8000, server)
    assert size_of(cut, unit) in ((8000,) if unit == 1 else (7999, 8000))  # half a pair is no character
    assert (cut[0], cut[-1]) == (message[0], message[-1])
    assert "\ufffd" not in cut


@pytest.mark.parametrize("length", [8001, *range(8060, 8075), *range(8960, 8980), 10**6])
def test_a_cut_message_fills_its_column_and_tells_how_much_is_missing(length: int) -> None:
    cut = without_middle("x" * length, 8000, "postgresql")
    assert len(cut) == 8000
    head, number, tail = re.split(r"\n\[\.\.\. (\d+) characters cut \.\.\.\]\n", cut)
    assert len(head) + int(number) + len(tail) == length


@pytest.mark.parametrize(("server", "unit"), UNITS)
@pytest.mark.parametrize("reason", ["x" * 1001, "😀" * 1001, "x" + "😀" * 1001])
def test_a_cut_reason_keeps_its_beginning(server: str, unit: int, reason: str) -> None:
    cut = without_end(reason, 1000, server)
    assert 998 <= size_of(cut, unit) <= 1000
    assert cut.endswith("…")
    assert reason.startswith(cut[:-1])


@pytest.mark.parametrize("cut", [without_end, without_middle])
@pytest.mark.parametrize(("server", "text"), [("mssql", "😀" * 500), ("postgresql", "😀" * 1000), ("sqlite", "")])
def test_what_fits_stays_as_it_is(cut, server: str, text: str) -> None:
    assert cut(text, 1000, server) == text
