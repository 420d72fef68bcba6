"""A connection for unit tests of robots: a database in memory, with what the test puts into it.

Owns that it needs no key, no server and no environment, and that two of them do not see one another. Loaded by
``OrchestratorConnection.for_testing`` alone.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.database import default
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Base, Job, Log, SingleTrigger
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, TriggerStatus
from OpenOrchestrator.database.stores import queue_elements, sample_data, triggers, validation
from OpenOrchestrator.database.stores.logs import PROCESS_NAME_LENGTH
from OpenOrchestrator.database.stores.sample_data import SampleCredential, SampleData, SampleElement

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Self

    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

SHARED_MEMORY_SINCE = (3, 36, 0)
"""From this SQLite on, several connections of a process can share a database in memory, with the locks of a file."""

SCHEDULER_NAME = "for_testing"

_ELEMENT_KEYS = frozenset({"reference", "data"})


@with_short_errors
class Testing:
    """What a robot left behind on the connection that ``for_testing`` made, to be asserted on.

    Args:
        database: Its database.
        trigger_id: Of its trigger.
        job_id: Of its job.
    """

    __test__ = False  # or pytest takes it for a class of tests

    def __init__(self, database: Database, trigger_id: UUID, job_id: UUID) -> None:
        self._database = database
        self._trigger_id = trigger_id
        self._job_id = job_id

    @property
    def logs(self) -> list[str]:
        """All log messages, of any level, in the order in which they were written."""
        return self._messages(None)

    @property
    def errors(self) -> list[str]:
        """The log messages at the level Error, in the order in which they were written."""
        return self._messages(LogLevel.ERROR)

    def elements(self, queue_name: str) -> tuple[QueueElement, ...]:
        """Return all elements of a queue as they are now, in the order in which they were made."""
        wanted = queue_elements.ElementFilter(queue_name=queue_name)
        return self._database.read(lambda session: queue_elements.select(session, wanted))

    @property
    def job(self) -> Job:
        """The job of the robot as it is now, with the ``title`` and the ``partial_message`` that the robot told."""
        return self._database.read(lambda session: session.get_one(Job, self._job_id))

    def ask_to_end(self) -> None:
        """Ask the robot to come to an end, as when somebody pauses its trigger: a loop of ``work`` takes no more."""
        self._database.write(lambda session: triggers.request_pause(session, self._trigger_id))

    def _messages(self, level: LogLevel | None) -> list[str]:
        # SQLite counts rows as they are inserted; the clock may give several the same time.
        query = sa.select(Log.log_message).order_by(sa.text("rowid"))
        if level is not None:
            query = query.where(Log.log_level == level)
        return list(self._database.read(lambda session: session.scalars(query).all()))


class InMemory:
    """What a connection for tests has besides those of robots. Leaving its ``with`` block deletes its data.

    Attributes:
        testing: What the robot left behind.
    """

    testing: Testing
    _kept: ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        connection = cast("OrchestratorConnection", self)
        connection.close()
        self._kept.close()


if TYPE_CHECKING:

    class InMemoryConnection(InMemory, OrchestratorConnection):
        """What ``OrchestratorConnection.for_testing`` returns; of a class that inherits it, an object of that."""

else:
    InMemoryConnection = InMemory


def make(
    kind: type[OrchestratorConnection],
    *,
    process_name: str,
    arguments: object,
    constants: Mapping[str, str] | None,
    credentials: Mapping[str, tuple[str, str] | tuple[str, str, Mapping[str, str]]] | None,
    elements: Mapping[str, Sequence[Mapping[str, Any]]] | None,
) -> InMemoryConnection:
    """Return a connection to a database of its own. The arguments are those of ``for_testing``.

    Raises:
        InvalidInputError: If something cannot be stored.
    """
    given = _sample(constants, credentials, elements)
    name = validation.text(process_name, "process name", PROCESS_NAME_LENGTH, "sqlite")
    key = crypto_util.generate_key().decode("ascii")
    former = default.find_default(), crypto_util.get_key()
    with ExitStack() as kept:
        connection_string = _new_database(kept)
        database = Database(connection_string)
        kept.callback(database.close)
        Base.metadata.create_all(database.engine)
        now = database.site_now()
        trigger_id, job_id = uuid4(), uuid4()
        database.write(lambda session: session.add_all(_started(name, trigger_id, job_id, now)))
        database.write(lambda session: sample_data.store(session, given, key=key, now=now))
        made = type("InMemoryConnection", (InMemory, kind), {})(
            name, connection_string, key, _text(arguments, "arguments") or "", trigger_id, job_id
        )
        kept.callback(_restore_default, made._database, *former)
        made.testing = Testing(database, trigger_id, job_id)
        made._kept = kept.pop_all()
    return cast("InMemoryConnection", made)


def _new_database(kept: ExitStack) -> str:
    """Return the connection string of a database without tables, which is there until the stack is closed."""
    if sqlite3.sqlite_version_info >= SHARED_MEMORY_SINCE:
        name = f"file:/openorchestrator-{uuid4()}?vfs=memdb"
        # A database in memory is there as long as one connection has it open.
        kept.enter_context(closing(sqlite3.connect(name, uri=True, check_same_thread=False)))
        return f"sqlite+pysqlite:///{name}&uri=true"
    folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="openorchestrator-", ignore_cleanup_errors=True))
    sqlite3.connect(Path(folder) / "test.db").close()
    return f"sqlite+pysqlite:///{Path(folder).as_posix()}/test.db"


def _started(process_name: str, trigger_id: UUID, job_id: UUID, now: datetime) -> list[Any]:
    """Return the rows of a robot that a scheduler has just started."""
    trigger = SingleTrigger(
        id=trigger_id,
        trigger_name=process_name,
        process_name=process_name,
        process_path="",
        process_status=TriggerStatus.RUNNING,
        is_git_repo=False,
        is_blocking=False,
        next_run=now,
    )
    job = Job(
        id=job_id,
        process_name=process_name,
        scheduler_name=SCHEDULER_NAME,
        status=JobStatus.RUNNING,
        start_time=now,
        trigger_id=trigger_id,
        trigger_name=process_name,
    )
    return [trigger, job]


def _restore_default(database: Database, former: Database | None, former_key: crypto_util.Key) -> None:
    """Let ``db_util`` work on what it worked on before, unless somebody connected it to something else meanwhile."""
    if default.find_default() is database:
        default.set_default(former)
        crypto_util.set_key(former_key)


def _sample(
    constants: Mapping[str, str] | None,
    credentials: Mapping[str, tuple[str, str] | tuple[str, str, Mapping[str, str]]] | None,
    elements: Mapping[str, Sequence[Mapping[str, Any]]] | None,
) -> SampleData:
    return SampleData(
        constants=dict(constants or {}),
        credentials={name: _credential(name, value) for name, value in (credentials or {}).items()},
        elements={queue: [_element(queue, each) for each in given] for queue, given in (elements or {}).items()},
    )


def _credential(name: str, value: object) -> SampleCredential:
    if not isinstance(value, tuple) or len(value) not in (2, 3):
        raise InvalidInputError(
            f"The credential {name!r} has to be a tuple of user name and password, and perhaps a mapping of fields."
        )
    return SampleCredential(*value)


def _element(queue: str, given: object) -> SampleElement:
    if not isinstance(given, Mapping) or not _ELEMENT_KEYS.issuperset(given):
        raise InvalidInputError(
            f"An element of the queue {queue!r} has to be a mapping with the keys reference and data, both optional, "
            f'such as {{"reference": "1001", "data": {{"amount": 2}}}}, not {given!r}.'
        )
    return SampleElement(given.get("reference"), _text(given.get("data"), "data"))


def _text(value: object, what: str) -> str | None:
    """Return a text as it is, and anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"The {what} {value!r} cannot be written as JSON: {error}.") from error
