"""The loop over a queue: every end that the work on an element can have, on each kind of database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cutting_proxy import CuttingProxy
from sqlalchemy.engine import make_url

from OpenOrchestrator.common.errors import (
    ConnectionFailedError,
    DatabaseError,
    ElementLostError,
    ElementUseError,
    InvalidInputError,
    OwnershipLostError,
)
from OpenOrchestrator.database import default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.lifecycle import element_leases, waiting_elements
from OpenOrchestrator.database.lifecycle.run_endings import abandon_elements
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import (
    AttemptEnd,
    JobStatus,
    LogLevel,
    QueueStatus,
    TriggerStatus,
    TriggerType,
    WhenRobotDied,
)
from OpenOrchestrator.database.stores import queue_attempts, queue_elements, queue_rules, site_pause
from OpenOrchestrator.database.stores.queue_attempts import EndedAttempt
from OpenOrchestrator.database.stores.queue_rules import QueueRules
from OpenOrchestrator.database.triggers import QueueTrigger
from OpenOrchestrator.orchestrator_connection import queue_work
from OpenOrchestrator.orchestrator_connection.connection import (
    BusinessError,
    OrchestratorConnection,
    TooManyErrorsError,
    WorkElement,
)
from OpenOrchestrator.orchestrator_connection.queue_work import WorkLoop, make_loop
from OpenOrchestrator.orchestrator_connection.work_options import WorkCounts

QUEUE = "Orders"
PASSWORD = "Extra-secret-7"


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(queue_work, "STOP_LOOK_SECONDS", 0.0)
    yield
    default.set_default(None)


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    connection = OrchestratorConnection("Payer", database.connection_string, PASSWORD, "")
    yield connection
    connection.close()


def add(database: Database, *references: str, queue: str = QUEUE, data: str | None = None) -> list[UUID]:
    ids = []
    for number, reference in enumerate(references):
        created = database.site_now() + timedelta(microseconds=number)

        def create(session: Any, reference: str = reference, created: datetime = created) -> QueueElement:
            return queue_elements.create(
                session, queue_name=queue, reference=reference, data=data, created_by=None, created_date=created
            )

        ids.append(database.write(create).id)
    return ids


def stored(database: Database, element_id: UUID) -> QueueElement:
    return database.read(lambda session: session.get_one(QueueElement, element_id))


def statuses(database: Database, ids: list[UUID]) -> list[QueueStatus]:
    return [stored(database, each).status for each in ids]


def attempts(database: Database, element_id: UUID) -> tuple[EndedAttempt, ...]:
    return database.read(lambda session: queue_attempts.of_element(session, element_id))


def say(database: Database, queue: str = QUEUE, **rules: Any) -> None:
    chosen = queue_rules.checked(QueueRules(**rules))
    assert database.write(
        lambda session: queue_rules.write(session, queue, chosen, None, now=datetime.now(timezone.utc))
    )


def change(database: Database, element_id: UUID, **values: Any) -> None:
    update = sa.update(QueueElement).where(QueueElement.id == element_id)
    database.write(lambda session: session.execute(update.values(values)))


def let_time_pass(database: Database, element_id: UUID) -> None:
    """Make the time come until which an element waits."""
    change(database, element_id, not_before=datetime.now(timezone.utc) - timedelta(minutes=1))


def log_of(database: Database) -> list[str]:
    query = sa.select(Log).order_by(Log.log_time, Log.id)
    return [
        log.log_message for log in database.read(lambda s: s.scalars(query).all()) if log.log_level is LogLevel.ERROR
    ]


def add_job(database: Database, status: JobStatus = JobStatus.RUNNING) -> UUID:
    job = Job(id=uuid4(), process_name="Payer", scheduler_name="S1", status=status, start_time=database.site_now())
    database.write(lambda session: session.add(job))
    return job.id


def end_job(database: Database, job_id: UUID, status: JobStatus) -> None:
    """End a job as its scheduler does: with all it held."""

    def work(session: Any) -> None:
        session.execute(sa.update(Job).where(Job.id == job_id).values(status=status))
        abandon_elements(session, database, job_id, status, "its robot was killed")

    database.write(work)


def raising(error: BaseException) -> Callable[[WorkElement], None]:
    def function(_element: WorkElement) -> None:
        raise error

    return function


# The rows of the table ------------------------------------------------------------------------------------------------


def test_the_end_of_the_block_says_done(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b", "c")
    seen = []
    for element in robot.work(QUEUE):
        with element:
            seen.append((element.id, element.reference, element.attempt))
            assert stored(database, element.id).status is QueueStatus.IN_PROGRESS
            if element.reference == "b":
                continue
    assert seen == [(ids[0], "a", 1), (ids[1], "b", 1), (ids[2], "c", 1)]
    assert statuses(database, ids) == [QueueStatus.DONE] * 3
    assert all(stored(database, each).end_date is not None for each in ids)
    assert [attempts(database, each) for each in ids] == [(), (), ()], "what ends well costs no row"


def test_break_and_return_say_done_and_take_nothing_more(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b", "c")
    for element in robot.work(QUEUE):
        with element:
            break

    def one() -> str | None:
        for element in robot.work(QUEUE):
            with element:
                return element.reference
        return None

    assert one() == "b"
    assert statuses(database, ids) == [QueueStatus.DONE, QueueStatus.DONE, QueueStatus.NEW]


def test_elements_are_taken_when_they_are_asked_for_and_not_ahead(
    database: Database, robot: OrchestratorConnection
) -> None:
    ids = add(database, "a", "b")
    loop = robot.work(QUEUE)
    assert statuses(database, ids) == [QueueStatus.NEW] * 2
    with next(loop):
        assert statuses(database, ids) == [QueueStatus.IN_PROGRESS, QueueStatus.NEW]


def test_verdicts_are_written_at_once_and_are_final(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "done", "fail", "retry", "postpone", "release", "twice")
    say(database, most_attempts=2)
    later = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)
    found = {}
    refused = []
    loop = robot.work(QUEUE, limit=6)
    for element in loop:
        with element:
            match element.reference:
                case "done":
                    element.done("paid", output={"receipt": 17})
                case "fail":
                    element.fail("no such order", code="E17")
                case "retry":
                    element.retry("busy", after=3600)
                case "postpone":
                    element.postpone(later, "not open yet")
                case "release":
                    element.fail("out of the way") if element.attempt > 1 else element.postpone(timedelta(days=2))
                case "twice":
                    element.done("first")
                    with pytest.raises(ElementUseError, match="was said before"):
                        element.fail("second")
                    refused.append(element.reference)
            found[element.reference] = stored(database, element.id)
    done, failed, retried, postponed = (found[name] for name in ("done", "fail", "retry", "postpone"))
    assert (done.status, done.message, done.output) == (QueueStatus.DONE, "paid", '{"receipt": 17}')
    assert (failed.status, failed.message, failed.error_code) == (QueueStatus.FAILED, "no such order", "E17")
    assert (retried.attempt, retried.message) == (2, "busy")
    assert (postponed.attempt, postponed.message, postponed.not_before) == (1, "not open yet", later)
    for waits in (retried, postponed):
        assert (waits.status, waits.start_date, waits.claim_token, waits.job_id) == (
            QueueStatus.IN_PROGRESS,
            None,
            None,
            None,
        )
    assert refused == ["twice"]
    assert stored(database, ids[5]).message == "first"
    assert loop.counts == WorkCounts(taken=6, done=2, failed=1, retried=1, postponed=2)
    assert [attempts(database, each)[0].ended_as for each in ids[1:4]] == [
        AttemptEnd.FAILED,
        AttemptEnd.RETRIED,
        AttemptEnd.POSTPONED,
    ]


def test_what_is_released_is_the_next_to_be_handed_out(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b")
    for element in robot.work(QUEUE, limit=1):
        with element:
            element.release()
    given_back = stored(database, ids[0])
    assert (given_back.status, given_back.attempt, given_back.claim_token) == (QueueStatus.NEW, 1, None)
    with next(robot.work(QUEUE)) as element:
        assert (element.id, element.attempt) == (ids[0], 1)


def test_an_exception_after_a_verdict_propagates_and_the_verdict_stands(
    database: Database, robot: OrchestratorConnection
) -> None:
    ids = add(database, "a", "b")

    def work() -> None:
        for element in robot.work(QUEUE):
            with element:
                element.done()
                raise ValueError("too late")

    with pytest.raises(ValueError, match="too late"):
        work()
    assert statuses(database, ids) == [QueueStatus.DONE, QueueStatus.NEW]
    assert len(log_of(database)) == 1
    assert "too late" in log_of(database)[0]


class OwnRefusalError(Exception):
    """A robot's own kind of business error."""


