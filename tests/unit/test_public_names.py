"""The names that robots and scripts in service import, call and read: none may go, and none may be called otherwise.

Robots pin a version each and are moved one at a time, so what is listed here is a promise. A function may get further
arguments, if they are optional and come last.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util, datetime_util
from OpenOrchestrator.database import constants, db_util, jobs, logs, queues, schedulers, triggers
from OpenOrchestrator.database.base import Base
from OpenOrchestrator.orchestrator_connection import connection
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

IMPORTS = """
OpenOrchestrator.orchestrator_connection.connection: OrchestratorConnection QueueElement QueueStatus
OpenOrchestrator.database.queues: QueueElement QueueStatus
OpenOrchestrator.database.logs: Log LogLevel
OpenOrchestrator.database.constants: Constant Credential
OpenOrchestrator.database.triggers: Trigger SingleTrigger ScheduledTrigger QueueTrigger TriggerStatus TriggerType
OpenOrchestrator.database.jobs: Job JobStatus
OpenOrchestrator.database.schedulers: Scheduler
OpenOrchestrator.database.base: Base
OpenOrchestrator.database: db_util
OpenOrchestrator.common: crypto_util datetime_util
"""

# As they are declared, without types.
CONNECTION = """
log_trace(message)
log_info(message)
log_error(message)
get_constant(constant_name)
get_credential(credential_name)
update_constant(constant_name, new_value)
update_credential(credential_name, new_username, new_password)
create_queue_element(queue_name, reference=None, data=None, created_by=None)
bulk_create_queue_elements(queue_name, references, data, created_by=None)
get_next_queue_element(queue_name, reference=None, set_status=True)
get_queue_elements(queue_name, reference=None, status=None, offset=0, limit=100, from_date=None, to_date=None)
set_queue_element_status(element_id, status, message=None)
delete_queue_element(element_id)
is_trigger_pausing()
pause_my_trigger()
create_connection_from_args()
"""

_TRIGGER = "process_path, process_args, is_git_repo, is_blocking"
_LAST = "priority, scheduler_whitelist=None, git_branch=None"
DB_UTIL = f"""
connect(conn_string)
disconnect()
check_database_revision()
get_conn_string()
get_trigger(trigger_id)
get_all_triggers()
get_scheduled_triggers()
get_single_triggers()
get_queue_triggers()
update_trigger(trigger)
delete_trigger(trigger_id)
set_trigger_status(trigger_id, status)
begin_single_trigger(trigger_id)
begin_scheduled_trigger(trigger_id)
begin_queue_trigger(trigger_id)
get_pending_single_triggers()
get_pending_scheduled_triggers()
get_pending_queue_triggers()
create_single_trigger(trigger_name, process_name, next_run, {_TRIGGER}, {_LAST})
create_scheduled_trigger(trigger_name, process_name, cron_expr, next_run, {_TRIGGER}, {_LAST})
create_queue_trigger(trigger_name, process_name, queue_name, {_TRIGGER}, min_batch_size, {_LAST})
get_logs(offset, limit, from_date=None, to_date=None, process_name=None, log_level=None, job_id=None, order_by=None, \
order_desc=True, include_count=False)
create_log(process_name, level, job_id, message)
get_unique_log_process_names()
get_jobs(status=None, process_name=None)
start_job(process_name, scheduler_name)
set_job_status(job_id, status)
get_job(job_id)
get_constant(name)
get_constants()
create_constant(name, value)
update_constant(name, new_value)
delete_constant(name)
get_credential(name, decrypt_password=True)
get_credentials()
create_credential(name, username, password)
update_credential(name, new_username, new_password)
delete_credential(name)
create_queue_element(queue_name, reference=None, data=None, created_by=None)
bulk_create_queue_elements(queue_name, references, data, created_by=None)
get_next_queue_element(queue_name, reference=None, set_status=True)
get_queue_elements(queue_name, reference=None, status=None, from_date=None, to_date=None, offset=0, limit=100, \
search_term=None, order_by=None, order_desc=False, include_count=False)
get_queue_element(element_id)
update_queue_element(element_id, reference=None, status=None, data=None, message=None, created_by=None, \
created_date=None, start_date=None, end_date=None)
get_queue_count()
set_queue_element_status(element_id, status, message=None)
delete_queue_element(element_id)
get_schedulers()
send_ping_from_scheduler(machine_name)
start_trigger_from_machine(machine_name, trigger_name)
"""

CRYPTO_UTIL = """
generate_key()
set_key(key)
get_key()
encrypt_string(data)
decrypt_string(data)
validate_key(key)
"""

DATETIME_UTIL = """
format_datetime(datetime_, default='N/A')
"""

# Attributes of the classes, which are the columns of the tables at the same time.
COLUMNS: dict[Any, str] = {
    queues.QueueElement: "id queue_name status data reference created_date start_date end_date message created_by",
    logs.Log: "id log_time log_level process_name job_id log_message",
    jobs.Job: "id process_name scheduler_name status start_time end_time",
    triggers.Trigger: "id trigger_name process_name last_run process_path process_args process_status is_git_repo "
    "git_branch is_blocking scheduler_whitelist priority type",
    triggers.SingleTrigger: "id next_run",
    triggers.ScheduledTrigger: "id cron_expr next_run",
    triggers.QueueTrigger: "id queue_name min_batch_size",
    constants.Constant: "name value changed_at",
    constants.Credential: "name username password changed_at",
    schedulers.Scheduler: "machine_name last_update latest_trigger latest_trigger_time",
}
TABLES = {
    queues.QueueElement: "Queues",
    logs.Log: "Logs",
    jobs.Job: "Jobs",
    triggers.Trigger: "Triggers",
    triggers.SingleTrigger: "Single_Triggers",
    triggers.ScheduledTrigger: "Scheduled_Triggers",
    triggers.QueueTrigger: "Queue_Triggers",
    constants.Constant: "Constants",
    constants.Credential: "Credentials",
    schedulers.Scheduler: "Schedulers",
}

# Exactly these: an older library raises on a name that it does not know.
FIXED_MEMBERS = {
    triggers.TriggerStatus: {
        "IDLE": "Idle",
        "RUNNING": "Running",
        "FAILED": "Failed",
        "DONE": "Done",
        "PAUSED": "Paused",
        "PAUSING": "Pausing",
        "KILLING": "Killing",
        "KILLED": "Killed",
    },
    triggers.TriggerType: {"SINGLE": "Single", "SCHEDULED": "Scheduled", "QUEUE": "Queue"},
    queues.QueueStatus: {
        "NEW": "New",
        "IN_PROGRESS": "In Progress",
        "DONE": "Done",
        "FAILED": "Failed",
        "ABANDONED": "Abandoned",
    },
    logs.LogLevel: {"TRACE": "Trace", "INFO": "Info", "ERROR": "Error"},
}


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    db_util.disconnect()
    crypto_util.set_key(None)


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def promised(line: str) -> tuple[str, inspect.Signature]:
    """Return name and signature of a function as it is declared in a list above."""
    name, _, rest = line.partition("(")
    made = eval(f"lambda {rest.removesuffix(')')}: None")
    return name, inspect.signature(made)


def assert_keeps(function: Callable[..., Any], wanted: inspect.Signature) -> None:
    """Assert that every call that fits the promise fits the function."""
    actual = [each.replace(annotation=each.empty) for each in inspect.signature(function).parameters.values()]
    expected = list(wanted.parameters.values())
    # What may be left out now could not be before: every call still fits.
    promised = [
        mine.replace(default=mine.empty) if theirs.default is theirs.empty else mine
        for mine, theirs in zip(actual, expected, strict=False)
    ]
    assert promised == expected
    for further in actual[len(expected) :]:
        assert further.default is not further.empty, f"{further} is not optional"


@pytest.mark.parametrize("line", lines(IMPORTS))
def test_import_paths_stay(line: str) -> None:
    module_name, names = line.split(": ")
    module = importlib.import_module(module_name)
    for name in names.split():
        if not hasattr(module, name):
            importlib.import_module(f"{module_name}.{name}")


def test_the_connection_has_the_same_queue_names() -> None:
    assert connection.QueueElement is queues.QueueElement
    assert connection.QueueStatus is queues.QueueStatus


def test_the_connection_is_made_as_ever() -> None:
    _, wanted = promised(
        "x(process_name, connection_string, crypto_key, process_arguments, trigger_id=None, job_id=None)"
    )
    assert_keeps(OrchestratorConnection, wanted)
    assert inspect.ismethod(OrchestratorConnection.create_connection_from_args), "called on the class"


@pytest.mark.parametrize("line", lines(CONNECTION))
def test_methods_of_the_connection_stay(line: str) -> None:
    name, wanted = promised(line)
    method = inspect.getattr_static(OrchestratorConnection, name)
    if isinstance(method, classmethod):
        assert_keeps(getattr(OrchestratorConnection, name), wanted)
    else:
        assert_keeps(method.__get__(object()), wanted)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param(module, line, id=f"{module.__name__.rpartition('.')[2]}.{line.partition('(')[0]}")
        for module, text in ((db_util, DB_UTIL), (crypto_util, CRYPTO_UTIL), (datetime_util, DATETIME_UTIL))
        for line in lines(text)
    ],
)
def test_functions_stay(module: Any, line: str) -> None:
    name, wanted = promised(line)
    assert_keeps(getattr(module, name), wanted)


def test_test_helpers_find_the_engine(tmp_path: Any) -> None:
    assert db_util._connection_engine is None
    url = f"sqlite+pysqlite:///{(tmp_path / 'a.db').as_posix()}"
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    db_util.connect(url)
    assert isinstance(db_util._connection_engine, sa.Engine)


@pytest.mark.parametrize("model", COLUMNS, ids=lambda model: model.__name__)
def test_attributes_and_columns_stay(model: Any) -> None:
    names = COLUMNS[model].split()
    assert model.__table__.name == TABLES[model]
    assert set(names) <= set(model.__table__.columns.keys())
    for name in names:
        assert hasattr(model, name)


@pytest.mark.parametrize("model", COLUMNS, ids=lambda model: model.__name__)
def test_rows_of_older_clients_are_complete_without_newer_columns(model: Any) -> None:
    known = COLUMNS[model].split()
    for column in model.__table__.columns:
        assert column.name in known or column.nullable or column.server_default is not None, column


@pytest.mark.parametrize("enumeration", FIXED_MEMBERS, ids=lambda enumeration: enumeration.__name__)
def test_members_stay_and_no_new_ones_come(enumeration: Any) -> None:
    assert {member.name: member.value for member in enumeration} == FIXED_MEMBERS[enumeration]


def test_statuses_of_jobs_stay() -> None:
    assert {"RUNNING", "DONE", "FAILED", "KILLED"} <= set(jobs.JobStatus.__members__)


def test_elements_can_be_built_by_hand() -> None:
    element = queues.QueueElement(queue_name="q", reference="r", data="d", status=queues.QueueStatus.NEW)
    assert (element.queue_name, element.reference, element.data) == ("q", "r", "d")
    assert (element.status, element.message, element.created_by) == (queues.QueueStatus.NEW, None, None)


def test_process_name_and_arguments_can_be_read_and_assigned(tmp_path: Any) -> None:
    url = f"sqlite+pysqlite:///{(tmp_path / 'a.db').as_posix()}"
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    job_id = UUID(int=1)
    robot = OrchestratorConnection("p", url, crypto_util.generate_key().decode(), "a", None, str(job_id))
    try:
        assert (robot.process_name, robot.process_arguments) == ("p", "a")
        robot.process_name, robot.process_arguments = "other", '{"a": 1}'
        assert (robot.process_name, robot.process_arguments) == ("other", '{"a": 1}')
    finally:
        robot.close()


def test_a_key_is_bytes_as_its_maker_returns_it() -> None:
    assert isinstance(crypto_util.generate_key(), bytes)
