"""The supervisor inside this process: what happens when a step fails."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import psutil
import pytest
import sqlalchemy as sa
from bench import Bench
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import (
    CommitOutcomeUnknownError,
    ConnectionFailedError,
    DatabaseError,
    LaunchError,
)
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.scheduler.presence.keeper import Keeper
from OpenOrchestrator.scheduler.runs import run_record, supervisor
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs
from OpenOrchestrator.scheduler.runs.services import Prepared, StartWatch
from OpenOrchestrator.scheduler.runs.supervisor import Phase, Supervisor

pytestmark = pytest.mark.kinds("sqlite")


@pytest.fixture
def bench(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(run_record, "pause_after", lambda _failures: 0.01)
    made = Bench(site)
    yield made
    if made.current is not None:
        made.current.detach()


def failing(monkeypatch: pytest.MonkeyPatch, name: str, *errors: Exception) -> list[Exception]:
    """Let the first calls of a function of ``runs`` fail; returns what is still to be raised."""
    real = getattr(runs, name)
    left = list(errors)

    def fail_first(*arguments: Any, **named: Any) -> Any:
        if left:
            raise left.pop(0)
        return real(*arguments, **named)

    monkeypatch.setattr(runs, name, fail_first)
    return left


AWAY = ConnectionFailedError("away")


def test_an_end_is_stored_as_soon_as_the_database_is_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    left = failing(monkeypatch, "finish", AWAY, DatabaseError("disk is full"), AWAY)
    bench.site.single("trigger", bench.site.robot("robot", "print('out')"))
    started = bench.start()
    bench.await_end()
    assert left == []
    assert bench.site.job("trigger").status is JobStatus.DONE
    assert started.ending == Ending(JobStatus.DONE, 0)
    assert bench.lines.text.count("cannot be stored yet") == 1
    assert "In contact with the database again" in bench.lines.text


def test_an_end_that_was_stored_although_nobody_heard_so_is_no_late_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runs.finish

    def store_and_lose_the_answer(*arguments: Any, **named: Any) -> bool:
        monkeypatch.setattr(runs, "finish", real)
        real(*arguments, **named)
        raise CommitOutcomeUnknownError("lost")

    monkeypatch.setattr(runs, "finish", store_and_lose_the_answer)
    bench.site.single("trigger", bench.site.robot("robot", "import sys; sys.exit(5)"))
    started = bench.start()
    bench.await_end()
    assert started.ending == Ending(JobStatus.FAILED, 5, "exit code 5")
    assert "came too late" not in bench.lines.text
    assert len(bench.site.errors("process trigger")) == 1


def test_a_begin_that_was_stored_although_nobody_heard_so_starts_the_robot_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runs.begin_run

    def store_and_lose_the_answer(*arguments: Any) -> bool:
        monkeypatch.setattr(runs, "begin_run", real)
        real(*arguments)
        raise CommitOutcomeUnknownError("lost")

    monkeypatch.setattr(runs, "begin_run", store_and_lose_the_answer)
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    bench.site.open("gate")
    bench.start()
    bench.await_end()
    assert bench.site.job("trigger").status is JobStatus.DONE
    assert len(bench.site.starts("robot")) == 1


def test_a_late_end_is_refused_and_reported(bench: Bench) -> None:
    trigger_id = bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    bench.start()
    bench.site.await_start("robot")
    # Settled by somebody else, and this scheduler has not noticed yet.
    take = sa.update(Job).values(fence=2, status=JobStatus.LOST, lease_until=None)
    bench.site.database.write(lambda session: session.execute(take))
    bench.site.set_status(trigger_id, TriggerStatus.FAILED)
    bench.site.open("gate")
    bench.await_end()
    assert 'The end of "trigger" (Done) came too late' in bench.lines.text
    assert bench.site.job("trigger").status is JobStatus.LOST
    assert bench.site.status(trigger_id) is TriggerStatus.FAILED
    assert "had been settled without it" in bench.site.errors("process trigger")[0].log_message


def start_and_keep(bench: Bench) -> tuple[Supervisor, Keeper]:
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    started = bench.start()
    bench.site.await_start("robot")
    bench.site.await_job("trigger", JobStatus.RUNNING)
    keep = bench.lease_keeper()
    keep.keep()
    assert started.phase is Phase.RUNNING
    return started, keep


def change_job(bench: Bench, **values: Any) -> None:
    bench.site.database.write(lambda session: session.execute(sa.update(Job).values(values)))


def test_the_robot_of_a_job_that_was_settled_is_stopped(bench: Bench) -> None:
    _, keep = start_and_keep(bench)
    change_job(bench, fence=2, status=JobStatus.LOST, lease_until=None)
    keep.keep()
    bench.await_end()
    assert "was taken away from this scheduler" in bench.lines.text
    assert "came too late" not in bench.lines.text
    assert bench.site.errors("process trigger") == []
    wait_for("no process", lambda: not bench.site.robot_processes())
    assert find_runs(bench.site.workspace) == []
    assert bench.site.job("trigger").status is JobStatus.LOST


def test_the_robot_of_a_job_that_another_scheduler_took_over_is_left_alone(bench: Bench) -> None:
    started, keep = start_and_keep(bench)
    change_job(bench, fence=2, owner=uuid4())
    keep.keep()
    bench.await_end()
    assert "was taken over by another scheduler" in bench.lines.text
    assert started.was_left, "else its files would be given free"
    (directory,) = find_runs(bench.site.workspace)
    assert not (directory.path / "stop.json").exists()
    assert bench.site.robot_processes() != []
    bench.site.open("gate")
    wait_for("its own end", directory.read_exit)
    assert bench.site.job("trigger").status is JobStatus.RUNNING  # the other one's to settle


def test_the_end_of_a_robot_that_another_scheduler_took_over_is_left_to_that_one(bench: Bench) -> None:
    started, _ = start_and_keep(bench)
    change_job(bench, fence=2, owner=uuid4())  # and nobody here has noticed yet
    bench.site.open("gate")
    bench.await_end()
    assert "came too late" not in bench.lines.text
    assert bench.site.errors("process trigger") == []
    assert started.was_left
    (directory,) = find_runs(bench.site.workspace)
    assert directory.read_exit() is not None
    assert bench.site.job("trigger").status is JobStatus.RUNNING


def test_while_nobody_can_tell_whose_a_job_is_its_robot_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started, _ = start_and_keep(bench)
    asked: list[bool] = []
    real = run_record.RunRecord.standing

    def away_at_first(self: run_record.RunRecord) -> run_record.Standing:
        asked.append(True)
        if len(asked) < 3:
            raise AWAY
        return real(self)

    monkeypatch.setattr(run_record.RunRecord, "standing", away_at_first)
    started.lose()
    wait_for("the third look", lambda: len(asked) >= 3)
    bench.site.open("gate")
    bench.await_end()
    assert started.ending == Ending(JobStatus.DONE, 0)
    assert len(asked) == 3, "it is ours: no reason to ask again"


def test_what_is_left_of_a_robot_without_host_is_not_touched_before_it_is_known_whose_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_and_keep(bench)
    change_job(bench, fence=2, owner=uuid4())
    asked: list[bool] = []
    real = run_record.RunRecord.standing

    def away_at_first(self: run_record.RunRecord) -> run_record.Standing:
        asked.append(True)
        if len(asked) < 3:
            raise AWAY
        return real(self)

    monkeypatch.setattr(run_record.RunRecord, "standing", away_at_first)
    host_pid = wait_for("the host", lambda: bench.site.job("trigger").host_pid)
    psutil.Process(host_pid).kill()
    bench.await_end()
    assert "was taken over by another scheduler" in bench.lines.text
    assert bench.site.robot_processes() != []
    assert len(find_runs(bench.site.workspace)) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LaunchError("no such branch"), "no such branch"),
        (OSError(28, "No space left on device"), "cannot be prepared: OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_preparation_that_fails_fails_the_run(bench: Bench, error: Exception, reason: str) -> None:
    def fail(_run: ClaimedRun, _watch: StartWatch) -> Prepared:
        raise error

    bench.prepare = fail
    trigger_id = bench.site.single("trigger", "robot.py")
    bench.start()
    bench.await_end()
    job = bench.site.job("trigger")
    assert (job.status, job.reason) == (JobStatus.FAILED, reason)
    assert bench.site.status(trigger_id) is TriggerStatus.FAILED
    (message,) = bench.site.errors("process trigger")
    assert (message.job_id, message.log_message) == (job.id, reason)


def caused_by(cause: Exception) -> LaunchError:
    error = LaunchError("the robot host cannot be started")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, "Too many open files"),
        MemoryError(),
        caused_by(OSError(errno.EAGAIN, "Resource temporarily unavailable")),
        caused_by(RuntimeError("can't start new thread")),
    ],
)
def test_a_run_that_the_machine_has_no_means_to_prepare_is_given_back(bench: Bench, error: Exception) -> None:
    def fail(_run: ClaimedRun, _watch: StartWatch) -> Prepared:
        raise error

    bench.prepare = fail
    trigger_id = bench.site.single("trigger", "robot.py")
    started = bench.start()
    bench.await_end()
    job = bench.site.job("trigger")
    assert (job.status, job.reason) == (JobStatus.KILLED, supervisor.NO_MEANS)
    assert bench.site.status(trigger_id) is TriggerStatus.IDLE
    assert started.had_no_means
    assert started.ending is None
    assert bench.site.errors("process trigger") == []
    assert type(error).__name__ in bench.lines.text or str(error) in bench.lines.text
    assert bench.claim().attempt == 1, "it does not count as a failed start"


@pytest.mark.parametrize("shortages", [2, 1000])
def test_a_start_that_the_machine_has_no_means_for_is_tried_again_in_place(bench: Bench, shortages: int) -> None:
    """The job says that a robot may have been started, so that the run can be given back no more."""
    real = bench.prepare
    left = [shortages]

    def prepare(run: ClaimedRun, watch: StartWatch) -> Prepared:
        prepared = real(run, watch)

        def start() -> RunDirectory:
            if left[0]:
                left[0] -= 1
                raise caused_by(OSError(errno.EMFILE, "Too many open files"))
            return cast(RunDirectory, prepared.start())

        return Prepared(start, None)

    bench.prepare = prepare
    bench.site.single("trigger", bench.site.robot("robot", "print('once')"))
    bench.start()
    bench.await_end()
    job = bench.site.job("trigger")
    if shortages == 2:
        assert (job.status, bench.site.output(job.id)) == (JobStatus.DONE, "once\n")
    else:
        assert (job.status, job.reason) == (JobStatus.FAILED, "the robot host cannot be started")
        assert left == [990]


def test_no_secret_in_what_is_stored_about_a_failure(bench: Bench) -> None:
    def fail(_run: ClaimedRun, _watch: StartWatch) -> Prepared:
        raise ValueError(f"unforeseen {bench.site.key}")

    bench.prepare = fail
    bench.site.single("trigger", "robot.py")
    bench.start()
    bench.await_end()
    (message,) = bench.site.errors("process trigger")
    expected = "cannot be prepared: ValueError: unforeseen ***"
    assert (bench.site.job("trigger").reason, message.log_message) == (expected, expected)


def test_a_start_that_fails_after_the_run_began_fails_the_run(bench: Bench) -> None:
    def refuse() -> RunDirectory:
        raise LaunchError("the disk is full")

    bench.prepare = lambda _run, _watch: Prepared(refuse, None)
    bench.site.single("trigger", "robot.py")
    bench.start()
    bench.await_end()
    assert (bench.site.job("trigger").status, bench.site.job("trigger").reason) == (
        JobStatus.FAILED,
        "the disk is full",
    )


def test_killed_while_it_is_prepared_the_robot_is_never_started(bench: Bench) -> None:
    go_on = threading.Event()

    def wait(_run: ClaimedRun, _watch: StartWatch) -> Prepared:
        go_on.wait(30)
        return Prepared(lambda: pytest.fail("started"), None)

    bench.prepare = wait
    trigger_id = bench.site.single("trigger", "robot.py")
    started = bench.start()
    assert started.kill("killed on request")
    assert not started.kill("killed on request")
    go_on.set()
    bench.await_end()
    assert (bench.site.job("trigger").status, bench.site.job("trigger").reason) == (
        JobStatus.KILLED,
        "killed on request",
    )
    assert bench.site.status(trigger_id) is TriggerStatus.KILLED


def test_given_back_while_it_is_prepared_the_robot_is_never_started(bench: Bench) -> None:
    go_on = threading.Event()

    def wait(_run: ClaimedRun, _watch: StartWatch) -> Prepared:
        go_on.wait(30)
        return Prepared(lambda: pytest.fail("started"), None)

    bench.prepare = wait
    trigger_id = bench.site.single("trigger", "robot.py")
    run = bench.claim()
    started = bench.supervise(run)
    started.start(run)
    assert runs.give_back(bench.site.database, run, "stopped")
    go_on.set()
    bench.await_end()
    assert started.ending is None
    assert bench.site.status(trigger_id) is TriggerStatus.IDLE


def test_left_to_itself_while_its_end_cannot_be_stored(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "finish", *[AWAY] * 10_000)
    bench.site.single("trigger", bench.site.robot("robot", "print('out')"))
    started = bench.start()
    wait_for("the first attempt", lambda: "cannot be stored yet" in bench.lines.text)
    started.detach()
    bench.await_end()
    assert started.was_left
    assert bench.site.job("trigger").status is JobStatus.RUNNING
    (directory,) = [RunDirectory(path) for path in (bench.site.workspace / "runs").iterdir()]
    exit_info = directory.read_exit()
    assert exit_info is not None
    assert exit_info.exit_code == 0


def test_output_that_the_database_refuses_does_not_hold_up_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise DatabaseError("value too long")

    monkeypatch.setattr(job_output, "append", refuse)
    bench.site.single("trigger", bench.site.robot("robot", "import sys; sys.exit('last words')"))
    bench.start()
    bench.await_end()
    job = bench.site.job("trigger")
    assert (job.status, job.exit_code) == (JobStatus.FAILED, 1)
    assert job.reason == "last words; its output is incomplete until the database takes the rest: value too long"
    assert bench.lines.text.count("cannot be stored for now: value too long") == 1
    assert bench.site.errors("process trigger")[0].log_message.endswith("last words")
