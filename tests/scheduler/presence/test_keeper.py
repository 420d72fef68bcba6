"""The keeper and the reaper inside this process: leases, heartbeats, the name, and the jobs of the dead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from bench import Bench
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import SchedulerNameInUseError
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import ownership
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.scheduler.presence import reaper

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
    monkeypatch.setattr(reaper, "elapsed", lambda: now[0])
    reaped: list[float] = []
    monkeypatch.setattr(ownership, "reap", lambda *_, **__: reaped.append(now[0]) or ())
    bench.enroll(bench.identity)
    keep = bench.keeper(regain=lambda: False)

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


def test_heartbeats_prolong_the_leases_of_running_jobs(bench: Bench) -> None:
    bench.enroll(bench.identity)
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    bench.start()
    bench.site.await_start("robot")
    before = bench.site.job("trigger").lease_until
    keep = bench.keeper(regain=lambda: False)
    wait_for("a later lease", lambda: keep.keep() or bench.site.job("trigger").lease_until > before)
    row = bench.site.database.read(lambda session: session.get(Scheduler, "bench"))
    assert row is not None
    assert row.running_jobs == 1
    assert row.heartbeat_at is not None
    assert abs(row.heartbeat_at - datetime.now(timezone.utc)) < timedelta(seconds=30)


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

    keep = bench.keeper(regain=regain)
    keep.keep()
    assert lost == []
    delete = sa.delete(Scheduler)
    bench.site.database.write(lambda session: session.execute(delete))  # by an admin
    keep.keep()
    assert lost == [False]
    expire = sa.update(Scheduler).values(lease_until=datetime.now(timezone.utc) - timedelta(seconds=1))
    bench.site.database.write(lambda session: session.execute(expire))
    bench.enroll(Identity("bench"))
    keep.keep()
    assert lost == [False, True]
