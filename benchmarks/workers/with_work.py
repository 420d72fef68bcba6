"""Drains a queue through ``connection.work()``. Arguments: URL, queue."""

from __future__ import annotations

import sys

import handshake

from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

connection = OrchestratorConnection("benchmark", sys.argv[1], "", "")
for _ in connection.work("an empty queue"):  # the first call of a process imports what it needs
    pass
handshake.wait_for_start()
numbers = []
for element in connection.work(sys.argv[2]):
    with element:
        numbers.append(str(element.reference))
handshake.tell(numbers)
