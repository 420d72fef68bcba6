"""One queue element: reading it with its job and logs, and changing it.

Every change is guarded by what was seen: state, and the token of its last hand-out. An admin who looks at an old
picture changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database import element_data
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.lifecycle import element_creation
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, AttachmentOwner, JobStatus, LogLevel, QueueStatus
from OpenOrchestrator.database.stores import (
    attachment_files,
    attachments,
    data_schemas,
    element_belongings,
    element_order,
    notes,
    queue_attempts,
    queue_elements,
    validation,
)
from OpenOrchestrator.database.stores.attachments import FileRow
from OpenOrchestrator.database.stores.job_logs import written_between
from OpenOrchestrator.database.stores.notes import NOBODY, Owner
from OpenOrchestrator.database.stores.queue_attempts import EndedAttempt
from OpenOrchestrator.database.transitions import ElementEvent, apply
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementRow, ParentRow, read_one, read_parent

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session

MOST_LOGS = 50
_AFTERWARDS = timedelta(seconds=2)

EVENTS = {
    QueueStatus.NEW: ElementEvent.SET_NEW,
    QueueStatus.IN_PROGRESS: ElementEvent.SET_IN_PROGRESS,
    QueueStatus.DONE: ElementEvent.SET_DONE,
    QueueStatus.FAILED: ElementEvent.SET_FAILED,
    QueueStatus.ABANDONED: ElementEvent.SET_ABANDONED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementValues:
    """What a person can write into an element. An empty text is no text."""

    queue: str
    reference: str = ""
    data: str = ""
    message: str = ""
    created_by: str = ""
    status: QueueStatus = QueueStatus.NEW


@dataclass(frozen=True, slots=True)
class ElementJob:
    """The job that holds or last held an element.

    Attributes:
        started: Naive site time.
    """

    id: UUID
    status: JobStatus
    trigger: str | None
    process: str
    scheduler: str
    started: datetime

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.status in ACTIVE_JOB_STATUSES


@dataclass(frozen=True, slots=True)
class ElementLog:
    """A message that the job wrote while it had the element; naive site time."""

    id: UUID
    time: datetime
    level: LogLevel
    message: str


@dataclass(frozen=True, slots=True)
class ElementDetails:
    """An element with all that belongs to it.

    Attributes:
        job: None if it is not known or was deleted.
        logs: The last ones, oldest first: those written about it, in whichever attempt, or, if its robot does not say
            which those are, those of its job while it had the element.
        more_logs: Whether there are earlier ones.
        owner: Whom to call about its queue.
        output: What came of it; empty for nothing.
        attempts: Those that ended otherwise than Done, the first one first.
        files: What robots attached to it, the first one first.
        logs_of_element: Whether the logs were written about it.
        parent: The element it was made for; None if there is none any more.
    """

    element: ElementRow
    job: ElementJob | None
    logs: tuple[ElementLog, ...]
    more_logs: bool
    owner: Owner = NOBODY
    output: str = ""
    attempts: tuple[EndedAttempt, ...] = ()
    files: tuple[FileRow, ...] = ()
    logs_of_element: bool = False
    parent: ParentRow | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a bulk action did.

    Attributes:
        done: How many it changed.
        lost: Names of those that somebody else changed meanwhile.
    """

    done: int
    lost: tuple[str, ...]


