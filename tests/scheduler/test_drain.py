"""Pauses of the site, cordons and drains, as schedulers that run as processes with real robots obey them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import psutil
import pytest
import sqlalchemy as sa
from scheduler_site import Daemon, Site, wait_for
from sqlalchemy.orm import Session

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import cordons, site_pause

pytestmark = pytest.mark.kinds("sqlite")

T = TypeVar("T")

FINE = "print('fine')"
ASKS = """
import time
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
robot = OrchestratorConnection.create_connection_from_args()
assert not robot.is_trigger_pausing()
open("asks.started", "w").close()
deadline = time.monotonic() + 60
while not robot.is_trigger_pausing() and time.monotonic() < deadline:
    time.sleep(0.05)
print("asked to end", time.monotonic() < deadline)
"""


def write(site: Site, work: Callable[[Session], T]) -> T:
    return site.database.write(work)


def drain(site: Site, name: str = "worker") -> None:
    assert write(site, lambda session: cordons.drain(session, name, by="Ann")).ends


def drained_while_its_robot_runs(site: Site) -> Daemon:
    """Start a scheduler whose robot ``running`` goes on until ``gate`` is opened, and drain it."""
    site.single("running", site.gated_robot("running", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("running")
    drain(site)
    daemon.await_line("it is drained")
    return daemon


def row(site: Site, name: str = "worker") -> Scheduler:
    return site.database.read(lambda session: session.get_one(Scheduler, name))


def polls(site: Site, daemon: Daemon, *, name: str = "told") -> None:
    """Wait until a scheduler has certainly looked again: for what it says to a note that it does nothing else about."""
    lines = daemon.log.count("Starts nothing now")
    write(site, lambda session: site_pause.pause(session, reason=name))
    wait_for("another look", lambda: daemon.log.count("Starts nothing now") > lines, context=lambda: daemon.log)


def test_while_the_site_is_paused_nothing_starts_and_what_runs_goes_on(site: Site) -> None:
    site.single("running", site.gated_robot("running", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("running")
    write(site, lambda session: site_pause.pause(session, reason="SAP is closed", by="Ann"))
    daemon.await_line("Starts nothing now: the site is paused by Ann since ")
    assert "(SAP is closed). 1 robot running." in daemon.log
    late = site.single("late", site.robot("late", FINE))
    site.open("gate")
    site.await_job("running", JobStatus.DONE)
    polls(site, daemon, name="still closed")
    assert site.status(late) is TriggerStatus.IDLE
    assert site.jobs("late") == []

    assert write(site, site_pause.resume)
    site.await_job("late", JobStatus.DONE)
    assert "Starts robots again when they are due." in daemon.log


def test_a_pause_of_the_site_ends_by_itself_and_what_fell_due_meanwhile_starts_once(site: Site) -> None:
    write(site, lambda session: site_pause.pause(session, reason="SAP is closed"))
    site.scheduled("yearly", site.robot("yearly", FINE), cron="0 0 1 1 *", due_in=-180)
    daemon = site.daemon().await_up()
    daemon.await_line("Starts nothing now: the site is paused since ")
    now = site.database.read(lambda session: session.scalar(sa.select(DatabaseUtcNow())))
    assert now is not None
    until = now + timedelta(seconds=2)
    write(site, lambda session: site_pause.pause(session, reason="for a moment", until=until))
    job = site.await_job("yearly", JobStatus.DONE)
    assert job.start_time >= until.astimezone(site.database.zone).replace(tzinfo=None) - timedelta(seconds=1)
    assert len(site.jobs("yearly")) == 1


def test_a_cordoned_scheduler_starts_nothing_and_another_one_takes_its_work(site: Site) -> None:
    daemon = site.daemon().await_up()
    assert write(site, lambda session: cordons.cordon(session, "worker", by="Ann"))
    daemon.await_line("Starts nothing now: it is cordoned by Ann since ")
    mine = site.single("mine", site.robot("mine", FINE), scheduler_whitelist=["worker"])
    site.single("anybody", site.robot("anybody", FINE))
    site.daemon(name="other").await_up()
    assert site.await_job("anybody", JobStatus.DONE).scheduler_name == "other"
    assert site.status(mine) is TriggerStatus.IDLE
    assert daemon.process.poll() is None

    assert write(site, lambda session: cordons.uncordon(session, "worker"))
    assert site.await_job("mine", JobStatus.DONE).scheduler_name == "worker"


def test_a_drained_scheduler_ends_when_its_robots_have_and_is_cordoned_at_its_next_start(site: Site) -> None:
    site.single("running", site.gated_robot("running", "gate"))
    # A drain waits for robots whatever a stop does with them.
    daemon = site.daemon("--on-stop", "kill").await_up()
    site.await_start("running")
    drain(site)
    daemon.await_line("Starts nothing now: it is drained by Ann since ")
    late = site.single("late", site.robot("late", FINE))
    polls(site, daemon)
    write(site, site_pause.resume)
    assert site.job("running").status is JobStatus.RUNNING
    site.open("gate")
    assert daemon.await_end() == 0
    assert site.job("running").status is JobStatus.DONE
    assert "Drained: nothing runs here any more." in daemon.log
    assert "Stopped." in daemon.log
    left = row(site)
    assert (left.instance, left.drain_at, left.drain_by) == (None, None, None)
    assert left.cordoned_by == "Ann"

    second = site.daemon().await_up()
    second.await_line("Starts nothing now: it is cordoned by Ann")
    polls(site, second)
    write(site, site_pause.resume)
    assert second.process.poll() is None, "or a service that is always restarted would go round and round"
    assert site.status(late) is TriggerStatus.IDLE
    write(site, lambda session: cordons.uncordon(session, "worker"))
    site.await_job("late", JobStatus.DONE)


def test_a_robot_learns_of_a_drain_and_ends_by_itself(site: Site) -> None:
    site.single("asks", site.robot("asks", ASKS, ours=True))
    daemon = site.daemon().await_up()
    wait_for("the robot", (site.folder / "asks.started").exists, context=lambda: daemon.log)
    drain(site)
    assert daemon.await_end() == 0
    job = site.job("asks")
    assert job.status is JobStatus.DONE
    assert "asked to end True" in site.output(job.id)


@pytest.mark.skipif(sys.platform == "win32", reason="asks by SIGTERM")
def test_a_robot_learns_of_a_stop_that_waits_for_it_and_no_cordon_is_left(site: Site) -> None:
    site.single("asks", site.robot("asks", ASKS, ours=True))
    daemon = site.daemon().await_up()
    wait_for("the robot", (site.folder / "asks.started").exists, context=lambda: daemon.log)
    daemon.stop()
    assert daemon.await_end() == 0
    assert "asked to end True" in site.output(site.job("asks").id)
    left = row(site)
    assert (left.stopping_at, left.drain_at, left.cordoned_at) == (None, None, None)


def test_a_drain_is_called_off_as_long_as_a_robot_runs(site: Site) -> None:
    daemon = drained_while_its_robot_runs(site)
    assert write(site, lambda session: cordons.uncordon(session, "worker"))
    site.single("late", site.robot("late", FINE))
    site.await_job("late", JobStatus.DONE)
    site.open("gate")
    site.await_job("running", JobStatus.DONE)
    assert daemon.process.poll() is None


@pytest.mark.skipif(sys.platform == "win32", reason="stops by SIGTERM")
def test_a_signal_during_a_drain_is_the_first_one_and_a_second_one_faster(site: Site) -> None:
    daemon = drained_while_its_robot_runs(site)
    daemon.stop()
    daemon.await_line("Stopping. 1 robot running. Waiting for them; stop again")
    daemon.stop()
    assert daemon.await_end() == 0
    assert "1 robot left running" in daemon.log
    assert (row(site).drain_at, row(site).cordoned_by) == (None, "Ann")


def test_a_drain_goes_on_after_a_start_that_was_killed_until_its_robot_has_ended(site: Site) -> None:
    daemon = drained_while_its_robot_runs(site)
    daemon.kill()
    second = site.daemon().await_up()
    second.await_line('Took over "running"')
    second.await_line("it is drained by Ann")
    assert site.job("running").status is JobStatus.RUNNING
    assert row(site).drain_at is not None
    late = site.single("late", site.robot("late", FINE))
    site.open("gate")
    second.await_line("it is cordoned by Ann")
    assert site.job("running").status is JobStatus.DONE
    assert len(site.starts("running")) == 1
    assert row(site).drain_at is None
    polls(site, second)
    assert second.process.poll() is None, "the start that was asked to end has ended"
    assert site.status(late) is TriggerStatus.IDLE
    write(site, site_pause.resume)
    drain(site)
    assert second.await_end() == 0


def test_a_start_after_one_that_was_killed_ends_if_it_is_drained_itself_meanwhile(site: Site) -> None:
    daemon = drained_while_its_robot_runs(site)
    daemon.kill()
    second = site.daemon().await_up()
    second.await_line("it is drained by Ann")
    drain(site)
    site.open("gate")
    assert second.await_end() == 0
    assert "Drained: nothing runs here any more." in second.log
    assert site.job("running").status is JobStatus.DONE
    assert (row(site).drain_at, row(site).cordoned_by) == (None, "Ann")


def test_a_start_after_a_drain_that_its_machine_did_not_survive_runs_and_is_cordoned(site: Site) -> None:
    daemon = drained_while_its_robot_runs(site)
    daemon.kill()
    robots = site.robot_processes()
    for process in robots:
        process.kill()
    psutil.wait_procs(robots, timeout=10)
    second = site.daemon().await_up()
    second.await_line("it is cordoned by Ann")
    polls(site, second)
    assert second.process.poll() is None
    assert row(site).drain_at is None


def test_a_round_of_a_cordoned_scheduler_starts_nothing_and_succeeds(site: Site) -> None:
    assert site.once().process.returncode == 0
    trigger = site.single("due", site.robot("due", FINE))
    assert write(site, lambda session: cordons.cordon(session, "worker"))
    daemon = site.once()
    assert daemon.process.returncode == 0
    assert "Starts nothing now: it is cordoned since " in daemon.log
    assert site.status(trigger) is TriggerStatus.IDLE
    assert site.jobs() == []


def test_a_run_by_hand_is_refused_while_the_site_is_paused_and_says_why(site: Site) -> None:
    site.single("due", site.robot("due", FINE))
    write(site, lambda session: site_pause.pause(session, reason="SAP is closed", by="Ann"))
    process = site.call("run", "due")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the site is paused by Ann since" in errors
    assert site.jobs() == []
