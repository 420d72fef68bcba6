"""An exact reference among a million elements: how long *Go to* takes to find it, in whichever queue it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.databases import Target
from benchmarks.report import Figure, judged, median

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.queues.backend.find_elements import FindElementsBackend

QUEUES = 20
BIG_SHARE = 0.7
"""Of all elements, in the first queue."""

LIMIT = 1000.0
"""Milliseconds."""


def references(target: Target, *, elements: int, samples: int) -> Iterator[Figure]:
    """Fill queues with so many elements in all, and find references in whichever queue.

    Raises:
        OSError: If not what is there was found.
    """
    from OpenOrchestrator.common.clock import SystemClock
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.orchestrator.queues.backend.find_elements import FindElementsBackend

    big = int(elements * BIG_SHARE)
    small = (elements - big) // (QUEUES - 1)
    for number in range(QUEUES):
        target.fill_queue(f"queue {number:02}", small if number else big, done_share=0.9)
    database = Database(target.url, clock=SystemClock())
    try:
        for what, reference, expected in (
            ("of one element", f"ref {big - 1}", 1),
            ("of an element in each queue", f"ref {small - 1}", QUEUES),
            ("that nobody has", "ref nobody has", 0),
        ):
            # A backend of its own, as each tab has one: the first search asks for the names of the queues, too.
            first, found = _timed(FindElementsBackend(database, SystemClock()), reference)
            if found != min(expected, 8):
                raise OSError(f"{found} elements were found for the reference {what}, not {expected}")
            backend = FindElementsBackend(database, SystemClock())
            taken = [_timed(backend, reference)[0] for _ in range(samples + 1)][1:]
            note = f"first {first:,.0f} ms, slowest {max(taken):,.0f} ms; {elements:,} elements in {QUEUES} queues"
            figure = Figure("references", target.kind, f"reference {what}, ms", median(taken), note=note)
            yield judged(figure, LIMIT)
    finally:
        database.close()


def _timed(backend: FindElementsBackend, reference: str) -> tuple[float, int]:
    begun = time.perf_counter()
    found = asyncio.run(backend.by_reference(reference))
    return (time.perf_counter() - begun) * 1000, len(found.rows)
