"""The published functions on the process-wide default database, for robots and scripts. Nothing of ours calls them.

Every function is one call to a store or claim in one transaction. Owns names, order and defaults of the arguments, as
earlier versions had them, and the conversion of ids and dates. Must hold no SQL.

Ids are UUIDs or their texts. Dates without a time zone are site time; those with one are converted. Objects that are
returned stay readable. All functions raise NotConnectedError (a RuntimeError) if ``connect`` was not called, and
InvalidInputError or NotFoundError (ValueErrors) for what cannot be stored or is not there, changing nothing.
"""

# ruff: noqa: PLR0917  (the signatures are published)

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import ConfigurationError, OpenOrchestratorError
from OpenOrchestrator.common.short_errors import shorten_errors_of
from OpenOrchestrator.database import default
from OpenOrchestrator.database import default_calls as calls
from OpenOrchestrator.database.constants import Constant, Credential
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.lifecycle import element_claims, element_creation
from OpenOrchestrator.database.lifecycle.element_creation import CreatedElements
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import (
    constants,
    credentials,
    data_schemas,
    jobs,
    logs,
    queue_counts,
    queue_elements,
    schedulers,
    trigger_input,
    triggers,
    validation,
)
from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger

if TYPE_CHECKING:
    from sqlalchemy import Engine

    _connection_engine: Engine | None

_log = logging.getLogger(__name__)

Id = UUID | str


def connect(conn_string: str) -> bool:
    """Make a database the default of this process, and tell whether it could be reached; if not, nothing changes.

    The reason of a failure goes to the log of the module ``logging``. A SQLite file that does not exist is made.
    """
    try:
        if not isinstance(conn_string, str):
            raise ConfigurationError(f"A connection string has to be a text, not {type(conn_string).__name__}.")
        database = Database(conn_string, create=True)
        database.verify()
    except OpenOrchestratorError as error:
        _log.error("%s", error)
        return False
    disconnect()
    default.set_default(database)
    return True


def disconnect() -> None:
    """Close the default database; there is none afterwards."""
    database = default.find_default()
    if database is not None:
        database.close()
    default.set_default(None)


def check_database_revision() -> bool:
    """Tell whether the database has the newest revision that this version knows."""
    return revisions.stored_revision(default.get_default()) == revisions.head_revision()


def get_conn_string() -> str:
    """Return the connection string of the default database, with its password."""
    return default.get_default().connection_string


def get_trigger(trigger_id: Id) -> Trigger:
    """Return a trigger, of the class of its kind."""
    wanted = validation.identifier(trigger_id, "trigger")
    return calls.found_trigger(wanted, default.get_default().read(lambda session: triggers.get(session, wanted)))


def get_all_triggers() -> tuple[Trigger, ...]:
    """Return all triggers by name."""
    return default.get_default().read(triggers.find_all)


def get_scheduled_triggers() -> tuple[ScheduledTrigger, ...]:
    """Return all scheduled triggers by name."""
    return cast("tuple[ScheduledTrigger, ...]", calls.triggers_of(TriggerType.SCHEDULED))


def get_single_triggers() -> tuple[SingleTrigger, ...]:
    """Return all single triggers by name."""
    return cast("tuple[SingleTrigger, ...]", calls.triggers_of(TriggerType.SINGLE))


def get_queue_triggers() -> tuple[QueueTrigger, ...]:
    """Return all queue triggers by name."""
    return cast("tuple[QueueTrigger, ...]", calls.triggers_of(TriggerType.QUEUE))


def update_trigger(trigger: Trigger) -> None:
    """Save what was changed on a trigger that a getter returned; the rest stays as it is in the database by now."""
    database = default.get_default()
    changes = trigger_input.changes_of(trigger)
    stored = trigger_input.checked(changes, dialect_name=database.dialect_name, zone=database.zone)
    saved = calls.write(lambda session: triggers.update(session, trigger.id, stored, zone=database.zone))
    calls.found_trigger(trigger.id, saved or None)
    trigger_input.mark_saved(trigger)


