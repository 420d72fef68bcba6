"""Robots that ask for runs of other triggers and wait for them, and robots that only wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError, RunRefusedError
from OpenOrchestrator.database import default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.lifecycle.requested_runs import AskedTrigger, answer_of, like
from OpenOrchestrator.database.models import Job, Trigger
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import job_reports, run_requests, site_pause
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
from OpenOrchestrator.orchestrator_connection.requested_run import RequestedRun
from OpenOrchestrator.orchestrator_connection.stop_wait import StopWait

HERE, THERE = Identity("here"), Identity("there")
LATER = datetime(2026, 5, 1)


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    connection = OrchestratorConnection("Asker", database.connection_string, "", "")
    yield connection
    connection.close()
    default.set_default(None)


def set_status(database: Database, trigger_id: UUID, status: TriggerStatus) -> None:
    update = sa.update(Trigger).where(Trigger.id == trigger_id).values(process_status=status)
    database.write(lambda s: s.execute(update))


def claim(database: Database, identity: Identity = HERE) -> ClaimedRun:
    (run,) = make.claim_all(database, identity)
    return run


def end(database: Database, run: ClaimedRun, status: JobStatus = JobStatus.DONE) -> None:
    assert runs.begin_run(database, run)
    started = {"started_at": datetime(2026, 1, 1, tzinfo=timezone.utc)}
    database.write(lambda s: s.execute(sa.update(Job).where(Job.id == run.job_id).values(started)))
    assert runs.finish(database, run.job_id, run.fence, status=status, exit_code=None, reason="said so")


def test_a_run_is_asked_for_answered_by_one_job_and_its_end_is_known(
    database: Database, robot: OrchestratorConnection
) -> None:
    trigger_id = make.scheduled(database, "Report", next_run=LATER, process_args="own")
    run = robot.run_trigger("Report", {"month": "May"})
    assert (run.trigger_id, run.job_id, run.status, run.ended) == (trigger_id, None, None, False)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.run_args, trigger.run_requested_by) == ('{"month": "May"}', "Asker")
    claimed = claim(database)
    assert claimed.process_args == '{"month": "May"}'
    assert (run.refresh().job_id, run.status, run.ended) == (claimed.job_id, JobStatus.STARTING, False)
    now = database.utc_now()

    def tell(session: Any) -> bool:
        return job_reports.tell_output(session.connection(), claimed.job_id, "[1]", is_json=True, now=now)

    assert database.write(tell)
    end(database, claimed, JobStatus.FAILED)
    assert run.wait() is run
    assert (run.ended, run.succeeded, run.status, run.reason) == (True, False, JobStatus.FAILED, "said so")
    assert run.output == [1]
    assert make.trigger(database, trigger_id).process_status is TriggerStatus.IDLE


def test_the_job_that_counts_is_the_one_after_a_claim_that_was_given_back(
    database: Database, robot: OrchestratorConnection
) -> None:
    make.single(database, "Report", next_run=LATER, process_args="own")
    run = robot.run_trigger("Report")
    first = claim(database)
    assert runs.give_back(database, first, "no room")
    assert not run.refresh().ended
    assert run.job_id is None
    second = claim(database, THERE)
    assert run.refresh().job_id == second.job_id
    end(database, second)
    assert run.refresh().succeeded
    # A later run of the same trigger is another request's.
    other = robot.run_trigger("Report")
    third = claim(database)
    assert (other.refresh().job_id, run.refresh().job_id) == (third.job_id, second.job_id)


def test_a_request_that_was_taken_back_is_over(database: Database, robot: OrchestratorConnection) -> None:
    trigger_id = make.scheduled(database, "Report", next_run=LATER)
    run = robot.run_trigger("Report")
    assert database.write(lambda s: run_requests.cancel(s, trigger_id))
    assert (run.wait().ended, run.job_id, run.status, run.output) == (True, None, None, None)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (TriggerStatus.RUNNING, "it is Running already"),
        (TriggerStatus.KILLING, "it is Killing already"),
        (TriggerStatus.PAUSED, "it is Paused. Let an admin look"),
        (TriggerStatus.FAILED, "it is Failed. Let an admin look"),
        (TriggerStatus.KILLED, "it is Killed. Let an admin look"),
    ],
)
@pytest.mark.kinds("sqlite")
def test_a_trigger_that_cannot_run_now_is_left_alone(
    database: Database, robot: OrchestratorConnection, status: TriggerStatus, words: str
) -> None:
    trigger_id = make.scheduled(database, "Report", next_run=LATER)
    set_status(database, trigger_id, status)
    with pytest.raises(RunRefusedError, match=words):
        robot.run_trigger("Report")
    assert make.trigger(database, trigger_id).run_requested_at is None


@pytest.mark.kinds("sqlite")
def test_one_request_waits_at_a_time_and_a_single_trigger_that_is_done_may_run(
    database: Database, robot: OrchestratorConnection
) -> None:
    made = make.single(database, "Report", next_run=LATER)
    set_status(database, made, TriggerStatus.DONE)
    robot.run_trigger(made, "")
    with pytest.raises(RunRefusedError, match="another one waits"):
        robot.run_trigger(str(made))


@pytest.mark.kinds("sqlite")
def test_what_cannot_be_asked_for_says_what_to_do(database: Database, robot: OrchestratorConnection) -> None:
    make.scheduled(database, "Monthly report")
    for _ in range(2):
        make.scheduled(database, "Twice")
    with pytest.raises(NotFoundError, match="Did you mean 'Monthly report'"):
        robot.run_trigger("monthly-report")
    with pytest.raises(NotFoundError, match="no trigger named"):
        robot.run_trigger(uuid4())
    with pytest.raises(InvalidInputError, match="Several triggers"):
        robot.run_trigger("Twice")
    for arguments in ({1, 2}, "x" * 1001, b"bytes"):
        with pytest.raises(InvalidInputError):
            robot.run_trigger("Monthly report", arguments)
    with pytest.raises(InvalidInputError, match="timeout"):
        robot.run_trigger("Monthly report", wait=True, timeout=-1)
    asked = database.read(lambda s: s.scalars(sa.select(Trigger.run_requested_at)).all())
    assert set(asked) == {None}


def test_names_that_are_like_one() -> None:
    assert like("reprot", ["Report", "Other"]) == "Did you mean 'Report'?"
    assert like("zzz", ["Report"]) == "Check the spelling, also capital letters."


def test_an_answer_is_the_job_with_a_robot_whatever_the_clocks_of_schedulers_say() -> None:
    def row(job: int | None, status: JobStatus | None, started: bool, at: int, waits: int = 0) -> Any:
        when = datetime(2026, 1, at or 1)
        return SimpleNamespace(
            id=job, status=status, reason=None, started_at=when if started else None, start_time=when, waits=waits
        )

    given_back = row(1, JobStatus.KILLED, started=False, at=9)
    assert answer_of([given_back, row(2, JobStatus.DONE, started=True, at=1)]).job_id == 2
    assert answer_of([given_back, row(2, JobStatus.STARTING, started=False, at=1)]).job_id == 2
    assert answer_of([row(1, JobStatus.KILLED, started=False, at=9, waits=1)]).waits
    withdrawn = answer_of([row(None, None, started=False, at=0)])
    assert (withdrawn.is_over, withdrawn.job_id) == (True, None)
    assert answer_of([given_back]).is_over


# --- waiting


class Clock:
    """Time that passes only in sleeps."""

    def __init__(self, wakes: dict[int, Callable[[], object]] | None = None) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._wakes = wakes or {}

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self._wakes.get(len(self.slept), lambda: None)()


def pause_site(database: Database) -> None:
    database.write(lambda s: site_pause.pause(s, reason="work", by=None, until=None))


@pytest.mark.kinds("sqlite")
def test_waiting_ends_when_time_is_up_or_the_robot_is_asked_to_end(
    database: Database, robot: OrchestratorConnection
) -> None:
    clock = Clock()
    assert not StopWait(robot, clock=clock, sleep=clock.sleep).until(lambda: False, seconds=2.5)
    assert clock.slept == [1.0, 1.0, 0.5]
    clock = Clock({2: lambda: pause_site(database)})
    assert StopWait(robot, clock=clock, sleep=clock.sleep).until(lambda: False, seconds=None)
    assert clock.slept == [1.0, 1.0]
    assert robot.wait_for(timedelta(hours=1))
    with pytest.raises(InvalidInputError, match="seconds"):
        robot.wait_for(-1)


@pytest.mark.kinds("sqlite")
def test_waiting_for_a_run_ends_with_it_with_the_time_or_when_the_robot_is_asked_to_end(
    database: Database, robot: OrchestratorConnection
) -> None:
    make.scheduled(database, "Report", next_run=LATER)
    asked = robot.run_trigger("Report", wait=True, timeout=0)
    assert not asked.ended

    def again(clock: Clock) -> RequestedRun:
        trigger = AskedTrigger(asked.trigger_id, asked.trigger_name, "")
        return RequestedRun(robot, trigger, asked._request_id, clock=clock, sleep=clock.sleep)

    clock = Clock({3: lambda: pause_site(database)})
    assert not again(clock).wait().ended
    assert clock.slept == [1.0] * 3
    database.write(site_pause.resume)
    clock = Clock({2: lambda: end(database, claim(database))})
    assert again(clock).wait(timedelta(minutes=5)).succeeded
    assert clock.slept == [1.0] * 2
