"""OrchestratorConnection: starting, calling, holding elements."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cutting_proxy import CuttingProxy
from sqlalchemy.engine import make_url

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import (
    ConfigurationError,
    ConnectionFailedError,
    InvalidInputError,
    MissingArgumentError,
    NotFoundError,
    OwnershipLostError,
    RevisionError,
)
from OpenOrchestrator.common.secret_markers import CONNECTION_STRING_VARIABLE, JOB_VARIABLE, KEY_VARIABLE, marker
from OpenOrchestrator.database import default
from OpenOrchestrator.database.constants import Constant, Credential
from OpenOrchestrator.database.engine import connecting
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.transactions import Attempts
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import constants, cordons, credentials, queue_elements, site_pause, triggers
from OpenOrchestrator.database.triggers import QueueTrigger
from OpenOrchestrator.orchestrator_connection import connection as connection_module
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
from OpenOrchestrator.scheduler.host import run_files

KEY = crypto_util.generate_key().decode()


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    default.set_default(None)
    crypto_util.set_key(None)


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    connection = OrchestratorConnection("process", database.connection_string, KEY, "arguments")
    yield connection
    connection.close()


def start_with(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", *arguments])


def logs_of(database: Database) -> list[Log]:
    return list(database.read(lambda session: session.scalars(sa.select(Log).order_by(Log.log_time, Log.id)).all()))


def add_job(database: Database, status: JobStatus = JobStatus.RUNNING) -> UUID:
    job = Job(id=uuid4(), process_name="p", scheduler_name="s", status=status, start_time=database.site_now())
    database.write(lambda session: session.add(job))
    return job.id


def add_trigger(database: Database, status: TriggerStatus) -> UUID:
    trigger = QueueTrigger(
        id=uuid4(),
        trigger_name="t",
        process_name="p",
        process_path="x",
        process_status=status,
        is_git_repo=False,
        is_blocking=False,
        type=TriggerType.QUEUE,
        queue_name="q",
        min_batch_size=1,
    )
    database.write(lambda session: session.add(trigger))
    return trigger.id


@pytest.mark.parametrize("rest", [(), (None,), (None, None), ("", ""), ("None", "None"), (str(uuid4()), uuid4())])
def test_four_five_or_six_arguments(database: Database, rest: tuple[Any, ...]) -> None:
    connection = OrchestratorConnection("process", database.connection_string, None, "arguments", *rest)
    assert (connection.process_name, connection.process_arguments) == ("process", "arguments")
    assert (connection.trigger_id, connection.job_id) == (*rest, None, None)[:2]
    assert str(connection) == "OrchestratorConnection - Process name: process"
    connection.log_info("text")
    connection.close()
    (log,) = logs_of(database)
    assert log.job_id == (rest[1] if len(rest) == 2 and isinstance(rest[1], UUID) else None)


@pytest.mark.parametrize("count", [4, 5, 6, 8])
def test_the_start_arguments_are_taken_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    ids = [str(uuid4()), str(uuid4())]
    start_with(monkeypatch, *["p", database.connection_string, KEY, "arguments", *ids, "more", "more"][:count])
    connection = OrchestratorConnection.create_connection_from_args()
    assert (connection.process_name, connection.process_arguments) == ("p", "arguments")
    assert [connection.trigger_id, connection.job_id] == [*ids[: count - 4], None, None][:2]
    connection.close()


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A database that cannot be reached at first; holds one word for each time it was tried in vain."""
    tried: list[str] = []
    connecting_to = connecting._connecting

    def refusing_twice(pooler: Any) -> Any:
        connect = connecting_to(pooler)

        def refuse_twice(dialect: Any, *arguments: Any) -> Any:
            if len(tried) < 2:
                tried.append("tried")
                raise dialect.loaded_dbapi.OperationalError("connection refused")
            return connect(dialect, *arguments)

        return refuse_twice

    monkeypatch.setattr(connecting, "_connecting", refusing_twice)
    return tried


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
@pytest.mark.parametrize("by_job_id", [True, False])
def test_a_robot_that_a_scheduler_started_waits_for_its_database(
    database: Database, away: list[str], monkeypatch: pytest.MonkeyPatch, by_job_id: bool
) -> None:
    ids = [str(uuid4()), str(uuid4())] if by_job_id else []
    if not by_job_id:
        monkeypatch.setenv(JOB_VARIABLE, str(uuid4()))
    database.close()
    start_with(monkeypatch, "p", database.connection_string, KEY, "", *ids)
    connection = OrchestratorConnection.create_connection_from_args()
    connection.log_info("ready")
    connection.close()
    assert len(away) == 2


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
def test_a_robot_that_was_started_by_hand_is_told_at_once_that_its_database_is_away(
    database: Database, away: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(JOB_VARIABLE, raising=False)
    start_with(monkeypatch, "p", database.connection_string, KEY, "")
    with pytest.raises(ConnectionFailedError, match="Cannot connect to"):
        OrchestratorConnection.create_connection_from_args()
    assert len(away) == 1


def test_the_variable_that_says_so_is_the_one_that_marks_a_robots_processes() -> None:
    assert JOB_VARIABLE == run_files.JOB_VARIABLE


def test_a_robot_works_with_tables_that_say_nothing_of_their_revision(database: Database) -> None:
    tables = database.read(lambda session: sa.inspect(session.connection()).get_table_names())
    assert "alembic_version" not in tables
    connection = OrchestratorConnection("p", database.connection_string, KEY, "")
    connection.create_queue_element("q", "reference")
    element = connection.get_next_queue_element("q")
    assert element is not None
    connection.set_queue_element_status(element.id, QueueStatus.DONE)
    connection.log_info("done")
    connection.close()
    assert [log.log_message for log in logs_of(database)] == ["done"]


class OwnConnection(OrchestratorConnection):
    pass


def test_a_subclass_gets_its_own_class_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    start_with(monkeypatch, "p", database.connection_string, KEY, "")
    connection = OwnConnection.create_connection_from_args()
    assert type(connection) is OwnConnection
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_start_arguments_are_told(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    start_with(monkeypatch, *["p", "sqlite://", "secret-key"][:count])
    with pytest.raises(IndexError, match=f"started with {count} of the arguments it needs") as caught:
        OrchestratorConnection.create_connection_from_args()
    assert isinstance(caught.value, MissingArgumentError)
    assert isinstance(caught.value, ConfigurationError)
    assert "secret-key" not in str(caught.value)


def test_markers_are_looked_up_in_the_environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database.write(lambda session: credentials.create(session, "c", stored_credential(database)))
    start_with(monkeypatch, "p", marker(CONNECTION_STRING_VARIABLE), marker(KEY_VARIABLE), "env:PATH", "", "")
    monkeypatch.setenv(CONNECTION_STRING_VARIABLE, database.connection_string)
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    connection = OrchestratorConnection.create_connection_from_args()
    assert connection.get_credential("c").password == "secret"
    assert connection.process_arguments == "env:PATH"
    connection.close()


@pytest.mark.parametrize("variable", [CONNECTION_STRING_VARIABLE, KEY_VARIABLE])
def test_a_marked_value_that_is_not_there_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(CONNECTION_STRING_VARIABLE, database.connection_string)
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    monkeypatch.delenv(variable)
    start_with(monkeypatch, "p", marker(CONNECTION_STRING_VARIABLE), marker(KEY_VARIABLE), "")
    with pytest.raises(ConfigurationError, match=f"environment variable {variable}, but that is not set"):
        OrchestratorConnection.create_connection_from_args()


@pytest.mark.parametrize(
    ("conn_string", "error", "message"),
    [
        ("nonsense", ValueError, "not a SQLAlchemy URL"),
        ("", ConfigurationError, "No connection string was given"),
        (None, ConfigurationError, "No connection string was given"),
        ("postgresql+psycopg://user:secretword@127.0.0.1:1/x", ConnectionFailedError, "Check that the server runs"),
        ("mysql+pymysql://user:secretword@127.0.0.1:1/x", RuntimeError, "Check that the server runs"),
        ("sqlite+pysqlite:////nowhere/at/all.db", ConnectionFailedError, "There is no SQLite database"),
    ],
)
def test_a_failed_connection_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, conn_string: Any, error: type[Exception], message: str
) -> None:
    monkeypatch.setattr(Attempts, "run", lambda *_, **__: pytest.fail("it tries more than once"))
    with pytest.raises(error, match=message) as caught:
        OrchestratorConnection("p", conn_string, KEY, "")
    assert "secretword" not in str(caught.value)
    assert default.find_default() is None


def test_an_older_database_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    url = f"sqlite+pysqlite:///{(tmp_path / 'old.db').as_posix()}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('1c87ed320c78')")
    engine.dispose()
    with pytest.raises(RevisionError, match="python -m OpenOrchestrator upgrade"):
        OrchestratorConnection("p", url, KEY, "")


