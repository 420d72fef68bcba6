"""A robot whose children, made by fork, and whose own threads share one connection; prints what each of them took.

Started by ``test_connection_forks`` as a program of its own, with the connection string as its argument.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection, QueueStatus

CHILDREN = 6
ELEMENTS = 120
POOLED = 5


def drain(connection: OrchestratorConnection, name: str) -> list[str]:
    """Take and finish elements until there are none, reading and logging meanwhile."""
    taken = []
    while (element := connection.get_next_queue_element("queue")) is not None:
        taken.append(element.reference or "")
        if len(taken) % 4 == 0:
            connection.log_info(f"{name} took {element.reference}")
            assert connection.get_constant("who").value == "all"
        connection.set_queue_element_status(element.id, QueueStatus.DONE, name)
    return taken


def child(connection: OrchestratorConnection, held: Any, answers: Any, number: int, together: Any) -> None:
    together.wait(60)
    connection.set_queue_element_status(held, QueueStatus.DONE, "by a child")
    answers.put((f"child {number}", drain(connection, f"child {number}")))


def open_connections(connection: OrchestratorConnection) -> None:
    """Leave some connections open and unused, as earlier work of several threads does."""
    at_once = threading.Barrier(POOLED)
    with ThreadPoolExecutor(POOLED) as threads:
        for _ in range(POOLED):
            threads.submit(connection._database.read, lambda session: (session.connection(), at_once.wait(30)))


def main() -> None:
    connection = OrchestratorConnection("forking", sys.argv[1], "", "")
    open_connections(connection)
    held = []
    for number in range(CHILDREN):
        connection.create_queue_element("held", f"held {number}")
        element = connection.get_next_queue_element("held")
        assert element is not None
        held.append(element.id)
    connection.bulk_create_queue_elements("queue", [f"{number}" for number in range(ELEMENTS)], [None] * ELEMENTS)
    working = threading.Event()
    stop = threading.Event()

    def log_on() -> None:
        while not stop.wait(0.005):  # without a pause they would starve all others on SQLite
            connection.log_trace("the parent goes on")
            connection.get_next_queue_element("empty")
            working.set()

    threads = [threading.Thread(target=log_on, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    working.wait(30)
    context = multiprocessing.get_context("fork")
    answers: Any = context.SimpleQueue()
    together = context.Barrier(CHILDREN + 1)
    children = [
        context.Process(target=child, args=(connection, held[number], answers, number, together), daemon=True)
        for number in range(CHILDREN)
    ]
    for process in children:
        process.start()
    together.wait(60)
    took = {"parent": drain(connection, "parent")}
    for process in children:
        process.join(60)
    stop.set()
    for thread in threads:
        thread.join(30)
    connection.log_info("the parent is there still")
    exits = [process.exitcode for process in children]
    for code in exits:
        if code == 0:
            name, elements = answers.get()
            took[name] = elements
    print(json.dumps({"exits": exits, "took": took}))


if __name__ == "__main__":
    main()
