"""Many schedulers on one database: each due time starts once, whoever looks, and none is forgotten."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from trigger_setup import jobs, scheduled

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, trigger_claims
from OpenOrchestrator.database.statuses import JobStatus

SCHEDULERS = 40
TRIGGERS = 6
MINUTES = 4
PATIENCE_SECONDS = 120.0


@pytest.mark.kinds("postgresql", "mariadb")
def test_forty_schedulers_start_each_due_time_once(database: Database, clock: SettableClock) -> None:
    """All of them look in the same moment, again after each minute that the clock of all of them moves on."""
    for number in range(TRIGGERS):
        scheduled(database, f"trigger {number}", cron_expr="* * * * *")
    gate = threading.Barrier(SCHEDULERS + 1)
    ran: list[tuple[str, datetime | None]] = []

    def scheduler(number: int) -> None:
        own = Database(database.connection_string, clock=clock, pool_size=1)
        identity = Identity(f"scheduler {number}")
        try:
            for _ in range(MINUTES):
                gate.wait(PATIENCE_SECONDS)
                due = trigger_claims.due_triggers(own, scheduler_name=identity.name).due
                for run in trigger_claims.claim(own, identity, due):
                    ran.append((run.trigger_name, run.due_at))
                    assert runs.begin_run(own, run)
                    assert runs.finish(own, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
                gate.wait(PATIENCE_SECONDS)
        except BaseException:
            gate.abort()
            raise
        finally:
            own.close()

    with ThreadPoolExecutor(SCHEDULERS) as pool:
        ends = [pool.submit(scheduler, number) for number in range(SCHEDULERS)]
        try:
            for _ in range(MINUTES):
                gate.wait(PATIENCE_SECONDS)
                gate.wait(PATIENCE_SECONDS)
                clock.advance(timedelta(minutes=1))
        except threading.BrokenBarrierError:
            pass  # the one who broke it tells why
        for end in ends:
            end.result()
    counts = Counter(ran)
    assert set(counts.values()) == {1}, "a due time ran twice"
    assert len(counts) == TRIGGERS * MINUTES, "a due time was forgotten"
    stored = Counter((job.trigger_name, job.due_at) for job in jobs(database))
    assert stored == counts
