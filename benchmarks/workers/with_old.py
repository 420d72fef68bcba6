"""Drains a queue with an earlier OpenOrchestrator. Arguments: URL, encryption key, queue."""

from __future__ import annotations

import sys

import handshake

from OpenOrchestrator.database.queues import QueueStatus
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

MOST_ERRORS = 10

connection = OrchestratorConnection("benchmark", sys.argv[1], sys.argv[2], "", None, None)
connection.get_next_queue_element("an empty queue")
handshake.wait_for_start()
numbers: list[str] = []
errors: list[str] = []
while len(errors) < MOST_ERRORS:
    try:
        element = connection.get_next_queue_element(sys.argv[3])
        if element is None:
            break
        numbers.append(str(element.reference))
        connection.set_queue_element_status(element.id, QueueStatus.DONE)
    except Exception as error:  # noqa: BLE001  (every error counts against the figure)
        errors.append(f"{type(error).__name__}: {error}"[:200])
handshake.tell(numbers, errors)
