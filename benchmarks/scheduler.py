"""The scheduler: how late robots start, and how many start when many are due at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import sqlalchemy as sa

from benchmarks.databases import Target
from benchmarks.report import Figure, median
from OpenOrchestrator.common.cron import to_site
from OpenOrchestrator.common.crypto_util import generate_key
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.stores import triggers as trigger_store

ROBOT = "import sys\nprint('hello from', sys.argv[1])\n"
PATIENCE_SECONDS = 120


@contextmanager
def _daemon(target: Target, folder: Path, *, slots: int) -> Iterator[None]:
    environment = {
        **os.environ,
        "OpenOrchestratorConnString": target.url,
        "OpenOrchestratorKey": generate_key().decode(),
    }
    with (folder / "scheduler.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "OpenOrchestrator", "scheduler", "--name", "benchmark"),
                *("--max-jobs", str(slots), "--workspace", str(folder / "workspace")),
            ],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def _create(database: Database, folder: Path, dues: list[datetime]) -> None:
    robot = folder / "robot.py"
    robot.write_text(ROBOT, encoding="utf-8")

    def create(session: sa.orm.Session) -> None:
        for number, due in enumerate(dues):
            trigger_store.create_single(
                session,
                trigger_name=f"bench {number} {due.isoformat()}",
                process_name="benchmark",
                next_run=to_site(due, database.zone),
                due_at=due,
                process_path=str(robot),
                process_args="",
                is_git_repo=False,
                is_blocking=False,
                priority=0,
            )

    database.write(create)


def _started(database: Database, dues: list[datetime]) -> list[float]:
    """Return how many milliseconds after its due time each robot process was started."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    query = sa.select(Job.started_at, Job.due_at).where(Job.due_at.in_(set(dues)), Job.started_at.is_not(None))
    while time.monotonic() < deadline:
        rows = database.read(lambda session: session.execute(query).all())
        if len(rows) >= len(dues):
            return [(started - due).total_seconds() * 1000 for started, due in rows]
        time.sleep(0.2)
    raise TimeoutError(f"only {len(rows)} of {len(dues)} robots were started within {PATIENCE_SECONDS} s")


def _raw_starts(count: int) -> float:
    """Return the seconds in which the bare operating system starts so many Python processes."""
    begun = time.perf_counter()
    processes = [subprocess.Popen([sys.executable, "-c", ROBOT, "x"], stdout=subprocess.DEVNULL) for _ in range(count)]
    for process in processes:
        process.wait()
    return time.perf_counter() - begun


def starts(target: Target, *, samples: int, at_once: int) -> Iterator[Figure]:
    """Let triggers fall due one by one, then many at once."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        database = Database(target.url)
        with _daemon(target, folder, slots=at_once):
            begin = datetime.now(timezone.utc) + timedelta(seconds=4)
            single = [begin + timedelta(milliseconds=1370 * number) for number in range(samples)]
            _create(database, folder, single)
            delays = _started(database, single)
            raw = []
            for _ in range(samples):
                begun = time.perf_counter()
                subprocess.Popen([sys.executable, "-c", "pass"]).wait()
                raw.append((time.perf_counter() - begun) * 1000)
            yield Figure(
                "due time to robot process started",
                target.kind,
                "median ms",
                median(delays),
                median(raw),
                "start and end of a bare Python process",
                f"slowest {max(delays):.0f} ms of {samples}",
            )
            together = datetime.now(timezone.utc) + timedelta(seconds=3)
            _create(database, folder, [together] * at_once)
            delays = _started(database, [together] * at_once)
            seconds = max(delays) / 1000
            bare = _raw_starts(at_once)
            yield Figure(
                f"{at_once} triggers due at once",
                target.kind,
                "seconds until the last started",
                seconds,
                bare,
                "bare Python processes, all started and ended",
            )
            yield Figure(
                "starts per second",
                target.kind,
                "robots per second",
                at_once / seconds,
                at_once / bare,
                "bare processes",
            )
        database.close()
