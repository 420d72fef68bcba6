"""How often a password may be tried."""

from __future__ import annotations

import pytest
from moved_seconds import Clock

from OpenOrchestrator.orchestrator.access.throttle import (
    LOGIN_TRIES,
    LOGIN_WINDOW,
    MOST_ADDRESSES,
    TRIES_OF_ALL,
    Throttle,
)


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock)


def test_an_address_waits_after_some_wrong_ones(throttle: Throttle, clock: Clock) -> None:
    for _ in range(LOGIN_TRIES):
        assert throttle.seconds_to_wait("10.0.0.1") == 0
        throttle.wrong_password("10.0.0.1")
    wait = throttle.seconds_to_wait("10.0.0.1")
    assert 0 < wait <= LOGIN_WINDOW + 1
    clock.now += wait
    assert throttle.seconds_to_wait("10.0.0.1") == 0


def test_nobody_is_locked_out_by_others(throttle: Throttle, clock: Clock) -> None:
    for number in range(TRIES_OF_ALL * 10):
        throttle.wrong_password(f"10.0.{number // 200}.{number % 200}")
        clock.now += 0.001
    assert throttle.seconds_to_wait("192.0.2.7") == 0, "its first try"
    throttle.wrong_password("192.0.2.7")
    assert throttle.seconds_to_wait("192.0.2.7") > 0, "one each while that many come from everywhere"
    clock.now += LOGIN_WINDOW + 1
    assert throttle.seconds_to_wait("192.0.2.7") == 0


def test_the_right_password_is_forgiven(throttle: Throttle) -> None:
    for _ in range(LOGIN_TRIES):
        throttle.wrong_password("10.0.0.1")
    throttle.forgive("10.0.0.1")
    assert throttle.seconds_to_wait("10.0.0.1") == 0


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_what_is_counted_together(throttle: Throttle, one: str, other: str, together: bool) -> None:
    for _ in range(LOGIN_TRIES):
        throttle.wrong_password(one)
    assert (throttle.seconds_to_wait(other) > 0) is together


def test_the_count_does_not_grow_for_ever(throttle: Throttle) -> None:
    for number in range(MOST_ADDRESSES + 50):
        throttle.wrong_password(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    assert len(throttle._wrong) == MOST_ADDRESSES