@pytest.mark.parametrize("key", [None, "", "junk"])
def test_a_robot_without_credentials_needs_no_key(database: Database, key: str | None) -> None:
    database.write(lambda session: credentials.create(session, "c", stored_credential(database)))
    connection = OrchestratorConnection("p", database.connection_string, key, "")
    connection.log_info("works")
    for call in (lambda: connection.get_credential("c"), lambda: connection.update_credential("c", "u", "p")):
        with pytest.raises((RuntimeError, ValueError), match="encryption key"):
            call()
    connection.close()


def stored_credential(database: Database, key: str = KEY) -> dict[str, Any]:
    now = database.site_now()
    return credentials.values(database.dialect_name, username="user", password="secret", key=key, now=now)


def test_two_connections_keep_their_own_database_and_key(database: Database, tmp_path: Path) -> None:
    url = f"sqlite+pysqlite:///{(tmp_path / 'second.db').as_posix()}"
    second_database = Database(url, create=True)
    Base.metadata.create_all(second_database.engine)
    second_key = crypto_util.generate_key().decode()
    for base, key in ((database, KEY), (second_database, second_key)):
        base.write(lambda session, one=base, its=key: credentials.create(session, "c", stored_credential(one, its)))
    first = OrchestratorConnection("first", database.connection_string, KEY, "")
    second = OrchestratorConnection("second", url, second_key, "")
    assert default.get_default().connection_string == url
    assert crypto_util.get_key() == second_key
    for connection, base in ((first, database), (second, second_database), (first, database)):
        assert connection.get_credential("c").password == "secret"
        connection.log_info("here")
        assert {log.process_name for log in logs_of(base)} == {connection.process_name}
    first.close()
    second.close()
    second_database.close()


