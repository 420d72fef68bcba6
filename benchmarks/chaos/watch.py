"""Looks on while a run goes: how fast the jobs of killed schedulers are settled, how much memory schedulers take.

A thread of its own that only reads. A database that is away just now is looked at again later.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from benchmarks.chaos import tables
from benchmarks.chaos.machines import Machine
from benchmarks.chaos.policies import Looks

_LOOK_SECONDS = 0.5
_SAMPLE_SECONDS = 2.0
_PATIENCE_SECONDS = 20.0


@dataclass(slots=True)
class Orphan:
    """A job whose scheduler was killed.

    Attributes:
        at: When that was, seconds since the epoch.
        owner: The instance of the scheduler that was killed.
        settled_at: When it was first seen with another owner or ended; None as long as it was not.
    """

    machine: str
    job_id: UUID
    trigger_id: UUID | None
    owner: UUID | None
    at: float
    settled_at: float | None = None


@dataclass(slots=True)
class Memory:
    """Memory of a scheduler that was never killed, in MB.

    Attributes:
        begin: The first sample after it worked.
        end: The latest.
        most: The highest.
    """

    begin: float = 0.0
    end: float = 0.0
    most: float = 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is at a moment.

    Attributes:
        elements: By the names of their statuses.
        jobs: By the names of their statuses.
    """

    elements: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)


class Watch:
    """The onlooker.

    Args:
        engine: Connections past all links.
        machines: Whose memory is looked at.
        connections: Counts the clients of the server.
    """

    def __init__(self, engine: sa.Engine, machines: Sequence[Machine], connections: Callable[[], int]) -> None:
        self._engine = engine
        self._connections = connections
        self._machines = machines
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="watch", daemon=True)
        self.orphans: list[Orphan] = []
        self.memory = {machine.name: Memory() for machine in machines}
        self.counts = Counts()
        self.looks = Looks()
        self.most_connections = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(_PATIENCE_SECONDS)

    def orphaned(self, machine: str, at: float) -> list[str]:
        """Take note that a scheduler was killed; returns the ids of the jobs it leaves."""
        left = [row for row in self._active() if row.scheduler_name == machine]
        known = {
            (orphan.job_id, orphan.owner) for orphan in self.orphans
        }  # it had not got round to them, and died again
        self.orphans += [
            Orphan(machine, row.id, row.trigger_id, row.owner, at) for row in left if (row.id, row.owner) not in known
        ]
        return [str(row.id) for row in left]

    def active_job(self, pick: float) -> Any | None:
        """Return one of the jobs that have not ended."""
        rows = self._active()
        return rows[int(pick * len(rows))] if rows else None

    def look(self) -> None:
        """Look once at the active jobs: how many there are of each trigger, and which are settled."""
        waiting = [orphan for orphan in self.orphans if orphan.settled_at is None]  # before, or they are not in it
        with self._engine.connect() as connection:
            rows = connection.execute(tables.active_jobs()).all()
        owners = {row.id: row.owner for row in rows}
        now = time.time()
        self.looks.note(now, [(row.id, row.trigger_id, json.loads(row.pools or "{}")) for row in rows])
        for orphan in waiting:
            if owners.get(orphan.job_id) != orphan.owner:
                orphan.settled_at = now

    def count(self) -> None:
        """Count what there is."""
        with self._engine.connect() as connection:
            elements, jobs = (
                {
                    status.name: count
                    for status, count in connection.execute(
                        sa.select(table.c.status, sa.func.count()).group_by(table.c.status)
                    )
                }
                for table in (tables.ELEMENTS, tables.JOBS)
            )
        self.counts = Counts(elements, jobs)

    def _active(self) -> Sequence[Any]:
        """Read the jobs that have not ended; nothing after some tries in vain."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with self._engine.connect() as connection:
                    return connection.execute(tables.active_jobs()).all()
            except sa.exc.DBAPIError:
                if time.monotonic() > deadline:
                    return ()
                time.sleep(0.1)

    def _look_on(self) -> None:
        sample_at = 0.0
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.look()
                if time.monotonic() >= sample_at:
                    sample_at = time.monotonic() + _SAMPLE_SECONDS
                    self._sample_memory()
                    self.count()
                    self.most_connections = max(self.most_connections, self._connections())
            except sa.exc.DBAPIError:  # it is being restarted
                continue

    def _sample_memory(self) -> None:
        for machine in self._machines:
            now = machine.memory() if machine.starts == 1 and machine.is_up() else 0.0
            memory = self.memory[machine.name]
            if now:
                memory.begin = memory.begin or now
                memory.end = now
                memory.most = max(memory.most, now)
