"""What people and robots ask of a queue, as its history grows: a small queue and a large one, in turn.

Each size has a database of its own, because counts and polls look at all queues. 99 % of the elements are done; of the
rest some have priorities, some wait, and some are tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from benchmarks.databases import Target, target
from benchmarks.elements import create_triggers
from benchmarks.report import Figure, judged, median

QUEUE = "grown"
TRIGGERS = 50
MOST_TIMES = 2.0
"""How many times as long as in the smallest queue anything may take."""


def grown(on: Target, *, sizes: tuple[int, ...], samples: int) -> Iterator[Figure]:
    """Claim, count, list and poll in queues of these sizes."""
    with ExitStack() as stack:
        targets = {size: on if size == sizes[0] else stack.enter_context(target(on.kind)) for size in sizes}
        asked: dict[int, dict[str, Callable[[], object]]] = {}
        for size, where in targets.items():
            begun = time.perf_counter()
            fill(where, size)
            yield Figure(f"queue of {size:,}", on.kind, "seconds to fill", time.perf_counter() - begun)
            asked[size] = _questions(where, stack)
        give_back = {size: where.raw().cursor() for size, where in targets.items()}
        spent: dict[tuple[str, int], list[float]] = {}
        # In turn, so that a disk that is busy for a while slows all of them alike; what was claimed is given back.
        for number in range(samples + 1):
            for size, questions in asked.items():
                for what, ask in questions.items():
                    begun = time.perf_counter()
                    ask()
                    if number:  # the first ones fill caches
                        spent.setdefault((what, size), []).append((time.perf_counter() - begun) * 1000)
                give_back[size].execute(_give_back(on.kind))
    for what in asked[sizes[0]]:
        smallest = median(spent[what, sizes[0]])
        for size in sizes[1:]:
            taken = median(spent[what, size])
            figure = Figure(
                f"{what}, {size:,} elements",
                on.kind,
                "times as long",
                taken / smallest,
                note=f"{taken:.2f} ms beside {smallest:.2f} ms at {sizes[0]:,}",
            )
            yield judged(figure, MOST_TIMES)


def fill(where: Target, size: int) -> None:
    """Fill a queue: 99 % done; of the rest a fifth of each of five priorities, a tenth waiting, a tenth tried again."""
    queues = "`Queues`" if where.kind == "mariadb" else '"Queues"'
    number = {
        "sqlite": "CAST(substr(reference, 5) AS INTEGER)",
        "postgresql": "CAST(substr(reference, 5) AS integer)",
        "mariadb": "CAST(substr(reference, 5) AS SIGNED)",
    }[where.kind]
    where.fill_queue(QUEUE, size, done_share=0.99)
    of_queue = f"WHERE queue_name = '{QUEUE}' AND status = 'NEW'"
    where.run(
        f"UPDATE {queues} SET priority = {number} % 5, hand_out_order = -({number} % 5) * 8796093022208, "
        f"attempt = CASE WHEN {number} % 10 = 1 THEN 2 ELSE 1 END {of_queue}"
    )
    where.run(
        f"UPDATE {queues} SET status = 'IN_PROGRESS', not_before = '2099-01-01 00:00:00' {of_queue} "
        f"AND {number} % 10 = 0"
    )
    where.analyze()


def _questions(where: Target, stack: ExitStack) -> dict[str, Callable[[], object]]:
    from OpenOrchestrator.common.clock import SystemClock
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.lifecycle import trigger_claims
    from OpenOrchestrator.database.stores import queue_counts
    from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery, QueueElementsBackend
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    clock = SystemClock()
    database = Database(where.url, clock=clock)
    stack.callback(database.close)
    connection = OrchestratorConnection("benchmark", where.url, "", "")
    stack.callback(connection.close)
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    pages = QueueElementsBackend(database, clock)
    # Of other queues, too: most triggers of a site find nothing to do.
    create_triggers(database, (f"empty {number}" if number % 2 else QUEUE for number in range(TRIGGERS)))

    def claim() -> Any:
        element = connection.get_next_queue_element(QUEUE)
        assert element is not None
        return element

    return {
        "claim by priority": claim,
        "counts by status": lambda: database.read(queue_counts.count_by_status),
        "first page of elements": lambda: loop.run_until_complete(pages.page(ElementQuery(queue=QUEUE))),
        f"poll of {TRIGGERS} queue triggers": lambda: trigger_claims.due_triggers(database, scheduler_name="benchmark"),
    }


def _give_back(kind: str) -> str:
    queues = "`Queues`" if kind == "mariadb" else '"Queues"'
    return (
        f"UPDATE {queues} SET status = 'NEW', claim_token = NULL, start_date = NULL "
        f"WHERE queue_name = '{QUEUE}' AND status = 'IN_PROGRESS' AND start_date IS NOT NULL"
    )
