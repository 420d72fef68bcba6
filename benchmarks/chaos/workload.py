"""What the robots of a run have to do: queues with workers, single triggers without end, scheduled ones.

Acts as the people of a site: adds elements and triggers, enables what failed, changes due times. Remembers all of it,
for the books. Works past the product's own code and past all links, and repeats what a restarted database refused.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.chaos import tables
from benchmarks.chaos.machines import ROOT
from benchmarks.chaos.rest import Left
from OpenOrchestrator.database.models import Pool, QueueTrigger, ScheduledTrigger, SingleTrigger
from OpenOrchestrator.database.statuses import QueueStatus, TriggerStatus, TriggerType

ZONE = ZoneInfo("Europe/Copenhagen")
LINES = 3
"""Lines that a robot of a single trigger prints."""

POOL = "chaos licences"
POOL_SIZE = 2

_QUEUES = 3
_FAILS = 0.4  # how often a robot fails
_SINGLE_FAILS = 0.1
_RETRIES = {"retry_times": 2, "retry_pause_seconds": 1}
_MOST_JOBS = 3
_PER_JOB = 10
_TEND_SECONDS = 0.4
_MOST_NEW = 150
_MOST_WAITING = 25
_BATCH = 30
_BAD_EVERY = 97  # robots set these Failed
_SLOW_EVERY = 13  # and take these long, so that many a robot is killed with an element in its hands
_EDIT_CHANCE = 0.15
_PATIENCE_SECONDS = 90.0

_SINGLE_WAITS = (tables.TRIGGERS.c.type == TriggerType.SINGLE) & (
    tables.TRIGGERS.c.process_status == TriggerStatus.IDLE
)

_ELEMENT_WAITS = tables.ELEMENTS.c.status.in_([QueueStatus.NEW, QueueStatus.IN_PROGRESS])

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to do.

    Attributes:
        workers: Queue triggers, each of which has at most one robot at a time.
        pooled: Such that share a pool; the first of them needs all of it, and the second is tried again as well.
        retrying: Such whose robots fail now and then, and are tried again.
        overlapping: Such that have several robots at a time.
        scheduled: Scheduled triggers; their robots add elements and then work like the others.
        singles_per_second: New single triggers.
        length: Of the robots' lives, as a part of those in a long run.
    """

    workers: int = 5
    pooled: int = 4
    retrying: int = 2
    overlapping: int = 1
    scheduled: int = 4
    singles_per_second: float = 1.5
    length: float = 1.0


@dataclass(slots=True)
class Orders:
    """Everything that was ordered.

    Attributes:
        elements: Ids of the elements.
        singles: Ids of the single triggers.
        due: Due times given to scheduled triggers, with the trigger.
    """

    elements: set[UUID] = field(default_factory=set)
    singles: set[UUID] = field(default_factory=set)
    due: set[tuple[UUID, datetime]] = field(default_factory=set)