@pytest.mark.parametrize("error", [BusinessError("no such order", "E17"), OwnRefusalError("no such order")])
def test_a_business_error_is_never_retried_and_does_not_count(
    database: Database, robot: OrchestratorConnection, error: Exception
) -> None:
    say(database, most_attempts=5)
    ids = add(database, *"abcd")
    counts = robot.work_each(QUEUE, raising(error), stop_after=2, business=OwnRefusalError)
    assert counts == WorkCounts(taken=4, failed=4)
    for each in ids:
        element = stored(database, each)
        assert (element.status, element.message, element.attempt) == (QueueStatus.FAILED, "no such order", 1)
        assert element.error_type == type(error).__name__
        assert element.error_code == getattr(error, "code", None)
        (ended,) = attempts(database, each)
        assert (ended.ended_as, ended.traceback) == (AttemptEnd.FAILED, None)


def test_an_error_is_tried_again_after_the_pause_and_then_failed(
    database: Database, robot: OrchestratorConnection
) -> None:
    say(database, most_attempts=3, pause_seconds=60, pause_growth=2.0)
    (element_id,) = add(database, "a")
    errors: list[tuple[UUID, str]] = []

    def on_error(element: WorkElement, error: Exception) -> None:
        errors.append((element.id, str(error)))

    for attempt in (1, 2, 3):
        before = datetime.now(timezone.utc)
        counts = robot.work_each(
            QUEUE, raising(ValueError(f"broken with {PASSWORD}, number {attempt}")), on_error=on_error, stop_after=None
        )
        assert counts.taken == 1, "it waits, or is over"
        element = stored(database, element_id)
        assert element.error_type == "ValueError"
        assert element.message == f"ValueError: broken with ***, number {attempt}"
        if attempt < 3:
            assert (element.status, element.attempt) == (QueueStatus.IN_PROGRESS, attempt + 1)
            assert element.not_before is not None
            waits = (element.not_before - before).total_seconds()
            assert 60 * 2 ** (attempt - 1) - 5 < waits < 60 * 2 ** (attempt - 1) + 60
            let_time_pass(database, element_id)
    assert (element.status, element.attempt, element.not_before) == (QueueStatus.FAILED, 3, None)
    assert [each for each, _ in errors] == [element_id] * 3
    history = attempts(database, element_id)
    assert [(each.number, each.ended_as, each.process_name) for each in history] == [
        (1, AttemptEnd.RETRIED, "Payer"),
        (2, AttemptEnd.RETRIED, "Payer"),
        (3, AttemptEnd.FAILED, "Payer"),
    ]
    for each in history:
        assert each.traceback is not None
        assert "in function" in each.traceback
        assert PASSWORD not in each.traceback
        assert "***" in each.traceback
    assert not any(PASSWORD in line for line in log_of(database))


