"""A scheduler that hangs beyond its lease and wakes up again: what another one settled or took over meanwhile holds."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import psutil
import pytest
import sqlalchemy as sa
import trigger_setup as make
from scheduler_site import Daemon, Site, wait_for

from OpenOrchestrator.database.models import Job, Scheduler
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.scheduler.runs.run_directory import find_runs

pytestmark = [
    pytest.mark.kinds("sqlite"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP"),
]


@contextmanager
def halted(daemon: Daemon) -> Iterator[None]:
    daemon.process.send_signal(signal.SIGSTOP)
    process = psutil.Process(daemon.process.pid)
    wait_for("the halt", lambda: process.status() == psutil.STATUS_STOPPED)
    try:
        yield
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def let_all_leases_run_out(site: Site) -> None:
    past = datetime.now(timezone.utc) - timedelta(seconds=1)
    for model in (Job, Scheduler):
        update = sa.update(model).where(model.lease_until.is_not(None)).values(lease_until=past)
        site.database.write(lambda session, update=update: session.execute(update))
    unheard = sa.update(Scheduler).values(heartbeat_at=past - timedelta(minutes=1))
    site.database.write(lambda session: session.execute(unheard))


def started(site: Site) -> Daemon:
    site.single("trigger", site.gated_robot("robot", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("robot")
    site.await_job("trigger", JobStatus.RUNNING)
    wait_for("the host", lambda: site.job("trigger").host_pid)
    return daemon


def test_what_its_successor_took_over_is_left_alone(site: Site) -> None:
    first = started(site)
    with halted(first):
        let_all_leases_run_out(site)
        second = site.daemon().await_up()
        second.await_line('Took over "trigger"')
    assert first.await_end() == 1
    assert "Another scheduler has taken the name" in first.log
    assert 'Ended "trigger"' not in first.log
    assert site.job("trigger").status is JobStatus.RUNNING
    (directory,) = find_runs(site.workspace)
    assert not (directory.path / "stop.json").exists()
    site.open("gate")
    job = site.await_job("trigger", JobStatus.DONE)
    assert (job.exit_code, job.reason) == (0, None)
    assert site.output(job.id) == "waiting\nthrough the gate\n"
    assert len(site.starts("robot")) == 1
    wait_for("the clean-up of the successor", lambda: not find_runs(site.workspace))


def test_the_end_of_a_robot_that_its_successor_follows_is_left_to_that_one(site: Site) -> None:
    first = started(site)
    with halted(first):
        let_all_leases_run_out(site)
        second = site.daemon().await_up()
        second.await_line('Took over "trigger"')
        with halted(second):
            site.open("gate")
            (directory,) = find_runs(site.workspace)
            wait_for("its end", directory.read_exit)
            first.process.send_signal(signal.SIGCONT)
            first.await_line("its robot and files are left to that one")
            assert first.await_end() == 1
            assert directory.path.is_dir()
    job = site.await_job("trigger", JobStatus.DONE)
    assert site.output(job.id) == "waiting\nthrough the gate\n"
    assert site.errors("process trigger") == []


def test_stopped_with_its_robots_it_kills_none_that_its_successor_follows(site: Site) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"))
    first = site.daemon("--on-stop", "kill").await_up()
    site.await_start("robot")
    site.await_job("trigger", JobStatus.RUNNING)
    with halted(first):
        let_all_leases_run_out(site)
        second = site.daemon().await_up()
        second.await_line('Took over "trigger"')
        first.stop()  # noticed when it wakes up, before any heartbeat
    first.await_end()
    site.open("gate")
    assert site.await_job("trigger", JobStatus.DONE).exit_code == 0


def test_the_robot_of_a_job_that_was_settled_meanwhile_is_stopped(site: Site) -> None:
    first = started(site)
    with halted(first):
        let_all_leases_run_out(site)
        assert len(make.reap(site.database, "another")) == 1
    first.await_line("was taken away from this scheduler")
    wait_for("no process", lambda: not site.robot_processes())
    wait_for("no files", lambda: not find_runs(site.workspace))
    assert site.job("trigger").status is JobStatus.LOST
    assert first.process.poll() is None


def test_the_late_end_of_a_job_that_was_settled_meanwhile_is_refused_and_reported(site: Site) -> None:
    trigger_id = site.single("trigger", site.gated_robot("robot", "gate", code=3))
    first = site.daemon().await_up()
    site.await_start("robot")
    site.await_job("trigger", JobStatus.RUNNING)
    with halted(first):
        let_all_leases_run_out(site)
        assert len(make.reap(site.database, "another")) == 1
        lost = site.job("trigger")
        site.open("gate")
        (directory,) = find_runs(site.workspace)
        wait_for("its end", directory.read_exit)
    first.await_line('The end of "trigger" (Failed: exit code 3) came too late')
    wait_for("no files", lambda: not find_runs(site.workspace))
    job = site.job("trigger")
    assert (job.status, job.reason, job.exit_code, job.fence) == (JobStatus.LOST, lost.reason, None, lost.fence)
    assert site.status(trigger_id) is TriggerStatus.FAILED
    assert any("had been settled without it" in log.log_message for log in site.errors("process trigger"))
    assert first.process.poll() is None
