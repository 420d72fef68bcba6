"""The name of a scheduler: one live daemon has it, however many containers the machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import SchedulerNameInUseError, TransientDatabaseError
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.scheduler.contact import elapsed
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.presence import name as module
from OpenOrchestrator.scheduler.presence.lease_watch import FREE_SECONDS, LONGEST_GAP_SECONDS, LONGEST_WRITE_SECONDS
from OpenOrchestrator.scheduler.presence.name import SchedulerName
from OpenOrchestrator.scheduler.processes.process_identity import Sight, process_identity

pytestmark = pytest.mark.kinds("sqlite")


def holder(site: Site, name: str = "worker") -> UUID | None:
    query = sa.select(Scheduler.instance).where(Scheduler.machine_name == name)
    return site.database.read(lambda session: session.scalars(query).one_or_none())


def name_of(site: Site, *, clock: Callable[[], float] = elapsed) -> SchedulerName:
    return SchedulerName(
        site.database, Identity("worker"), slots=1, events=Events(None), on_lost=lambda: None, clock=clock
    )


def expire(site: Site, *, minutes: int = 1) -> None:
    past = datetime.now(timezone.utc) - timedelta(minutes=minutes)
    values = sa.update(Scheduler).values(lease_until=past, heartbeat_at=past)
    site.database.write(lambda session: session.execute(values))


def test_the_name_is_held_with_what_tells_this_process_from_others(site: Site) -> None:
    name_of(site).take()
    query = sa.select(Scheduler.pid, Scheduler.process_identity)
    row = site.database.read(lambda session: session.execute(query).one())
    assert tuple(row) == (os.getpid(), process_identity(os.getpid()))


@pytest.mark.parametrize(
    ("sight", "taken", "may_be_gone"),
    [(Sight.GONE, True, False), (Sight.ALIVE, False, False), (Sight.UNKNOWN, False, True)],
)
def test_the_name_is_taken_at_once_only_from_who_is_certainly_gone(
    site: Site, monkeypatch: pytest.MonkeyPatch, sight: Sight, taken: bool, may_be_gone: bool
) -> None:
    name_of(site).take()
    first = holder(site)
    asked: list[Any] = []
    monkeypatch.setattr(module, "sight_of", lambda *arguments: asked.append(arguments) or sight)
    second = name_of(site)
    if taken:
        second.take()
    else:
        with pytest.raises(SchedulerNameInUseError):
            second.take()
    assert (holder(site) != first, second.holder_may_be_gone) == (taken, may_be_gone)
    assert asked == [(os.getpid(), process_identity(os.getpid()))]


class Rival:
    """A second daemon of the name of one that lives, on a clock of the test."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "sight_of", lambda *_: Sight.ALIVE)
        name_of(site).take()
        self.site = site
        self.first = holder(site)
        self.seconds = 1000.0
        self.name = name_of(site, clock=lambda: self.seconds)

    def takes(self) -> bool:
        try:
            self.name.take()
        except SchedulerNameInUseError:
            assert self.name.holder_may_be_gone
            assert holder(self.site) == self.first
            return False
        return True

    def waits(self, seconds: int) -> None:
        """Try every second, in vain."""
        for _ in range(seconds):
            assert not self.takes()
            self.seconds += 1


@pytest.fixture
def rival(site: Site, monkeypatch: pytest.MonkeyPatch) -> Rival:
    return Rival(site, monkeypatch)


def test_a_name_that_has_run_out_is_taken_only_from_who_does_not_prolong_it_though_it_can(rival: Rival) -> None:
    expire(rival.site)
    rival.waits(5)
    expire(rival.site, minutes=2)  # its owner had prolonged it
    rival.waits(int(FREE_SECONDS))
    assert rival.takes()
    assert holder(rival.site) != rival.first


@pytest.mark.parametrize("trouble", ["wait", "error", "sleep"])
def test_whoever_had_to_wait_for_the_row_of_a_name_gives_its_owner_time_anew(
    rival: Rival, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    expire(rival.site)
    rival.waits(7)
    real = schedulers.enroll

    def hindered(*arguments: Any, **more: Any) -> None:
        rival.seconds += LONGEST_WRITE_SECONDS + 0.1
        if trouble == "error":
            raise TransientDatabaseError("lock timeout")
        real(*arguments, **more)

    if trouble == "sleep":
        rival.seconds += LONGEST_GAP_SECONDS + 0.1
    else:
        monkeypatch.setattr(schedulers, "enroll", hindered)
        with pytest.raises((SchedulerNameInUseError, TransientDatabaseError)):
            rival.name.take()
        monkeypatch.setattr(schedulers, "enroll", real)
    rival.waits(int(FREE_SECONDS))
    assert rival.takes()


def test_a_name_whose_new_owner_is_not_heard_of_is_regained_later(rival: Rival) -> None:
    expire(rival.site)
    assert not rival.name.regain()
    assert not rival.name.is_lost
    rival.seconds += FREE_SECONDS
    assert rival.name.regain()
    assert holder(rival.site) != rival.first


@pytest.mark.skipif(sys.platform != "linux", reason="there are no process namespaces")
def test_a_scheduler_in_a_container_of_the_same_host_name_does_not_take_the_name(site: Site) -> None:
    unshare = ["unshare", "-p", "-f", "--kill-child", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("unshare may not make a process namespace here (needs CAP_SYS_ADMIN)")
    outside = site.daemon().await_up()
    instance = holder(site)
    inside = site.daemon(within=unshare)
    inside.await_line('The name "worker" was held')
    assert holder(site) == instance
    inside.kill()
    assert outside.process.poll() is None
    outside.kill()
    # Once the lease of the one that died has run out, it is taken without being started again.
    second = site.daemon(within=unshare)
    second.await_line('The name "worker" was held')
    expire(site)
    second.await_up()
    wait_for("the new holder", lambda: holder(site) != instance)
    second.kill()
