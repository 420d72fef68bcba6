"""How long a scheduler waits for a database that is away."""

from __future__ import annotations

from OpenOrchestrator.scheduler.contact import pause_after


def test_pauses_grow_and_stay_bounded() -> None:
    assert all(pause_after(failures) <= 5.0 for failures in range(100))
    assert pause_after(1) < 1.0
