"""What the reaper settles, when, and that nothing stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make
from bench import Lines

from OpenOrchestrator.common.errors import ConnectionFailedError, DatabaseError, TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import ELEMENT_LEASE_SECONDS, LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import element_leases, ownership, reaping, runs, stuck_triggers
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.lifecycle.reaping import Lease, LeaseReading
from OpenOrchestrator.database.models import Job, QueueElement
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import KEEP_SECONDS
from OpenOrchestrator.scheduler.presence.lease_watch import LONGEST_LOOK_SECONDS, LONGEST_WRITE_SECONDS
from OpenOrchestrator.scheduler.presence.reaper import STRAYS_SECONDS, Reaper

DEAD, LIVING, ME = Identity("dead"), Identity("living"), Identity("me")


class Watch:
    """A reaper whose clock, and that of the database as it reads it, are the test's."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.lines = Lines()
        self.seconds = 1000.0
        self.set_by = timedelta()
        self.reaper = Reaper(
            database,
            ME,
            Events(self.lines),  # type: ignore[arg-type]
            clock=lambda: self.seconds,
        )
        self._read = reaping.read_leases
        begin = self._read(database, ME).database_now
        self._now: Callable[[], Any] = lambda: begin + timedelta(seconds=self.seconds - 1000) + self.set_by
        monkeypatch.setattr(reaping, "read_leases", self._reading)

    def _reading(self, database: Database, identity: Identity) -> LeaseReading:
        return replace(self._read(database, identity), database_now=self._now())

    def prolong(self, *jobs: UUID) -> None:
        """Prolong leases as their owners do, on the clock of the database as it is set."""
        until = self._now() + timedelta(seconds=LEASE_SECONDS)
        update = sa.update(Job).where(Job.id.in_(jobs))
        self.database.write(lambda session: session.execute(update.values(lease_until=until)))

    def turn(self, *alive: UUID, seconds: float = KEEP_SECONDS) -> None:
        """Let time pass, and sweep."""
        self.seconds += seconds
        if alive:
            self.prolong(*alive)
        self.reaper.settle_if_safe()


