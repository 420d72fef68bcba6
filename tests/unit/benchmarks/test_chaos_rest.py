"""When a site that is left alone counts as stuck."""

from __future__ import annotations

from benchmarks.chaos.rest import Left, Rest


def elements(count: int) -> Left:
    return Left("elements", count, f"{count} elements")


def job(name: str) -> Left:
    return Left(name, 1, name)


def test_work_that_gets_less_is_waited_for_as_long_as_it_takes() -> None:
    rest = Rest(60)

    found = [rest.stuck([elements(1000 - number)], number * 50.0) for number in range(20)]

    assert found == [[]] * 20


def test_what_does_not_get_less_is_stuck_also_if_it_grows() -> None:
    rest = Rest(60)

    assert rest.stuck([elements(5)], 0.0) == []
    assert rest.stuck([elements(9)], 50.0) == []
    assert rest.stuck([elements(5)], 61.0) == [elements(5)]


def test_one_job_that_does_not_end_is_stuck_though_others_come_and_go() -> None:
    rest = Rest(60)

    found = [
        rest.stuck([job("dead"), job(f"other {number}"), elements(90 - number)], number * 10.0) for number in range(8)
    ]

    assert found == [[]] * 7 + [[job("dead")]]


def test_what_ended_and_came_again_is_new() -> None:
    rest = Rest(60)
    rest.stuck([elements(1)], 0.0)
    rest.stuck([], 30.0)

    assert rest.stuck([elements(1)], 80.0) == []
