"""What a site can be called."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores.site_identity import NAME_LENGTH, checked_name


@pytest.mark.parametrize(
    "name", ["TE\x00ST", "TE\nST", "TE\x1b[31mST", "TE\u202eST", "TE\ud800ST", "TE\u2028ST", "TE\u200bST"]
)
def test_a_name_of_what_is_not_shown_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"a character that is not shown, U\+"):
        checked_name(name)


def test_a_name_that_is_too_long_is_refused() -> None:
    assert checked_name(f" {'x' * NAME_LENGTH} ") == "x" * NAME_LENGTH
    with pytest.raises(InvalidInputError, match=f"has {NAME_LENGTH + 1} characters, but may have {NAME_LENGTH}"):
        checked_name("x" * (NAME_LENGTH + 1))
