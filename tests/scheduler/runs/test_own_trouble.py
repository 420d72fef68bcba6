"""A robot does not pay for trouble of its scheduler: whatever fails at any call is told and tried again."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from bench import Bench
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import ConnectionFailedError, DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import job_output, jobs
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.processes import marked_processes, process_identity
from OpenOrchestrator.scheduler.runs import following, run_record
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.following import Following
from OpenOrchestrator.scheduler.runs.launcher import Launcher
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs
from OpenOrchestrator.scheduler.runs.run_record import RunRecord
from OpenOrchestrator.scheduler.workspace.preparation import RobotPreparation

pytestmark = pytest.mark.kinds("sqlite")

TIMES = 2
"""How often each call fails; fewer than what is given up after."""

ERRORS: dict[str, Callable[[], Exception]] = {
    "no file descriptors": lambda: OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "no memory": MemoryError,
    "a defect": lambda: KeyError("a defect"),
    "an error of SQLAlchemy that nobody translated": lambda: sa.exc.TimeoutError("QueuePool limit"),
    "a refusal": lambda: DatabaseError("read-only"),
    "an outage": lambda: ConnectionFailedError("away"),
}

AFTER_THE_START = [
    (Database, "read"),
    (Database, "write"),
    (RunDirectory, "read_host"),
    (RunDirectory, "read_exit"),
    (RunDirectory, "read_output"),
    (RunDirectory, "host_alive"),
    (RunDirectory, "remove"),
    (runs, "record_start"),
    (runs, "finish"),
    (job_output, "append"),
    (job_output, "stored_sequences"),
    (jobs, "get"),
    (OutputPump, "pump"),
    (RunRecord, "copy_output"),
    (RunRecord, "copy_all_output"),
    (RunRecord, "started"),
    (RunRecord, "standing"),
    (RunRecord, "end"),
    (Following, "record_start"),
    (Following, "until_end"),
    (Events, "started"),
    (Events, "ended"),
]

AT_THE_START = {"record_start", "started", "until_end", "stored_sequences", "read_host"}
"""What is done when the robot has just been started, and not again."""

BEFORE_THE_START = [
    (RobotPreparation, "__call__"),
    (runs, "begin_run"),
    (RunDirectory, "create"),
    (RunDirectory, "write_host"),
    (Launcher, "start"),
    (Launcher, "_spawn_host"),
    (Launcher, "_hand_over"),
]


class Failing:
    """Lets calls fail from the moment it is armed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, make: Callable[[], Exception]) -> None:
        self.left = 0
        self.failed = 0
        real = getattr(target, name)
        is_class_method = isinstance(vars(target).get(name), classmethod)

        def call(*arguments: Any, **named: Any) -> Any:
            if self.left:
                self.left -= 1
                self.failed += 1
                raise make()
            return real(*arguments, **named)

        monkeypatch.setattr(target, name, staticmethod(call) if is_class_method else call)

    def arm(self, times: int) -> None:
        self.left = times


@pytest.fixture
def bench(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(run_record, "pause_after", lambda _failures: 0.01)
    monkeypatch.setattr(following, "pause_after", lambda _failures: 0.01)
    monkeypatch.setattr(following, "_HOST_LOOK_SECONDS", 0.0)
    made = Bench(site)
    yield made
    if made.current is not None:
        made.current.detach()


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("target", "name"), AFTER_THE_START, ids=[f"{t.__name__}.{n}" for t, n in AFTER_THE_START])
def test_a_robot_that_runs_survives(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, error: str
) -> None:
    failing = Failing(monkeypatch, target, name, ERRORS[error])
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    if name in AT_THE_START:
        failing.arm(TIMES)
    started = bench.start()
    bench.site.await_start("robot")
    if name not in AT_THE_START:
        failing.arm(TIMES)
    started.lose()  # lets it ask whose the job is, too
    bench.site.open("gate")
    bench.await_end()
    failing.left = 0
    assert failing.failed
    assert started.ending == Ending(JobStatus.DONE, 0), bench.lines.text
    job = bench.site.job("trigger")
    assert (job.status, job.exit_code, job.reason) == (JobStatus.DONE, 0, None)
    assert bench.site.output(job.id) == "waiting\nthrough the gate\n"
    assert len(bench.site.starts("robot")) == 1
    assert len(find_runs(bench.site.workspace)) == (1 if name == "remove" else 0)


