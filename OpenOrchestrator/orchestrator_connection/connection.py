"""The connection that robots work with: log, constants, credentials, queues, and their own trigger.

Owns the published names. Importing it loads no database library; connecting loads what that needs, and the first call
loads the models with ``robot_calls``, because a robot waits for all of it. Must never load what only the scheduler,
the app or migrations need.
"""

from __future__ import annotations

import copy
import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from OpenOrchestrator.common import crypto_util, secret_markers
from OpenOrchestrator.common.errors import BusinessError, ConfigurationError, MissingArgumentError, TooManyErrorsError
from OpenOrchestrator.common.redaction import secrets_of
from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.database.statuses import LogLevel, QueueStatus, TriggerStatus
from OpenOrchestrator.orchestrator_connection.collector import collector_paused
from OpenOrchestrator.orchestrator_connection.logging_calls import Logging
from OpenOrchestrator.orchestrator_connection.named_values import NamedValues
from OpenOrchestrator.orchestrator_connection.reporting import Reporting
from OpenOrchestrator.orchestrator_connection.steering import Steering
from OpenOrchestrator.orchestrator_connection.testable import Testable
from OpenOrchestrator.orchestrator_connection.working import Working

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from OpenOrchestrator.database.constants import Constant, Credential
    from OpenOrchestrator.database.lifecycle.element_creation import CreatedElements
    from OpenOrchestrator.database.lifecycle.held_tokens import HeldTokens
    from OpenOrchestrator.database.queues import QueueElement
    from OpenOrchestrator.orchestrator_connection.robot_calls import RobotCalls
    from OpenOrchestrator.orchestrator_connection.work_element import WorkElement

__all__ = ["BusinessError", "Constant", "Credential", "LogLevel", "OrchestratorConnection", "QueueElement"]
__all__ += ["QueueStatus", "TooManyErrorsError", "TriggerStatus", "WorkElement"]

C = TypeVar("C", bound="OrchestratorConnection")

_CALLS = "_robot_calls"
"""Where a connection keeps its calls once they are loaded."""

_START_ARGUMENTS = ("process name", "connection string", "crypto key", "process arguments")


