"""Prolonging the leases of elements in hand."""

from __future__ import annotations

import threading
from collections.abc import Collection
from uuid import UUID, uuid4

from OpenOrchestrator.orchestrator_connection.element_keeper import ElementKeeper

LONG = 3000.0


def test_each_lease_is_prolonged_by_its_own_length_and_as_soon_as_the_shortest_needs() -> None:
    prolonged: set[tuple[UUID, float]] = set()
    both = threading.Event()
    long, short, over = uuid4(), uuid4(), uuid4()

    def prolong(tokens: Collection[UUID], seconds: float) -> None:
        prolonged.update((token, seconds) for token in tokens)
        if {token for token, _ in prolonged} >= {long, short}:
            both.set()

    keeper = ElementKeeper(prolong)
    keeper.keep(over, LONG)
    keeper.keep(long, LONG)
    keeper.let_go(over)
    keeper.keep(short, 0.3)
    assert both.wait(30), prolonged
    assert prolonged == {(long, LONG), (short, 0.3)}
    keeper.let_go(long)
    keeper.let_go(short)
