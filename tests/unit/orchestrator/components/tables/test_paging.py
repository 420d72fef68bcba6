"""Pages of lists in addresses."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.components.tables.paging import place_of, resized, turned


@pytest.mark.parametrize("text", ["", "0", "-1", "²", "x", "1.5"])
def test_a_place_that_means_nothing_is_the_first(text: str) -> None:
    assert place_of({"page": text, "size": text}) == (1, 25)


def test_a_place_is_read_and_bounded() -> None:
    assert place_of({"page": "3", "size": "100"}) == (3, 100)
    assert place_of({"page": "999"}, most_pages=10) == (10, 25)


def test_what_is_so_at_first_is_not_named_in_an_address() -> None:
    assert turned(1) == {"page": None}
    assert resized(25) == {"size": None, "page": None}


@pytest.mark.parametrize(("page", "size"), [(1, 25), (7, 100)])
def test_a_place_that_was_named_is_read_again(page: int, size: int) -> None:
    address = {name: value for name, value in {**resized(size), **turned(page)}.items() if value}
    assert place_of(address) == (page, size)
