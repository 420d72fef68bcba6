"""How long a queue trigger rests whose runs take nothing."""

from __future__ import annotations

import pytest

from OpenOrchestrator.database.stores.queue_backoff import FIRST_PAUSE_SECONDS, pause_after


def test_the_pause_is_doubled_up_to_the_longest() -> None:
    assert [pause_after(runs, 60).total_seconds() for runs in range(9)] == [0, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("longest", [1, 2, 3, 59, 60, 3600, 86400])
def test_the_pause_reaches_the_longest_and_never_exceeds_it(longest: int) -> None:
    pauses = [pause_after(runs, longest).total_seconds() for runs in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[0] == min(FIRST_PAUSE_SECONDS, longest)
    assert pauses[-1] == longest


def test_ever_so_many_empty_runs_are_no_number_too_large() -> None:
    assert pause_after(10**9, 60).total_seconds() == 60
