"""The loop of a scheduler that is drained: what it does before its robots have ended."""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench
from scheduler_site import Site

from OpenOrchestrator.common.errors import ConnectionFailedError
from OpenOrchestrator.database.stores import cordons
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.gate import Gate
from OpenOrchestrator.scheduler.loop.polling import Polling
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests

pytestmark = pytest.mark.kinds("sqlite")


class _Busy:
    """A dispatch with one run that is not started yet, and one that runs for two more turns."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.turns = 0

    def look_after_runs(self) -> None:
        self.turns += 1

    def end_pauses(self) -> None: ...

    def give_back_unstarted(self, reason: str) -> None:
        self.calls.append(reason)

    def is_busy(self) -> bool:
        return self.turns < 3

    def has_room(self) -> bool:
        raise AssertionError("it looked for work")


def test_what_is_not_started_is_given_back_at_once_and_the_rest_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(site)
    bench.enroll(bench.identity)
    gate = Gate(site.database, bench.identity, running=lambda: 2, events=bench.events, contact=bench.contact)
    gate.begin()
    assert site.database.write(lambda session: cordons.drain(session, bench.identity.name)).ends
    dispatch: Any = _Busy()
    bell = Bell()
    look = gate.look
    failing = [True]

    def once_lost() -> Any:
        if failing.pop() if failing else False:
            raise ConnectionFailedError("away")
        return look()

    monkeypatch.setattr(gate, "look", once_lost)
    Polling(
        site.database,
        dispatch,
        gate,
        poll_interval=0.01,
        bell=bell,
        stop=StopRequests(bell),
        events=bench.events,
        contact=bench.contact,
    ).run()
    assert dispatch.calls == ["its scheduler was drained before the robot was started"] * 2
    assert dispatch.turns == 3
    bench.events.flush()
    assert bench.lines.text.count("Starts nothing now: it is drained since") == 1
    assert bench.lines.text.count("Drained:") == 1
