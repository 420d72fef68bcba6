"""The plan of a chaos run: the same for the same seed, and never more than the machines can bear."""

from __future__ import annotations

import pytest

from benchmarks.chaos.plan import AWAY, CLOCK_STEPS, KILLS, OF_A_LINK, OF_A_MACHINE, Kind, make_plan, possible

ALL = possible(links=True, crashes=True, clock=True)


@pytest.mark.parametrize("seconds", [30.0, 160.0, 600.0])
@pytest.mark.parametrize("machines", [4, 7])
def test_a_plan(seconds: float, machines: int) -> None:
    for seed in range(20):
        plan = make_plan(seed, seconds=seconds, machines=machines, kinds=ALL)
        assert plan == make_plan(seed, seconds=seconds, machines=machines, kinds=ALL)
        assert [one.at for one in plan] == sorted(one.at for one in plan)
        assert all(one.at + one.seconds <= seconds + 1e-6 for one in plan)
        away = [one for one in plan if one.kind in AWAY | {Kind.DRAIN_SCHEDULER}]
        for one in away:
            at_once = [other for other in away if other.at <= one.at < other.at + other.seconds]
            assert len(at_once) <= max(1, machines // 2)
            assert len({other.machine for other in at_once}) == len(at_once)
        assert all(one.machine != 0 for one in plan)
        assert all(one.machine != 1 for one in plan if one.kind in KILLS | {Kind.DRAIN_SCHEDULER})
        assert all((one.machine is not None) is (one.kind in OF_A_MACHINE) for one in plan)
        assert all((one.amount != 0) is (one.kind in CLOCK_STEPS) for one in plan)


def test_another_seed_makes_another_plan() -> None:
    plans = {make_plan(seed, seconds=60, machines=7, kinds=ALL) for seed in range(10)}
    assert len(plans) == 10


def test_ten_minutes_meet_everything() -> None:
    for seed in range(10):
        plan = make_plan(seed, seconds=600, machines=7, kinds=ALL)
        assert {one.kind for one in plan} == ALL


def test_what_a_database_cannot_do_is_not_planned() -> None:
    file = possible(links=False, crashes=False, clock=False)
    assert Kind.LOCK_DATABASE in file
    assert not file & (OF_A_LINK | CLOCK_STEPS | {Kind.CRASH_DATABASE, Kind.LOCK_JOB})
    assert Kind.LOCK_DATABASE not in ALL
    assert {one.kind for one in make_plan(1, seconds=300, machines=4, kinds=file)} <= file
