"""Claim and finish by many processes: through ``connection.work()``, beside the bare statements and other libraries.

Every library drains a queue of its own with workers of its own, each in an environment of its own, all in one run and
in turn. Owns the starting of workers and the counting; how each library works is in ``benchmarks.workers``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.databases import Target
from benchmarks.report import Figure, median
from benchmarks.robot_ready import KEY, OLD_VERSION, environment

JOBS_AT_ONCE = 10
"""Of each worker of procrastinate and of pgqueuer: theirs are asynchronous, so each works on several jobs at a time."""

_CHECKOUT = Path(__file__).resolve().parent.parent
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Make:
    """A way of draining a queue.

    Attributes:
        worker: The command of one process in the round of this number.
        fill: Makes the elements of a round: its number, and how many.
        unfinished: SQL that returns a row while there is one that is not finished.
        rates: Elements per second of each round so far.
        faults: Duplicates, lost ones and errors of all rounds together.
    """

    name: str
    worker: Callable[[int], list[str]]
    fill: Callable[[int, int], None]
    unfinished: Callable[[int], str]
    rates: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def note(self) -> str:
        """Return what must be none."""
        counted = ", ".join(f"{self.faults[what]} {what}" for what in ("duplicates", "lost", "errors"))
        return f"{counted}; {min(self.rates):,.0f} to {max(self.rates):,.0f}" if len(self.rates) > 1 else counted


def drain(target: Target, *, elements: int, processes: int, rounds: int) -> Iterator[Figure]:
    """Let processes claim and finish all elements of a queue, each library in turn."""
    folder = Path(tempfile.mkdtemp(prefix="oo-bench-"))
    try:
        makes = _makes(target, folder)
        for number in range(rounds):
            for make in makes:
                _round(target, make, number, elements, processes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ours, *others = makes
    for other in others:
        yield Figure(
            f"claim and finish by {processes} processes",
            target.kind,
            "elements per second",
            median(ours.rates),
            median(other.rates),
            other.name,
            f"{ours.note()}; {other.name}: {other.note()}",
        )


def _makes(target: Target, folder: Path) -> list[_Make]:
    old = environment(folder / "old", f"OpenOrchestrator=={OLD_VERSION}", "psycopg[binary]", "pymysql")
    ours = (sys.executable, _program("with_work"), target.url)
    raw = (sys.executable, _program("with_driver"), target.kind, target.url)
    makes = [
        _of_table(target, "work()", *ours),
        _of_table(target, "the two statements on the driver", *raw),
        _of_table(target, f"OpenOrchestrator {OLD_VERSION}", str(old), _program("with_old"), target.url, KEY),
    ]
    if target.kind == "postgresql":
        url = sa.engine.make_url(target.url).set(drivername="postgresql").render_as_string(hide_password=False)
        python = environment(folder / "procrastinate", "procrastinate", "psycopg[binary]")
        rows = "procrastinate_jobs WHERE status IN ('todo', 'doing')"
        makes.append(_of_library("procrastinate", rows, str(python), _program("with_procrastinate"), url))
        python = environment(folder / "pgqueuer", "pgqueuer[asyncpg]")
        rows = "pgqueuer WHERE status IN ('queued', 'picked')"
        makes.append(_of_library("pgqueuer", rows, str(python), _program("with_pgqueuer"), url))
    return makes


def _program(name: str) -> str:
    return str(Path(__file__).parent / "workers" / f"{name}.py")


def _of_table(target: Target, name: str, *command: str) -> _Make:
    """Return a way of draining a queue of our own table; its name is the last argument of the command."""
    quote = "`" if target.kind == "mariadb" else '"'
    return _Make(
        name,
        lambda number: [*command, f"{name} {number}"],
        lambda number, count: target.fill_queue(f"{name} {number}", count),
        lambda number: (
            f"SELECT 1 FROM {quote}Queues{quote} WHERE queue_name = '{name} {number}' "
            "AND status IN ('NEW', 'IN_PROGRESS') LIMIT 1"
        ),
    )


def _of_library(name: str, unfinished: str, *command: str) -> _Make:
    """Return a way of draining with a library that has tables of its own, and fills them itself."""
    return _Make(
        name,
        lambda _: [*command, "drain", str(JOBS_AT_ONCE)],
        lambda _, count: _filled([*command, "fill", str(count)]),
        lambda _: f"SELECT 1 FROM {unfinished} LIMIT 1",
    )


def _filled(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir())
    if done.returncode:
        raise OSError(f"cannot fill a queue: {done.stderr.strip()[-500:]}")


def _round(target: Target, make: _Make, number: int, elements: int, processes: int) -> None:
    """Start the workers, let them begin at the same time, and count what they got."""
    make.fill(number, elements)
    here = {**os.environ, "PYTHONPATH": str(_CHECKOUT)} if make.worker(number)[0] == sys.executable else None
    workers = [
        subprocess.Popen(
            make.worker(number),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=tempfile.gettempdir(),  # the package of the checkout would be imported in place of the old one
            env=here,
        )
        for _ in range(processes)
    ]
    try:
        for worker in workers:
            if _line(worker, "ready") is None:
                raise OSError(f"a worker of {make.name} ended before it began")
        begun = time.perf_counter()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        seconds = _until_finished(target, make.unfinished(number), workers) - begun
        told = [
            json.loads(_line(worker, "{") or '{"numbers": [], "errors": ["a worker crashed"]}') for worker in workers
        ]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    handed_out = [number for each in told for number in each["numbers"]]
    make.rates.append(len(set(handed_out)) / seconds)
    make.faults.update(faults(handed_out, elements))
    make.faults["errors"] += sum(len(each["errors"]) for each in told)


def faults(handed_out: Sequence[str], elements: int) -> dict[str, int]:
    """Return how many elements were handed out again, and how many of all never were."""
    different = len(set(handed_out))
    return {"duplicates": len(handed_out) - different, "lost": elements - different}


def _line(worker: subprocess.Popen[str], start: str) -> str | None:
    """Return the next line that begins so; None if the worker ends before. Libraries may print lines of their own."""
    assert worker.stdout is not None
    return next((line for line in worker.stdout if line.startswith(start)), None)


def _until_finished(target: Target, unfinished: str, workers: list[subprocess.Popen[str]]) -> float:
    """Return the time when nothing is unfinished: some libraries go on for a while before they see that."""
    connection: Any = target.raw()
    cursor = connection.cursor()
    while any(worker.poll() is None for worker in workers):
        cursor.execute(unfinished)
        if cursor.fetchone() is None:
            break
        time.sleep(_LOOK_SECONDS)
    ended = time.perf_counter()
    connection.close()
    return ended
