"""Data that is longer than the column that earlier versions know."""

from __future__ import annotations

import pytest

from OpenOrchestrator.database import element_data


@pytest.mark.parametrize("dialect", ["sqlite", "mssql"])
def test_short_data_is_kept_as_it_is(dialect: str) -> None:
    for data in (None, "", "x" * 2000):
        assert element_data.columns(data, dialect) == {"data": data, "whole_data": None}
        assert element_data.whole(data, None) == data


@pytest.mark.parametrize("dialect", ["sqlite", "mssql"])
@pytest.mark.parametrize("data", ["x" * 2001, "😀" * 2001, "x" + "😀" * 5000, "ø" * 3_000_000])
def test_of_long_data_the_old_column_holds_a_beginning_that_fits(dialect: str, data: str) -> None:
    columns = element_data.columns(data, dialect)
    beginning = columns["data"]
    assert beginning is not None
    assert len(beginning.encode("utf-16-le")) // 2 <= 2000
    kept, _, note = beginning.rpartition("\n[... ")
    assert data.startswith(kept)
    assert len(kept) > 900
    assert f"of {len(data)} characters" in note
    assert element_data.may_be_beginning(beginning)
    assert element_data.whole(beginning, columns["whole_data"]) == data


def test_what_sql_server_counts_as_two_is_long_there_earlier() -> None:
    data = "😀" * 1001
    assert element_data.columns(data, "sqlite")["whole_data"] is None
    assert element_data.columns(data, "mssql")["whole_data"] == data


def test_what_an_earlier_client_wrote_since_counts() -> None:
    whole = element_data.columns("x" * 5000, "sqlite")["whole_data"]
    for written in ("new", "", None):
        assert element_data.whole(written, whole) == written
        assert not element_data.may_be_beginning(written)