def delete_trigger(trigger_id: Id) -> None:
    """Delete a trigger; a run of it that goes on may end."""
    wanted = validation.identifier(trigger_id, "trigger")
    calls.found_trigger(
        wanted,
        calls.write(
            lambda session: triggers.delete(session, wanted) or None,
            lambda session: triggers.get(session, wanted) is None or None,
        ),
    )


def set_trigger_status(trigger_id: Id, status: TriggerStatus) -> None:
    """Set the status of a trigger whatever it was."""
    wanted = validation.identifier(trigger_id, "trigger")
    new = validation.member(status, TriggerStatus, "status of a trigger")
    calls.found_trigger(wanted, calls.write(lambda session: triggers.set_status(session, wanted, new) or None))


def begin_single_trigger(trigger_id: Id) -> bool:
    """Set an idle single trigger to Running; False if it is not idle. Of several callers exactly one gets True."""
    return calls.begin_trigger(trigger_id, SingleTrigger, triggers.begin_single)


def begin_scheduled_trigger(trigger_id: Id) -> bool:
    """Set an idle scheduled trigger to Running and its next run to the next due time; False if it is not idle."""
    return calls.begin_trigger(trigger_id, ScheduledTrigger, triggers.begin_scheduled)


def begin_queue_trigger(trigger_id: Id) -> bool:
    """Set an idle queue trigger to Running; False if it is not idle. Of several callers exactly one gets True."""
    return calls.begin_trigger(trigger_id, QueueTrigger, triggers.begin_queue)


def get_pending_single_triggers() -> list[SingleTrigger]:
    """Return the idle single triggers that are due."""
    return cast("list[SingleTrigger]", calls.pending_triggers(TriggerType.SINGLE))


def get_pending_scheduled_triggers() -> list[ScheduledTrigger]:
    """Return the idle scheduled triggers that are due."""
    return cast("list[ScheduledTrigger]", calls.pending_triggers(TriggerType.SCHEDULED))


def get_pending_queue_triggers() -> list[QueueTrigger]:
    """Return the idle queue triggers whose queue has as many New elements as they want."""
    return cast("list[QueueTrigger]", calls.pending_triggers(TriggerType.QUEUE))


def create_single_trigger(
    trigger_name: str,
    process_name: str,
    next_run: datetime,
    process_path: str,
    process_args: str,
    is_git_repo: bool,
    is_blocking: bool,
    priority: int,
    scheduler_whitelist: list[str] | None = None,
    git_branch: str | None = None,
) -> UUID:
    """Add a trigger that runs once, and return its id."""
    return calls.create_trigger(triggers.create_single, locals())


def create_scheduled_trigger(
    trigger_name: str,
    process_name: str,
    cron_expr: str,
    next_run: datetime,
    process_path: str,
    process_args: str,
    is_git_repo: bool,
    is_blocking: bool,
    priority: int,
    scheduler_whitelist: list[str] | None = None,
    git_branch: str | None = None,
) -> UUID:
    """Add a trigger that runs at ``next_run`` and from then on by its cron expression, and return its id."""
    return calls.create_trigger(triggers.create_scheduled, locals())


def create_queue_trigger(
    trigger_name: str,
    process_name: str,
    queue_name: str,
    process_path: str,
    process_args: str,
    is_git_repo: bool,
    is_blocking: bool,
    min_batch_size: int,
    priority: int,
    scheduler_whitelist: list[str] | None = None,
    git_branch: str | None = None,
) -> UUID:
    """Add a trigger that runs while a queue has at least ``min_batch_size`` New elements, and return its id."""
    return calls.create_trigger(triggers.create_queue, locals(), timed=False)


