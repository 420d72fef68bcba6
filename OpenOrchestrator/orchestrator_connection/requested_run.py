"""A run that a robot asked for, as the robot sees it: whether it waits, runs or has ended, and how.

Owns the published names, and when the database is asked. What a request is, is in ``requested_runs``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.database.lifecycle import requested_runs
from OpenOrchestrator.database.lifecycle.requested_runs import Answer, AskedTrigger
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import job_reports, trigger_input, validation
from OpenOrchestrator.database.stores.run_requests import RunOnce
from OpenOrchestrator.orchestrator_connection.stop_wait import StopWait
from OpenOrchestrator.orchestrator_connection.work_options import seconds_of

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

_NAME_LENGTH = 100


def ask(connection: OrchestratorConnection, trigger_name: object, arguments: object) -> RequestedRun:
    """Ask for a run of a trigger, and return it.

    Args:
        connection: The robot's.
        trigger_name: Name or id of the trigger.
        arguments: A text, anything that can be JSON, or None for the trigger's own.

    Raises:
        NotFoundError: If there is no such trigger.
        RunRefusedError: If it cannot be run now.
        InvalidInputError: If something cannot be what it should.
    """
    database = connection._database
    name = str(trigger_name) if isinstance(trigger_name, UUID) else trigger_name
    name = validation.text(name, "trigger name", _NAME_LENGTH, database.dialect_name)
    given = None if arguments is None else _arguments(database, arguments)
    by = connection.process_name
    by = validation.storable(by)[:_NAME_LENGTH] if isinstance(by, str) else None
    request_id, now = uuid4(), database.utc_now()
    trigger = database.read(lambda session: requested_runs.find(session, name, validation.find_identifier(name)))
    run = RunOnce(
        arguments=trigger.arguments if given is None else given, requested_by=by or None, request_id=request_id
    )

    def write(session: Any) -> bool:
        requested_runs.ask(session, trigger, run, now=now)
        return True

    database.write(write, read_back=lambda session: requested_runs.is_asked(session, trigger.id, request_id) or None)
    return RequestedRun(connection, trigger, request_id)


@with_short_errors
class RequestedRun:
    """A run that was asked for, as ``OrchestratorConnection.run_trigger`` returns it.

    What it tells is what was seen last: when it was asked for, and by ``refresh`` and ``wait`` since.

    Attributes:
        trigger_id: The trigger.
        trigger_name: Its name.
    """

    def __init__(
        self,
        connection: OrchestratorConnection,
        trigger: AskedTrigger,
        request_id: UUID,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.trigger_id: UUID = trigger.id
        self.trigger_name: str = trigger.name
        self._connection = connection
        self._request_id = request_id
        self._answer = Answer(waits=True)
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        status = self.status.value if self.status is not None else "waits" if self._answer.waits else "taken back"
        return f"RequestedRun(trigger_name={self.trigger_name!r}, job_id={self.job_id}, {status})"

    @property
    def job_id(self) -> UUID | None:
        """Its job; None while no scheduler has started it, and where the request was taken back."""
        return self._answer.job_id

    @property
    def status(self) -> JobStatus | None:
        """The status of its job; None without one."""
        return self._answer.status

    @property
    def reason(self) -> str | None:
        """Why its job ended as it did."""
        return self._answer.reason

    @property
    def ended(self) -> bool:
        """Whether nothing more comes: its job has ended, or somebody took the request back."""
        return self._answer.is_over

    @property
    def succeeded(self) -> bool:
        """Whether its job is Done."""
        return self.status is JobStatus.DONE

    @property
    def output(self) -> Any:
        """What its robot set as output: a text, or what its JSON says; None for nothing. Asks the database."""
        job_id = self.job_id
        if job_id is None:
            return None
        found = self._connection._database.read(lambda session: job_reports.output_of(session, job_id))
        if found is None:
            return None
        text, is_json = found
        return json.loads(text) if is_json else text

    def refresh(self) -> RequestedRun:
        """Ask the database what has become of it, and return it."""
        self._answer = self._connection._database.read(
            lambda session: requested_runs.look(session, self.trigger_id, self._request_id)
        )
        return self

    def wait(self, timeout: float | timedelta | None = None) -> RequestedRun:
        """Wait until it has ended, the time is up or this robot is asked to end, and return it.

        ``ended`` says whether it has. A run that is still waited for goes on.

        Args:
            timeout: For how many seconds at most; None for no limit.

        Raises:
            InvalidInputError: If the timeout is no length of time.
        """
        limit = None if timeout is None else seconds_of(timeout, "timeout")
        waiting = StopWait(self._connection, clock=self._clock, sleep=self._sleep)
        waiting.until(lambda: self.refresh().ended, seconds=limit)
        return self


def _arguments(database: Database, arguments: object) -> str:
    try:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"The arguments of a run have to be a text, or what can be JSON: {error}. No run was asked for."
        ) from error
    return validation.text(text, "arguments", trigger_input.PROCESS_ARGS_LENGTH, database.dialect_name)
