"""Asked once a scheduler stops, asked twice it waits for nobody."""

from __future__ import annotations

from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests


def test_the_second_request_insists_and_each_wakes_the_sleeper() -> None:
    bell = Bell()
    stop = StopRequests(bell)
    assert (stop.asked, stop.insists) == (False, False)
    stop.add()
    assert (stop.asked, stop.insists) == (True, False)
    assert bell.sleep(0)
    stop.add()
    assert (stop.asked, stop.insists) == (True, True)
    assert bell.sleep(0)
    bell.close()
