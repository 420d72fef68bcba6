"""How long a scheduler waits for a database that is away."""

from __future__ import annotations

import sys
import time

import pytest

from OpenOrchestrator.scheduler.contact import elapsed, pause_after


def test_pauses_grow_and_stay_bounded() -> None:
    assert all(pause_after(failures) <= 5.0 for failures in range(100))
    assert pause_after(1) < 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has two clocks for this")
def test_time_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = 3600.0
    clocks = {time.CLOCK_MONOTONIC: 100.0, time.CLOCK_BOOTTIME: 100.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: clocks[time.CLOCK_MONOTONIC])
    before = elapsed()
    clocks[time.CLOCK_BOOTTIME] += slept
    assert elapsed() - before == slept
