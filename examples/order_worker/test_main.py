"""Unit tests of the queue robot: on a connection in memory, with no key and no server. Run them with pytest."""

from collections.abc import Iterator

import pytest
from main import work

from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection, QueueStatus
from OpenOrchestrator.orchestrator_connection.testing import InMemoryConnection

ORDERS = [
    {"reference": "P-1", "data": {"customer": "Alma", "amount": 2}},
    {"reference": "P-2", "data": {"customer": "Jens", "amount": 0}},
]


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryConnection]:
    """A connection with two orders; what stands in for the work takes no time."""
    monkeypatch.setattr("main.time.sleep", lambda _seconds: None)
    with OrchestratorConnection.for_testing(elements={"Orders": ORDERS}) as made:
        yield made


def test_an_order_that_cannot_be_handled_does_not_stop_the_others(connection: InMemoryConnection) -> None:
    work(connection)
    sent, refused = connection.testing.elements("Orders")
    assert (sent.status, sent.message) == (QueueStatus.DONE, "Sent 2 pieces to Alma.")
    assert (refused.status, refused.message) == (QueueStatus.FAILED, "Jens ordered nothing.")
    assert connection.testing.errors == ["P-2: Jens ordered nothing."]


def test_a_worker_that_is_asked_to_end_takes_no_order(connection: InMemoryConnection) -> None:
    connection.testing.ask_to_end()
    work(connection)
    assert {each.status for each in connection.testing.elements("Orders")} == {QueueStatus.NEW}