class ElementsBackend(Backend):
    """Queue elements one by one. Actions are guarded and return whether they happened."""

    async def details(self, queue: str, element_id: UUID) -> ElementDetails:
        """Return an element of a queue with its job and the logs of its time.

        Raises:
            NotFoundError: If the queue has no such element.
        """

        def work(session: Session) -> ElementDetails:
            element = _existing(session, element_id)
            if element.queue != queue:
                raise NotFoundError(f"Queue {queue} has no element with this id: it is in {element.queue}.")
            job = _job(session, element.job_id)
            logs = _logs_of_element(session, element)
            of_element = bool(logs)
            if not of_element and job is not None:
                logs = _logs_of_time(session, element, self._now(), self._zone())
            owner = notes.read(session, AnnotatedKind.QUEUE, queue).values.owner
            output = session.scalar(sa.select(_Q.c.output).where(_Q.c.id == element_id)) or ""
            attempts = queue_attempts.of_element(session, element_id)
            shown = tuple(logs[:MOST_LOGS][::-1])
            more = len(logs) > MOST_LOGS
            files = attachments.find(session, AttachmentOwner.ELEMENT, element_id)
            parent = read_parent(session, element)
            return ElementDetails(element, job, shown, more, owner, output, attempts, files, of_element, parent)

        return await self._read(work)

    def content(self, file: FileRow) -> Iterator[bytes]:
        """Return the content of a file piece by piece; blocks, so run it in a thread.

        Raises:
            DatabaseError: If it was deleted meanwhile, or its rows were changed.
        """
        return attachment_files.read(self._database, file)

    async def neighbours(self, element: ElementRow) -> tuple[UUID | None, UUID | None]:
        """Return the element of the same queue that was made next after one, and the one made before: as lists go."""

        def work(session: Session) -> tuple[UUID | None, UUID | None]:
            same = SameText(_Q.c.queue_name, element.queue)
            made, key = _Q.c.created_date, _Q.c.id
            later = sa.or_(made > element.created, sa.and_(made == element.created, key > element.id))
            earlier = sa.or_(made < element.created, sa.and_(made == element.created, key < element.id))
            newer = sa.select(key).where(same, made >= element.created, later).order_by(made.asc(), key.asc())
            older = sa.select(key).where(same, made <= element.created, earlier).order_by(made.desc(), key.desc())
            return session.scalar(newer.limit(1)), session.scalar(older.limit(1))

        return await self._read(work)

    async def get(self, element_id: UUID) -> ElementRow:
        """Return an element.

        Raises:
            NotFoundError: If it is not there.
        """
        return await self._read(lambda session: _existing(session, element_id))

    async def holder(self, row: ElementRow) -> ElementJob | None:
        """Return the active job that works on an element; None if no such job is known."""

        def work(session: Session) -> ElementJob | None:
            job = _job(session, row.job_id) if row.status is QueueStatus.IN_PROGRESS else None
            return job if job is not None and job.active else None

        return await self._read(work)

    async def create(self, values: ElementValues) -> UUID:
        """Add a New element and return its id.

        Raises:
            InvalidInputError: If a text cannot be stored, or the reference is taken where they are unique.
        """
        element_id = uuid4()

        def work(session: Session) -> UUID:
            element = queue_elements.new_element(
                session.get_bind().dialect.name,
                queue_name=values.queue.strip(),
                reference=values.reference or None,
                data=values.data or None,
                created_by=values.created_by or None,
                created_date=self._database.site_now(),
                element_id=element_id,
            )
            present = element_creation.add(session, element, element_creation.Wishes())
            if present.id != element_id:
                raise InvalidInputError(
                    f"The queue {element.queue_name!r} has an element with the reference {element.reference!r}, which "
                    f"is {present.status.value}, and says that references are unique. Choose another reference."
                )
            return element_id

        return await self._write(work)

    async def update(self, seen: ElementRow, values: ElementValues) -> bool:
        """Change an element that is still as it was seen; another status changes its dates as robots' changes do.

        Returns:
            False if anything about it changed since; nothing was changed then.

        Raises:
            InvalidInputError: If a text cannot be stored, or new data does not fit the schema of the queue.
        """

        def work(session: Session) -> bool:
            dialect_name = session.get_bind().dialect.name
            texts = {
                "reference": (values.reference, queue_elements.REFERENCE_LENGTH),
                "message": (values.message, queue_elements.MESSAGE_LENGTH),
                "created_by": (values.created_by, queue_elements.CREATED_BY_LENGTH),
            }
            before = {name: getattr(seen, name) for name in texts}
            changes: dict[str, Any] = {
                name: validation.optional_text(text or None, name, limit, dialect_name)
                for name, (text, limit) in texts.items()
                if text != (before[name] or "")
            }
            guards = [_same(_Q.c[name], before[name]) for name in texts]
            kept = element_data.columns(seen.data, dialect_name)
            guards += [_same(_Q.c[name], kept[name]) for name in kept if name == "data" or kept[name] is not None]
            if values.data != (seen.data or ""):
                changes |= queue_elements.data_columns(values.data or None, "data", dialect_name)
                data_schemas.require_fit(session, seen.queue, values.data or None)
            event = EVENTS[values.status]
            if values.status is not seen.status:
                changes = status_values(session, values.status, self._database.site_now()) | changes
            elif values.status is QueueStatus.NEW:
                changes |= {"job_id": None, "claim_token": None}
            return apply(session, event, seen.id, *_guards(seen), *guards, values=changes)

        return await self._write(work)

    async def set_status(self, seen: ElementRow, status: QueueStatus) -> bool:
        """Set the status of an element that is still as it was seen. New takes it from whoever held it."""
        return await self._write(lambda session: self._set_status(session, seen, status))

    async def delete(self, seen: ElementRow) -> bool:
        """Delete an element that is still as it was seen."""
        return await self._write(lambda session: _delete(session, seen))

    async def set_status_of(self, seen: Sequence[ElementRow], status: QueueStatus) -> Outcome:
        """Set the status of several elements, each guarded on its own, all in one transaction."""

        def work(session: Session) -> Outcome:
            lost = tuple(row.name for row in seen if not self._set_status(session, row, status))
            return Outcome(len(seen) - len(lost), lost)

        return await self._write(work)

    async def set_priority_of(self, seen: Sequence[ElementRow], priority: int) -> int:
        """Give several elements another priority, and return how many there still were.

        Raises:
            InvalidInputError: If it is none.
        """
        ids = [row.id for row in seen]
        return await self._write(lambda session: element_order.set_priority(session, ids, priority))

    async def delete_all(self, seen: Sequence[ElementRow]) -> Outcome:
        """Delete several elements, each guarded on its own, all in one transaction."""

        def work(session: Session) -> Outcome:
            lost = tuple(row.name for row in seen if not _delete(session, row))
            return Outcome(len(seen) - len(lost), lost)

        return await self._write(work)

    async def held(self, rows: Sequence[ElementRow]) -> frozenset[UUID]:
        """Return the ids of those that an active job works on."""
        jobs = {row.job_id for row in rows if row.status is QueueStatus.IN_PROGRESS and row.job_id is not None}

        def work(session: Session) -> frozenset[UUID]:
            if not jobs:
                return frozenset()
            query = sa.select(Job.id).where(Job.id.in_(jobs), Job.status.in_(ACTIVE_JOB_STATUSES))
            active = set(session.scalars(query))
            return frozenset(r.id for r in rows if r.status is QueueStatus.IN_PROGRESS and r.job_id in active)

        return await self._read(work)

    def _set_status(self, session: Session, seen: ElementRow, status: QueueStatus) -> bool:
        values = status_values(session, status, self._database.site_now())
        return apply(session, EVENTS[status], seen.id, *_guards(seen), values=values)