def test_models_are_importable_from_here_too() -> None:
    assert connection_module.QueueElement is QueueElement
    assert connection_module.Constant is Constant
    assert connection_module.Credential is Credential
    assert connection_module.QueueStatus is QueueStatus
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        _ = connection_module.Nope


def test_logs_of_all_levels_belong_to_the_job(database: Database) -> None:
    job_id = add_job(database)
    connection = OrchestratorConnection("process", database.connection_string, KEY, "", None, str(job_id))
    connection.log_trace("1")
    connection.log_info("2")
    connection.process_name = "renamed"
    connection.log_error("3")
    connection.close()
    assert [(log.log_message, log.log_level, log.process_name, log.job_id) for log in logs_of(database)] == [
        ("1", LogLevel.TRACE, "process", job_id),
        ("2", LogLevel.INFO, "process", job_id),
        ("3", LogLevel.ERROR, "renamed", job_id),
    ]


def test_secrets_do_not_get_into_the_log(robot: OrchestratorConnection, database: Database) -> None:
    robot.log_error(f"argv: {['p', database.connection_string, KEY]!r}")
    robot.log_error(ValueError(KEY))
    assert [log.log_message for log in logs_of(database)] == ["argv: ['p', '***', '***']", "ValueError: ***"]


def test_a_secret_that_a_cut_would_leave_half_is_redacted_before(
    robot: OrchestratorConnection, database: Database
) -> None:
    robot.log_info("x" * 3970 + KEY + "x" * 20_000)
    (log,) = logs_of(database)
    assert KEY[:8] not in log.log_message