class Workload:
    """The orders of a run, and the thread that gives them.

    Args:
        engine: Connections past all links.
        folder: For the robots and their effects.
        seed: Of what is random in it.
        size: How much there is to do.
    """

    def __init__(self, engine: sa.Engine, folder: Path, *, seed: int, size: Size) -> None:
        self._engine = engine
        self._size = size
        self._rng = random.Random(seed)
        self._robots = folder / "robots"
        self._stop = threading.Event()
        self._ordering = True
        self._thread = threading.Thread(target=self._tend_on, name="workload", daemon=True)
        self._numbers = 0
        self._worker_numbers = itertools.count()
        self.effects = folder / "effects"
        self.orders = Orders()
        self.error: BaseException | None = None
        self.effects.mkdir()
        shutil.copytree(Path(__file__).parent / "robots", self._robots, ignore=shutil.ignore_patterns("__pycache__"))

    def set_up(self) -> None:
        """Make the triggers that repeat."""
        with Session(self._engine) as session:
            now = datetime.now(timezone.utc)
            session.add(Pool(name=POOL, size=POOL_SIZE, edition=uuid4(), changed_at=now))
            for number in range(self._size.workers):
                self._add_worker(session, f"worker {number}")
            for number in range(self._size.pooled):
                needs = json.dumps({POOL: POOL_SIZE if number == 0 else 1})
                policy = _RETRIES if number == 1 else {}
                fails = _FAILS if number == 1 else 0.0
                self._add_worker(session, f"pooled {number}", fails=fails, pools=needs, **policy)
            for number in range(self._size.retrying):
                self._add_worker(session, f"retrying {number}", fails=_FAILS, **_RETRIES)
            for number in range(self._size.overlapping):
                policy = {"max_jobs": _MOST_JOBS, "elements_per_job": _PER_JOB}
                self._add_worker(session, f"overlapping {number}", **policy)
            for number in range(self._size.scheduled):
                at = (datetime.now(timezone.utc) + timedelta(minutes=1)).replace(second=0, microsecond=0)
                queue = f"chaos {number % _QUEUES}"
                session.add(
                    ScheduledTrigger(
                        **self._common(
                            f"scheduled {number}",
                            "worker.py",
                            queue=queue,
                            seconds=2,
                            make=3,
                            fails=0.0,
                            uses_pool=False,
                        ),
                        cron_expr="* * * * *",
                        next_run=site_time(at),
                        due_at=at,
                    )
                )
            session.commit()

    def _add_worker(self, session: Session, name: str, *, fails: float = 0.0, **policy: Any) -> None:
        number = next(self._worker_numbers)
        queue = f"chaos {number % _QUEUES}"
        settings = {"queue": queue, "seconds": (4 + number % 5 * 3) * self._size.length, "make": 0}
        common = self._common(name, "worker.py", **settings, fails=fails, uses_pool="pools" in policy)
        session.add(QueueTrigger(**common, queue_name=queue, min_batch_size=1, **policy))

    def start(self) -> None:
        """Begin to give orders."""
        self._thread.start()

    def stop_ordering(self) -> None:
        """Order nothing more; what failed is still enabled again."""
        self._ordering = False

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(_PATIENCE_SECONDS)

    def what_is_left(self) -> list[Left]:
        """Return what has not come to its end yet: elements and triggers by their number, and each job."""
        found = {
            "elements New or In Progress": self._count(tables.ELEMENTS, _ELEMENT_WAITS),
            "single triggers Idle": self._count(tables.TRIGGERS, _SINGLE_WAITS),
            "retries that wait": self._count(tables.TRIGGERS, tables.TRIGGERS.c.retry_at.is_not(None)),
        }
        jobs = self._patiently(lambda connection: connection.execute(tables.active_jobs()).all())
        return [
            *(Left(name, count, f"{count} {name}") for name, count in found.items() if count),
            *(Left(str(row.id), 1, _words(row)) for row in jobs),
        ]

    def _tend_on(self) -> None:
        try:
            while not self._stop.wait(_TEND_SECONDS):
                if self._ordering:
                    self._order_elements()
                    self._order_singles()
                    self._edit_due_times()
                self._patiently(lambda connection: connection.execute(tables.enable_repeating()))
        except BaseException as error:  # noqa: BLE001  (a run without work would look as if all were well)
            self.error = error

    def _order_elements(self) -> None:
        is_new = tables.ELEMENTS.c.status == QueueStatus.NEW
        if self._count(tables.ELEMENTS, is_new) > _MOST_NEW:
            return
        rows: list[dict[str, Any]] = []
        now = site_time(datetime.now(timezone.utc))
        for _ in range(_BATCH):
            self._numbers += 1
            sort = " bad" if self._numbers % _BAD_EVERY == 0 else " slow" if self._numbers % _SLOW_EVERY == 0 else ""
            rows.append(
                {
                    "id": uuid4(),
                    "queue_name": f"chaos {self._numbers % _QUEUES}",
                    "status": QueueStatus.NEW,
                    "reference": f"{self._numbers}{sort}",
                    "created_date": now + timedelta(microseconds=len(rows)),
                }
            )
        self._save(lambda connection: connection.execute(sa.insert(tables.ELEMENTS), rows))
        self.orders.elements |= {row["id"] for row in rows}

    def _order_singles(self) -> None:
        if self._rng.random() > self._size.singles_per_second * _TEND_SECONDS:
            return
        if self._count(tables.TRIGGERS, _SINGLE_WAITS) > _MOST_WAITING:
            return
        due = datetime.now(timezone.utc) + timedelta(seconds=self._rng.uniform(0, 4))
        seconds = self._rng.choice((0, 0, 0.5, 3, 15)) * self._size.length
        trigger_id = uuid4()

        def save(connection: sa.Connection) -> None:
            settings = {"seconds": seconds, "lines": LINES, "fails": _SINGLE_FAILS}
            common = self._common(f"single {trigger_id}", "single.py", **settings)
            with Session(connection) as session:
                session.add(
                    SingleTrigger(id=trigger_id, **common, next_run=site_time(due), due_at=due, **_RETRIES),
                )
                session.flush()

        self._save(save)
        self.orders.singles.add(trigger_id)

    def _edit_due_times(self) -> None:
        """Give some scheduled triggers that wait for the next minute a due time in a moment."""
        now = datetime.now(timezone.utc)
        for row in self._patiently(lambda connection: connection.execute(tables.idle_scheduled()).all()):
            # Far enough from its due time, so that nobody is claiming it at this moment.
            if row.next_run < site_time(now + timedelta(seconds=8)) or self._rng.random() > _EDIT_CHANCE:
                continue
            due = now + timedelta(seconds=self._rng.uniform(1, 3))
            change = tables.set_next_run(row.id, seen=row.next_run, next_run=site_time(due), due_at=due)
            try:
                with self._engine.begin() as connection:
                    done = connection.execute(change).rowcount == 1
            except sa.exc.DBAPIError:  # whether it was saved is seen by the job, which nobody demands then
                continue
            if done:
                self.orders.due.add((row.id, due))

    def _common(self, name: str, robot: str, **arguments: Any) -> dict[str, Any]:
        settings = {"root": str(ROOT), "effects": str(self.effects), **arguments}
        return {
            "trigger_name": name,
            "process_name": "chaos",
            "process_path": str(self._robots / robot),
            "process_args": json.dumps(settings),
            "process_status": TriggerStatus.IDLE,
            "is_git_repo": False,
            "is_blocking": False,
            "priority": 0,
        }

    def _count(self, table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(condition)
        return self._patiently(lambda connection: connection.scalar(query)) or 0

    def _save(self, work: Callable[[sa.Connection], object]) -> None:
        """Insert rows whose ids were made here; if they are there already, an earlier try was saved."""
        try:
            self._patiently(work)
        except sa.exc.IntegrityError:
            return

    def _patiently(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a transaction, again and again while the database is being restarted."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except sa.exc.IntegrityError:
                raise
            except sa.exc.DBAPIError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _words(job: Any) -> str:
    return f"job {job.id} of {job.scheduler_name}, {job.status.value}, lease {job.lease_until}"


def site_time(at: datetime) -> datetime:
    """Return an instant as naive site time, as the columns of old hold it."""
    return at.astimezone(ZONE).replace(tzinfo=None)