def status_values(session: Session, status: QueueStatus, now: datetime) -> dict[str, Any]:
    """Return what changes with the status, as it does when robots set it, apart from the status itself."""
    values = queue_elements.status_values(session.get_bind().dialect.name, status, message=None, now=now)
    del values["status"]
    return values


def _guards(seen: ElementRow) -> list[sa.ColumnElement[bool]]:
    return [_Q.c.status == seen.status, _same(_Q.c.claim_token, seen.token)]


def _same(column: Any, value: Any) -> sa.ColumnElement[bool]:
    same: sa.ColumnElement[bool] = column.is_(None) if value is None else column == value
    return same


def _delete(session: Session, seen: ElementRow) -> bool:
    result: Any = session.execute(sa.delete(_Q).where(_Q.c.id == seen.id, *_guards(seen)))
    if int(result.rowcount) != 1:
        return False
    element_belongings.delete_of(session, [seen.id])
    return True


def _existing(session: Session, element_id: UUID) -> ElementRow:
    element = read_one(session, element_id)
    if element is None:
        raise NotFoundError("This element is not there: somebody deleted it, or the link is wrong.")
    return element


def _job(session: Session, job_id: UUID | None) -> ElementJob | None:
    if job_id is None:
        return None
    query = sa.select(Job.id, Job.status, Job.trigger_name, Job.process_name, Job.scheduler_name, Job.start_time)
    row = session.execute(query.where(Job.id == job_id)).one_or_none()
    return None if row is None else ElementJob(*row)


def _logs_of_element(session: Session, element: ElementRow) -> list[ElementLog]:
    """Return the newest logs that say that they are about the element, one more than are shown."""
    return _newest(session, _logs().where(Log.element_id == element.id))


def _logs_of_time(session: Session, element: ElementRow, now: datetime, zone: ZoneInfo) -> list[ElementLog]:
    """Return the newest logs of the job while it had the element, one more than are shown."""
    query = _logs().where(Log.job_id == element.job_id)
    # Robots write why it failed just before or just after they set the status.
    end = None if element.ended is None else element.ended + _AFTERWARDS
    if element.started is not None:
        query = query.where(*written_between(element.started, end, now, zone))
    elif end is not None:
        query = query.where(Log.log_time <= end)
    return _newest(session, query)


def _logs() -> Any:
    return sa.select(Log.id, Log.log_time, Log.log_level, Log.log_message)


def _newest(session: Session, query: sa.Select[Any]) -> list[ElementLog]:
    query = query.order_by(Log.log_time.desc(), Log.id.desc()).limit(MOST_LOGS + 1)
    return [ElementLog(*row) for row in session.execute(query)]
