"""The clock of a scheduler's machine jumps: nothing starts twice, nothing is forgotten, and leases do not notice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from trigger_setup import claim_all, due_names, job, jobs, scheduled, single, trigger

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.statuses import JobStatus

JUMPS = [timedelta(hours=1), timedelta(days=1)]


def run_all(database: Database, name: str = "here") -> list[tuple[str, datetime | None]]:
    """Claim what is due and end it, again and again until nothing is due, and return what ran for which due time."""
    ran: list[tuple[str, datetime | None]] = []
    while claimed := claim_all(database, Identity(name)):
        assert len(ran) < 100, "it runs without end"
        for run in claimed:
            ran.append((run.trigger_name, run.due_at))
            assert runs.begin_run(database, run)
            assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    return ran


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_ahead_starts_each_trigger_once(
    database: Database, clock: SettableClock, jump: timedelta
) -> None:
    scheduled(database, "every five minutes", cron_expr="*/5 * * * *")
    single(database, "later", next_run=database.site_now() + timedelta(minutes=30))
    first = run_all(database)
    clock.advance(jump)
    # What was due meanwhile is due once, not once for each time that was jumped over.
    second = run_all(database)
    assert [name for name, _ in first] == ["every five minutes"]
    assert sorted(name for name, _ in second) == ["every five minutes", "later"]
    assert len({*first, *second}) == 3, "a due time ran twice"
    clock.advance(timedelta(minutes=5))
    assert [name for name, _ in run_all(database)] == ["every five minutes"]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_back_starts_nothing_again(
    database: Database, clock: SettableClock, jump: timedelta
) -> None:
    clock.advance(timedelta(days=10))
    trigger_id = scheduled(database, "every five minutes", cron_expr="*/5 * * * *")
    ran = run_all(database)
    next_run = trigger(database, trigger_id).next_run
    clock.advance(-jump)
    while clock.now < datetime(2026, 1, 11, 0, 4, tzinfo=timezone.utc):
        assert run_all(database) == []
        clock.advance(timedelta(minutes=4))
    assert trigger(database, trigger_id).next_run == next_run
    clock.advance(timedelta(minutes=5))
    ran += run_all(database)
    assert len(ran) == len(set(ran)) == 2


@pytest.mark.parametrize("jump", [*JUMPS, *(-jump for jump in JUMPS)], ids=str)
def test_a_scheduler_whose_clock_jumps_shares_triggers_with_one_whose_clock_does_not(
    database: Database, clock: SettableClock, jump: timedelta
) -> None:
    clock.advance(timedelta(days=10))
    scheduled(database, "every five minutes", cron_expr="*/5 * * * *")
    with_jump = SettableClock(clock.now + jump)
    other = Database(database.connection_string, clock=with_jump)
    ran: list[tuple[str, datetime | None]] = []
    try:
        for _ in range(6):
            for who, name in ((other, "jumped"), (database, "right"), (other, "jumped")):
                ran += run_all(who, name)
            for moved in (clock, with_jump):
                moved.advance(timedelta(minutes=5))
    finally:
        other.close()
    assert ran
    assert len(ran) == len(set(ran)), "a due time ran twice"


@pytest.mark.parametrize("jump", [*JUMPS, *(-jump for jump in JUMPS)], ids=str)
def test_a_lease_is_as_long_whatever_the_clock_of_the_machine_shows(
    database: Database, clock: SettableClock, jump: timedelta
) -> None:
    scheduled(database, "robot")
    clock.advance(timedelta(days=10))
    assert due_names(database) == ["robot"]
    clock.advance(jump)
    before = database.read(lambda session: session.scalar(sa.select(DatabaseUtcNow())))
    (run,) = claim_all(database)
    after = database.read(lambda session: session.scalar(sa.select(DatabaseUtcNow())))
    until = job(database, run.job_id).lease_until
    assert before is not None
    assert after is not None
    assert until is not None
    second = timedelta(seconds=1)  # some databases round
    lease = timedelta(seconds=LEASE_SECONDS)
    assert before + lease - second <= until <= after + lease + second
    assert len(jobs(database)) == 1
