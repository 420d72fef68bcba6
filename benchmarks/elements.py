"""Queue elements: claims by many processes, claims as history grows, bulk insert."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.databases import Target
from benchmarks.report import Figure, judged, median

RAW_CLAIM = {
    "sqlite": """UPDATE "Queues" SET status = 'IN_PROGRESS', start_date = ? WHERE id = (
        SELECT id FROM "Queues" WHERE queue_name = ? AND status = 'NEW' ORDER BY created_date, id LIMIT 1)
        RETURNING id, data, reference""",
    "postgresql": """WITH picked AS (SELECT id FROM "Queues" WHERE queue_name = %s AND status = 'NEW'
        ORDER BY created_date, id LIMIT 1 FOR UPDATE SKIP LOCKED)
        UPDATE "Queues" q SET status = 'IN_PROGRESS', start_date = now() FROM picked WHERE q.id = picked.id
        RETURNING q.id, q.data, q.reference""",
}


def raw_claimer(target: Target, queue: str, connection: Any = None) -> Callable[[], Any]:
    """Return a function that takes the first New element of a queue by the least that does it: id, data, reference."""
    cursor = (connection or target.raw()).cursor()
    if target.kind == "postgresql":
        return lambda: cursor.execute(RAW_CLAIM["postgresql"], (queue,)).fetchone()
    if target.kind == "sqlite":

        def claim_sqlite() -> Any:
            cursor.execute("BEGIN IMMEDIATE")
            row = cursor.execute(RAW_CLAIM["sqlite"], ("2026-01-01 00:00:00.000000", queue)).fetchone()
            cursor.execute("COMMIT")
            return row

        return claim_sqlite
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def claim_mariadb() -> Any:
        cursor.execute("START TRANSACTION")
        cursor.execute(
            "SELECT id, data, reference FROM `Queues` WHERE queue_name = %s AND status = 'NEW' "
            "ORDER BY created_date, id LIMIT 1 FOR UPDATE SKIP LOCKED",
            (queue,),
        )
        row = cursor.fetchone()
        if row:
            cursor.execute(
                "UPDATE `Queues` SET status = 'IN_PROGRESS', start_date = NOW(6) WHERE id = %s AND status = 'NEW'",
                (row[0],),
            )
        cursor.execute("COMMIT")
        return row

    return claim_mariadb


def raw_finisher(target: Target, connection: Any) -> Callable[[Any], None]:
    """Return a function that makes an element Done by one statement."""
    cursor = connection.cursor()
    mark = "?" if target.kind == "sqlite" else "%s"
    quote = "`" if target.kind == "mariadb" else '"'
    statement = (
        f"UPDATE {quote}Queues{quote} SET status = 'DONE', end_date = '2026-01-01 00:00:00.000000' "
        f"WHERE id = {mark} AND status = 'IN_PROGRESS'"
    )

    def finish(element_id: Any) -> None:
        cursor.execute(statement, (element_id,))

    return finish


def _our_claimer(target: Target, queue: str) -> Callable[[], Any]:
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    connection = OrchestratorConnection("benchmark", target.url, "", "")

    def claim() -> Any:
        element = connection.get_next_queue_element(queue)
        return None if element is None else (element.id,)

    return claim


def _drain(make: str, target: Target, queue: str, barrier: Any, results: Any) -> None:
    claimer = _our_claimer if make == "ours" else raw_claimer
    claimer(target, "an empty queue")()  # the first call of a process imports what it needs
    claim = claimer(target, queue)
    claimed: list[str] = []
    errors: list[str] = []
    barrier.wait()
    begun = time.perf_counter()
    while True:
        try:
            row = claim()
        except Exception as error:  # noqa: BLE001  (every error counts against the figure)
            errors.append(f"{type(error).__name__}: {error}"[:200])
            if len(errors) > 10:
                break
            continue
        if row is None:
            break
        claimed.append(str(row[0]).replace("-", ""))
    results.put((claimed, errors, begun, time.perf_counter()))


def drain(target: Target, *, elements: int, processes: int) -> Iterator[Figure]:
    """Let processes drain one queue together, and count what was claimed twice or not at all."""
    rates: dict[str, float] = {}
    notes: dict[str, str] = {}
    context = multiprocessing.get_context("spawn")
    for make in ("raw", "ours"):
        queue = f"drain {make}"
        target.fill_queue(queue, elements)
        barrier = context.Barrier(processes)
        results = context.Queue()
        workers = [
            context.Process(target=_drain, args=(make, target, queue, barrier, results)) for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        collected = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
        claimed = [element for ids, _, _, _ in collected for element in ids]
        errors = [error for _, found, _, _ in collected for error in found]
        # perf_counter is one clock for all processes of a machine on Linux and Windows alike.
        seconds = max(end for *_, end in collected) - min(begun for _, _, begun, _ in collected)
        rates[make] = len(claimed) / seconds
        notes[make] = (
            f"{len(claimed) - len(set(claimed))} duplicates, {elements - len(set(claimed))} lost, {len(errors)} errors"
        )
        if errors:
            notes[make] += f" ({errors[0]})"
    yield Figure(
        f"{processes} processes drain {elements:,} elements",
        target.kind,
        "claims per second",
        rates["ours"],
        rates["raw"],
        "raw claim statement on the driver",
        notes["ours"],
    )


def grow(target: Target, *, sizes: tuple[int, ...], samples: int) -> Iterator[Figure]:
    """Claim from queues of which 99 % is done, a small one and a large one in turn."""
    trigger_claims: dict[tuple[int, str], Callable[[], Any]] = {}
    spent: dict[tuple[int, str], list[float]] = {}
    for size in sizes:
        target.fill_queue(f"grown {size}", size, done_share=0.99)
        for make, claimer in (("raw", raw_claimer), ("ours", _our_claimer)):
            trigger_claims[size, make] = claimer(target, f"grown {size}")
            spent[size, make] = []
    give_back = target.raw().cursor()
    # In turn, so that a disk that is busy for a while slows all of them alike; what was claimed is given back.
    for _ in range(samples):
        for (size, make), claim in trigger_claims.items():
            begun = time.perf_counter()
            claim()
            spent[size, make].append((time.perf_counter() - begun) * 1000)
            quote = "`" if target.kind == "mariadb" else '"'
            give_back.execute(
                f"UPDATE {quote}Queues{quote} SET status = 'NEW' "
                f"WHERE queue_name = 'grown {size}' AND status = 'IN_PROGRESS'"
            )
    smallest = median(spent[sizes[0], "ours"])
    for size in sizes:
        ours = median(spent[size, "ours"])
        yield Figure(
            f"next element of {size:,}, 99 % done",
            target.kind,
            "median ms",
            ours,
            median(spent[size, "raw"]),
            "raw claim statement on the driver",
            f"{ours / smallest:.2f} times the time at {sizes[0]:,}",
        )


def bulk_insert(target: Target, *, elements: int) -> Iterator[Figure]:
    """Insert many elements by one call."""
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    connection = OrchestratorConnection("benchmark", target.url, "", "")
    references = [f"reference {number}" for number in range(elements)]
    data = ["x" * 100] * elements
    connection.get_queue_elements("bulk")
    begun = time.perf_counter()
    connection.bulk_create_queue_elements("bulk ours", references, data, "benchmark")
    ours = elements / (time.perf_counter() - begun)

    raw = target.raw()
    cursor = raw.cursor()
    mark = "?" if target.kind == "sqlite" else "%s"
    quote = "`" if target.kind == "mariadb" else '"'
    rows = [
        (uuid.uuid4().hex, "bulk raw", "NEW", text, reference, "2026-01-01 00:00:00.000000", "benchmark")
        for reference, text in zip(references, data, strict=True)
    ]
    begun = time.perf_counter()
    cursor.execute("START TRANSACTION" if target.kind == "mariadb" else "BEGIN")
    cursor.executemany(
        f"INSERT INTO {quote}Queues{quote} (id, queue_name, status, data, reference, created_date, created_by) "
        f"VALUES ({', '.join([mark] * 7)})",
        rows,
    )
    cursor.execute("COMMIT")
    beside = elements / (time.perf_counter() - begun)
    yield Figure(
        f"bulk insert of {elements:,} elements",
        target.kind,
        "rows per second",
        ours,
        beside,
        "executemany on the driver",
    )


_MEMORY_SCRIPT = """
import re, sys
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
def megabytes(name):
    return int(re.search(name + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024
connection = OrchestratorConnection("benchmark", sys.argv[1], "", "")
count = int(sys.argv[2])
connection.bulk_create_queue_elements("memory warm", ["warm"], ["warm"], "benchmark")
references, data = [f"reference {n}" for n in range(count)], [f"{n:0100}" for n in range(count)]
before = megabytes("VmRSS")
connection.bulk_create_queue_elements("memory", references, data, "benchmark")
print(megabytes("VmHWM") - before)
"""
MOST_MEGABYTES = 100.0


def bulk_memory(target: Target, *, elements: int) -> Iterator[Figure]:
    """Insert many elements by one call in a process of its own, and see how much more memory it had at its peak.

    What the caller holds, references and data, is there before and not counted.

    Raises:
        OSError: If the system does not tell peaks as Linux does.
    """
    if sys.platform != "linux":
        raise OSError("only Linux tells the peak of a program so")
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY_SCRIPT, target.url, str(elements)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
    )
    megabytes = float(done.stdout.strip().splitlines()[-1])
    figure = Figure(f"bulk insert of {elements:,} elements", target.kind, "MB more at the peak", megabytes)
    yield judged(figure, MOST_MEGABYTES)


def create_triggers(database: Any, queues: Iterable[str]) -> None:
    """Create a queue trigger for each of these queues, of different batch sizes."""
    from OpenOrchestrator.database.stores import triggers as trigger_store

    def create(session: Any) -> None:
        for number, queue in enumerate(queues):
            trigger_store.create_queue(
                session,
                trigger_name=f"poll {number}",
                process_name="poll",
                queue_name=queue,
                process_path="main.py",
                process_args="",
                is_git_repo=False,
                is_blocking=False,
                min_batch_size=1 + number % 3,
                priority=0,
            )

    database.write(create)


def pending_poll(target: Target, *, elements: int, triggers: int, samples: int) -> Iterator[Figure]:
    """Ask which of many queue triggers are due, over a large queue table."""
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.lifecycle import trigger_claims

    for number in range(10):
        target.fill_queue(f"poll {number}", elements // 10, done_share=0.99)
    database = Database(target.url)
    create_triggers(
        database, (f"poll {number % 10}" if number % 2 else f"empty {number}" for number in range(triggers))
    )
    target.analyze()
    spent = []
    due = 0
    for _ in range(samples):
        begun = time.perf_counter()
        due = len(trigger_claims.due_triggers(database, scheduler_name="benchmark").due)
        spent.append((time.perf_counter() - begun) * 1000)
    raw = target.raw()
    cursor = raw.cursor()
    quote = "`" if target.kind == "mariadb" else '"'
    statement = f"""SELECT t.id FROM {quote}Queue_Triggers{quote} t
        JOIN {quote}Triggers{quote} b ON b.id = t.id AND b.process_status = 'IDLE' WHERE EXISTS (
        SELECT 1 FROM {quote}Queues{quote} q WHERE q.queue_name = t.queue_name AND q.status = 'NEW')"""
    beside = []
    for _ in range(samples):
        begun = time.perf_counter()
        cursor.execute(statement)
        cursor.fetchall()
        beside.append((time.perf_counter() - begun) * 1000)
    yield Figure(
        f"pending poll: {triggers} queue triggers, {elements:,} elements",
        target.kind,
        "median ms",
        median(spent),
        median(beside),
        "one EXISTS query on the driver",
        f"{due} of {triggers} due; ours also finds time triggers and the next due time",
    )
