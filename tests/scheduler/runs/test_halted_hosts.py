"""A robot host that is halted, or hangs: its scheduler ends the robot in its place, in time."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timezone

import psutil
import pytest
import sqlalchemy as sa
from bench import Bench
from scheduler_site import Site, wait_for

from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler.runs import host_watch
from OpenOrchestrator.scheduler.runs.host_watch import HostWatch, Overdue
from OpenOrchestrator.scheduler.runs.robot_command import DEFAULT_GRACE
from OpenOrchestrator.scheduler.runs.run_directory import find_runs
from OpenOrchestrator.scheduler.runs.supervisor import Supervisor

pytestmark = pytest.mark.kinds("sqlite")

needs_sigstop = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")


@pytest.fixture
def bench(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(host_watch, "MARGIN_SECONDS", 0.0)
    monkeypatch.setattr(host_watch, "DEFAULT_GRACE", 0.0)
    made = Bench(site)
    yield made
    if made.current is not None:
        made.current.detach()


def halt_the_host(bench: Bench, *, timeout_seconds: int | None = None) -> Supervisor:
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"), timeout_seconds=timeout_seconds)
    started = bench.start()
    bench.site.await_start("robot")
    host_pid = wait_for("the host", lambda: bench.site.job("trigger").host_pid)
    psutil.Process(host_pid).send_signal(signal.SIGSTOP)
    return started


@needs_sigstop
def test_a_robot_whose_host_was_halted_is_ended_when_its_time_is_up(bench: Bench) -> None:
    started = halt_the_host(bench, timeout_seconds=2)
    bench.await_end()
    assert started.ending is not None
    assert started.ending.status is JobStatus.TIMED_OUT
    assert started.ending.reason is not None
    assert "its time limit of 2 s" in started.ending.reason
    assert "its robot host did not act" in started.ending.reason
    assert bench.site.job("trigger").reason == started.ending.reason
    assert "does not act although its robot has to end" in bench.lines.text
    assert bench.site.robot_processes() == []
    assert find_runs(bench.site.workspace) == []


@needs_sigstop
def test_a_robot_whose_host_was_halted_is_killed_on_request(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("OpenOrchestrator.scheduler.runs.supervisor.KILL_GRACE_SECONDS", 0.5)
    started = halt_the_host(bench)
    assert started.kill("killed on request")
    bench.await_end()
    assert started.ending is not None
    assert started.ending.status is JobStatus.KILLED
    assert started.ending.reason == ("killed on request; its robot host did not act, so its scheduler ended it")
    assert bench.site.robot_processes() == []


@needs_sigstop
def test_a_robot_that_another_scheduler_took_over_is_not_ended_for_its_time(bench: Bench) -> None:
    started = halt_the_host(bench, timeout_seconds=2)
    update = sa.update(Job).values(fence=2, lease_until=datetime.now(timezone.utc))
    bench.site.database.write(lambda session: session.execute(update))
    bench.await_end()
    assert started.was_left
    assert bench.site.robot_processes() != []


def looked(watch: HostWatch, *, until: float, step: float = 1.0, grace: float | None = None) -> Overdue | None:
    now, found = 0.0, None
    while found is None and now < until:
        now += step
        found = watch.look(now, grace=grace)
    return found


def test_a_host_gets_its_grace_and_a_margin() -> None:
    limit = 60 + DEFAULT_GRACE + host_watch.MARGIN_SECONDS
    assert looked(HostWatch(60, 0.0), until=limit) is None
    assert looked(HostWatch(60, 0.0), until=limit + 2) is Overdue.TIME_OUT
    assert looked(HostWatch(None, 0.0), until=10_000) is None
    assert looked(HostWatch(None, 0.0), until=5 + host_watch.MARGIN_SECONDS, grace=5) is None
    assert looked(HostWatch(None, 0.0), until=7 + host_watch.MARGIN_SECONDS, grace=5) is Overdue.STOP


def test_time_in_which_nobody_looked_is_not_held_against_a_host() -> None:
    watch = HostWatch(60, 0.0)
    assert watch.look(7200.0, grace=None) is None  # this process, or the machine, was halted for two hours
    assert watch.look(7260.0, grace=None) is None
    assert looked(HostWatch(60, 0.0), until=100_000, step=3600) is None
