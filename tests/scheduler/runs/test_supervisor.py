"""Supervisor, keeper, pump and endings inside this process: what happens when a step fails."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import (
    CommitOutcomeUnknownError,
    ConnectionFailedError,
    DatabaseError,
    LaunchError,
    SchedulerNameInUseError,
)
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import runs, trigger_claims
from OpenOrchestrator.database.lifecycle.trigger_claims import ClaimedRun
from OpenOrchestrator.database.models import Job, Scheduler
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import job_output, schedulers
from OpenOrchestrator.scheduler import contact as contact_module
from OpenOrchestrator.scheduler import keeper
from OpenOrchestrator.scheduler.contact import Contact
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.keeper import Keeper
from OpenOrchestrator.scheduler.preparation import RobotPreparation
from OpenOrchestrator.scheduler.runs import endings, run_record
from OpenOrchestrator.scheduler.runs.endings import Ending, ending_of
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.run_directory import ExitInfo, OutputRecord, RunDirectory
from OpenOrchestrator.scheduler.runs.run_record import SupervisedJob
from OpenOrchestrator.scheduler.runs.supervisor import Phase, Prepared, Services, Supervisor

pytestmark = pytest.mark.kinds("sqlite")


class Lines:
    """A stream that keeps what is written."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None: ...