def test_site_time_is_written_whatever_the_zone_of_the_machine(
    robot: OrchestratorConnection, database: Database
) -> None:
    robot.log_info("now")
    (log,) = logs_of(database)
    expected = datetime.now(database.zone).replace(tzinfo=None)
    assert abs(expected - log.log_time) < timedelta(minutes=1)


def test_constants_and_credentials(robot: OrchestratorConnection, database: Database) -> None:
    now = database.site_now()
    database.write(lambda session: constants.create(session, "name", "value", now=now))
    database.write(lambda session: credentials.create(session, "c", stored_credential(database)))
    assert robot.get_constant("name").value == "value"
    robot.update_constant("name", "new")
    assert robot.get_constant(constant_name="name").value == "new"
    assert (robot.get_credential("c").username, robot.get_credential("c").password) == ("user", "secret")
    robot.update_credential(credential_name="c", new_username="u2", new_password="p2")
    credential = robot.get_credential(credential_name="c")
    assert (credential.username, credential.password) == ("u2", "p2")
    other = OrchestratorConnection("p", database.connection_string, crypto_util.generate_key().decode(), "")
    with pytest.raises(ValueError, match="Credential 'c'"):
        other.get_credential("c")
    other.close()


def test_constants_have_the_value_of_the_scheduler_that_runs_the_robot(database: Database) -> None:
    job_id, now = uuid4(), database.site_now()

    def work(session: Any) -> None:
        session.add(Job(id=job_id, process_name="p", scheduler_name="w1", status=JobStatus.RUNNING, start_time=now))
        constants.create(session, "Most rows", "10", now=now, overrides={"W1": "20"})

    database.write(work)
    robot = OrchestratorConnection("p", database.connection_string, KEY, "", None, str(job_id))
    by_hand = OrchestratorConnection("p", database.connection_string, KEY, "", None, "job_id")
    assert (robot.get_constant("Most rows").value, robot.get_int("Most rows", 1)) == ("20", 20)
    assert (by_hand.get_constant("Most rows").value, by_hand.get_int("Most rows")) == ("10", 10)
    robot.update_constant("Most rows", "30")
    assert (robot.get_int("Most rows"), by_hand.get_int("Most rows")) == (30, 10)
    robot.close()
    by_hand.close()


def test_elements_are_created_found_and_deleted(robot: OrchestratorConnection) -> None:
    made = robot.create_queue_element("work", "a", "data", "me")
    assert (made.queue_name, made.reference, made.data, made.created_by) == ("work", "a", "data", "me")
    assert made.status is QueueStatus.NEW
    robot.bulk_create_queue_elements("work", ["b", "c"], ("1", "2"), created_by="me")
    assert [element.reference for element in robot.get_queue_elements("work")] == ["c", "b", "a"]
    assert [element.reference for element in robot.get_queue_elements("work", offset=1, limit=1)] == ["b"]
    assert len(robot.get_queue_elements("work", limit=99999999)) == 3
    assert robot.get_queue_elements("work", limit=0) == ()
    assert [element.id for element in robot.get_queue_elements("work", "a", QueueStatus.NEW)] == [made.id]
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    assert robot.get_queue_elements("work", from_date=tomorrow) == ()
    assert len(robot.get_queue_elements("work", to_date=tomorrow)) == 3
    robot.delete_queue_element(str(made.id))
    with pytest.raises(NotFoundError):
        robot.delete_queue_element(made.id)