def test_a_robot_survives_that_its_trouble_cannot_even_be_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [
        Failing(monkeypatch, target, name, ERRORS["no memory"])
        for target, name in ((RunDirectory, "read_exit"), (Events, "following_trouble"), (following, "pause_after"))
    ]
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    started = bench.start()
    bench.site.await_start("robot")
    for each in failing:
        each.arm(TIMES)
    wait_for("all of it", lambda: not any(each.left for each in failing[:2]))
    bench.site.open("gate")
    bench.await_end()
    assert started.ending == Ending(JobStatus.DONE, 0), bench.lines.text


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("target", "name"), BEFORE_THE_START, ids=[f"{t.__name__}.{n}" for t, n in BEFORE_THE_START])
def test_a_run_that_cannot_be_started_is_never_left_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, error: str
) -> None:
    failing = Failing(monkeypatch, target, name, ERRORS[error])
    trigger_id = bench.site.single("trigger", bench.site.robot("robot", "open('robot.started', 'a').write('1 1\\n')"))
    failing.arm(1000)
    if name == "begin_run" and error in ("a refusal", "an outage"):
        failing.arm(5)  # the database may be away for as long as it likes
    bench.start()
    bench.await_end()
    job = bench.site.job("trigger")
    if name == "begin_run" and error in ("a refusal", "an outage"):
        assert job.status is JobStatus.DONE
        return
    if target is RobotPreparation and error in ("no file descriptors", "no memory"):  # that passes: due again
        assert job.status is JobStatus.KILLED
        assert bench.site.status(trigger_id) is TriggerStatus.IDLE
        assert bench.site.starts("robot") == []
        return
    assert job.status is JobStatus.FAILED
    assert job.reason
    assert bench.site.status(trigger_id) is TriggerStatus.FAILED
    assert [log.log_message for log in bench.site.errors("process trigger")] == [job.reason]
    assert bench.site.starts("robot") == []
    assert bench.site.robot_processes() == []


def test_without_a_thread_to_wait_for_the_host_its_end_is_seen_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = threading.Thread.start

    def refuse_the_waiter(self: threading.Thread) -> None:
        if "_await_end" in repr(getattr(self, "_target", None)):
            raise RuntimeError("can't start new thread")
        real(self)

    monkeypatch.setattr(threading.Thread, "start", refuse_the_waiter)
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    started = bench.start()
    bench.site.await_start("robot")
    host_pid = wait_for("the host", lambda: bench.site.job("trigger").host_pid)
    psutil.Process(host_pid).kill()
    bench.await_end()
    assert started.ending is not None
    assert started.ending.status is JobStatus.LOST
    wait_for("no process", lambda: not bench.site.robot_processes())


def test_a_stop_that_cannot_be_asked_for_now_is_asked_for_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Failing(monkeypatch, RunDirectory, "request_stop", ERRORS["no file descriptors"])
    ending = Failing(monkeypatch, RunDirectory, "kill_leftovers", ERRORS["no file descriptors"])
    bench.site.single("trigger", bench.site.gated_robot("robot", "gate"))
    started = bench.start()
    bench.site.await_start("robot")
    asking.arm(TIMES)
    ending.arm(TIMES)
    assert started.kill("killed on request")
    bench.await_end()
    assert started.ending is not None
    assert (started.ending.status, started.ending.reason) == (JobStatus.KILLED, "killed on request")


def test_marks_that_could_not_be_looked_for_are_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_process: psutil.Process) -> dict[str, str]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(psutil.Process, "environ", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        marked_processes.find_marked("X", "y")


def test_a_process_that_could_not_be_looked_at_is_not_called_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = process_identity.process_identity(os.getpid())

    def refuse(*_: Any, **__: Any) -> str:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    assert process_identity.sight_of(os.getpid(), identity) is process_identity.Sight.UNKNOWN
