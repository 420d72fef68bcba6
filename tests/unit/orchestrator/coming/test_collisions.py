"""Which expected runs will not fit."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from types import FrameType
from uuid import uuid4

import pytest

from OpenOrchestrator.orchestrator.coming.backend.collisions import (
    MOST_COMPARED,
    MOST_SINGLE,
    MOST_TROUBLES,
    Demand,
    Kind,
    Trouble,
    Troubles,
    troubles_of,
)
from OpenOrchestrator.orchestrator.coming.backend.occurrences import Coming, Planned

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
ONE = {"A": 4}
TWO = {"A": 4, "B": 2}


def run(
    minute: float, *, length: float = 10, blocking: bool = False, name: str = "", on: str = "A", every: float = 0
) -> Demand:
    """Return a run that starts so many minutes after noon, or all of an hour."""
    trigger = Planned(uuid4(), name, "p", blocking, (), NOON, None, length * 60, 1)
    count = int(60 / every) if every else 1
    starts = tuple(NOON + (minute + n * every) * MINUTE for n in range(count))
    return Demand(Coming(trigger, starts), frozenset(on))


def spans(troubles: list[Trouble]) -> list[tuple[Kind, float, float]]:
    return [(each.kind, (each.start - NOON) / MINUTE, (each.end - NOON) / MINUTE) for each in troubles]


def listed(demands: list[Demand], slots: dict[str, int | None]) -> list[Trouble]:
    found = troubles_of(demands, slots)
    assert found.looked_to is None
    return found.listed


def test_runs_that_fit_are_no_trouble() -> None:
    demands = [run(0), run(0), run(5), run(5), run(10, blocking=True, on="B"), run(20, on="B")]
    assert troubles_of(demands, TWO) == Troubles([])


def test_a_blocking_run_that_meets_another_collides() -> None:
    blocking, other = run(0, blocking=True, name="Payroll"), run(4, name="Letters")
    (found,) = listed([blocking, other], ONE)
    assert spans([found]) == [(Kind.COLLISION, 4, 10)]
    assert [each.trigger.name for each in found.runs] == ["Payroll", "Letters"]
    assert (found.needed, found.slots) == (2, 0)


def test_a_blocking_run_that_comes_while_another_runs_collides_too() -> None:
    found = listed([run(0), run(4, blocking=True)], ONE)
    assert spans(found) == [(Kind.COLLISION, 4, 10)]


def test_two_blocking_runs_collide() -> None:
    found = listed([run(0, blocking=True), run(4, blocking=True)], ONE)
    assert spans(found) == [(Kind.COLLISION, 4, 10)]


def test_what_happens_on_one_scheduler_is_told_once() -> None:
    found = listed([run(0, blocking=True), run(4, blocking=True), run(4, on="B"), run(4, on="AB")], TWO)
    assert [each.places for each in found] == [frozenset("A")]


def test_runs_one_right_after_the_other_do_not_meet() -> None:
    assert troubles_of([run(0, blocking=True), run(10, blocking=True), run(20)], ONE) == Troubles([])


def test_another_scheduler_may_take_what_a_blocking_run_keeps_out() -> None:
    either = [run(0, blocking=True, on="A"), run(0, on="AB"), run(0, on="AB")]
    assert troubles_of(either, TWO) == Troubles([])
    (found,) = listed([*either, run(0, on="AB")], TWO)
    assert (found.kind, found.places, found.needed, found.slots) == (Kind.COLLISION, frozenset("AB"), 4, 2)


def test_a_blocking_run_that_may_choose_takes_the_smallest_scheduler() -> None:
    demands = [run(0, blocking=True, on="AB"), *(run(0, on="AB") for _ in range(4))]
    assert troubles_of(demands, TWO) == Troubles([])


def test_more_at_once_than_slots_is_a_shortage() -> None:
    found = listed([run(0, on="B"), run(2, on="B"), run(4, on="B", length=2), run(9.5, on="B")], TWO)
    assert spans(found) == [(Kind.SHORTAGE, 4, 6), (Kind.SHORTAGE, 9.5, 10)]
    assert [(each.needed, each.slots) for each in found] == [(3, 2), (3, 2)]


def test_slots_that_are_not_known_count_as_enough_but_a_blocking_run_still_wants_all() -> None:
    many = [run(0) for _ in range(50)]
    assert troubles_of(many, {"A": None}) == Troubles([])
    found = listed([*many, run(0, blocking=True)], {"A": None})
    assert [each.kind for each in found] == [Kind.COLLISION]


def test_what_nobody_may_take_meets_nobody() -> None:
    assert troubles_of([run(0, blocking=True, on=""), run(0, on="")], ONE) == Troubles([])


def test_short_runs_slip_in_between_others_but_not_beside_a_blocking_one() -> None:
    every_five = run(0, length=0.2, every=5)
    assert troubles_of([every_five, run(0), run(0), run(0), run(0)], ONE) == Troubles([])
    (found,) = listed([every_five, run(12, blocking=True, length=9)], ONE)
    assert spans([found]) == [(Kind.COLLISION, 15, 20.2)]
    assert found.times == 2


def test_a_short_blocking_run_may_fit_between_two_of_many() -> None:
    assert troubles_of([run(0, length=1, every=10), run(12, length=3, blocking=True)], ONE) == Troubles([])


def test_runs_for_most_of_an_hour_take_a_slot() -> None:
    busy = [run(0, length=4, every=5, on="B") for _ in range(3)]
    found = listed(busy, TWO)
    assert [(each.kind, each.needed, each.slots) for each in found] == [(Kind.SHORTAGE, 3, 2)]
    assert spans(found) == [(Kind.SHORTAGE, 0, 59)]


def test_only_so_many_are_listed_and_the_rest_is_counted() -> None:
    pairs = [part for n in range(MOST_TROUBLES + 5) for part in (run(20 * n, blocking=True), run(20 * n))]
    found = troubles_of(pairs, ONE)
    assert (len(found.listed), found.more, found.looked_to) == (MOST_TROUBLES, 5, None)
    assert spans(found.listed)[:2] == [(Kind.COLLISION, 0, 10), (Kind.COLLISION, 20, 30)]


def test_what_is_done_for_the_many_of_an_hour_stays_little() -> None:
    # Counted, because seconds depend on the machine: a week of such triggers took many seconds.
    demands = [run(60 * hour, length=1 / 3, every=1, blocking=True) for hour in range(24) for _ in range(20)]
    calls = 0

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        found = troubles_of(demands, ONE)
    finally:
        sys.setprofile(before)
    assert (len(found.listed), found.more, found.looked_to) == (24, 0, None)
    assert {each.times for each in found.listed} == {60}
    starts = sum(each.run.count for each in demands)
    assert calls < 8 * starts


def test_hundreds_of_every_minute_are_looked_at_for_as_long_as_is_allowed_and_it_is_said() -> None:
    demands = [run(60 * hour, length=0.05, every=1, blocking=True) for hour in range(24) for _ in range(300)]
    found = troubles_of(demands, ONE)
    hours = MOST_SINGLE / (300 * 60)
    assert len(found.listed) == int(hours) + 1
    assert {each.times for each in found.listed[:-1]} == {60}
    assert 0 < found.listed[-1].times < 60
    assert found.looked_to is not None
    assert (found.looked_to - NOON) / MINUTE == pytest.approx(60 * hours, abs=1)


def test_of_more_runs_than_can_be_compared_the_first_are_and_it_is_said() -> None:
    pair = [run(0, blocking=True), run(0)]
    later = [run(10 * n, length=1) for n in range(MOST_COMPARED + 10)]
    late_pair = [run(10 * (MOST_COMPARED + 20), blocking=True), run(10 * (MOST_COMPARED + 20))]
    found = troubles_of([*late_pair, *later, *pair], ONE)
    assert spans(found.listed) == [(Kind.COLLISION, 0, 10)]
    assert found.looked_to == NOON + 10 * (MOST_COMPARED - 2) * MINUTE
