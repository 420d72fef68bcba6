"""What survives when a scheduler dies: kill -9 at every step, restart, and what another scheduler makes of it."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from io import StringIO
from uuid import UUID, uuid4

import psutil
import pytest
import sqlalchemy as sa
import trigger_setup as make
from scheduler_site import Site, wait_for

from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership
from OpenOrchestrator.database.models import Job, QueueElement, Scheduler, Trigger
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.scheduler import failpoints
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.recovery import restart
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs

pytestmark = [
    pytest.mark.kinds("sqlite"),
    pytest.mark.skipif(sys.platform == "win32", reason="failpoints end the process by SIGKILL"),
]


def crash(site: Site, place: str) -> None:
    """Run a scheduler that dies at a place."""
    daemon = site.daemon(**{failpoints.VARIABLE: place})
    assert daemon.await_end() == -9, daemon.log


def let_leases_run_out(site: Site) -> None:
    past = datetime.now(timezone.utc) - timedelta(seconds=1)
    update = sa.update(Job).where(Job.lease_until.is_not(None)).values(lease_until=past)
    site.database.write(lambda session: session.execute(update))


def test_killed_after_the_claim_it_is_started_again_and_counted(site: Site) -> None:
    trigger_id = site.scheduled("trigger", site.gated_robot("robot", "gate"), cron="0 0 1 1 *")
    site.open("gate")
    crash(site, failpoints.AFTER_CLAIM)
    lost = site.job("trigger")
    assert (lost.status, site.starts("robot")) == (JobStatus.STARTING, [])
    assert site.once().process.returncode == 0
    first, second = site.jobs("trigger")
    assert (first.id, first.status) == (lost.id, JobStatus.KILLED)
    assert (second.status, second.attempt, second.due_at) == (JobStatus.DONE, 2, first.due_at)
    assert [line.split()[1] for line in site.starts("robot")] == [str(second.id)]
    assert site.status(trigger_id) is TriggerStatus.IDLE


def test_a_start_that_is_lost_three_times_fails(site: Site) -> None:
    trigger_id = site.single("trigger", site.robot("robot", "print('never')"))
    for _ in range(3):
        crash(site, failpoints.AFTER_CLAIM)
    assert site.once().process.returncode == 0  # nothing is due any more
    assert [(job.attempt, job.status) for job in site.jobs("trigger")] == [
        (1, JobStatus.KILLED),
        (2, JobStatus.KILLED),
        (3, JobStatus.FAILED),
    ]
    assert site.status(trigger_id) is TriggerStatus.FAILED
    assert "start 3 in a row" in site.errors("process trigger")[-1].log_message


def test_killed_before_the_robot_was_spawned_the_run_is_lost_and_not_repeated(site: Site) -> None:
    trigger_id = site.single("trigger", site.gated_robot("robot", "gate"))
    crash(site, failpoints.AFTER_BEGIN)
    assert site.job("trigger").status is JobStatus.RUNNING
    site.once()
    job = site.job("trigger")
    assert (job.status, site.starts("robot")) == (JobStatus.LOST, [])
    assert site.status(trigger_id) is TriggerStatus.FAILED
    assert site.errors("process trigger")[0].job_id == job.id


def test_killed_before_the_pid_was_saved_the_robot_is_found_and_followed(site: Site) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"))
    crash(site, failpoints.AFTER_SPAWN)
    site.await_start("robot")
    assert (site.job("trigger").status, site.job("trigger").host_pid) == (JobStatus.RUNNING, None)
    daemon = site.daemon().await_up()
    daemon.await_line('Took over "trigger"')
    site.open("gate")
    job = site.await_job("trigger", JobStatus.DONE)
    assert [line.split()[1] for line in site.starts("robot")] == [str(job.id)]
    assert site.output(job.id) == "waiting\nthrough the gate\n"
    assert job.host_pid is not None
    assert job.started_at is not None


@pytest.mark.parametrize("place", [failpoints.BEFORE_FINISH, failpoints.AFTER_FINISH])
def test_killed_while_finishing_the_end_is_stored_once(site: Site, place: str) -> None:
    trigger_id = site.single("trigger", site.robot("robot", "print('out'); import sys; sys.exit(7)"))
    crash(site, place)
    expected = JobStatus.RUNNING if place == failpoints.BEFORE_FINISH else JobStatus.FAILED
    assert site.job("trigger").status is expected
    # The Error log is part of the end: no crash comes between the two.
    assert len(site.errors("process trigger")) == (0 if place == failpoints.BEFORE_FINISH else 1)
    site.once()
    (message,) = site.errors("process trigger")
    assert message.job_id == site.job("trigger").id
    job = site.job("trigger")
    assert (job.status, job.exit_code, site.output(job.id)) == (JobStatus.FAILED, 7, "out\n")
    assert site.status(trigger_id) is TriggerStatus.FAILED
    assert find_runs(site.workspace) == []


def test_killed_while_it_settles_what_an_earlier_start_left_the_log_has_the_reason(site: Site) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"))
    crash(site, failpoints.AFTER_BEGIN)
    crash(site, failpoints.AFTER_FINISH)
    job = site.job("trigger")
    assert job.status is JobStatus.LOST
    assert [log.log_message for log in site.errors("process trigger")] == [job.reason]


def test_killed_while_robots_run_all_are_taken_over_with_their_exit_codes(site: Site) -> None:
    for number in range(3):
        site.single(f"trigger {number}", site.gated_robot(f"robot{number}", f"gate{number}", code=number))
    daemon = site.daemon().await_up()
    for number in range(3):
        site.await_job(f"trigger {number}", JobStatus.RUNNING)
        site.await_start(f"robot{number}")
    daemon.kill()
    site.open("gate2")  # one ends while nobody looks
    second = site.daemon().await_up()
    assert site.await_job("trigger 2", JobStatus.FAILED).exit_code == 2
    for number in range(2):
        site.open(f"gate{number}")
    assert site.await_job("trigger 0", JobStatus.DONE).exit_code == 0
    assert site.await_job("trigger 1", JobStatus.FAILED).exit_code == 1
    assert all(len(site.starts(f"robot{number}")) == 1 for number in range(3))
    second.stop()
    assert second.await_end() == 0
    assert find_runs(site.workspace) == []


def test_taken_over_robots_count_as_running(site: Site) -> None:
    site.single("first", site.gated_robot("first", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("first")
    daemon.kill()
    blocking = site.single("blocking", site.robot("blocking", "print(1)"), is_blocking=True)
    second = site.daemon().await_up()
    second.await_line('Took over "first"')
    site.single("other", site.robot("other", "print(1)"), priority=1)
    site.await_job("other", JobStatus.DONE)
    assert site.status(blocking) is TriggerStatus.IDLE
    site.open("gate")
    site.await_job("blocking", JobStatus.DONE)


def test_a_robot_whose_host_was_killed_is_lost_and_nothing_of_it_is_left(site: Site) -> None:
    trigger_id = site.single("trigger", site.gated_robot("robot", "gate"))
    site.daemon().await_up()
    site.await_start("robot")
    host_pid = wait_for("the host", lambda: site.job("trigger").host_pid)
    psutil.Process(host_pid).kill()
    job = site.await_job("trigger", JobStatus.LOST)
    assert job.reason is not None
    assert "host" in job.reason
    assert site.status(trigger_id) is TriggerStatus.FAILED
    wait_for("no process", lambda: not site.robot_processes())


def test_another_scheduler_settles_what_a_dead_one_left(site: Site) -> None:
    started = site.single("started", site.gated_robot("started", "gate"))
    daemon = site.daemon(name="dead").await_up()
    site.await_start("started")
    site.await_job("started", JobStatus.RUNNING)
    (element_id,) = site.elements("orders", 1)
    hold = sa.update(QueueElement).values(status=QueueStatus.IN_PROGRESS, job_id=site.job("started").id)
    site.database.write(lambda session: session.execute(hold))
    daemon.kill()
    claimed = site.single("claimed", site.robot("claimed", "print(1)"))
    dead = site.daemon(name="dead too", **{failpoints.VARIABLE: failpoints.AFTER_CLAIM})
    assert dead.await_end() == -9
    let_leases_run_out(site)
    reaped = {job.trigger_name: job for job in make.reap(site.database, "living")}
    assert (reaped["started"].is_due_again, reaped["claimed"].is_due_again) == (False, True)
    assert site.status(started) is TriggerStatus.FAILED
    assert site.status(claimed) is TriggerStatus.IDLE
    query = sa.select(QueueElement).where(QueueElement.id == element_id)
    element = site.database.read(lambda session: session.scalars(query).one())
    assert element.status is QueueStatus.ABANDONED
    # The robot of the lost job went on; its scheduler comes back and must not follow it.
    back = site.daemon("--whitelisted-only", name="dead").await_up()
    back.await_line("left over from job")
    wait_for("no process", lambda: not site.robot_processes())
    assert site.job("started").status is JobStatus.LOST


def test_the_end_of_a_robot_that_was_given_up_meanwhile_is_reported(site: Site) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("robot")
    site.await_job("trigger", JobStatus.RUNNING)
    daemon.kill()
    let_leases_run_out(site)
    assert len(make.reap(site.database, "living")) == 1
    site.open("gate")
    wait_for("its end", lambda: not site.robot_processes())
    back = site.once()
    assert 'The end of "trigger"' in back.log
    assert site.job("trigger").status is JobStatus.LOST
    assert any("went on and ended (Done)" in log.log_message for log in site.errors("process trigger"))
    assert find_runs(site.workspace) == []


def test_runs_of_others_in_the_same_workspace_are_left_alone(site: Site) -> None:
    site.single("theirs", site.gated_robot("theirs", "gate"))
    other = site.daemon(name="other").await_up()
    site.await_start("theirs")
    site.await_job("theirs", JobStatus.RUNNING)
    unknown = site.workspace / "runs" / str(uuid4())  # perhaps of another database
    unknown.mkdir()
    assert site.once().process.returncode == 0
    assert unknown.is_dir()
    assert site.job("theirs").status is JobStatus.RUNNING
    site.open("gate")
    site.await_job("theirs", JobStatus.DONE)
    assert other.process.poll() is None


def test_a_job_adopted_by_somebody_else_is_not_followed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger_id = site.single("trigger", "nowhere.py")
    job_id: UUID = uuid4()
    lease = datetime.now(timezone.utc) + timedelta(seconds=60)
    job = Job(
        id=job_id,
        process_name="process",
        scheduler_name="worker",
        status=JobStatus.RUNNING,
        trigger_id=trigger_id,
        trigger_name="trigger",
        fence=1,
        lease_until=lease,
    )
    site.database.write(lambda session: session.add(job))
    monkeypatch.setattr(ownership, "adopt", lambda *_: None)
    found = list(restart.recover(site.database, Identity("worker"), workspace=site.workspace, events=Events(None)))
    assert found == []
    assert site.job("trigger").status in ACTIVE_JOB_STATUSES


def test_a_request_to_run_survives_a_crash(site: Site) -> None:
    trigger_id = site.single("trigger", site.robot("robot", "print(1)"), due_in=3600)
    ask = sa.update(Trigger).values(run_requested_at=datetime.now(timezone.utc))
    site.database.write(lambda session: session.execute(ask))
    crash(site, failpoints.AFTER_CLAIM)
    assert site.once().process.returncode == 0
    assert site.status(trigger_id) is TriggerStatus.DONE


def test_a_run_whose_files_cannot_be_read_for_now_is_followed_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("robot")
    site.await_job("trigger", JobStatus.RUNNING)
    daemon.kill()
    free = sa.update(Scheduler).values(instance=None, lease_until=None)
    site.database.write(lambda session: session.execute(free))

    def refuse(_self: RunDirectory) -> None:
        raise OSError(24, "Too many open files")

    lines = StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "read_exit", refuse)
        (adopted,) = restart.recover(site.database, Identity("worker"), workspace=site.workspace, events=Events(lines))
    assert adopted.job.job_id == site.job("trigger").id
    assert "Too many open files" in lines.getvalue()
    assert site.job("trigger").status is JobStatus.RUNNING
    assert site.robot_processes() != []
    site.open("gate")


def test_what_is_followed_already_is_neither_adopted_again_nor_cleared_up(site: Site) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("robot")
    job = site.await_job("trigger", JobStatus.RUNNING)
    daemon.kill()
    end = sa.update(Job).values(status=JobStatus.DONE)
    for values in (None, end):
        if values is not None:
            site.database.write(lambda session, values=values: session.execute(values))
        found = restart.recover(
            site.database,
            Identity("worker"),
            workspace=site.workspace,
            events=Events(None),
            followed=lambda: [job.id],
        )
        assert list(found) == []
    assert len(find_runs(site.workspace)) == 1
    assert site.robot_processes() != []
    site.open("gate")


def test_files_of_a_run_that_cannot_be_cleared_up_hold_up_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.single("trigger", site.robot("robot", "print(1)"))
    crash(site, failpoints.AFTER_FINISH)

    def refuse(_self: RunDirectory) -> None:
        raise OSError(24, "Too many open files")

    lines = StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "read_exit", refuse)
        list(restart.recover(site.database, Identity("worker"), workspace=site.workspace, events=Events(lines)))
    assert "Too many open files" in lines.getvalue()
    assert len(find_runs(site.workspace)) == 1
