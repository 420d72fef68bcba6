"""What it costs a claim that its trigger needs pools, beside claims of triggers that need none, in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from benchmarks.databases import Target
from benchmarks.report import Figure, judged, median
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, trigger_claims
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import pools
from OpenOrchestrator.database.stores import triggers as trigger_store

MOST_TIMES = 1.5
"""How many times as long as a claim without pools one with them may take."""

_HELD = 8
_NEEDS = {"plain": None, "a pool": '{"one": 1}', "two pools": '{"one": 1, "two": 2}'}


def claims(target: Target, *, samples: int) -> Iterator[Figure]:
    """Claim one trigger after the other, while some other jobs hold something of the same pools."""
    database = Database(target.url)
    identity = Identity("benchmark")
    _create(database, samples)
    due = trigger_claims.due_triggers(database, scheduler_name=identity.name).due
    by_kind = {kind: [one for one in due if one.name.startswith(f"{kind} ")] for kind in _NEEDS}
    assert len(trigger_claims.claim(database, identity, [one for one in due if one.name.startswith("held")])) == _HELD
    wall: dict[str, list[float]] = {kind: [] for kind in _NEEDS}
    processor: dict[str, list[float]] = {kind: [] for kind in _NEEDS}
    for number in range(samples):
        for kind, triggers in by_kind.items():
            begun, worked = time.perf_counter(), time.process_time()
            (run,) = trigger_claims.claim(database, identity, [triggers[number]])
            wall[kind].append((time.perf_counter() - begun) * 1000)
            processor[kind].append((time.process_time() - worked) * 1000)
            runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    database.close()
    for kind in ("a pool", "two pools"):
        for what, spent in (("median ms", wall), ("median ms of this processor", processor)):
            plain = median(spent["plain"])
            figure = Figure(
                f"claim of a trigger that needs {kind}",
                target.kind,
                what,
                median(spent[kind]),
                plain,
                "a claim of one that needs none",
            )
            # Two locks are taken for two pools: what is promised is about one.
            yield judged(figure, round(MOST_TIMES * plain, 2)) if kind == "a pool" else figure


def _create(database: Database, samples: int) -> None:
    now, instant = database.site_now(), database.utc_now()

    def create(session: Any) -> None:
        for name in ("one", "two"):
            pools.insert(session, name, _HELD + 2, now=instant)
        for kind, needs in _NEEDS.items():
            for number in range(samples):
                _single(session, f"{kind} {number}", needs, now)
        for number in range(_HELD):
            _single(session, f"held {number}", _NEEDS["a pool"], now)

    database.write(create)


def _single(session: Any, name: str, needs: str | None, now: datetime) -> None:
    trigger_store.create_single(
        session,
        trigger_name=name,
        next_run=now,
        process_name="claim",
        process_path="main.py",
        process_args="",
        is_git_repo=False,
        is_blocking=False,
        priority=0,
        pools=needs,
    )
