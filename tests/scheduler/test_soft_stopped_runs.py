"""A run whose time is up, from its trigger to its reason: by a real scheduler, and across the death of one."""

from __future__ import annotations

import sys

import pytest
from scheduler_site import Site, wait_for

from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

pytestmark = [
    pytest.mark.kinds("sqlite"),
    pytest.mark.skipif(sys.platform == "win32", reason="its scheduler is killed by SIGKILL"),
]


def test_a_robot_learns_by_asking_that_its_time_is_up_and_ends_by_itself(site: Site) -> None:
    robot = site.gated_robot("robot", "gate")
    trigger_id = site.single("trigger", robot, timeout_seconds=1, stop_soft_seconds=600, stop_terminate_seconds=600)
    daemon = site.daemon().await_up()
    job = site.await_job("trigger", JobStatus.RUNNING)
    connection = OrchestratorConnection(
        "p", site.database.connection_string, site.key, "", str(trigger_id), str(job.id)
    )
    wait_for("the robot to be asked", connection.is_trigger_pausing)
    assert site.job("trigger").stop_asked_at is not None

    daemon.kill()  # nobody of the scheduler is there: the host keeps the times
    site.open("gate")
    site.daemon().await_up()
    ended = site.await_job("trigger", JobStatus.TIMED_OUT)
    assert ended.reason is not None
    assert ended.reason.startswith("stopped: it ran longer than its time limit of 1 s; asked to stop at ")
    assert ended.reason.endswith(", ended by itself")
    assert (ended.stop_soft_seconds, ended.stop_terminate_seconds, ended.exit_code) == (600, 600, 0)
    assert site.status(trigger_id) is TriggerStatus.FAILED
    connection.close()


def test_a_robot_that_goes_on_while_its_scheduler_is_dead_is_stopped_in_time(site: Site) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"), timeout_seconds=1, stop_soft_seconds=2)
    daemon = site.daemon().await_up()
    site.await_start("robot")
    daemon.kill()
    wait_for("the robot to be stopped", lambda: not site.robot_processes())
    site.daemon().await_up()
    ended = site.await_job("trigger", JobStatus.TIMED_OUT)
    assert (ended.reason or "").endswith(", terminated")