@pytest.fixture
def watch(database: Database, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(database, monkeypatch)


def begun(database: Database, identity: Identity, count: int = 1) -> list[UUID]:
    for number in range(count):
        make.single(database, f"{identity.name} {number}")
    claimed = make.claim_all(database, identity)
    assert len(claimed) == count
    assert all(runs.begin_run(database, run) for run in claimed)
    return [run.job_id for run in claimed]


def statuses(database: Database, *jobs: UUID) -> set[JobStatus]:
    return {make.job(database, one).status for one in jobs}


@pytest.mark.parametrize("hours", [0, 1, -1])
def test_the_dead_are_settled_in_time_and_the_living_never_whatever_is_set(
    database: Database, watch: Watch, hours: int
) -> None:
    living, mine = begun(database, LIVING), begun(database, ME)
    for _ in range(4):
        watch.turn(*living)
    dead = begun(database, DEAD, 2)
    watch.prolong(*dead)
    died = watch.seconds
    watch.turn(*living, seconds=3)
    watch.set_by = timedelta(hours=hours)
    while JobStatus.RUNNING in statuses(database, *dead):
        watch.turn(*living)
        assert watch.seconds - died <= LEASE_SECONDS + KEEP_SECONDS + LONGEST_LOOK_SECONDS
    assert watch.seconds - died >= LEASE_SECONDS
    for _ in range(10):
        watch.turn(*living)
    assert statuses(database, *living, *mine) == {JobStatus.RUNNING}
    assert watch.lines.text.count("which is out of contact: it is lost") == 2


@pytest.mark.parametrize("error", [ValueError("a word that is no status"), DatabaseError("lock timeout")])
def test_a_job_that_makes_trouble_is_told_once_and_stops_nothing(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bad, *others = begun(database, DEAD, 3)
    stuck = make.scheduled(database)
    make.set_status(database, stuck, TriggerStatus.PAUSING)
    reap = reaping.reap

    def troubled(database: Database, lease: Lease, **more: Any) -> Any:
        if lease.job_id == bad:
            raise error
        return reap(database, lease, **more)

    monkeypatch.setattr(reaping, "reap", troubled)
    for _ in range(8):
        watch.turn()
    assert statuses(database, *others) == {JobStatus.LOST}
    assert statuses(database, bad) == {JobStatus.RUNNING}
    assert make.status(database, stuck) is TriggerStatus.PAUSED
    assert watch.lines.text.count(f"Failed while settling the job {bad}") == 1


def test_a_trigger_that_makes_trouble_stops_no_other(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, other = (make.scheduled(database, name) for name in ("bad", "other"))
    for one in (bad, other):
        make.set_status(database, one, TriggerStatus.KILLING)
    settle = stuck_triggers.settle_if_free

    def troubled(database: Database, trigger_id: UUID) -> bool:
        if trigger_id == bad:
            raise DatabaseError("lock timeout")
        return settle(database, trigger_id)

    monkeypatch.setattr(stuck_triggers, "settle_if_free", troubled)
    watch.turn()
    assert (make.status(database, bad), make.status(database, other)) == (TriggerStatus.KILLING, TriggerStatus.KILLED)


def test_a_database_that_is_away_ends_the_sweep(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(database, DEAD)

    def away(*_: Any, **__: Any) -> Any:
        raise ConnectionFailedError("away")

    monkeypatch.setattr(reaping, "reap", away)
    for _ in range(3):
        watch.turn()
    with pytest.raises(ConnectionFailedError):
        watch.turn()


def test_a_database_that_falls_silent_while_it_sweeps_takes_nobodys_job(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = begun(database, DEAD, 2)
    reap = reaping.reap

    def silent(database: Database, lease: Lease, **more: Any) -> Any:
        watch.seconds += LONGEST_LOOK_SECONDS + 0.1  # until the row is locked
        return reap(database, lease, **more)

    monkeypatch.setattr(reaping, "reap", silent)
    for _ in range(8):
        watch.turn()
    assert statuses(database, *dead) == {JobStatus.RUNNING}
    monkeypatch.setattr(reaping, "reap", reap)
    for _ in range(4):
        watch.turn()
    assert statuses(database, *dead) == {JobStatus.LOST}


@pytest.mark.parametrize("part", ["free_of_locks", "_settle"])
def test_whoever_had_to_wait_to_write_settles_nothing_for_a_whole_lease(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    dead = begun(database, DEAD, 3)
    real = getattr(reaping, part)

    def hindered(*arguments: Any, **more: Any) -> Any:
        watch.seconds += LONGEST_WRITE_SECONDS + 0.1  # somebody holds the table locked, until just now
        return real(*arguments, **more)

    monkeypatch.setattr(reaping, part, hindered)
    for _ in range(8):
        watch.turn()
    assert statuses(database, *dead) == {JobStatus.RUNNING}
    free_since = watch.seconds
    monkeypatch.setattr(reaping, part, real)
    while JobStatus.RUNNING in statuses(database, *dead):
        watch.turn()
    # Contact was lost at the last of the turns that were hindered, or one before.
    assert LEASE_SECONDS - KEEP_SECONDS <= watch.seconds - free_since <= LEASE_SECONDS + KEEP_SECONDS
    assert statuses(database, *dead) == {JobStatus.LOST}


def test_a_sweep_ends_with_the_first_job_that_had_to_wait(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = begun(database, DEAD, 3)
    reap = reaping.reap
    asked: list[UUID] = []

    def refused(database: Database, lease: Lease, **more: Any) -> Any:
        asked.append(lease.job_id)
        watch.seconds += LONGEST_WRITE_SECONDS + 0.1
        raise TransientDatabaseError("lock timeout")

    monkeypatch.setattr(reaping, "reap", refused)
    while not asked:
        watch.turn()
    assert len(asked) == 1
    monkeypatch.setattr(reaping, "reap", reap)
    watch.turn()
    watch.turn()
    assert statuses(database, *dead) == {JobStatus.RUNNING}


def test_elements_of_jobs_that_have_ended_are_abandoned_at_the_start_and_every_minute(
    database: Database, watch: Watch
) -> None:
    def stray() -> UUID:
        (job_id,) = begun(database, LIVING)
        make.add_elements(database, "Q", 1)
        element = claim_next(database, "Q", job_id=job_id)
        assert element is not None
        end = sa.update(Job).where(Job.id == job_id).values(status=JobStatus.KILLED)  # by hand, past everything
        database.write(lambda session: session.execute(end))
        delete = make.trigger(database, make.job(database, job_id).trigger_id)
        database.write(lambda session: session.delete(session.merge(delete)))
        return element.id

    def status(element_id: UUID) -> QueueStatus:
        return database.read(lambda session: session.get_one(QueueElement, element_id)).status

    first = stray()
    watch.turn()
    assert status(first) is QueueStatus.ABANDONED
    second = stray()
    watch.turn(seconds=1)
    assert status(second) is QueueStatus.IN_PROGRESS
    watch.turn(seconds=STRAYS_SECONDS)
    assert status(second) is QueueStatus.ABANDONED
    assert watch.lines.text.count("Took queue element") == 2


def test_elements_of_robots_without_a_job_are_taken_when_nobody_prolongs_them(database: Database, watch: Watch) -> None:
    make.add_elements(database, "Q", 2)
    dead, living = (claim_next(database, "Q", lease_seconds=ELEMENT_LEASE_SECONDS) for _ in range(2))
    by_old_means = claim_next(database, "Q")
    assert dead is not None
    assert living is not None
    assert living.claim_token is not None
    assert by_old_means is None

    def status(element: QueueElement) -> QueueStatus:
        return database.read(lambda session: session.get_one(QueueElement, element.id)).status

    began = watch.seconds
    while status(dead) is QueueStatus.IN_PROGRESS:
        assert element_leases.prolong(database, [living.claim_token]) == 1
        watch.turn()
        assert watch.seconds - began < 2 * ELEMENT_LEASE_SECONDS
    assert watch.seconds - began >= ELEMENT_LEASE_SECONDS
    assert status(dead) is QueueStatus.ABANDONED
    assert status(living) is QueueStatus.IN_PROGRESS
    assert watch.lines.text.count("from a robot without a job, which is gone") == 1


def test_prolonging_in_time_is_enough(database: Database, watch: Watch) -> None:
    (job_id,) = begun(database, LIVING)
    for _ in range(20):
        watch.seconds += KEEP_SECONDS
        assert ownership.extend(database, LIVING, [job_id]).prolonged == {job_id}
        watch.reaper.settle_if_safe()
    assert statuses(database, job_id) == {JobStatus.RUNNING}
