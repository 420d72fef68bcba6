"""The published functions: names, arguments and what they do, as robots and scripts know them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import (
    AlreadyExistsError,
    InvalidInputError,
    NotConnectedError,
    NotFoundError,
)
from OpenOrchestrator.database import db_util, default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import JobStatus
from OpenOrchestrator.database.logs import LogLevel
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.queues import QueueStatus
from OpenOrchestrator.database.triggers import TriggerStatus, TriggerType

SITE_NOW = datetime(2026, 1, 1, 1)  # what the clock of the tests shows at the site

BASE = ("process", "main.py", "arguments", False, True)


@pytest.fixture(autouse=True)
def _no_defaults() -> Iterator[None]:
    default.set_default(None)
    crypto_util.set_key(None)
    yield
    default.set_default(None)
    crypto_util.set_key(None)


@pytest.fixture
def connected(database: Database) -> Database:
    default.set_default(database)
    return database


SIGNATURES = {
    "connect": "conn_string",
    "disconnect": "",
    "check_database_revision": "",
    "get_conn_string": "",
    "get_trigger": "trigger_id",
    "get_all_triggers": "",
    "get_scheduled_triggers": "",
    "get_single_triggers": "",
    "get_queue_triggers": "",
    "update_trigger": "trigger",
    "delete_trigger": "trigger_id",
    "set_trigger_status": "trigger_id status",
    "begin_single_trigger": "trigger_id",
    "begin_scheduled_trigger": "trigger_id",
    "begin_queue_trigger": "trigger_id",
    "get_pending_single_triggers": "",
    "get_pending_scheduled_triggers": "",
    "get_pending_queue_triggers": "",
    "create_single_trigger": "trigger_name process_name next_run process_path process_args is_git_repo is_blocking "
    "priority scheduler_whitelist=None git_branch=None",
    "create_scheduled_trigger": "trigger_name process_name cron_expr next_run process_path process_args is_git_repo "
    "is_blocking priority scheduler_whitelist=None git_branch=None",
    "create_queue_trigger": "trigger_name process_name queue_name process_path process_args is_git_repo is_blocking "
    "min_batch_size priority scheduler_whitelist=None git_branch=None",
    "get_logs": "offset limit from_date=None to_date=None process_name=None log_level=None job_id=None order_by=None "
    "order_desc=True include_count=False",
    "create_log": "process_name level job_id message",
    "get_unique_log_process_names": "",
    "get_jobs": "status=None process_name=None",
    "start_job": "process_name scheduler_name",
    "set_job_status": "job_id status",
    "get_job": "job_id",
    "get_constant": "name",
    "get_constants": "",
    "create_constant": "name value",
    "update_constant": "name new_value",
    "delete_constant": "name",
    "get_credential": "name decrypt_password=True",
    "get_credentials": "",
    "create_credential": "name username password",
    "update_credential": "name new_username new_password",
    "delete_credential": "name",
    "create_queue_element": "queue_name reference=None data=None created_by=None",
    "bulk_create_queue_elements": "queue_name references data created_by=None",
    "get_next_queue_element": "queue_name reference=None set_status=True",
    "get_queue_elements": "queue_name reference=None status=None from_date=None to_date=None offset=0 limit=100 "
    "search_term=None order_by=None order_desc=False include_count=False",
    "get_queue_element": "element_id",
    "update_queue_element": "element_id reference=None status=None data=None message=None created_by=None "
    "created_date=None start_date=None end_date=None",
    "get_queue_count": "",
    "set_queue_element_status": "element_id status message=None",
    "delete_queue_element": "element_id",
    "get_schedulers": "",
    "send_ping_from_scheduler": "machine_name",
    "start_trigger_from_machine": "machine_name trigger_name",
}


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_names_order_and_defaults_of_the_arguments(name: str) -> None:
    parameters = inspect.signature(getattr(db_util, name)).parameters.values()
    # What came later is given by name alone, and may be left out.
    assert all(p.default is not p.empty for p in parameters if p.kind is p.KEYWORD_ONLY)
    older = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    shown = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in older]
    assert shown == SIGNATURES[name].split()


def test_without_a_connection_everything_says_so() -> None:
    assert db_util._connection_engine is None
    db_util.disconnect()
    for call in (
        db_util.get_conn_string,
        db_util.get_all_triggers,
        lambda: db_util.create_log("p", LogLevel.INFO, None, "m"),
        lambda: db_util.get_constant("a"),
        lambda: db_util.get_next_queue_element("q"),
        db_util.check_database_revision,
    ):
        with pytest.raises(RuntimeError, match="Not connected to database") as caught:
            call()
        assert isinstance(caught.value, NotConnectedError)


@pytest.mark.parametrize(
    ("conn_string", "reason"),
    [
        ("nonsense", "not a SQLAlchemy URL"),
        (None, "has to be a text"),
        ("postgresql+psycopg://user:secretword@127.0.0.1:1/x", "Cannot connect"),
        ("oracle://x", "does not work with"),
    ],
)
def test_a_failed_connect_returns_false_and_logs_why(
    conn_string: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert db_util.connect(conn_string) is False
    assert reason in caplog.text
    assert "secretword" not in caplog.text
    assert db_util._connection_engine is None


def test_a_failed_connect_keeps_the_connection_there_is(connected: Database) -> None:
    assert not db_util.connect("nonsense")
    assert db_util.get_conn_string() == connected.connection_string


def test_test_helpers_make_tables_on_the_engine(tmp_path: Path) -> None:
    url = f"sqlite+pysqlite:///{(tmp_path / 'new.db').as_posix()}"
    assert db_util.connect(url) is True
    engine = db_util._connection_engine
    assert isinstance(engine, sa.Engine)
    Base.metadata.create_all(engine)
    db_util.create_constant("a", "b")
    assert db_util.get_constant("a").value == "b"
    assert db_util.check_database_revision() is False
    assert db_util.connect(url) is True
    db_util.disconnect()
    assert db_util._connection_engine is None


def test_unknown_names_are_still_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = db_util.nope


def test_the_connection_string_keeps_its_password() -> None:
    default.set_default(Database("postgresql+psycopg://user:p%40ss@server/db"))
    assert db_util.get_conn_string() == "postgresql+psycopg://user:p%40ss@server/db"


def test_triggers_of_all_kinds(connected: Database) -> None:
    single = db_util.create_single_trigger("b", BASE[0], SITE_NOW, *BASE[1:], 3, [" here"], "main")
    scheduled = db_util.create_scheduled_trigger("c", BASE[0], "0 5 * * *", SITE_NOW, *BASE[1:], 0)
    queue = db_util.create_queue_trigger("a", BASE[0], "work", *BASE[1:], 2, 0)
    assert [trigger.id for trigger in db_util.get_all_triggers()] == [queue, single, scheduled]
    assert [trigger.id for trigger in db_util.get_single_triggers()] == [single]
    assert [trigger.id for trigger in db_util.get_scheduled_triggers()] == [scheduled]
    assert [trigger.id for trigger in db_util.get_queue_triggers()] == [queue]
    trigger = db_util.get_trigger(str(single))
    assert (trigger.trigger_name, trigger.process_name, trigger.process_path) == ("b", "process", "main.py")
    assert (trigger.process_args, trigger.is_git_repo, trigger.is_blocking) == ("arguments", False, True)
    assert (trigger.priority, trigger.scheduler_whitelist, trigger.git_branch) == (3, ["here"], "main")
    assert (trigger.type, trigger.process_status, trigger.last_run) == (TriggerType.SINGLE, TriggerStatus.IDLE, None)
    assert trigger.next_run == SITE_NOW
    assert trigger.due_at == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert db_util.get_trigger(scheduled).cron_expr == "0 5 * * *"
    assert (db_util.get_trigger(queue).queue_name, db_util.get_trigger(queue).min_batch_size) == ("work", 2)


def test_wrong_triggers_are_refused(connected: Database) -> None:
    for create in (
        lambda: db_util.create_scheduled_trigger("t", BASE[0], "bad", SITE_NOW, *BASE[1:], 0),
        lambda: db_util.create_queue_trigger("t", BASE[0], "", *BASE[1:], 1, 0),
        lambda: db_util.create_single_trigger("t" * 101, BASE[0], SITE_NOW, *BASE[1:], 0),
        lambda: db_util.create_single_trigger("t", BASE[0], "now", *BASE[1:], 0),  # type: ignore[arg-type]
        lambda: db_util.create_single_trigger(
            "t", BASE[0], SITE_NOW, *BASE[1:], 0, ["x" * 100] * 2 + ["y" * 99] * 2 + ["z" * 99]
        ),
    ):
        with pytest.raises(ValueError, match=r".") as caught:
            create()
        assert isinstance(caught.value, InvalidInputError)
    assert db_util.get_all_triggers() == ()


def test_triggers_without_a_path_are_taken_as_before(connected: Database) -> None:
    rest = ("", "", False, False)
    ids = [
        db_util.create_single_trigger("s", "p", SITE_NOW, *rest, 0),
        db_util.create_scheduled_trigger("c", "p", "0 5 * * *", SITE_NOW, *rest, 0),
        db_util.create_queue_trigger("q", "p", "work", *rest, 0, 0),
    ]
    assert [db_util.get_trigger(one).process_path for one in ids] == [""] * 3
    trigger = db_util.get_trigger(ids[0])
    trigger.process_path = "robot.py"
    db_util.update_trigger(trigger)
    trigger.process_path = ""
    db_util.update_trigger(trigger)
    assert db_util.get_trigger(ids[0]).process_path == ""
    assert db_util.get_pending_queue_triggers() == [], "a batch size of 0 starts nothing on an empty queue"
    db_util.create_queue_element("work")
    assert [pending.id for pending in db_util.get_pending_queue_triggers()] == ids[2:]


def test_pending_triggers_begin_once(connected: Database, clock: SettableClock) -> None:
    early = SITE_NOW - timedelta(minutes=90)
    single = db_util.create_single_trigger("s", BASE[0], early, *BASE[1:], 0)
    db_util.create_single_trigger("later", BASE[0], SITE_NOW + timedelta(minutes=1), *BASE[1:], 0)
    scheduled = db_util.create_scheduled_trigger("c", BASE[0], "0 * * * *", early, *BASE[1:], 0)
    queue = db_util.create_queue_trigger("q", BASE[0], "work", *BASE[1:], 2, 0)
    db_util.create_queue_element("work")
    assert db_util.get_pending_queue_triggers() == []
    db_util.create_queue_element("work")
    for pending, begin, trigger_id in (
        (db_util.get_pending_single_triggers, db_util.begin_single_trigger, single),
        (db_util.get_pending_scheduled_triggers, db_util.begin_scheduled_trigger, scheduled),
        (db_util.get_pending_queue_triggers, db_util.begin_queue_trigger, queue),
    ):
        assert [trigger.id for trigger in pending()] == [trigger_id]
        assert isinstance(pending(), list)
        assert begin(str(trigger_id)) is True
        assert begin(trigger_id) is False
        assert pending() == []
        trigger = db_util.get_trigger(trigger_id)
        assert (trigger.process_status, trigger.last_run) == (TriggerStatus.RUNNING, SITE_NOW)
    assert db_util.get_trigger(scheduled).next_run == SITE_NOW + timedelta(hours=1)
    for begin, other in (
        (db_util.begin_single_trigger, queue),
        (db_util.begin_scheduled_trigger, single),
        (db_util.begin_queue_trigger, uuid4()),
    ):
        with pytest.raises(NotFoundError, match=f"No trigger with the given id: {other}"):
            begin(other)


def test_update_trigger_writes_what_was_changed_and_nothing_else(connected: Database) -> None:
    trigger_id = db_util.create_single_trigger("t", BASE[0], SITE_NOW, *BASE[1:], 0)
    trigger = db_util.get_trigger(trigger_id)
    db_util.set_trigger_status(trigger_id, TriggerStatus.PAUSED)
    trigger.priority = 7
    trigger.next_run = SITE_NOW + timedelta(hours=1)
    trigger.scheduler_whitelist.append("here")
    trigger.keep_files = True
    db_util.update_trigger(trigger)
    stored = db_util.get_trigger(trigger_id)
    assert stored.keep_files is True
    assert (stored.priority, stored.scheduler_whitelist) == (7, ["here"])
    assert (stored.next_run, stored.due_at) == (
        SITE_NOW + timedelta(hours=1),
        datetime(2026, 1, 1, 1, tzinfo=timezone.utc),
    )
    assert stored.process_status is TriggerStatus.PAUSED
    db_util.set_trigger_status(trigger_id, TriggerStatus.IDLE)
    db_util.update_trigger(trigger)
    assert db_util.get_trigger(trigger_id).process_status is TriggerStatus.IDLE
    trigger.trigger_name = ""
    with pytest.raises(InvalidInputError, match="trigger name is empty"):
        db_util.update_trigger(trigger)
    db_util.delete_trigger(str(trigger_id))
    trigger.trigger_name = "t"
    with pytest.raises(NotFoundError):
        db_util.update_trigger(trigger)


def test_missing_triggers_are_told(connected: Database) -> None:
    missing = uuid4()
    for call in (
        lambda: db_util.get_trigger(missing),
        lambda: db_util.delete_trigger(str(missing)),
        lambda: db_util.set_trigger_status(missing, TriggerStatus.IDLE),
    ):
        with pytest.raises(ValueError, match=f"No trigger with the given id: {missing}"):
            call()
    with pytest.raises(InvalidInputError, match=r"TriggerStatus\.IDLE"):
        db_util.set_trigger_status(missing, "IDLE")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="'x' is not the id of a trigger"):
        db_util.get_trigger("x")


def test_logs(connected: Database, clock: SettableClock) -> None:
    job_id = uuid4()
    db_util.create_log("b", LogLevel.INFO, None, "first")
    clock.advance(timedelta(hours=1))
    db_util.create_log("a", LogLevel.ERROR, str(job_id), ValueError("second"))
    assert [log.log_message for log in db_util.get_logs(0, 10)] == ["ValueError: second", "first"]
    rows, number = db_util.get_logs(0, 1, include_count=True)
    assert ([log.job_id for log in rows], number) == ([job_id], 2)
    assert db_util.get_logs(0, 0, include_count=True) == ((), 2)
    half_past = datetime(2026, 1, 1, 0, 30, tzinfo=timezone.utc)
    assert [log.log_message for log in db_util.get_logs(0, 10, to_date=half_past)] == ["first"]
    assert [log.process_name for log in db_util.get_logs(0, 10, job_id=str(job_id))] == ["a"]
    assert [log.process_name for log in db_util.get_logs(0, 10, process_name="b", log_level=LogLevel.INFO)] == ["b"]
    assert [log.log_time for log in db_util.get_logs(0, 10, order_by="Log Time", order_desc=False)] == [
        SITE_NOW,
        SITE_NOW + timedelta(hours=1),
    ]
    assert db_util.get_unique_log_process_names() == ("a", "b")


def test_secrets_do_not_get_into_the_log(connected: Database) -> None:
    key = crypto_util.generate_key()
    crypto_util.set_key(key)
    db_util.create_log("p", LogLevel.INFO, None, f"{connected.connection_string} and {key.decode()}")
    assert db_util.get_logs(0, 1)[0].log_message == "*** and ***"


def test_messages_of_elements_are_never_refused_and_hold_no_secret(connected: Database) -> None:
    crypto_util.set_key(key := crypto_util.generate_key())
    element = db_util.create_queue_element("work")
    long = f"begin {key.decode()}" + "x" * 2000 + "\0end"
    for write in (
        lambda: db_util.set_queue_element_status(element.id, QueueStatus.FAILED, long),
        lambda: db_util.update_queue_element(element.id, message=long),
    ):
        write()
        stored = db_util.get_queue_element(element.id).message
        assert stored is not None
        assert (stored[:10], stored[-4:], len(stored)) == ("begin ***x", "\ufffdend", 1000)
        db_util.update_queue_element(element.id, message="other")


def test_jobs(connected: Database, clock: SettableClock) -> None:
    job = db_util.start_job("process", "machine")
    assert (job.process_name, job.scheduler_name, job.status) == ("process", "machine", JobStatus.RUNNING)
    assert (job.start_time, job.end_time) == (SITE_NOW, None)
    clock.advance(timedelta(minutes=1))
    later = db_util.start_job("other", "machine")
    assert [found.id for found in db_util.get_jobs()] == [later.id, job.id]
    db_util.set_job_status(str(job.id), JobStatus.DONE)
    assert db_util.get_job(str(job.id)).end_time == SITE_NOW + timedelta(minutes=1)
    assert [found.id for found in db_util.get_jobs(JobStatus.DONE)] == [job.id]
    assert [found.id for found in db_util.get_jobs(process_name="other")] == [later.id]
    missing = uuid4()
    for call in (lambda: db_util.get_job(missing), lambda: db_util.set_job_status(missing, JobStatus.DONE)):
        with pytest.raises(ValueError, match="No job with the given id was found"):
            call()
    for wrong in (
        lambda: db_util.start_job("x" * 101, "machine"),
        lambda: db_util.set_job_status(job.id, "DONE"),  # type: ignore[arg-type]
        lambda: db_util.get_jobs("DONE"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidInputError):
            wrong()


def test_constants(connected: Database) -> None:
    db_util.create_constant("b", "1")
    db_util.create_constant("a", "2")
    db_util.update_constant("b", "3")
    assert [(one.name, one.value, one.changed_at) for one in db_util.get_constants()] == [
        ("a", "2", SITE_NOW),
        ("b", "3", SITE_NOW),
    ]
    with pytest.raises(AlreadyExistsError):
        db_util.create_constant("B", "4")
    db_util.delete_constant("b")
    for call in (lambda: db_util.get_constant("b"), lambda: db_util.delete_constant("b")):
        with pytest.raises(ValueError, match="No constant with name 'b' was found"):
            call()


def test_credentials(connected: Database) -> None:
    with pytest.raises(RuntimeError, match="Can't encrypt without an encryption key"):
        db_util.create_credential("c", "user", "secret")
    crypto_util.set_key(crypto_util.generate_key().decode())
    db_util.create_credential("c", "user", "secret")
    assert (db_util.get_credential("c").username, db_util.get_credential("c").password) == ("user", "secret")
    token = db_util.get_credential("c", decrypt_password=False).password
    assert crypto_util.decrypt_string(token) == "secret"
    db_util.update_credential("c", "u2", "new")
    assert [crypto_util.decrypt_string(one.password) for one in db_util.get_credentials()] == ["new"]
    crypto_util.set_key(crypto_util.generate_key())
    with pytest.raises(ValueError, match="Credential 'c'"):
        db_util.get_credential("c")
    assert db_util.get_credential("c", False).username == "u2"
    db_util.delete_credential("c")
    with pytest.raises(NotFoundError):
        db_util.update_credential("c", "u", "p")


def test_queue_elements(connected: Database, clock: SettableClock) -> None:
    made = db_util.create_queue_element("work", "a", "data", "me")
    clock.advance(timedelta(minutes=1))
    db_util.bulk_create_queue_elements("work", ["b", None], ("1", None), created_by="me")
    assert [element.reference for element in db_util.get_queue_elements("work")] == ["a", "b", None]
    assert [element.reference for element in db_util.get_queue_elements("work", order_desc=True)] == [None, "b", "a"]
    rows, number = db_util.get_queue_elements("work", limit=1, include_count=True)
    assert ([element.id for element in rows], number) == ([made.id], 3)
    aware = datetime(2026, 1, 1, 0, 1, tzinfo=timezone.utc)
    assert len(db_util.get_queue_elements("work", from_date=aware)) == 2
    assert db_util.get_queue_elements("work", search_term="at", order_by="reference")[0].id == made.id
    assert db_util.get_next_queue_element("work", set_status=False).status is QueueStatus.NEW
    element = db_util.get_next_queue_element("work", "a")
    assert (element.id, element.status, element.job_id) == (made.id, QueueStatus.IN_PROGRESS, None)
    db_util.set_queue_element_status(str(made.id), QueueStatus.DONE, "ok")
    assert db_util.get_queue_count() == {"work": {QueueStatus.DONE: 1, QueueStatus.NEW: 2}}
    done = db_util.get_queue_element(str(made.id))
    assert (done.message, done.end_date) == ("ok", SITE_NOW + timedelta(minutes=1))
    db_util.delete_queue_element(made.id)
    for call in (
        lambda: db_util.get_queue_element(made.id),
        lambda: db_util.delete_queue_element(made.id),
        lambda: db_util.update_queue_element(made.id, data="x"),
        lambda: db_util.set_queue_element_status(made.id, QueueStatus.DONE),
    ):
        with pytest.raises(ValueError, match="No queue element with the given id was found"):
            call()


def test_update_queue_element_leaves_what_is_not_given(connected: Database) -> None:
    made = db_util.create_queue_element("work", "r", "d", "me")
    end = datetime(2026, 7, 1, 10, tzinfo=timezone.utc)
    db_util.update_queue_element(str(made.id), status=QueueStatus.FAILED, message="m", end_date=end)
    element = db_util.get_queue_element(made.id)
    assert (element.reference, element.data, element.created_by, element.message) == ("r", "d", "me", "m")
    assert (element.status, element.start_date, element.end_date) == (
        QueueStatus.FAILED,
        None,
        datetime(2026, 7, 1, 12),
    )
    db_util.update_queue_element(made.id, reference="", data=None, created_date=SITE_NOW - timedelta(days=1))
    element = db_util.get_queue_element(made.id)
    assert (element.reference, element.data, element.created_date) == ("r", "d", SITE_NOW - timedelta(days=1))


def test_schedulers(connected: Database, clock: SettableClock) -> None:
    db_util.send_ping_from_scheduler("machine")
    clock.advance(timedelta(minutes=1))
    db_util.start_trigger_from_machine("machine", "trigger")
    db_util.start_trigger_from_machine("new", "trigger")
    first, second = db_util.get_schedulers()
    assert (first.machine_name, first.last_update) == ("machine", SITE_NOW)
    assert (first.latest_trigger, first.latest_trigger_time) == ("trigger", SITE_NOW + timedelta(minutes=1))
    assert second.machine_name == "new"
    for wrong in (
        lambda: db_util.send_ping_from_scheduler("x" * 101),
        lambda: db_util.start_trigger_from_machine("machine", ""),
    ):
        with pytest.raises(InvalidInputError):
            wrong()


def test_ids_are_uuids_whatever_they_were_given_as(connected: Database) -> None:
    trigger_id = db_util.create_queue_trigger("t", BASE[0], "work", *BASE[1:], 1, 0)
    assert isinstance(trigger_id, UUID)
    for given in (trigger_id, str(trigger_id), trigger_id.hex):
        assert db_util.get_trigger(given).id == trigger_id