def get_logs(
    offset: int,
    limit: int | None,
    from_date: datetime | None = None,
    to_date: datetime | None = None,
    process_name: str | None = None,
    log_level: LogLevel | None = None,
    job_id: Id | None = None,
    order_by: str | None = None,
    order_desc: bool = True,
    include_count: bool = False,
) -> tuple[Log, ...] | tuple[tuple[Log, ...], int]:
    """Return log messages, the newest first; with ``include_count`` also how many there are without the limit.

    Both dates are included. ``order_by`` is the name of a column.
    """
    wanted = logs.LogFilter(
        from_date=calls.site_time(from_date, "from_date"),
        to_date=calls.site_time(to_date, "to_date"),
        process_name=process_name,
        log_level=log_level,
        job_id=validation.optional_identifier(job_id, "job"),
    )
    return default.get_default().read(
        lambda session: calls.page(
            include_count,
            logs.select(session, wanted, order_by=order_by, descending=order_desc, offset=offset, limit=limit),
            lambda: logs.count(session, wanted),
        )
    )


def create_log(process_name: str, level: LogLevel, job_id: Id | None, message: object) -> None:
    """Write a log message of any type and length; connection string, its password and the key are redacted."""
    text = calls.redacted(message)
    job = validation.optional_identifier(job_id, "job")
    now, log_id = default.get_default().site_now(), uuid4()
    calls.write(
        lambda session: logs.insert(
            session, process_name=process_name, level=level, job_id=job, message=text, log_time=now, log_id=log_id
        ),
        lambda session: log_id if logs.exists(session, log_id) else None,
    )


def get_unique_log_process_names() -> tuple[str, ...]:
    """Return the names of all processes that ever logged, in order."""
    return default.get_default().read(logs.process_names)


def get_jobs(status: JobStatus | None = None, process_name: str | None = None) -> tuple[Job, ...]:
    """Return jobs, the newest first."""
    wanted = validation.optional_member(status, JobStatus, "status of a job")
    job_filter = jobs.JobFilter(statuses=None if wanted is None else (wanted,), process_name=process_name)
    return default.get_default().read(lambda session: jobs.find(session, job_filter))


def start_job(process_name: str, scheduler_name: str) -> Job:
    """Add a Running job that belongs to no trigger, and return it."""
    process = validation.name(process_name, "process name", 100, default.get_default().dialect_name)
    scheduler = validation.name(scheduler_name, "scheduler name", 100, default.get_default().dialect_name)
    now = default.get_default().site_now()
    job_id = calls.write(lambda session: jobs.start(session, process, scheduler, site_now=now))
    return get_job(job_id)


def set_job_status(job_id: Id, status: JobStatus) -> None:
    """Set the status of a job whatever it was; an end sets its end time."""
    wanted = validation.identifier(job_id, "job")
    new = validation.member(status, JobStatus, "status of a job")
    now = default.get_default().site_now()
    calls.found_job(wanted, calls.write(lambda session: jobs.set_status(session, wanted, new, site_now=now) or None))


def get_job(job_id: Id) -> Job:
    """Return a job, whether it has ended or not."""
    wanted = validation.identifier(job_id, "job")
    return calls.found_job(wanted, default.get_default().read(lambda session: jobs.get(session, wanted)))


def get_constant(name: str) -> Constant:
    """Return a constant as it is in the database now."""
    return default.get_default().read(lambda session: constants.get(session, name))


def get_constants() -> tuple[Constant, ...]:
    """Return all constants by name."""
    return default.get_default().read(constants.get_all)


def create_constant(name: str, value: str) -> None:
    """Add a constant; refused if there is one of this name, whatever its case."""
    now = default.get_default().site_now()
    calls.write(
        lambda session: constants.create(session, name, value, now=now),
        lambda session: constants.has(session, Constant, name, {"changed_at": now}) or None,
    )


def update_constant(name: str, new_value: str) -> None:
    """Give a constant a new value."""
    now = default.get_default().site_now()
    calls.write(
        lambda session: constants.update(session, name, new_value, now=now),
        lambda session: constants.has(session, Constant, name, {"changed_at": now}) or None,
    )


def delete_constant(name: str) -> None:
    """Delete a constant; robots that ask for it from now on fail."""
    calls.write(lambda session: constants.delete(session, name))


