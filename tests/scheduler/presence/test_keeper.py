"""The keepers and the reaper inside this process: leases, heartbeats, the name, and the jobs of the dead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from bench import Bench
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import (
    ConnectionFailedError,
    DatabaseError,
    SchedulerNameInUseError,
    TransientDatabaseError,
)
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import reaping
from OpenOrchestrator.database.lifecycle.reaping import Lease, LeaseReading
from OpenOrchestrator.database.models import Job, Scheduler
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.database.stores.schedulers import Beat
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.gate import Gate
from OpenOrchestrator.scheduler.loop.polling import Polling
from OpenOrchestrator.scheduler.presence import keeper as keeper_module
from OpenOrchestrator.scheduler.presence.lease_watch import LONGEST_WRITE_SECONDS
from OpenOrchestrator.scheduler.presence.reaper import Reaper

pytestmark = pytest.mark.kinds("sqlite")


@pytest.fixture
def bench(site: Site) -> Iterator[Bench]:
    made = Bench(site)
    yield made
    if made.current is not None:
        made.current.detach()


def test_leases_of_others_are_settled_only_after_a_lease_of_contact(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    reaped: list[float] = []
    dead = Lease(uuid4(), 1, datetime(2020, 1, 1, tzinfo=timezone.utc))
    reading = LeaseReading(datetime.now(timezone.utc), (dead,))
    monkeypatch.setattr(reaping, "read_leases", lambda *_: reading)
    monkeypatch.setattr(reaping, "free_of_locks", lambda _database, leases: tuple(leases))
    monkeypatch.setattr(reaping, "reap", lambda *_, **__: reaped.append(now[0]))
    bench.enroll(bench.identity)
    keep = bench.keeper(lambda: False, clock=lambda: now[0])

    def beat(*seconds: float) -> None:
        for pause in seconds:
            now[0] += pause
            keep.keep()

    beat(0, 10, 10, 9)
    assert reaped == []
    beat(2)
    assert len(reaped) == 1
    beat(LEASE_SECONDS + 1)  # no contact for longer than a lease: everybody else gets the time to come back
    assert len(reaped) == 1
    beat(10, 10, 10)
    assert len(reaped) == 2


@pytest.mark.parametrize("trouble", [ConnectionFailedError, TransientDatabaseError, None])
@pytest.mark.parametrize("part", ["heartbeat", "free_of_locks"])
def test_whoever_could_not_write_settles_nothing_for_a_whole_lease(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, trouble: type[DatabaseError] | None, part: str
) -> None:
    now = [1000.0]
    reaped: list[float] = []
    dead = Lease(uuid4(), 1, datetime(2020, 1, 1, tzinfo=timezone.utc))
    monkeypatch.setattr(reaping, "read_leases", lambda *_: LeaseReading(datetime.now(timezone.utc), (dead,)))
    monkeypatch.setattr(reaping, "free_of_locks", lambda _database, leases: tuple(leases))
    monkeypatch.setattr(reaping, "reap", lambda *_, **__: reaped.append(now[0]))
    bench.enroll(bench.identity)
    keep = bench.keeper(lambda: False, clock=lambda: now[0])

    def beat(*seconds: float) -> None:
        for pause in seconds:
            now[0] += pause
            keep.keep()

    beat(0, 10, 10)
    module: Any = schedulers if part == "heartbeat" else reaping
    real = getattr(module, part)

    def hindered(*arguments: Any, **more: Any) -> Any:
        if trouble is not None:
            raise trouble("no")
        now[0] += LONGEST_WRITE_SECONDS + 0.1
        return real(*arguments, **more)

    monkeypatch.setattr(module, part, hindered)
    if trouble is None:
        beat(8)
    else:
        with pytest.raises(trouble):
            beat(8)
    monkeypatch.setattr(module, part, real)
    beat(3, 10, 10)
    assert reaped == []
    beat(10, 10)
    assert reaped != []


def test_a_heartbeat_whose_row_is_locked_is_made_up_for_as_soon_as_it_is_free(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    answers = [Beat.STORED, Beat.LOCKED, Beat.LOCKED, Beat.LOCKED, Beat.STORED]
    tries: list[float] = []

    def heartbeat(*_: Any, **__: Any) -> Beat:
        tries.append(now[0] - 1000.0)
        return answers.pop(0)

    monkeypatch.setattr(schedulers, "heartbeat", heartbeat)
    keep = bench.keeper(lambda: False, clock=lambda: now[0])
    keep.keep()
    for second in range(1, 25):
        now[0] = 1000.0 + second
        if second == 10:
            keep.keep()
        elif answers:
            keep.make_up()
    assert tries == [0, 10, 11, 12, 13]


def test_late_heartbeats_are_sent_while_a_sweep_is_slow(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "KEEP_SECONDS", 0.01)
    monkeypatch.setattr(keeper_module, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(keeper_module, "LATE_RETRY_SECONDS", 0.01)
    over, began = threading.Event(), threading.Event()
    monkeypatch.setattr(Reaper, "settle_if_safe", lambda _reaper: began.set() or over.wait(30))
    beats: list[float] = []
    monkeypatch.setattr(schedulers, "heartbeat", lambda *_, **__: beats.append(1) or Beat.STORED)
    keep = bench.keeper(lambda: False)
    keep.start()
    try:
        assert began.wait(30)
        before = len(beats)
        wait_for("more heartbeats", lambda: len(beats) > before + 3)
    finally:
        over.set()
        keep.stop()


def test_a_heartbeat_says_what_runs(bench: Bench) -> None:
    bench.enroll(bench.identity)
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    bench.start()
    bench.keeper(lambda: False).keep()
    row = bench.site.database.read(lambda session: session.get(Scheduler, "bench"))
    assert row is not None
    assert row.running_jobs == 1
    assert row.heartbeat_at is not None
    assert abs(row.heartbeat_at - datetime.now(timezone.utc)) < timedelta(seconds=30)


def test_the_leases_of_running_jobs_are_prolonged(bench: Bench) -> None:
    bench.enroll(bench.identity)
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    bench.start()
    bench.site.await_start("robot")
    before = bench.site.job("trigger").lease_until
    keep = bench.lease_keeper()
    wait_for("a later lease", lambda: keep.keep() and bench.site.job("trigger").lease_until > before)


def test_the_robot_of_a_job_that_was_settled_without_it_is_stopped(bench: Bench) -> None:
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    bench.start()
    bench.site.await_start("robot")
    settle = sa.update(Job).values(status=JobStatus.LOST, fence=2, lease_until=None)
    bench.site.database.write(lambda session: session.execute(settle))
    bench.lease_keeper().keep()
    bench.await_end()
    assert "was taken away from this scheduler" in bench.lines.text


def test_a_name_that_another_daemon_took_is_noticed(bench: Bench) -> None:
    bench.enroll(bench.identity)
    lost: list[bool] = []

    def regain() -> bool:
        try:
            bench.enroll(bench.identity)
        except SchedulerNameInUseError:
            lost.append(True)
            return False
        lost.append(False)
        return True

    keep = bench.keeper(regain)
    keep.keep()
    assert lost == []
    delete = sa.delete(Scheduler)
    bench.site.database.write(lambda session: session.execute(delete))  # by an admin
    keep.keep()
    assert lost == [False]
    past = datetime.now(timezone.utc) - timedelta(minutes=1)
    expire = sa.update(Scheduler).values(lease_until=past, heartbeat_at=past)
    bench.site.database.write(lambda session: session.execute(expire))
    bench.enroll(Identity("bench"))
    keep.keep()
    assert lost == [False, True]


class _OneTurn:
    """A dispatch that finds nothing to do and asks the loop to end after its first turn."""

    asked = False

    def look_after_runs(self) -> None:
        self.asked = True

    def end_pauses(self) -> None: ...

    def has_room(self) -> bool:
        return False


def test_a_database_that_is_read_but_takes_no_writes_does_not_count_as_back(bench: Bench) -> None:
    bench.enroll(bench.identity)
    bench.contact.failed(TransientDatabaseError("the disk is full"))
    turn: Any = _OneTurn()
    gate = Gate(bench.site.database, bench.identity, running=int, events=bench.events, contact=bench.contact)
    Polling(
        bench.site.database,
        turn,
        gate,
        poll_interval=0.01,
        bell=Bell(),
        stop=turn,
        events=bench.events,
        contact=bench.contact,
    ).run()
    bench.lease_keeper().keep()  # of no run
    assert turn.asked
    assert "In contact" not in bench.lines.text

    bench.keeper(lambda: False).keep()

    assert bench.lines.text.count("No contact") == bench.lines.text.count("In contact") == 1