class Bench:
    """Everything a supervisor needs, without a daemon."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.identity = Identity("bench")
        self.lines = Lines()
        self.events = Events(self.lines, secrets=[site.key])  # type: ignore[arg-type]
        self.contact = Contact(self.events)
        self.over = threading.Event()
        self.current: Supervisor | None = None
        self.prepare: Any = RobotPreparation(
            site.workspace,
            sys.executable,
            connection_string=site.database.connection_string,
            crypto_key=site.key,
            on_end=lambda _job_id: self.current and self.current.host_ended(),
        )

    def claim(self) -> ClaimedRun:
        due = trigger_claims.due_triggers(self.site.database, scheduler_name="bench").due
        (run,) = trigger_claims.claim(self.site.database, self.identity, due)
        return run

    def supervise(self, run: ClaimedRun) -> Supervisor:
        services = Services(
            database=self.site.database,
            events=self.events,
            contact=self.contact,
            prepare=self.prepare,
            on_over=lambda _supervisor: self.over.set(),
        )
        self.current = Supervisor(
            SupervisedJob.of(run),
            services,
        )
        return self.current

    def start(self) -> Supervisor:
        run = self.claim()
        started = self.supervise(run)
        started.start(run)
        return started

    def await_end(self) -> None:
        assert self.over.wait(30), self.site.state() + self.lines.text

    def keeper(self, on_name_lost: Callable[[], bool] | None = None) -> Keeper:
        return Keeper(
            self.site.database,
            self.identity,
            supervisors=lambda: [self.current] if self.current is not None else [],
            events=self.events,
            contact=self.contact,
            on_name_lost=on_name_lost,
        )

    def enroll(self, identity: Identity) -> None:
        schedulers.enroll(
            self.site.database,
            identity,
            version="4",
            slots=1,
            pid=1,
            pid_started=0.0,
            host_name="here",
            previous_is_dead=lambda *_: False,
        )


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


def test_the_robot_of_a_job_that_was_taken_away_is_stopped(bench: Bench) -> None:
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    started = bench.start()
    bench.site.await_start("robot")
    bench.site.await_job("trigger", JobStatus.RUNNING)
    keep = bench.keeper()
    keep.keep()
    assert started.phase is Phase.RUNNING
    take = sa.update(Job).values(fence=2, owner=uuid4())
    bench.site.database.write(lambda session: session.execute(take))
    keep.keep()
    bench.await_end()
    assert "was taken away from this scheduler" in bench.lines.text
    assert "came too late" not in bench.lines.text
    assert bench.site.errors("process trigger") == []
    assert bench.site.robot_processes() == []
    assert bench.site.job("trigger").status is JobStatus.RUNNING  # the other one's to settle


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LaunchError("no such branch"), "no such branch"),
        (OSError(28, "No space left on device"), "cannot be prepared: OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_preparation_that_fails_fails_the_run(bench: Bench, error: Exception, reason: str) -> None:
    def fail(_run: ClaimedRun) -> Prepared:
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


def test_no_secret_in_what_is_stored_about_a_failure(bench: Bench) -> None:
    def fail(_run: ClaimedRun) -> Prepared:
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

    bench.prepare = lambda _run: Prepared(refuse, None)
    bench.site.single("trigger", "robot.py")
    bench.start()
    bench.await_end()
    assert (bench.site.job("trigger").status, bench.site.job("trigger").reason) == (
        JobStatus.FAILED,
        "the disk is full",
    )


def test_killed_while_it_is_prepared_the_robot_is_never_started(bench: Bench) -> None:
    go_on = threading.Event()

    def wait(_run: ClaimedRun) -> Prepared:
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

    def wait(_run: ClaimedRun) -> Prepared:
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


def test_a_defect_does_not_leave_a_robot_without_anybody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> bool:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(run_record.RunRecord, "started", broken)
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    bench.start()
    bench.await_end()
    assert "ZeroDivisionError: a defect" in bench.lines.text
    wait_for("no process", lambda: not bench.site.robot_processes())


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
    assert bench.lines.text.count("value too long") == 1
    assert bench.site.errors("process trigger")[0].log_message.endswith("last words")


# The keeper


def test_leases_of_others_are_settled_only_after_a_lease_of_contact(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(keeper, "elapsed", lambda: now[0])
    reaped: list[float] = []
    monkeypatch.setattr(runs, "reap", lambda *_, **__: reaped.append(now[0]) or ())
    bench.enroll(bench.identity)
    keep = bench.keeper(on_name_lost=lambda: False)

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
    keep = bench.keeper(on_name_lost=lambda: False)
    wait_for("a later lease", lambda: keep.keep() or bench.site.job("trigger").lease_until > before)
    row = bench.site.database.read(lambda session: session.get(Scheduler, "bench"))
    assert row is not None
    assert row.running_jobs == 1
    assert row.heartbeat_at is not None
    assert abs(row.heartbeat_at - datetime.now(timezone.utc)) < timedelta(seconds=30)


def test_a_name_that_another_daemon_took_is_noticed(bench: Bench) -> None:
    bench.enroll(bench.identity)
    lost: list[bool] = []

    def on_name_lost() -> bool:
        try:
            bench.enroll(bench.identity)
        except SchedulerNameInUseError:
            lost.append(True)
            return False
        lost.append(False)
        return True

    keep = bench.keeper(on_name_lost=on_name_lost)
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


# Output


def write_output(directory: RunDirectory, *texts: str) -> None:
    directory.path.mkdir(parents=True, exist_ok=True)
    lines = [
        f'{{"n": {number}, "t": "2026-01-01T00:00:00+00:00", "s": "stderr", "x": "{text}"}}\n'
        for number, text in enumerate(texts, start=1)
    ]
    (directory.path / "output.jsonl").write_text("".join(lines), encoding="utf-8")


def test_output_is_stored_once_whoever_stored_before(site: Site) -> None:
    job_id = uuid4()
    directory = RunDirectory(site.workspace / "runs" / str(job_id))
    write_output(directory, "a", "b")
    first = OutputPump(site.database, job_id, directory)
    assert first.pump()
    assert not first.pump()
    write_output(directory, "a", "b", "c")
    shown: list[OutputRecord] = []
    second = OutputPump(site.database, job_id, directory, on_record=shown.append)  # after a restart
    assert second.pump()
    assert site.output(job_id) == "abc"
    assert [record.text for record in shown] == ["a", "b", "c"]
    assert second.error_tail == "abc"


def test_output_is_tried_again_after_an_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = uuid4()
    directory = RunDirectory(site.workspace / "runs" / str(job_id))
    write_output(directory, "a", "b")
    pump = OutputPump(site.database, job_id, directory)
    real = job_output.append

    def store_and_lose_the_answer(*arguments: Any) -> None:
        real(*arguments)
        monkeypatch.setattr(job_output, "append", real)
        raise CommitOutcomeUnknownError("lost")

    monkeypatch.setattr(job_output, "append", store_and_lose_the_answer)
    with pytest.raises(CommitOutcomeUnknownError):
        pump.pump()
    assert pump.pump()
    assert site.output(job_id) == "ab"


# Endings

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ENDED = ExitInfo(exit_code=0, signal=None, ended_at=NOW)


@pytest.mark.parametrize(
    ("exit_info", "expected", "shell_status"),
    [
        (ENDED, Ending(JobStatus.DONE, 0), 0),
        (replace(ENDED, exit_code=3), Ending(JobStatus.FAILED, 3, "exit code 3"), 3),
        (
            replace(ENDED, exit_code=0xC0000005),
            Ending(JobStatus.FAILED, 0xC0000005, "exit code 3221225477 (0xC0000005)"),
            0xC0000005,
        ),
        (
            replace(ENDED, exit_code=-11, signal="SIGSEGV"),
            Ending(JobStatus.FAILED, -11, "ended by signal SIGSEGV"),
            139,
        ),
        (
            replace(ENDED, exit_code=-9, signal="SIGKILL", stopped="timeout", timed_out=True),
            Ending(JobStatus.TIMED_OUT, -9, "stopped: it ran longer than its time limit of 5 s"),
            137,
        ),
        (
            replace(ENDED, stopped="killed on request"),
            Ending(JobStatus.KILLED, 0, "killed on request"),
            1,
        ),
        (
            replace(ENDED, exit_code=None, error="FileNotFoundError: python"),
            Ending(JobStatus.FAILED, None, "could not be started: FileNotFoundError: python"),
            1,
        ),
        (
            replace(ENDED, output_error="No space left on device"),
            Ending(JobStatus.DONE, 0, "its output is incomplete: No space left on device"),
            0,
        ),
        (
            replace(ENDED, exit_code=1, survivors=(7, 8)),
            Ending(JobStatus.FAILED, 1, "exit code 1; these processes it started could not be ended: 7, 8"),
            1,
        ),
    ],
)
def test_what_an_end_means(exit_info: ExitInfo, expected: Ending, shell_status: int) -> None:
    ending = ending_of(exit_info, timeout_seconds=5)
    assert ending == expected
    assert ending.shell_status == shell_status


def test_a_run_nobody_found_is_lost() -> None:
    assert endings.never_found().status is JobStatus.LOST
    assert endings.host_lost().shell_status == 1


def test_pauses_grow_and_stay_bounded() -> None:
    assert all(contact_module.pause_after(failures) <= 5.0 for failures in range(100))
    assert contact_module.pause_after(1) < 1.0