def get_credential(name: str, decrypt_password: bool = True) -> Credential:
    """Return a credential, with its password in clear text or, on demand, as it is stored."""
    found = default.get_default().read(lambda session: credentials.get(session, name))
    return credentials.decrypted(found, crypto_util.get_key()) if decrypt_password else found


def get_credentials() -> tuple[Credential, ...]:
    """Return all credentials by name, with their passwords still encrypted."""
    return default.get_default().read(credentials.get_all)


def create_credential(name: str, username: str, password: str, *, fields: Mapping[str, str] | None = None) -> None:
    """Add a credential, its password and further fields encrypted; refused if there is one of this name."""
    stored = calls.credential_values(username, password, fields)
    calls.write(
        lambda session: credentials.create(session, name, stored),
        lambda session: constants.has(session, Credential, name, stored) or None,
    )


def update_credential(
    name: str, new_username: str, new_password: str, *, fields: Mapping[str, str] | None = None
) -> None:
    """Give a credential a new user name and password, and new fields in the place of those that it has, if given."""
    stored = calls.credential_values(new_username, new_password, fields)
    calls.write(
        lambda session: credentials.update(session, name, stored),
        lambda session: constants.has(session, Credential, name, stored) or None,
    )


def delete_credential(name: str) -> None:
    """Delete a credential; robots that ask for it from now on fail."""
    calls.write(lambda session: credentials.delete(session, name))


def create_queue_element(
    queue_name: str,
    reference: str | None = None,
    data: str | None = None,
    created_by: str | None = None,
    *,
    priority: int | None = None,
    not_before: datetime | timedelta | None = None,
    deadline: datetime | timedelta | None = None,
    unique: bool = False,
    parent: QueueElement | UUID | str | None = None,
) -> QueueElement:
    """Add a New element to a queue, and return it; or the element that has its reference, if that is taken."""
    database = default.get_default()
    wishes = element_creation.wishes_of(
        database, priority=priority, not_before=not_before, deadline=deadline, unique=unique, parent=parent
    )
    return element_creation.create(
        database,
        queue_name=queue_name,
        reference=reference,
        data=data,
        created_by=created_by,
        created_date=database.site_now(),
        element_id=uuid4(),
        wishes=wishes,
    )


def bulk_create_queue_elements(
    queue_name: str,
    references: Iterable[str | None],
    data: Iterable[str | None],
    created_by: str | None = None,
    *,
    priority: int | None = None,
    not_before: datetime | timedelta | None = None,
    deadline: datetime | timedelta | None = None,
    unique: bool = False,
    parent: QueueElement | UUID | str | None = None,
) -> CreatedElements:
    """Add many New elements to a queue, all or none, and return what became of them; this is their order."""
    database = default.get_default()
    rows = queue_elements.new_rows(
        database.dialect_name, queue_name=queue_name, references=references, data=data, created_by=created_by
    )
    data_schemas.require_rows_fit(database, rows)
    wishes = element_creation.wishes_of(
        database, priority=priority, not_before=not_before, deadline=deadline, unique=unique, parent=parent
    )
    return element_creation.create_many(database, rows, created_date=database.site_now(), wishes=wishes)


def get_next_queue_element(
    queue_name: str, reference: str | None = None, set_status: bool = True
) -> QueueElement | None:
    """Hand out the first New element of a queue, exactly once; with ``set_status=False`` only return it."""
    hand_out = element_claims.claim_next if set_status else element_claims.peek_next
    return hand_out(default.get_default(), queue_name, reference=reference)


