"""What a robot asks of the database, on the database and the key of its own connection.

Loaded at the first call and not when a robot connects, because it needs the models. ``connection`` owns the published
names and their documentation; this module owns what they do. Must not use the process-wide defaults.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.crypto_util import Key
from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.common.redaction import redact
from OpenOrchestrator.database.constants import Constant, Credential
from OpenOrchestrator.database.engine import forks
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import enum_type, uuid_type
from OpenOrchestrator.database.lifecycle import element_claims, element_status, waiting_elements
from OpenOrchestrator.database.lifecycle.held_tokens import HeldTokens, Hold
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import Access, QueueStatus, TriggerStatus, UsedKind
from OpenOrchestrator.database.stores import (
    constants,
    credentials,
    data_schemas,
    queue_elements,
    queue_names,
    stop_wishes,
    validation,
)
from OpenOrchestrator.database.stores.shortening import message_text
from OpenOrchestrator.database.stores.uses import Use
from OpenOrchestrator.orchestrator_connection.log_calls import LogCalls
from OpenOrchestrator.orchestrator_connection.use_notes import notes_for

if TYPE_CHECKING:
    from OpenOrchestrator.database.lifecycle.element_creation import CreatedElements
    from OpenOrchestrator.orchestrator_connection.element_calls import ElementCalls
    from OpenOrchestrator.orchestrator_connection.job_calls import JobCalls

_MICROSECOND = timedelta(microseconds=1)
_CLOCK_TICK = timedelta(seconds=1)

Id = UUID | str

# Not the model: few robots need it, and loading it takes time.
_TRIGGERS = sa.table("Triggers", sa.column("id", uuid_type()), sa.column("process_status", enum_type(TriggerStatus)))

_PAUSED = frozenset({TriggerStatus.PAUSING, TriggerStatus.PAUSED})


class RobotCalls:
    """The calls of one connection. Safe to share between threads.

    Those that use a constant, a credential or a queue take the name of the process first, and note the use of what is
    there.

    Args:
        database: The database of the connection.
        key: The key of its credentials; None or empty if it has none.
        secrets: Texts that must not get into a log message.
        held: The elements that are held already; None if there are none.
    """

    def __init__(self, database: Database, key: Key, secrets: tuple[str, ...], held: HeldTokens | None = None) -> None:
        self._database = database
        self._key = key
        self._secrets = secrets
        self._held = HeldTokens() if held is None else held
        self._uses = notes_for(database)
        self._latest_created = datetime.min  # noqa: DTZ901  (site time is naive)
        self._created_lock = threading.Lock()
        self._elements: ElementCalls | None = None
        self._job: JobCalls | None = None
        self.logs = LogCalls(database, self._redacted, self._uses.write_if_due)
        forks.follow(self)

    @property
    def elements(self) -> ElementCalls:
        """The calls of a loop over elements; made at the first one, because few robots need them all."""
        if self._elements is None:
            from OpenOrchestrator.orchestrator_connection.element_calls import ElementCalls  # noqa: PLC0415

            with self._created_lock:
                if self._elements is None:
                    self._elements = ElementCalls(self._database, lambda: self._held, self._redacted)
        return self._elements

    @property
    def job(self) -> JobCalls:
        """What the robot tells about its job; made at the first one, because few robots tell anything."""
        if self._job is None:
            from OpenOrchestrator.orchestrator_connection.job_calls import JobCalls  # noqa: PLC0415

            with self._created_lock:
                if self._job is None:
                    self._job = JobCalls(self._database, self._redacted)
        return self._job

    def checked_queue(self, process: str, queue_name: str) -> str:
        """Return the name of a queue that a process is about to take elements from, and take note of that.

        Raises:
            InvalidInputError: If it cannot be one.
        """
        name = queue_names.queue_name_of(queue_name, self._database.dialect_name)
        self._use(process, UsedKind.QUEUE, name, Access.READ)
        return name

    @property
    def held(self) -> HeldTokens:
        """The elements that were taken and not finished."""
        return self._held

    def before_fork(self) -> None:
        """Nothing has to be prepared."""

    def after_fork_in_parent(self) -> None:
        """Nothing was prepared."""

    def after_fork_in_child(self) -> None:
        """Go on in the child of a fork: with what the parent holds, and locks that no thread of the parent holds."""
        self._held = copy.copy(self._held)
        self._created_lock = threading.Lock()

    def get_constant(self, process: str, name: str, job_id: Id | None) -> Constant:
        """Return a constant with the value that it has for a job."""
        job = validation.find_identifier(job_id)
        constant = self._database.read(lambda session: constants.get_for_job(session, name, job))
        self._use(process, UsedKind.CONSTANT, constant.name, Access.READ)
        return constant

    def find_constant(self, process: str, name: str, job_id: Id | None) -> Constant | None:
        """Return a constant with the value that it has for a job; None if there is none of this name."""
        try:
            return self.get_constant(process, name, job_id)
        except NotFoundError:
            return None

    def unsaved_constant(self, name: str, value: str) -> Constant:
        """Return a constant that is in no database."""
        return Constant(name=name, value=value, changed_at=self._database.site_now())

    def update_constant(self, process: str, name: str, value: str, job_id: Id | None) -> None:
        """Give a constant a new value for a job, and for all that read the same one."""
        now, job = self._database.site_now(), validation.find_identifier(job_id)
        changed = self._database.write(
            lambda session: constants.update_for_job(session, name, value, job, now=now),
            read_back=lambda session: name if constants.has(session, Constant, name, {"changed_at": now}) else None,
        )
        self._use(process, UsedKind.CONSTANT, changed, Access.WRITE)

    def get_credential(self, process: str, name: str) -> Credential:
        """Return a credential with its password in clear text."""
        credential = self._database.read(lambda session: credentials.get(session, name))
        decrypted = credentials.decrypted(credential, self._key)
        self._use(process, UsedKind.CREDENTIAL, credential.name, Access.READ)
        return decrypted

    def update_credential(
        self, process: str, name: str, username: str, password: str, fields: Mapping[str, str] | None
    ) -> None:
        """Give a credential a new user name and password, and new fields if there are any given."""
        stored = credentials.values(
            self._database.dialect_name,
            username=username,
            password=password,
            key=self._key,
            now=self._database.site_now(),
            fields=fields,
        )
        changed = self._database.write(
            lambda session: credentials.update(session, name, stored),
            read_back=lambda session: name if constants.has(session, Credential, name, stored) else None,
        )
        self._use(process, UsedKind.CREDENTIAL, changed, Access.WRITE)

    def create_element(
        self,
        process: str,
        queue_name: str,
        reference: str | None,
        data: str | None,
        created_by: str | None,
        *,
        json: object = ...,
        **wishes: Any,
    ) -> QueueElement:
        """Add an element to a queue; ``wishes`` are what ``element_creation.wishes_of`` takes."""
        from OpenOrchestrator.database.lifecycle import element_creation  # noqa: PLC0415  (most robots take elements)

        element = element_creation.create(
            self._database,
            queue_name=queue_name,
            reference=reference,
            data=data_schemas.text_of(data, json),
            created_by=created_by,
            created_date=self._created_dates(1),
            element_id=uuid4(),
            wishes=element_creation.wishes_of(self._database, **wishes),
        )
        self._use(process, UsedKind.QUEUE, element.queue_name, Access.WRITE)
        return element

    def create_elements(
        self,
        process: str,
        queue_name: str,
        references: Iterable[str | None],
        data: Iterable[str | None] | None,
        created_by: str | None,
        *,
        json: Iterable[object] | None = None,
        **wishes: Any,
    ) -> CreatedElements:
        """Add many elements to a queue: all of them or, if it fails, none."""
        from OpenOrchestrator.database.lifecycle import element_creation  # noqa: PLC0415  (most robots take elements)

        rows = queue_elements.new_rows(
            self._database.dialect_name,
            queue_name=queue_name,
            references=references,
            data=data_schemas.texts_of(data, json),
            created_by=created_by,
        )
        data_schemas.require_rows_fit(self._database, rows)
        chosen = element_creation.wishes_of(self._database, **wishes)
        dates = self._created_dates(len(rows))
        created = element_creation.create_many(self._database, rows, created_date=dates, wishes=chosen)
        self._use(process, UsedKind.QUEUE, rows[0]["queue_name"], Access.WRITE)
        return created

    def next_element(
        self, process: str, queue_name: str, reference: str | None, job_id: Id | None, *, take: bool
    ) -> QueueElement | None:
        """Hand out the first New element by priority, deadline and age, or only return it."""
        if not take:
            element = element_claims.peek_next(self._database, queue_name, reference=reference)
            self._use(process, UsedKind.QUEUE, queue_name, Access.READ)
            return element
        job = validation.find_identifier(job_id)
        element = element_claims.claim_next(self._database, queue_name, reference=reference, job_id=job)
        if element is None and waiting_elements.wake(self._database):
            element = element_claims.claim_next(self._database, queue_name, reference=reference, job_id=job)
        if element is not None and element.claim_token is not None:
            self._held.remember(element.id, Hold(element.claim_token, element.start_date))
        self._use(process, UsedKind.QUEUE, queue_name, Access.READ)
        return element

    def get_elements(
        self,
        process: str,
        queue_name: str,
        reference: str | None,
        status: QueueStatus | None,
        *,
        offset: int,
        limit: int,
        from_date: datetime | None,
        to_date: datetime | None,
    ) -> tuple[QueueElement, ...]:
        """Return the elements that fit, newest first."""
        wanted = queue_elements.ElementFilter(
            queue_name=queue_name,
            reference=reference,
            status=status,
            from_date=validation.optional_site_datetime(from_date, "from_date", self._database.zone),
            to_date=validation.optional_site_datetime(to_date, "to_date", self._database.zone),
        )
        found = self._database.read(
            lambda session: queue_elements.select(session, wanted, descending=True, offset=offset, limit=limit)
        )
        self._use(process, UsedKind.QUEUE, queue_name, Access.READ)
        return found

    def set_element_status(self, element_id: Id, status: QueueStatus, message: object, job_id: Id | None) -> None:
        """Set the status of an element, unless somebody else holds it now."""
        element = validation.identifier(element_id, "queue element")
        hold = self._held.find(element)
        wanted = element_status.StatusWrite(
            element_id=element,
            status=status,
            message=None if message is None else self._redacted(message),
            job_id=validation.find_identifier(job_id),
            token=None if hold is None else hold.token,
            since=None if hold is None else hold.since,
        )
        self._held.remember(element, element_status.write_status(self._database, wanted))

    def delete_element(self, element_id: Id) -> None:
        """Delete an element."""
        element = validation.identifier(element_id, "queue element")
        self._database.write(
            lambda session: queue_elements.delete(session, element),
            read_back=lambda session: None if queue_elements.exists(session, element) else True,
        )
        self._held.remember(element, None)

    def is_trigger_pausing(self, trigger_id: Id | None, job_id: Id | None) -> bool:
        """Tell whether somebody wants the robot to end: its trigger is to pause or was deleted, or see stop_wishes."""
        status = self._find_status(_trigger(trigger_id))
        if status is None or status in _PAUSED:
            return True
        job = validation.find_identifier(job_id)
        return self._database.read(lambda session: stop_wishes.is_asked_to_end(session, job))

    def pause_trigger(self, trigger_id: Id | None) -> None:
        """Make the trigger pause, at once or after the robot's run; one that will not run on stays as it is."""
        from OpenOrchestrator.database import transitions  # noqa: PLC0415  (loads models that few robots need)

        trigger = _trigger(trigger_id)
        status = self._find_status(trigger)
        if status is None:
            raise NotFoundError(f"No trigger with the given id: {trigger}")
        if status in _PAUSED:
            return
        self._database.write(
            lambda session: transitions.apply(session, transitions.TriggerEvent.REQUEST_PAUSE, trigger),
            read_back=lambda session: session.scalar(_status_query(trigger)) in _PAUSED or None,
        )
        if self._elements is not None:
            self._elements.pauses += 1

    def note_uses(self) -> None:
        """Write now, and not later, what was used and how far the job is."""
        self._uses.write_at_end()
        if self._job is not None:
            self._job.flush()

    def _use(self, process: str, kind: UsedKind, name: str, access: Access) -> None:
        if isinstance(process, str):  # robots may call themselves anything
            self._uses.add(Use(kind, name, process, access), self._database.utc_now(), self._database.dialect_name)

    def _redacted(self, message: object) -> str:
        return redact(message_text(message), self._secrets)

    def _find_status(self, trigger: UUID) -> TriggerStatus | None:
        status: TriggerStatus | None = self._database.read(lambda session: session.scalar(_status_query(trigger)))
        return status

    def _created_dates(self, count: int) -> datetime:
        """Return a creation date later than the former, even where the clock ticks slowly: the oldest comes first.

        Args:
            count: How many dates, a microsecond apart, to reserve.
        """
        with self._created_lock:
            now = self._database.site_now()
            if timedelta() <= self._latest_created - now < _CLOCK_TICK:
                now = self._latest_created + _MICROSECOND
            self._latest_created = now + (count - 1) * _MICROSECOND
            return now


def _status_query(trigger_id: UUID) -> sa.Select[Any]:
    return sa.select(_TRIGGERS.c.process_status).where(_TRIGGERS.c.id == trigger_id)


def _trigger(trigger_id: Id | None) -> UUID:
    trigger = validation.optional_identifier(trigger_id, "trigger")
    if trigger is None:
        raise NotFoundError(f"No trigger with the given id: {trigger_id}. The robot was started without a trigger.")
    return trigger
