"""A scheduler with real robots: runs with arguments of their own, and pauses that come to their end."""

from __future__ import annotations

import signal
import sys
from datetime import timedelta
from uuid import UUID

import pytest
from scheduler_site import Site

from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import pauses, run_requests
from OpenOrchestrator.database.stores.pauses import PauseNote
from OpenOrchestrator.database.stores.run_requests import RunOnce
from OpenOrchestrator.scheduler import failpoints

pytestmark = pytest.mark.kinds("sqlite")

ECHO = "import sys; print('got', sys.argv[4])"


def _ask(site: Site, trigger_id: UUID, arguments: str, scheduler_name: str | None = None) -> None:
    run = RunOnce(arguments=arguments, scheduler_name=scheduler_name)
    now = site.database.utc_now()
    assert site.database.write(lambda s: run_requests.request_once(s, trigger_id, run, now=now))


def test_the_robot_gets_the_arguments_of_the_run_and_the_trigger_stays_as_it_is(site: Site) -> None:
    made = site.scheduled("echo", site.robot("echo", ECHO), due_in=3600, process_args="own")
    site.set_status(made, TriggerStatus.PAUSED)
    _ask(site, made, "other")
    assert site.once().process.returncode == 0
    job = site.job("echo")
    assert (job.status, job.process_args) == (JobStatus.DONE, "other")
    assert "got other" in site.output(job.id)
    assert site.status(made) is TriggerStatus.PAUSED


def test_a_run_for_another_scheduler_is_left_to_that(site: Site) -> None:
    made = site.scheduled("echo", site.robot("echo", ECHO), due_in=3600)
    _ask(site, made, "other", "elsewhere")
    assert site.once().process.returncode == 0
    assert site.jobs() == []


@pytest.mark.skipif(sys.platform == "win32", reason="failpoints end the process by SIGKILL")
def test_a_scheduler_that_is_killed_before_the_robot_started_leaves_the_arguments(site: Site) -> None:
    made = site.scheduled("echo", site.robot("echo", ECHO), due_in=3600, process_args="own")
    _ask(site, made, "other")
    assert site.daemon(**{failpoints.VARIABLE: failpoints.AFTER_CLAIM}).await_end() == -signal.SIGKILL
    (lost,) = site.jobs("echo")
    assert (lost.status, lost.process_args) == (JobStatus.STARTING, "other")
    assert site.once().process.returncode == 0
    first, second = site.jobs("echo")
    assert (first.id, first.status) == (lost.id, JobStatus.KILLED)
    assert (second.status, second.attempt) == (JobStatus.DONE, 2)
    assert "got other" in site.output(second.id)
    assert site.status(made) is TriggerStatus.IDLE


def test_a_pause_ends_by_itself_though_the_scheduler_has_no_room(site: Site) -> None:
    site.single("long", site.gated_robot("long", "gate"))
    daemon = site.daemon("--max-jobs", "1", "--poll-interval", "0.05").await_up()
    site.await_start("long")
    made = site.scheduled("paused", site.robot("paused", ECHO), due_in=3600)
    now = site.database.utc_now()
    note = PauseNote(reason="short", until=now + timedelta(seconds=0.2))
    assert site.database.write(lambda s: pauses.pause(s, made, note, now=now))
    daemon.await_line('Enabled "paused": the end of its pause has come.')
    assert site.status(made) is TriggerStatus.IDLE
    assert site.jobs("paused") == []
    site.open("gate")
    site.await_job("long", JobStatus.DONE)