@with_short_errors
class OrchestratorConnection(Working, Reporting, Steering, Logging, NamedValues, Testable):
    """A robot's connection to the database of OpenOrchestrator.

    Connects at once. Calls go on through an outage of the database of up to about 30 seconds, and so does connecting
    in a robot that a scheduler started; in one started by hand it is tried only once. Several connections in one
    process each keep their own database and key; the latest one is also what ``db_util`` and ``crypto_util`` use.

    Safe to share between threads, and with the children of a fork. A copy (``copy``, ``pickle``) connects anew at its
    first call, and holds the elements that the original holds. A pickled connection contains connection string and
    key.

    Args:
        process_name: Shown with everything the robot logs; at most 100 characters.
        connection_string: SQLAlchemy URL of the database.
        crypto_key: Key of the credentials. None or empty for robots that use none; a malformed one is refused when a
            credential is read or written.
        process_arguments: What the trigger passes to the robot.
        trigger_id: The trigger that started the robot; None or empty if it was started by hand. Another text, as
            developers write in a place where they debug, is refused when the trigger is asked for.
        job_id: The job that the robot runs as; None or empty if it was started by hand. Another text is refused when
            something is logged; otherwise it counts as none.

    Raises:
        ConfigurationError: If the connection string cannot be understood or its driver is not installed.
        ConnectionFailedError: If the database cannot be reached.
        RevisionError: If the database is older than this library.
    """

    def __init__(  # noqa: PLR0917  (published)
        self,
        process_name: str,
        connection_string: str,
        crypto_key: str | None,
        process_arguments: str | None,
        trigger_id: UUID | str | None = None,
        job_id: UUID | str | None = None,
    ) -> None:
        self.process_name = process_name
        self.process_arguments = process_arguments
        self.trigger_id = trigger_id
        self.job_id = job_id
        if not isinstance(connection_string, str) or not connection_string.strip():
            raise ConfigurationError(
                "No connection string was given. Pass the SQLAlchemy URL of the database, such as "
                "sqlite+pysqlite:///orchestrator.db"
            )
        with collector_paused():
            from OpenOrchestrator.database import default  # noqa: PLC0415
            from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415
            from OpenOrchestrator.database.schema import revisions  # noqa: PLC0415
            from OpenOrchestrator.database.stores import validation  # noqa: PLC0415

            is_a_job = secret_markers.JOB_VARIABLE in os.environ or validation.find_identifier(job_id) is not None
            self._database = Database(connection_string)
            revisions.check_robot(self._database, waiting=is_a_job)
        self._key = crypto_key
        self._held: HeldTokens | None = None
        default.set_default(self._database)
        crypto_util.set_key(crypto_key)

    def __str__(self) -> str:
        return f"OrchestratorConnection - Process name: {self.process_name}"

    __repr__ = __str__

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        calls: RobotCalls | None = state.pop(_CALLS, None)
        return state | {
            "_database": self._database.connection_string,
            "_held": self._held if calls is None else copy.copy(calls.held),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        with collector_paused():
            from OpenOrchestrator.database import default  # noqa: PLC0415
            from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415

        vars(self).update(state, _database=Database(state["_database"]))
        if default.find_default() is None:  # in another process this one is the latest
            default.set_default(self._database)
            crypto_util.set_key(self._key)

    @classmethod
    def create_connection_from_args(cls: type[C]) -> C:
        """Connect with what the scheduler, or a person, started the robot with.

        The arguments of the program are, in this order: process name, connection string, crypto key, process
        arguments, and, if the scheduler started it, the id of the trigger and of the job. Connection string and key
        may be markers that say that the value is in the environment.

        Raises:
            MissingArgumentError: If there are fewer than four arguments.
            ConfigurationError: If a value should be in the environment but is not.
            OpenOrchestratorError: As the constructor does.
        """
        given = sys.argv[1:]
        if len(given) < len(_START_ARGUMENTS):
            raise MissingArgumentError(
                f"The robot was started with {len(given)} of the arguments it needs, which are: "
                f"{', '.join(_START_ARGUMENTS)}, and if there are any, trigger id and job id. By hand: python main.py "
                '"<process name>" "<connection string>" "<crypto key>" "<process arguments>"'
            )
        given[1] = secret_markers.resolve(given[1], secret_markers.CONNECTION_STRING_VARIABLE)
        given[2] = secret_markers.resolve(given[2], secret_markers.KEY_VARIABLE)
        return cls(*given[:6])

    def close(self) -> None:
        """Write log messages that wait, and close the connections to the database; the next call opens a new one."""
        calls: RobotCalls | None = vars(self).get(_CALLS)
        if calls is not None:
            calls.logs.flush()
            calls.note_uses()
        self._database.close()

    def create_queue_element(
        self,
        queue_name: str,
        reference: str | None = None,
        data: str | None = None,
        created_by: str | None = None,
        *,
        json: object = ...,
        priority: int | None = None,
        not_before: datetime | timedelta | None = None,
        deadline: datetime | timedelta | None = None,
        unique: bool = False,
        parent: QueueElement | WorkElement | UUID | str | None = None,
    ) -> QueueElement:
        """Add a New element to a queue, and return it; or the element that has its reference, if that is taken.

        Args:
            queue_name: At most 100 characters. A queue exists by having elements.
            reference: To find it by; at most 100 characters.
            data: What the robot needs to know; at most 3000000 characters. Robots with a library before 4.0 see of
                more than 2000 the beginning only.
            created_by: Who made it; at most 100 characters.
            json: A value to be stored as JSON in place of ``data``: dictionaries, lists, texts, numbers, booleans and
                None, which is ``null``. Where it is left out, ``data`` counts.
            priority: A higher one is handed out first, from -1000000 to 1000000; None for that of the queue, usually 0.
            not_before: Nobody gets it before: site time, any time with a time zone, or how long from now.
            deadline: Until when it should be finished, given like that; of the same priority, the earliest is handed
                out first. None for what the queue says, usually none.
            unique: Add none if its reference is taken: in a queue that says so itself, as it says; in any other, by an
                element that there is, whatever its status. False leaves that to the queue.
            parent: The element it is made for, or its id.

        Returns:
            The element. If its reference is taken, the one that has it, however many robots ask at the same time.

        Raises:
            InvalidInputError: If something cannot be stored, or does not fit the schema of the queue.
        """
        return self._calls.create_element(
            self.process_name,
            queue_name,
            reference,
            data,
            created_by,
            json=json,
            priority=priority,
            not_before=not_before,
            deadline=deadline,
            unique=unique,
            parent=parent,
        )

    def bulk_create_queue_elements(
        self,
        queue_name: str,
        references: Sequence[str | None],
        data: Sequence[str | None] | None = None,
        created_by: str | None = None,
        *,
        json: Sequence[object] | None = None,
        priority: int | None = None,
        not_before: datetime | timedelta | None = None,
        deadline: datetime | timedelta | None = None,
        unique: bool = False,
        parent: QueueElement | WorkElement | UUID | str | None = None,
    ) -> CreatedElements:
        """Add many New elements to a queue: all of them or, if it fails, none. They are handed out in this order.

        Args:
            queue_name: The queue.
            references: One per element, or None.
            data: One per element, or None; as many as references.
            created_by: Who made them.
            json: Values to be stored as JSON in place of ``data``, one per element.
            priority: Of all, as for ``create_queue_element``, like the rest.
            not_before: The same.
            deadline: The same.
            unique: The same. Returned is how many were ``created``, and the ids of ``existing`` ones by reference.
            parent: The same.

        Raises:
            InvalidInputError: If there are none, the numbers differ, or something cannot be stored or what it is to be.
        """
        return self._calls.create_elements(
            self.process_name,
            queue_name,
            references,
            data,
            created_by,
            json=json,
            priority=priority,
            not_before=not_before,
            deadline=deadline,
            unique=unique,
            parent=parent,
        )

    def get_next_queue_element(
        self, queue_name: str, reference: str | None = None, set_status: bool = True
    ) -> QueueElement | None:
        """Take the first New element of a queue: it becomes In Progress, and no other robot gets it.

        The first is that of the highest priority, of those that with the earliest deadline, and then the oldest.

        Handing out happens once, however many robots ask. What the robot then does outside the database happens at
        least once: a robot may be stopped after the deed and before it could say so.

        Args:
            queue_name: The queue.
            reference: Only elements with this reference; None for all.
            set_status: False only looks: the element stays New, and others may get it.

        Returns:
            The element; None if there is no New one, or the queue is paused.

        Raises:
            OwnershipLostError: If the robot's own job has ended.
        """
        return self._calls.next_element(self.process_name, queue_name, reference, self.job_id, take=set_status)

    def get_queue_elements(  # noqa: PLR0917  (published)
        self,
        queue_name: str,
        reference: str | None = None,
        status: QueueStatus | None = None,
        offset: int = 0,
        limit: int = 100,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
    ) -> tuple[QueueElement, ...]:
        """Return elements of a queue, the newest first.

        Args:
            queue_name: The queue.
            reference: Only elements with this reference.
            status: Only elements in this status.
            offset: How many to leave out at the beginning.
            limit: How many at most; 0 returns none.
            from_date: Created then or later; site time, or any time with a time zone.
            to_date: Created then or earlier.

        Raises:
            InvalidInputError: If an argument cannot be one.
        """
        return self._calls.get_elements(
            self.process_name,
            queue_name,
            reference,
            status,
            offset=offset,
            limit=limit,
            from_date=from_date,
            to_date=to_date,
        )

    def set_queue_element_status(self, element_id: UUID | str, status: QueueStatus, message: object = None) -> None:
        """Set the status of an element.

        Done, Failed and Abandoned set its end date, In Progress its start date if this connection did not take it. New
        gives it back.

        Args:
            element_id: The ``.id`` of the element.
            status: The new status.
            message: Replaces the element's message; None leaves it as it is. Anything, stored as text; of more than
                1000 characters the middle is cut out and marked. Connection string, its password and the crypto key
                are replaced by ``***``.

        Raises:
            NotFoundError: If there is no such element.
            OwnershipLostError: If it was handed out to somebody else since, or the robot's own job has ended.
            InvalidInputError: If the id or status cannot be one.
        """
        self._calls.set_element_status(element_id, status, message, self.job_id)

    def delete_queue_element(self, element_id: UUID | str) -> None:
        """Delete an element.

        Raises:
            NotFoundError: If there is no such element.
            InvalidInputError: If the id is none.
        """
        self._calls.delete_element(element_id)

    def is_trigger_pausing(self) -> bool:
        """Tell whether this robot should come to an end: its trigger or the site is paused, its scheduler drained.

        Also when its trigger was deleted, when its scheduler was asked to stop and waits for its robots, or when its
        time is up and it is given some to come to an end.

        Raises:
            NotFoundError: If the robot was started without a trigger.
            InvalidInputError: If the trigger id of the connection is none.
        """
        return self._calls.is_trigger_pausing(self.trigger_id, self.job_id)

    def pause_my_trigger(self) -> None:
        """Make the trigger of this robot pause after this run: it then runs again only when somebody enables it.

        Raises:
            NotFoundError: If the robot was started without a trigger, or it was deleted.
            InvalidInputError: If the trigger id of the connection is none.
        """
        self._calls.pause_trigger(self.trigger_id)

    @property
    def _calls(self) -> RobotCalls:  # type: ignore[override]
        calls: RobotCalls | None = vars(self).get(_CALLS)
        if calls is None:
            with collector_paused():
                from OpenOrchestrator.orchestrator_connection.robot_calls import RobotCalls  # noqa: PLC0415
            secrets = secrets_of(self._database.connection_string, crypto_util.key_text(self._key))
            made = RobotCalls(self._database, self._key, secrets, self._held)
            # Of several threads that come here at once, all go on with what the first one made.
            calls = vars(self).setdefault(_CALLS, made)
        return calls


def __getattr__(name: str) -> Any:
    # Robots import the models from here too, but most import them from their own modules or not at all.
    if name == "QueueElement":
        from OpenOrchestrator.database.queues import QueueElement  # noqa: PLC0415

        return QueueElement
    if name == "WorkElement":
        from OpenOrchestrator.orchestrator_connection.work_element import WorkElement  # noqa: PLC0415

        return WorkElement
    if name in ("Constant", "Credential"):
        from OpenOrchestrator.database import constants  # noqa: PLC0415

        return getattr(constants, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