def test_elements_created_at_once_are_handed_out_in_order(
    robot: OrchestratorConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = datetime(2026, 3, 1, 8)
    monkeypatch.setattr(robot._database, "site_now", lambda: standing)
    robot.create_queue_element("work", "1")
    robot.bulk_create_queue_elements("work", ["2", "3"], ["", ""])
    robot.create_queue_element("work", "4")
    taken = [robot.get_next_queue_element("work") for _ in range(4)]
    assert [element.reference for element in taken if element] == ["1", "2", "3", "4"]
    monkeypatch.setattr(robot._database, "site_now", lambda: standing - timedelta(hours=1))  # the clock was put back
    assert robot.create_queue_element("work").created_date == standing - timedelta(hours=1)


def test_work_on_elements(robot: OrchestratorConnection) -> None:
    robot.bulk_create_queue_elements("work", ["a", "b"], ["1", "2"])
    assert robot.get_next_queue_element("work", set_status=False).status is QueueStatus.NEW
    element = robot.get_next_queue_element("work", reference="b")
    assert (element.reference, element.status, element.queue_name) == ("b", QueueStatus.IN_PROGRESS, "work")
    robot.set_queue_element_status(element.id, QueueStatus.DONE, "all well")
    robot.set_queue_element_status(str(element.id), status=QueueStatus.FAILED, message=None)
    (after,) = robot.get_queue_elements("work", reference="b")
    assert (after.status, after.message) == (QueueStatus.FAILED, "all well")
    assert after.end_date >= after.start_date
    assert robot.get_next_queue_element("work").reference == "a"
    assert robot.get_next_queue_element("work") is None


def test_a_robot_may_put_an_element_back_and_take_it_again(robot: OrchestratorConnection) -> None:
    robot.create_queue_element("work")
    for _ in range(2):
        element = robot.get_next_queue_element("work")
        robot.set_queue_element_status(element.id, QueueStatus.IN_PROGRESS)
        robot.set_queue_element_status(element.id, QueueStatus.NEW)
    robot.set_queue_element_status(element.id, QueueStatus.DONE)
    (after,) = robot.get_queue_elements("work")
    assert (after.id, after.status) == (element.id, QueueStatus.DONE)


def test_a_robot_that_lost_an_element_cannot_write_it(robot: OrchestratorConnection, database: Database) -> None:
    robot.create_queue_element("work")
    element = robot.get_next_queue_element("work")
    now = database.site_now()
    database.write(lambda session: queue_elements.set_status(session, element.id, QueueStatus.NEW, now=now))
    successor = OrchestratorConnection("p", database.connection_string, KEY, "", None, add_job(database))
    assert successor.get_next_queue_element("work").id == element.id
    with pytest.raises(OwnershipLostError, match="handed out anew"):
        robot.set_queue_element_status(element.id, QueueStatus.DONE)
    successor.set_queue_element_status(element.id, QueueStatus.DONE)
    robot.set_queue_element_status(robot.create_queue_element("work").id, QueueStatus.DONE)
    successor.close()


def test_a_robot_whose_job_ended_can_neither_take_nor_write(database: Database) -> None:
    job_id = add_job(database)
    connection = OrchestratorConnection("p", database.connection_string, KEY, "", None, str(job_id))
    connection.bulk_create_queue_elements("work", ["a", "b"], ["", ""])
    element = connection.get_next_queue_element("work")
    assert element.job_id == job_id
    database.write(lambda session: session.execute(sa.update(Job).values(status=JobStatus.LOST)))
    with pytest.raises(OwnershipLostError, match="has ended as Lost"):
        connection.set_queue_element_status(element.id, QueueStatus.DONE)
    with pytest.raises(OwnershipLostError, match="has ended as Lost"):
        connection.get_next_queue_element("work")
    connection.log_info("may still say so")
    connection.close()


@pytest.mark.parametrize(
    ("before", "pausing", "after"),
    [
        (TriggerStatus.RUNNING, False, TriggerStatus.PAUSING),
        (TriggerStatus.IDLE, False, TriggerStatus.PAUSED),
        (TriggerStatus.PAUSING, True, TriggerStatus.PAUSING),
        (TriggerStatus.PAUSED, True, TriggerStatus.PAUSED),
        (TriggerStatus.KILLING, False, TriggerStatus.KILLING),
        (TriggerStatus.FAILED, False, TriggerStatus.FAILED),
    ],
)
def test_pausing(database: Database, before: TriggerStatus, pausing: bool, after: TriggerStatus) -> None:
    trigger_id = add_trigger(database, before)
    connection = OrchestratorConnection("p", database.connection_string, KEY, "", str(trigger_id))
    assert connection.is_trigger_pausing() is pausing
    connection.pause_my_trigger()
    connection.close()
    assert database.read(lambda session: session.scalar(sa.select(QueueTrigger.process_status))) is after


def test_pausing_without_a_trigger_is_told(database: Database, robot: OrchestratorConnection) -> None:
    for call in (robot.is_trigger_pausing, robot.pause_my_trigger):
        with pytest.raises(ValueError, match="No trigger with the given id: None"):
            call()
    robot.trigger_id = uuid4()
    with pytest.raises(NotFoundError, match=f"No trigger with the given id: {robot.trigger_id}"):
        robot.pause_my_trigger()


def test_the_robot_of_a_deleted_trigger_is_told_to_come_to_an_end(database: Database) -> None:
    trigger_id = add_trigger(database, TriggerStatus.RUNNING)
    connection = OrchestratorConnection("p", database.connection_string, KEY, "", str(trigger_id))
    assert connection.is_trigger_pausing() is False
    assert database.write(lambda session: triggers.delete(session, trigger_id))
    assert connection.is_trigger_pausing() is True
    connection.close()


def test_threads_share_a_connection(robot: OrchestratorConnection) -> None:
    count = 40
    robot.bulk_create_queue_elements("work", [str(number) for number in range(count)], [None] * count)
    taken: list[str | None] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while (element := robot.get_next_queue_element("work")) is not None:
                taken.append(element.reference)
                robot.set_queue_element_status(element.id, QueueStatus.DONE)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(taken, key=int) == [str(number) for number in range(count)]  # type: ignore[arg-type]
    assert all(element.status is QueueStatus.DONE for element in robot.get_queue_elements("work"))


@pytest.fixture
def proxy(database: Database) -> Iterator[CuttingProxy]:
    url = make_url(database.connection_string)
    proxy = CuttingProxy(str(url.host), int(url.port or 0))
    yield proxy
    proxy.close()


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("call", ["log", "create", "bulk", "constant", "credential", "delete"])
def test_a_call_whose_connection_breaks_while_saving_is_made_once(
    database: Database, proxy: CuttingProxy, arrived: bool, call: str
) -> None:
    url = make_url(database.connection_string).set(host="127.0.0.1", port=proxy.port)
    robot = OrchestratorConnection("p", url.render_as_string(hide_password=False), KEY, "")
    now = database.site_now()
    database.write(lambda session: constants.create(session, "name", "value", now=now))
    database.write(lambda session: credentials.create(session, "c", stored_credential(database)))
    old = robot.create_queue_element("old")
    at_once = call == "log" and database.dialect_name == "postgresql"  # without a transaction around it
    proxy.cut_after(b"INSERT" if at_once else b"COMMIT", forward=arrived)
    {
        "log": lambda: robot.log_info("text"),
        "create": lambda: robot.create_queue_element("work", "a"),
        "bulk": lambda: robot.bulk_create_queue_elements("work", ["a"], ["b"]),
        "constant": lambda: robot.update_constant("name", "new"),
        "credential": lambda: robot.update_credential("c", "new", "p"),
        "delete": lambda: robot.delete_queue_element(old.id),
    }[call]()
    assert proxy.cuts == 1
    robot.close()
    robot = OrchestratorConnection("p", database.connection_string, KEY, "")
    made = (
        len(logs_of(database)),
        len(robot.get_queue_elements("work")),
        robot.get_constant("name").value == "new",
        robot.get_credential("c").username == "new",
        len(robot.get_queue_elements("old")) == 0,
    )
    robot.close()
    assert made == (
        call == "log",
        call in ("create", "bulk"),
        call == "constant",
        call == "credential",
        call == "delete",
    )


def test_a_robot_can_ask_whether_its_time_is_up(database: Database) -> None:
    trigger_id = add_trigger(database, TriggerStatus.RUNNING)
    jobs = [
        Job(process_name="p", scheduler_name="no longer listed", status=JobStatus.RUNNING, fence=3) for _ in range(2)
    ]
    database.write(lambda session: session.add_all(jobs))
    robots = [
        OrchestratorConnection("p", database.connection_string, KEY, "", str(trigger_id), str(job.id)) for job in jobs
    ]

    assert [robot.is_trigger_pausing() for robot in robots] == [False, False]
    at = database.utc_now()
    assert not runs.note_asked(database, jobs[0].id, 2, at), "its owner is another one by now"
    assert [robot.is_trigger_pausing() for robot in robots] == [False, False]
    assert runs.note_asked(database, jobs[0].id, 3, at)
    assert [robot.is_trigger_pausing() for robot in robots] == [True, False]
    for robot in robots:
        robot.close()


def test_a_robot_can_ask_whether_its_site_is_paused_or_its_scheduler_ends(database: Database) -> None:
    trigger_id = add_trigger(database, TriggerStatus.RUNNING)
    here = Identity("here")
    for name in ("here", "there"):
        values = {"machine_name": name, "last_update": database.site_now(), "version": "4", "instance": here.instance}
        live = {"lease_until": DatabaseUtcNow(60)}
        database.write(lambda session: session.execute(sa.insert(Scheduler).values(**values, **live)))  # noqa: B023
    job = Job(process_name="p", scheduler_name="here", status=JobStatus.RUNNING, start_time=database.site_now())
    database.write(lambda session: session.add(job))
    robot = OrchestratorConnection("p", database.connection_string, KEY, "", str(trigger_id), str(job.id))
    by_hand = OrchestratorConnection("p", database.connection_string, KEY, "", str(trigger_id), "debugged")

    def asked() -> tuple[bool, bool]:
        return robot.is_trigger_pausing(), by_hand.is_trigger_pausing()

    assert asked() == (False, False)
    database.write(lambda session: site_pause.pause(session, reason="SAP is closed"))
    assert asked() == (True, True)
    database.write(site_pause.resume)
    assert asked() == (False, False)

    assert database.write(lambda session: cordons.drain(session, "there")).ends
    assert database.write(lambda session: cordons.cordon(session, "here"))
    assert asked() == (False, False), "neither another scheduler's drain nor a cordon is about this robot"
    assert database.write(lambda session: cordons.drain(session, "here")).ends
    assert asked() == (True, False)
    database.write(lambda session: cordons.uncordon(session, "here"))
    assert asked() == (False, False)

    assert database.write(lambda session: cordons.tell_stopping(session, here))
    assert asked() == (True, False)
    robot.close()
    by_hand.close()


def test_a_missing_constant_has_a_default_or_says_what_is_close(
    database: Database, robot: OrchestratorConnection
) -> None:
    database.write(lambda session: constants.create(session, "Most rows", "10", now=database.site_now()))
    assert robot.get_constant("Most rows", default="5").value == "10"
    assert robot.get_constant("Else", default="5").value == "5"
    assert robot.get_constant("Else", default="5").name == "Else"
    assert (robot.get_int("Most rows"), robot.get_int("Else", None)) == (10, None)
    assert (robot.get_float("Most rows"), robot.get_json("Most rows"), robot.get_json("Else", [])) == (
        10.0,
        10,
        [],
    )
    with pytest.raises(InvalidInputError, match="none of true"):
        robot.get_bool("Most rows", False)
    for call in (
        lambda: robot.get_constant("most row"),
        lambda: robot.get_int("most row"),
        lambda: robot.update_constant("most row", "1"),
    ):
        with pytest.raises(
            NotFoundError, match=r"^No constant with name 'most row' was found\. Close to it: 'Most rows'\.$"
        ):
            call()
    with pytest.raises(NotFoundError, match=r"No credential with name 'most row' was found\.$"):
        robot.get_credential("most row")
