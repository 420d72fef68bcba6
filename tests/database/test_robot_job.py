"""What a robot tells about its job: who may, what is stored, and what happens without a job."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, OwnershipLostError
from OpenOrchestrator.database import default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.job_reports import JobAlert, JobResult
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, LogLevel
from OpenOrchestrator.database.stores import job_reports, jobs
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
from OpenOrchestrator.orchestrator_connection.job_calls import OUTPUT_LENGTH, ProgressWriter

PASSWORD = "Extra-secret-7"
ENDED = [status for status in JobStatus if status not in ACTIVE_JOB_STATUSES]


@pytest.fixture(autouse=True)
def _no_default() -> Iterator[None]:
    yield
    default.set_default(None)


def new_job(database: Database) -> UUID:
    return database.write(lambda s: jobs.start(s, "Payer", "here", site_now=database.site_now()))


def robot(database: Database, job_id: UUID | str | None) -> OrchestratorConnection:
    return OrchestratorConnection("Payer", database.connection_string, PASSWORD, "", None, job_id)


@pytest.fixture
def job_id(database: Database) -> UUID:
    return new_job(database)


@pytest.fixture
def connection(database: Database, job_id: UUID) -> Iterator[OrchestratorConnection]:
    made = robot(database, job_id)
    yield made
    made.close()


def stored(database: Database, job_id: UUID) -> Job:
    return database.read(lambda session: session.get_one(Job, job_id))


def rows(database: Database, model: Any) -> list[Any]:
    return list(database.read(lambda session: session.scalars(sa.select(model)).all()))


def logged(database: Database) -> list[tuple[LogLevel, str, UUID | None]]:
    return [(log.log_level, log.log_message, log.job_id) for log in rows(database, Log)]


def test_everything_told_is_stored_with_the_job(
    database: Database, job_id: UUID, connection: OrchestratorConnection
) -> None:
    connection.job.title = f"Invoices of May {PASSWORD}"
    connection.job.progress(0.25, "page 1")
    connection.job.output = {"paid": 3, "left": ["Ærø"]}
    connection.job.partially_done("two invoices are without a supplier")
    connection.job.alert("The account is nearly empty")
    job = stored(database, job_id)
    assert (job.title, job.progress, job.progress_text) == ("Invoices of May ***", 0.25, "page 1")
    assert (job.partial_message, job.status) == ("two invoices are without a supplier", JobStatus.RUNNING)
    assert job.partial_at is not None
    (result,) = rows(database, JobResult)
    assert (result.job_id, result.output, result.is_json) == (job_id, '{"paid": 3, "left": ["Ærø"]}', True)
    (alert,) = rows(database, JobAlert)
    assert (alert.job_id, alert.process_name, alert.message) == (job_id, "Payer", "The account is nearly empty")
    assert logged(database) == [(LogLevel.ERROR, "Alert: The account is nearly empty", job_id)]
    assert (connection.job.title, connection.job.id) == ("Invoices of May ***", job_id)


def test_the_last_output_counts_and_none_takes_it_back(database: Database, connection: OrchestratorConnection) -> None:
    connection.job.output = [1]
    connection.job.output = "all is paid"
    (result,) = rows(database, JobResult)
    assert (result.output, result.is_json) == ("all is paid", False)
    connection.job.output = None
    assert rows(database, JobResult) == []


@pytest.mark.kinds("sqlite")
def test_output_that_is_too_long_is_cut_and_is_a_text_then(
    database: Database, connection: OrchestratorConnection
) -> None:
    connection.job.output = ["x" * OUTPUT_LENGTH]
    (result,) = rows(database, JobResult)
    assert len(result.output) == OUTPUT_LENGTH
    assert not result.is_json


@pytest.mark.kinds("sqlite")
def test_what_cannot_be_told_is_refused_and_changes_nothing(
    database: Database, job_id: UUID, connection: OrchestratorConnection
) -> None:
    connection.job.output = "first"
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidInputError, match="can be JSON"):
        connection.job.output = circle
    for fraction in (1.1, -0.1, True, "half", float("nan"), None):
        with pytest.raises(InvalidInputError, match="from 0 to 1"):
            connection.job.progress(fraction)  # type: ignore[arg-type]
    assert [result.output for result in rows(database, JobResult)] == ["first"]
    assert stored(database, job_id).progress is None


def tell_all(connection: OrchestratorConnection) -> Iterator[tuple[str, Any]]:
    def title() -> None:
        connection.job.title = "late"

    def output() -> None:
        connection.job.output = "late"

    yield "title", title
    yield "output", output
    yield "progress", lambda: connection.job.progress(0.5)
    yield "partial", lambda: connection.job.partially_done("late")
    yield "alert", lambda: connection.job.alert("late")


def test_nothing_is_told_of_a_job_that_has_ended(
    database: Database, job_id: UUID, connection: OrchestratorConnection
) -> None:
    for status in ENDED:
        database.write(lambda s, end=status: jobs.set_status(s, job_id, end, site_now=database.site_now()))  # type: ignore[misc]
        for name, tell in tell_all(robot(database, job_id)):
            with pytest.raises(OwnershipLostError, match=f"has ended as {status.value}"):
                tell()
            assert name
    job = stored(database, job_id)
    assert (job.title, job.progress, job.partial_message) == (None, None, None)
    assert (rows(database, JobResult), rows(database, JobAlert), logged(database)) == ([], [], [])


@pytest.mark.parametrize("job", [None, "", "job_id", uuid4()])
@pytest.mark.kinds("sqlite")
def test_a_robot_without_a_job_tells_what_it_likes(database: Database, job: UUID | str | None) -> None:
    connection = robot(database, job)
    for _, tell in tell_all(connection):
        tell()
    assert (connection.job.title, connection.job.output) == ("late", "late")
    assert (rows(database, JobResult), rows(database, JobAlert)) == ([], [])
    assert sorted(logged(database), key=str) == [
        (LogLevel.ERROR, "Alert: late", None),
        (LogLevel.INFO, "Partially done: late", None),
    ]
    connection.close()


@pytest.mark.kinds("sqlite")
def test_the_last_progress_is_written_when_the_connection_closes(
    database: Database, job_id: UUID, connection: OrchestratorConnection
) -> None:
    for number in range(100):
        connection.job.progress(number / 100, f"number {number}")
    connection.close()
    job = stored(database, job_id)
    assert (job.progress, job.progress_text) == (0.99, "number 99")


def test_an_alert_is_open_until_one_admin_dismisses_it(
    database: Database, job_id: UUID, connection: OrchestratorConnection
) -> None:
    connection.job.alert("first")
    (alert,) = database.read(lambda s: job_reports.open_alerts(s, limit=10))
    assert (alert.message, alert.name, alert.job_id, alert.dismissed_at) == ("first", "Payer", job_id, None)

    def dismiss(by: str) -> bool:
        now, site_now = database.utc_now(), database.site_now()
        return database.write(lambda s: job_reports.dismiss(s, alert.id, by=by, now=now, site_now=site_now))

    assert [dismiss("Anna"), dismiss("Bo")] == [True, False]
    assert database.read(lambda s: job_reports.open_alerts(s, limit=10)) == ()
    (same,) = database.read(lambda s: job_reports.alerts_of(s, job_id, limit=10))
    assert (same.dismissed_by, same.dismissed_at) == ("Anna", database.utc_now())
    assert (LogLevel.INFO, "Alert dismissed by Anna: first", job_id) in logged(database)


def test_files_of_a_job_are_kept_until_it_has_ended(
    database: Database, job_id: UUID, connection: OrchestratorConnection, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"a;b\n" * 1000)
    attached = connection.job.attach(path)
    assert attached is not None
    assert connection.job.attach(path, "second.csv") is not None
    assert [(each.name, each.read()) for each in connection.job.files()] == [
        ("list.csv", b"a;b\n" * 1000),
        ("second.csv", b"a;b\n" * 1000),
    ]
    database.write(lambda s: jobs.set_status(s, job_id, JobStatus.LOST, site_now=database.site_now()))
    with pytest.raises(OwnershipLostError, match="The file was not attached"):
        connection.job.attach(path)
    by_hand = robot(database, None)
    assert (by_hand.job.attach(path), by_hand.job.files()) == (None, [])
    by_hand.close()


# --- how often progress is written


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_tight_loop_writes_once_a_second_and_the_last_at_the_end() -> None:
    written: list[int] = []
    clock = Clock()
    writer = ProgressWriter(written.append, clock=clock, seconds=1000)
    for number in range(5000):
        clock.now = number
        writer.tell(number)
    assert written == [0, 1000, 2000, 3000, 4000]
    writer.flush()
    writer.flush()
    assert written == [0, 1000, 2000, 3000, 4000, 4999]


def test_what_follows_too_soon_is_written_a_little_later_though_nothing_is_told_any_more() -> None:
    written: list[int] = []
    writer = ProgressWriter(written.append, seconds=0.01)
    writer.tell(1)
    writer.tell(2)
    timer = writer._timer
    if timer is not None:
        timer.join(30)
    assert written == [1, 2]


def test_an_error_reaches_who_tells_and_only_the_log_of_python_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_told: object) -> None:
        raise OwnershipLostError("The job has ended.")

    writer = ProgressWriter(refuse, clock=Clock(), seconds=1000)
    with pytest.raises(OwnershipLostError):
        writer.tell(1)
    writer.tell(2)
    with caplog.at_level(logging.DEBUG):
        writer.flush()
    assert "Progress was not written" in caplog.text
