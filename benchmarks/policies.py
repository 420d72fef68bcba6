"""The poll and the choice of a scheduler over many triggers that use every policy, beside as many plain ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from benchmarks.databases import Target
from benchmarks.report import Figure, judged, median
from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.cron import to_site
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.lifecycle.selection import Candidate, select
from OpenOrchestrator.database.models import QueueElement, QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.database.stores import calendars, pool_amounts, pools
from OpenOrchestrator.database.stores import triggers as trigger_store

MOST_MILLISECONDS = 20.0
MOST_TIMES = 2.0
DUE_OF = 100
"""One trigger in so many is due at a poll: a site on which everything is due has other troubles than its polls."""

HERE = Identity("benchmark", machine="benchmark", labels=("sap", "windows", "ocr"))
ZONES = ("Europe/Copenhagen", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")


def _policies(number: int) -> dict[str, Any]:
    """Return the columns of a trigger that uses every policy, each a little different from the next."""
    return {
        "scheduler_whitelist": ["benchmark", f"worker-{number % 50}"],
        "labels": ["sap", "windows"][: 1 + number % 2],
        "desktop": "SCREEN" if number % 4 == 0 else None,
        "pools": pool_amounts.written(pool_amounts.in_order({f"pool {number % 10}": 1})),
        "retry_times": 3,
        "retry_pause_seconds": 60,
        "retry_growth": 2.0,
        "retry_most_seconds": 3600,
        "retry_after": "FAILED,TIMED_OUT",
        "when_lost": "RETRY",
        "pause_after_failures": 3,
        "timeout_seconds": 1800,
        "priority": number % 5,
    }


def _create(database: Database, count: int, *, with_policies: bool) -> None:
    now = database.utc_now()

    def create(session: Any) -> None:
        for number in range(count):
            due = now - timedelta(seconds=1) if number % DUE_OF == 0 else now + timedelta(hours=1 + number % 48)
            schedule: dict[str, Any] = {}
            if with_policies:
                schedule = {"timezone": ZONES[number % 4], "calendar": "Week", "closed_days": "NEXT"}
            base = {
                "trigger_name": f"{'policies' if with_policies else 'plain'} {number}",
                "process_name": "poll",
                "process_path": "main.py",
                "process_args": "",
                "is_git_repo": False,
                "is_blocking": False,
                "priority": 0,
                **(_policies(number) if with_policies else {}),
            }
            if number % 5 == 0:
                trigger_store.create_queue(session, queue_name=f"queue {number % 25}", min_batch_size=1, **base)
            else:
                trigger_store.create_scheduled(
                    session,
                    cron_expr="15 6 * * *",
                    next_run=to_site(due, database.zone),
                    due_at=due,
                    **schedule,
                    **base,
                )

    database.write(create)


def _prepare(database: Database) -> None:
    now = database.utc_now()

    def prepare(session: Any) -> None:
        week = Calendar("Week", "DK", closed=frozenset({date(2026, 12, 24)}))
        calendars.insert(session, calendars.checked(week, database.dialect_name), now=now)
        for number in range(10):
            pools.insert(session, f"pool {number}", 3, now=now)
        session.add(QueueElement(queue_name="queue 0", created_date=database.site_now()))

    database.write(prepare)


def _delete_triggers(database: Database) -> None:
    for model in (SingleTrigger, ScheduledTrigger, QueueTrigger, Trigger):
        database.write(lambda session, table=model.__table__: session.execute(sa.delete(table)))


def _look_and_choose(database: Database) -> tuple[int, list[UUID]]:
    """Do what a scheduler does at each poll before it claims."""
    found = trigger_claims.due_triggers(database, scheduler_name=HERE.name, labels=HERE.labels, machine=HERE.machine)
    chosen = select(
        map(Candidate.of, found.due),
        scheduler_name=HERE.name,
        whitelisted_only=False,
        free_slots=8,
        running=0,
        blocking_running=False,
        labels=HERE.labels,
        screen_taken=found.screen_taken,
        pools=found.pools,
    )
    return len(found.due), [claim.trigger_id for claim in chosen.claims]


def _measure(database: Database, samples: int) -> tuple[float, float, int]:
    """Return the median milliseconds of a poll by the clock and by the processor of this program, and what is due."""
    spent, worked = [], []
    due = 0
    for _ in range(samples):
        begun, began = time.perf_counter(), time.process_time()
        due, _chosen = _look_and_choose(database)
        worked.append((time.process_time() - began) * 1000)
        spent.append((time.perf_counter() - begun) * 1000)
    return median(spent), median(worked), due


def polls(target: Target, *, triggers: int, samples: int) -> Iterator[Figure]:
    """Poll many plain triggers, then as many with every policy, on the same database."""
    database = Database(target.url)
    _prepare(database)
    measured = {}
    for with_policies in (False, True):
        _delete_triggers(database)
        _create(database, triggers, with_policies=with_policies)
        target.analyze()
        _measure(database, 5)
        measured[with_policies] = _measure(database, samples)
    database.close()
    plain, ours = measured[False], measured[True]
    name = f"poll of {triggers:,} triggers with every policy"
    note = f"{ours[2]} due; of plain ones {plain[2]}"
    yield judged(
        Figure(name, target.kind, "median ms", ours[0], plain[0], "as many plain triggers", note), MOST_MILLISECONDS
    )
    yield judged(Figure(name, target.kind, "times as long as plain ones", ours[0] / plain[0], note=note), MOST_TIMES)
    yield Figure(
        name,
        target.kind,
        "median ms of processor",
        ours[1],
        plain[1],
        "as many plain triggers",
        "of the scheduler alone",
    )
