"""The name of a scheduler: one live daemon has it, however many containers the machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import SchedulerNameInUseError
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.presence import name as module
from OpenOrchestrator.scheduler.presence.name import SchedulerName
from OpenOrchestrator.scheduler.processes.process_identity import Sight, process_identity

pytestmark = pytest.mark.kinds("sqlite")


def holder(site: Site, name: str = "worker") -> UUID | None:
    query = sa.select(Scheduler.instance).where(Scheduler.machine_name == name)
    return site.database.read(lambda session: session.scalars(query).one_or_none())


def name_of(site: Site) -> SchedulerName:
    return SchedulerName(site.database, Identity("worker"), slots=1, events=Events(None), on_lost=lambda: None)


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
    past = sa.update(Scheduler).values(lease_until=sa.text("'2026-01-01 00:00:00.000000'"))
    site.database.write(lambda session: session.execute(past))
    second.await_up()
    wait_for("the new holder", lambda: holder(site) != instance)
    second.kill()