def get_queue_elements(
    queue_name: str,
    reference: str | None = None,
    status: QueueStatus | None = None,
    from_date: datetime | None = None,
    to_date: datetime | None = None,
    offset: int = 0,
    limit: int | None = 100,
    search_term: str | None = None,
    order_by: str | None = None,
    order_desc: bool = False,
    include_count: bool = False,
) -> tuple[QueueElement, ...] | tuple[tuple[QueueElement, ...], int]:
    """Return elements of a queue, the oldest first; with ``include_count`` also how many there are without the limit.

    Both dates are included. ``search_term`` is a part of reference, data or message. ``order_by`` names a column.
    """
    wanted = queue_elements.ElementFilter(
        queue_name=queue_name,
        reference=reference,
        status=status,
        from_date=calls.site_time(from_date, "from_date"),
        to_date=calls.site_time(to_date, "to_date"),
        search_term=search_term,
    )
    return default.get_default().read(
        lambda session: calls.page(
            include_count,
            queue_elements.select(
                session, wanted, order_by=order_by, descending=order_desc, offset=offset, limit=limit
            ),
            lambda: queue_elements.count(session, wanted),
        )
    )


def get_queue_element(element_id: Id) -> QueueElement:
    """Return a queue element without taking it."""
    wanted = validation.identifier(element_id, "queue element")
    return default.get_default().read(lambda session: queue_elements.get(session, wanted))


def update_queue_element(
    element_id: Id,
    reference: str | None = None,
    status: QueueStatus | None = None,
    data: str | None = None,
    message: object = None,
    created_by: str | None = None,
    created_date: datetime | None = None,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
) -> None:
    """Change what is given of a queue element; None and empty texts leave the rest as it is, dates too.

    The message is taken as ``create_log`` takes one.
    """
    wanted = validation.identifier(element_id, "queue element")
    given = {
        "reference": reference,
        "status": status,
        "data": data,
        "message": message,
        "created_by": created_by,
        "created_date": calls.site_time(created_date, "created_date"),
        "start_date": calls.site_time(start_date, "start_date"),
        "end_date": calls.site_time(end_date, "end_date"),
    }
    changes = {name: value for name, value in given.items() if value not in (None, "")}
    if "message" in changes:
        changes["message"] = calls.redacted(message)
    calls.write(lambda session: queue_elements.update(session, wanted, changes))


def get_queue_count() -> dict[str, dict[QueueStatus, int]]:
    """Return how many elements each queue has in each status it has any in."""
    return default.get_default().read(queue_counts.count_by_status)


def set_queue_element_status(element_id: Id, status: QueueStatus, message: object = None) -> None:
    """Set the status of a queue element whoever holds it; an end sets its end date.

    In Progress sets its start date, unless somebody is at work on it already.

    The message is taken as ``create_log`` takes one: of any type, redacted, shortened if it is too long.
    """
    wanted = validation.identifier(element_id, "queue element")
    now = default.get_default().site_now()
    text = None if message is None else calls.redacted(message)
    calls.write(lambda session: queue_elements.set_status(session, wanted, status, message=text, now=now))


def delete_queue_element(element_id: Id) -> None:
    """Delete a queue element, whoever holds it."""
    wanted = validation.identifier(element_id, "queue element")
    calls.write(
        lambda session: queue_elements.delete(session, wanted),
        lambda session: None if queue_elements.exists(session, wanted) else True,
    )


def get_schedulers() -> tuple[Scheduler, ...]:
    """Return all schedulers by name."""
    return default.get_default().read(schedulers.find_all)


def send_ping_from_scheduler(machine_name: str) -> None:
    """Note that a scheduler was seen now."""
    database = default.get_default()
    name = validation.name(machine_name, "machine name", 100, database.dialect_name)
    now = database.site_now()
    calls.write(lambda session: schedulers.ping(session, name, site_now=now))


def start_trigger_from_machine(machine_name: str, trigger_name: str) -> None:
    """Note that a scheduler started a trigger now."""
    database = default.get_default()
    name = validation.name(machine_name, "machine name", 100, database.dialect_name)
    trigger = validation.name(trigger_name, "trigger name", 100, database.dialect_name)
    now = database.site_now()
    calls.write(lambda session: schedulers.record_trigger(session, name, trigger, site_now=now))


def __getattr__(name: str) -> Any:
    # Test helpers of robots read the engine under this name to make tables of their own.
    if name == "_connection_engine":
        database = default.find_default()
        return None if database is None else database.engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


shorten_errors_of(globals())
