"""The number that says in which order elements are handed out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from OpenOrchestrator.database.stores.element_order import MOST_PRIORITY, hand_out_order

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DEADLINES = st.none() | st.integers(0, 4_386_528_000_000).map(lambda number: EPOCH + timedelta(milliseconds=number))
PRIORITIES = st.integers(-3, 3) | st.sampled_from([-MOST_PRIORITY, MOST_PRIORITY])
NEVER = datetime(9999, 1, 1, tzinfo=timezone.utc)


@given(first=st.tuples(PRIORITIES, DEADLINES), second=st.tuples(PRIORITIES, DEADLINES))
def test_a_higher_priority_and_then_an_earlier_deadline_comes_first(
    first: tuple[int, datetime | None], second: tuple[int, datetime | None]
) -> None:
    wanted = [(-priority, deadline or NEVER) for priority, deadline in (first, second)]
    numbers = [hand_out_order(*first), hand_out_order(*second)]
    assert (numbers[0] < numbers[1]) == (wanted[0] < wanted[1])
    assert (numbers[0] == numbers[1]) == (wanted[0] == wanted[1])
    assert all(-(2**63) <= number < 2**63 for number in numbers)


def test_an_element_of_an_older_program_has_0() -> None:
    assert hand_out_order(0, None) == 0


def test_deadlines_beyond_what_is_told_apart_stay_in_their_priority() -> None:
    for deadline in (datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)):
        assert hand_out_order(1, None) < hand_out_order(0, deadline) < hand_out_order(0, None)
        assert hand_out_order(0, deadline) < hand_out_order(-1, deadline)