def test_without_settings_the_first_error_is_the_last(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b")
    counts = robot.work_each(QUEUE, raising(ValueError("broken")))
    assert counts == WorkCounts(taken=2, failed=2)
    assert statuses(database, ids) == [QueueStatus.FAILED] * 2


def test_too_many_errors_in_a_row_end_the_loop(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, *"abcdef")
    called = []
    with pytest.raises(TooManyErrorsError, match="3 elements of the queue 'Orders' in a row") as caught:
        robot.work_each(QUEUE, raising(ValueError("down")), on_error=lambda _element, error: called.append(error))
    assert isinstance(caught.value.__cause__, ValueError)
    assert len(called) == 3
    assert statuses(database, ids) == [QueueStatus.FAILED] * 3 + [QueueStatus.NEW] * 3


@pytest.mark.parametrize("between", [None, BusinessError("no")])
def test_a_success_or_business_error_begins_the_count_anew(
    database: Database, robot: OrchestratorConnection, between: Exception | None
) -> None:
    add(database, "x", "x", "ok", "x", "x", "ok", "x", "x")

    def function(element: WorkElement) -> None:
        if element.reference == "x":
            raise ValueError("broken")
        if between is not None:
            raise between

    assert robot.work_each(QUEUE, function).taken == 8


def test_the_count_never_ends_a_loop_that_does_not_want_it(database: Database, robot: OrchestratorConnection) -> None:
    add(database, *"abcdef")
    assert robot.work_each(QUEUE, raising(ValueError("broken")), stop_after=None).failed == 6


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interrupted_element_is_abandoned(
    database: Database, robot: OrchestratorConnection, error: BaseException
) -> None:
    say(database, most_attempts=3, when_robot_died=WhenRobotDied.RETRY)
    ids = add(database, "a", "b")
    with pytest.raises(type(error)):
        robot.work_each(QUEUE, raising(error))
    element = stored(database, ids[0])
    assert (element.status, element.error_type) == (QueueStatus.ABANDONED, type(error).__name__)
    assert element.message == f"Its robot was interrupted ({type(error).__name__}); what it did is not known."
    assert stored(database, ids[1]).status is QueueStatus.NEW


@pytest.mark.parametrize("is_retried", [False, True])
@pytest.mark.parametrize("status", [JobStatus.LOST, JobStatus.KILLED, JobStatus.FAILED, JobStatus.TIMED_OUT])
def test_the_element_of_a_robot_that_died_is_as_its_queue_says(
    database: Database, robot: OrchestratorConnection, is_retried: bool, status: JobStatus
) -> None:
    if is_retried:
        say(database, most_attempts=2, when_robot_died=WhenRobotDied.RETRY)
    (element_id,) = add(database, "a")
    robot.job_id = job_id = add_job(database)
    with pytest.raises(OwnershipLostError), next(robot.work(QUEUE)):
        end_job(database, job_id, status)
    element = stored(database, element_id)
    assert (element.claim_token, element.attempt) == (None, 2 if is_retried else 1)
    assert element.status is (QueueStatus.NEW if is_retried else QueueStatus.ABANDONED)
    assert element.job_id == (None if is_retried else job_id)
    assert element.message is not None
    assert element.message.startswith(f"Its job ended ({status.value}) while the element was In Progress.")
    (ended,) = attempts(database, element_id)
    assert (ended.job_id, ended.scheduler_name, ended.process_name, ended.number) == (job_id, "S1", "Payer", 1)
    assert ended.ended_as is (AttemptEnd.RETRIED if is_retried else AttemptEnd.ABANDONED)
    if is_retried:
        robot.job_id = job_id = add_job(database)
        with pytest.raises(OwnershipLostError), next(robot.work(QUEUE)):
            end_job(database, job_id, status)
        assert stored(database, element_id).status is QueueStatus.ABANDONED, "it was the last attempt"


def test_an_element_left_by_a_robot_that_ended_well_is_abandoned(
    database: Database, robot: OrchestratorConnection
) -> None:
    say(database, most_attempts=2, when_robot_died=WhenRobotDied.RETRY)
    (element_id,) = add(database, "a")
    robot.job_id = job_id = add_job(database)
    assert robot.get_next_queue_element(QUEUE) is not None
    end_job(database, job_id, JobStatus.DONE)
    assert stored(database, element_id).status is QueueStatus.ABANDONED


@pytest.mark.parametrize("way", ["end", "verdict", "progress", "error"])
@pytest.mark.parametrize("taken", ["abandoned", "anew", "deleted", "done"])
def test_an_element_that_was_taken_away_is_left_alone_and_the_loop_goes_on(
    database: Database, robot: OrchestratorConnection, taken: str, way: str
) -> None:
    ids = add(database, "a", "b")
    other = OrchestratorConnection("Other", database.connection_string, "", "")
    left: list[Any] = []

    def take_away(element_id: UUID) -> None:
        if taken == "deleted":
            database.write(lambda session: queue_elements.delete(session, element_id))
            return
        status = QueueStatus.DONE if taken == "done" else QueueStatus.ABANDONED
        change_status = queue_elements.set_status
        if taken == "anew":
            status = QueueStatus.NEW
        database.write(lambda s: change_status(s, element_id, status, message="by hand", now=database.site_now()))
        if taken == "anew":
            assert other.get_next_queue_element(QUEUE) is not None

    for element in robot.work(QUEUE):
        with element:
            if element.reference == "a":
                take_away(element.id)
                left.append(None if taken == "deleted" else _columns(stored(database, element.id)))
                if way == "verdict":
                    element.fail("mine")
                if way == "progress":
                    element.progress(0.5)
                if way == "error":
                    raise ValueError("mine")
    other.close()
    if taken != "deleted":
        assert _columns(stored(database, ids[0])) == left[0]
    assert stored(database, ids[1]).status is QueueStatus.DONE
    assert any(str(ids[0]) in line for line in log_of(database))


def _columns(element: QueueElement) -> tuple[Any, ...]:
    return tuple(getattr(element, column.name) for column in QueueElement.__table__.columns)


@pytest.mark.parametrize("way", ["end", "verdict", "error"])
def test_the_end_of_the_own_job_ends_the_loop(database: Database, robot: OrchestratorConnection, way: str) -> None:
    ids = add(database, "a", "b")
    robot.job_id = job_id = add_job(database)

    def function(element: WorkElement) -> None:
        end_job(database, job_id, JobStatus.LOST)
        if way == "verdict":
            element.done()
        if way == "error":
            raise ValueError("mine")

    with pytest.raises(OwnershipLostError, match="has ended as Lost") as caught:
        robot.work_each(QUEUE, function)
    assert not isinstance(caught.value, ElementLostError)
    assert statuses(database, ids) == [QueueStatus.ABANDONED, QueueStatus.NEW]
    with pytest.raises(OwnershipLostError):
        next(robot.work(QUEUE))


def add_trigger(database: Database) -> UUID:
    trigger = QueueTrigger(
        id=uuid4(),
        trigger_name="t",
        process_name="p",
        process_path="x",
        process_status=TriggerStatus.RUNNING,
        is_git_repo=False,
        is_blocking=False,
        type=TriggerType.QUEUE,
        queue_name=QUEUE,
        min_batch_size=1,
    )
    database.write(lambda session: session.add(trigger))
    return trigger.id


@pytest.mark.parametrize("asked", ["trigger", "own trigger", "site", "drain"])
def test_a_robot_that_is_asked_to_end_finishes_what_it_has(
    database: Database, robot: OrchestratorConnection, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    if asked == "own trigger":
        monkeypatch.setattr(queue_work, "STOP_LOOK_SECONDS", 1000.0)
    ids = add(database, "a", "b")
    robot.trigger_id = trigger_id = add_trigger(database)
    robot.job_id = add_job(database)
    now = datetime.now(timezone.utc)

    def ask() -> None:
        if asked == "trigger":
            pausing = sa.update(QueueTrigger.__table__.metadata.tables["Triggers"]).values(process_status="PAUSING")
            database.write(lambda session: session.execute(pausing))
        elif asked == "own trigger":
            robot.pause_my_trigger()
        elif asked == "site":
            database.write(lambda session: site_pause.pause(session, reason="patches", by=None, until=None))
        else:
            scheduler = Scheduler(machine_name="S1", last_update=database.site_now(), drain_at=now)
            database.write(lambda session: session.add(scheduler))

    seen = []
    for element in robot.work(QUEUE):
        with element:
            assert not element.stopping
            ask()
            assert element.stopping
            seen.append(element.reference)
    assert trigger_id is not None
    assert seen == ["a"]
    assert statuses(database, ids) == [QueueStatus.DONE, QueueStatus.NEW]


def test_without_a_with_block_the_element_is_given_back_and_the_loop_says_so(
    database: Database, robot: OrchestratorConnection
) -> None:
    ids = add(database, "a", "b")
    loop = robot.work(QUEUE)
    with pytest.raises(ElementUseError, match="Use `with element:`"):
        for _element in loop:
            pass
    assert statuses(database, ids) == [QueueStatus.NEW] * 2
    assert list(loop) == [], "it is over"


def test_what_is_not_entered_when_the_loop_is_left_is_given_back(
    database: Database, robot: OrchestratorConnection
) -> None:
    ids = add(database, "a", "b")

    def look() -> str | None:
        for element in robot.work(QUEUE):
            return element.reference
        return None

    assert look() == "a"
    assert statuses(database, ids) == [QueueStatus.NEW] * 2


def test_a_verdict_without_a_block_will_do(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b")
    for element in robot.work(QUEUE):
        element.done()
    assert statuses(database, ids) == [QueueStatus.DONE] * 2


def test_the_next_one_is_not_handed_out_within_the_block(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b")
    loop = robot.work(QUEUE)
    with next(loop) as element:
        with pytest.raises(ElementUseError, match="still in hand"):
            next(loop)
        with pytest.raises(ElementUseError, match="entered before"), element:
            pass
    assert statuses(database, ids) == [QueueStatus.DONE, QueueStatus.NEW]


# What else it is given ------------------------------------------------------------------------------------------------


def test_reference_and_limit(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b", "a", "a")
    assert robot.work_each(QUEUE, lambda _element: None, reference="a", limit=2).done == 2
    assert robot.work_each(QUEUE, lambda _element: None, limit=0).taken == 0
    assert statuses(database, ids) == [QueueStatus.DONE, QueueStatus.NEW, QueueStatus.DONE, QueueStatus.NEW]


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at: dict[float, Callable[[], object]] = {}

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 1.0
        self.now += seconds
        for when in sorted(self.at):
            if when <= self.now:
                self.at.pop(when)()


def waiting_loop(robot: OrchestratorConnection, clock: Clock, seconds: float) -> WorkLoop:
    made = make_loop(robot, QUEUE, reference=None, limit=None, stop_after=3, business=(), on_error=None, wait=seconds)
    made._clock, made._sleep = clock, clock.sleep
    return made


def test_wait_goes_on_asking_for_so_long_after_each_element(database: Database, robot: OrchestratorConnection) -> None:
    clock = Clock()
    clock.at = {8.0: lambda: add(database, "late"), 15.5: lambda: add(database, "later")}
    seen = []
    for element in waiting_loop(robot, clock, 10):
        with element:
            seen.append((element.reference, clock.now))
    assert seen == [("late", 8.0), ("later", 16.0)]
    assert clock.now == 26.0


def test_waiting_ends_when_the_robot_is_asked_to_end(database: Database, robot: OrchestratorConnection) -> None:
    clock = Clock()
    clock.at = {
        3.0: lambda: database.write(lambda session: site_pause.pause(session, reason="patches", by=None, until=None))
    }
    assert list(waiting_loop(robot, clock, 3600)) == []
    assert clock.now == 3.0


@pytest.mark.parametrize(
    "given",
    [
        {"limit": -1},
        {"limit": True},
        {"stop_after": 0},
        {"stop_after": "3"},
        {"business": "BusinessError"},
        {"business": [KeyboardInterrupt]},
        {"on_error": "restart"},
        {"wait": -1},
        {"wait": "10"},
    ],
)
@pytest.mark.kinds("sqlite")
def test_bad_arguments_are_refused_at_once(
    database: Database, robot: OrchestratorConnection, given: dict[str, Any]
) -> None:
    ids = add(database, "a")
    with pytest.raises(InvalidInputError, match=next(iter(given))):
        robot.work(QUEUE, **given)
    with pytest.raises(InvalidInputError, match="queue name"):
        robot.work("")
    assert statuses(database, ids) == [QueueStatus.NEW]


def test_bad_words_about_an_element_change_nothing(database: Database, robot: OrchestratorConnection) -> None:
    (element_id,) = add(database, "a", data='{"amount": 12}')
    for element in robot.work(QUEUE):
        with element:
            assert element.json == {"amount": 12}
            for wrong in (-0.1, 1.1, "half", True):
                with pytest.raises(InvalidInputError, match="progress"):
                    element.progress(wrong)  # type: ignore[arg-type]
            with pytest.raises(InvalidInputError, match="until"):
                element.postpone("tomorrow")  # type: ignore[arg-type]
            with pytest.raises(InvalidInputError, match="after"):
                element.retry("busy", after=-1)
            element.progress(0.25, "reading")
            seen = stored(database, element_id)
            assert (seen.progress, seen.progress_text) == (0.25, "reading")
            assert seen.status is QueueStatus.IN_PROGRESS
    assert stored(database, element_id).status is QueueStatus.DONE


def test_data_that_is_no_json_says_so(database: Database, robot: OrchestratorConnection) -> None:
    (element_id,) = add(database, "a", data="12 apples")
    robot.work_each(QUEUE, lambda element: element.json)
    message = stored(database, element_id).message
    assert message is not None
    assert "is no JSON" in message


def test_long_and_odd_words_are_stored(database: Database, robot: OrchestratorConnection) -> None:
    (element_id,) = add(database, "a")
    for element in robot.work(QUEUE):
        with element:
            element.done("m" * 5000, output={"at": datetime(2026, 1, 2), "text": "\0" + "x" * 200_000})
    seen = stored(database, element_id)
    assert seen.message is not None
    assert seen.output is not None
    assert len(seen.message) == 1000
    assert len(seen.output) == 100_000
    assert seen.output.startswith('{"at": "2026-01-02 00:00:00"')


def test_what_an_earlier_attempt_said_goes_when_it_is_done(database: Database, robot: OrchestratorConnection) -> None:
    say(database, most_attempts=2)
    (element_id,) = add(database, "a")
    assert robot.work_each(QUEUE, raising(ValueError("broken")), limit=1).retried == 1
    assert stored(database, element_id).error_type == "ValueError"
    assert robot.work_each(QUEUE, lambda element: element.done()).done == 1
    element = stored(database, element_id)
    assert (element.status, element.attempt, element.message, element.error_type) == (QueueStatus.DONE, 2, None, None)


# Who sees and takes what waits ----------------------------------------------------------------------------------------


def test_what_waits_is_handed_out_when_its_time_has_come(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, "a", "b")
    for element in robot.work(QUEUE, limit=1):
        with element:
            element.postpone(timedelta(hours=1))
    assert waiting_elements.wake(database) == 0
    assert [element.reference for element in _all(robot)] == ["b"]
    let_time_pass(database, ids[0])
    assert [element.reference for element in _all(robot)] == ["a"]
    again = add(database, "c")
    for element in robot.work(QUEUE):
        with element:
            element.postpone(timedelta(hours=1))
    let_time_pass(database, again[0])
    found = robot.get_next_queue_element(QUEUE)  # by the older way, too
    assert found is not None
    assert found.id == again[0]


def _all(robot: OrchestratorConnection) -> list[WorkElement]:
    found = []
    for element in robot.work(QUEUE):
        with element:
            found.append(element)
    return found


@pytest.mark.parametrize("status", [QueueStatus.NEW, QueueStatus.FAILED])
def test_an_admin_may_set_what_waits(database: Database, robot: OrchestratorConnection, status: QueueStatus) -> None:
    (element_id,) = add(database, "a")
    for element in robot.work(QUEUE):
        with element:
            element.postpone(timedelta(hours=1))
    database.write(lambda s: queue_elements.set_status(s, element_id, status, now=database.site_now()))
    element_now = stored(database, element_id)
    assert (element_now.status, element_now.not_before) == (status, None)


def test_what_an_older_robot_took_meanwhile_is_left_to_it(database: Database, robot: OrchestratorConnection) -> None:
    """An older app makes New by the status alone, an older robot takes by status and start date alone."""
    (element_id,) = add(database, "a")
    for element in robot.work(QUEUE):
        with element:
            element.postpone(timedelta(hours=1))
    change(database, element_id, status=QueueStatus.NEW)
    change(database, element_id, status=QueueStatus.IN_PROGRESS, start_date=database.site_now())
    let_time_pass(database, element_id)
    assert waiting_elements.wake(database) == 0
    assert _all(robot) == []
    assert stored(database, element_id).status is QueueStatus.IN_PROGRESS


def test_of_many_that_wake_the_same_elements_each_is_handed_out_once(
    database: Database, robot: OrchestratorConnection
) -> None:
    ids = add(database, *(f"{number}" for number in range(12)))
    for element in robot.work(QUEUE):
        with element:
            element.postpone(timedelta(hours=1))
    for each in ids:
        let_time_pass(database, each)
    seen: list[UUID] = []
    together = threading.Barrier(4)

    def drain() -> None:
        together.wait()
        for element in robot.work(QUEUE):
            with element:
                seen.append(element.id)

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(ids)
    assert statuses(database, ids) == [QueueStatus.DONE] * 12


# Leases ---------------------------------------------------------------------------------------------------------------


def test_an_element_without_a_job_has_a_lease_that_is_prolonged_while_the_robot_is_busy(
    database: Database, robot: OrchestratorConnection
) -> None:
    (element_id,) = add(database, "a")
    prolonged = threading.Event()
    keeper = robot._calls.elements._keeper
    prolong = keeper._prolong

    def telling(tokens: Any, seconds: float) -> object:
        count = prolong(tokens, seconds)
        prolonged.set()
        return count

    keeper._usual_seconds, keeper._prolong = 0.03, telling
    for element in robot.work(QUEUE):
        with element:
            first = stored(database, element_id).lease_until
            assert first is not None
            assert 200 < (first - datetime.now(timezone.utc)).total_seconds() < 400
            change(database, element_id, lease_until=first - timedelta(hours=1))
            prolonged.clear()
            assert prolonged.wait(60)  # as code of the robot does that blocks
            prolonged.clear()
            assert prolonged.wait(60)
            later = stored(database, element_id).lease_until
            assert later is not None
            assert later >= first
    assert stored(database, element_id).lease_until is None
    assert not keeper._tokens


def test_an_element_of_a_job_has_the_lease_of_its_job(database: Database, robot: OrchestratorConnection) -> None:
    (element_id,) = add(database, "a")
    robot.job_id = job_id = add_job(database)
    for element in robot.work(QUEUE):
        with element:
            seen = stored(database, element_id)
            assert (seen.job_id, seen.lease_until) == (job_id, None)
            assert not robot._calls.elements._keeper._tokens


def test_a_job_that_nobody_knows_counts_as_none(database: Database, robot: OrchestratorConnection) -> None:
    (element_id,) = add(database, "a")
    robot.job_id = uuid4()
    for element in robot.work(QUEUE):
        with element:
            assert stored(database, element_id).lease_until is not None


@pytest.mark.parametrize("is_retried", [False, True])
def test_the_lease_of_a_robot_that_is_gone_is_settled_once(
    database: Database, robot: OrchestratorConnection, is_retried: bool
) -> None:
    if is_retried:
        say(database, most_attempts=2, when_robot_died=WhenRobotDied.RETRY)
    (element_id,) = add(database, "a")
    loop = robot.work(QUEUE)
    with next(loop):
        _, (lease,) = element_leases.read_leases(database)
        assert lease.element_id == element_id
        assert element_leases.free_of_locks(database, [lease]) == {lease.token}
        assert element_leases.prolong(database, [lease.token]) == 1
        assert not element_leases.settle(database, lease), "it was prolonged since"
        _, (lease,) = element_leases.read_leases(database)
        assert element_leases.settle(database, lease)
        assert not element_leases.settle(database, lease)
        assert element_leases.prolong(database, [lease.token]) == 0
        element = stored(database, element_id)
        assert element.status is (QueueStatus.NEW if is_retried else QueueStatus.ABANDONED)
        (ended,) = attempts(database, element_id)
        assert ended.token == lease.token
    assert loop.counts == WorkCounts(taken=1, lost=1)
    assert stored(database, element_id).status is element.status


def test_threads_may_each_run_a_loop(database: Database, robot: OrchestratorConnection) -> None:
    ids = add(database, *(f"{number}" for number in range(40)))
    seen: list[UUID] = []

    def drain() -> None:
        robot.work_each(QUEUE, lambda element: seen.append(element.id))

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(ids)
    assert statuses(database, ids) == [QueueStatus.DONE] * 40


# Broken connections ---------------------------------------------------------------------------------------------------


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize("end", ["done", "retry"])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_verdict_whose_connection_breaks_is_written_once(database: Database, end: str, arrived: bool) -> None:
    say(database, most_attempts=2)
    (element_id,) = add(database, "a")
    url = make_url(database.connection_string)
    proxy = CuttingProxy(str(url.host), int(url.port or 0))
    through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    robot = OrchestratorConnection("Payer", through, "", "")
    saving = b"UPDATE" if database.dialect_name == "postgresql" and end == "done" else b"COMMIT"
    for element in robot.work(QUEUE, limit=1):
        with element:
            robot._calls.elements.is_asked_to_end(None, None)
            proxy.cut_after(saving, forward=arrived)
            if end == "done":
                element.done("paid")
            else:
                element.retry("busy")
    robot.close()
    proxy.close()
    assert proxy.cuts == 1
    found = stored(database, element_id)
    if end == "done":
        assert (found.status, found.message) == (QueueStatus.DONE, "paid")
    else:
        assert (found.status, found.attempt) == (QueueStatus.NEW, 2)
        assert len(attempts(database, element_id)) == 1


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("swallowed", [True, False])
def test_a_verdict_that_could_not_be_written_is_not_belied(
    database: Database, robot: OrchestratorConnection, monkeypatch: pytest.MonkeyPatch, swallowed: bool
) -> None:
    say(database, most_attempts=3)
    (element_id,) = add(database, "a")
    calls = robot._calls.elements
    fail = calls.fail

    def broken(*_: Any) -> None:
        monkeypatch.setattr(calls, "fail", fail)
        raise ConnectionFailedError("the database is away")

    def work() -> None:
        for element in robot.work(QUEUE):
            with element:
                monkeypatch.setattr(calls, "fail", broken)
                try:
                    element.fail("no such order")
                except DatabaseError:
                    if not swallowed:
                        raise

    if swallowed:
        work()
        assert stored(database, element_id).message == "no such order"
    else:
        with pytest.raises(ConnectionFailedError):
            work()
    expected = QueueStatus.FAILED if swallowed else QueueStatus.IN_PROGRESS
    assert stored(database, element_id).status is expected
