"""What the end of a run does to its trigger, to the queue elements it still holds, and to the log.

Owns the parts of that one transaction which finishing, giving back and reaping share. The job itself comes first, in
``runs`` and ``reaping``: whoever won it calls these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.lifecycle.due_times import as_claim_left_it
from OpenOrchestrator.database.lifecycle.element_deaths import Death, take_away
from OpenOrchestrator.database.lifecycle.overlapping_ends import ALONE, end_among_others, leading_to
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, StartedBy, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import logs, trigger_rows, waiting_retries
from OpenOrchestrator.database.stores.run_requests import NONE
from OpenOrchestrator.database.stores.shortening import without_end
from OpenOrchestrator.database.stores.trigger_rows import SCHEDULED, TRIGGERS, PoisonedRowError, raw
from OpenOrchestrator.database.stores.trigger_schedules import Schedules
from OpenOrchestrator.database.stores.validation import storable
from OpenOrchestrator.database.transitions import TriggerEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LONGEST_TEXT = 1000
"""How long the reason of a job and the message of an element may be."""

_WAITING_AGAIN = (TriggerStatus.IDLE, TriggerStatus.PAUSED, TriggerStatus.RUNNING, TriggerStatus.PAUSING)
"""In these a trigger goes on, now or once it is enabled; it is Running or Pausing where other jobs of it are."""

_JOBS = cast(sa.Table, Job.__table__)
_ELEMENTS = cast(sa.Table, QueueElement.__table__)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What of a job its trigger and its log depend on. None of it changes after the claim but ``kill_requested``.

    Attributes:
        process_name: Empty if the job is gone.
        type: Of its trigger; None if that was deleted.
        start_time: Site time of the claim.
        started_by: None where that is not known.
        kill_requested: Whether somebody asked for this run alone to be killed.
        trigger_before: In which state this run leaves its trigger, because it was asked for with arguments of its own;
            None for an ordinary run.
        requested_by: Who asked for it, as they call themselves.
        arguments: What it was to run with.
        run_scheduler: The one scheduler that it was asked for.
        again_of: The job it repeats.
        run_request_id: The request that it answers, where whoever asked wants to know.
        retry_number: Which retry it is, from 1; 0 for a first attempt.
        retry_of: The first attempt; None for a first attempt.
    """

    process_name: str
    trigger_id: UUID | None
    type: TriggerType | None
    due_at: datetime | None
    start_time: datetime
    started_by: StartedBy | None
    kill_requested: bool
    trigger_before: TriggerStatus | None = None
    requested_by: str | None = None
    arguments: str | None = field(default=None, repr=False)
    run_scheduler: str | None = None
    again_of: UUID | None = None
    run_request_id: UUID | None = None
    retry_number: int = 0
    retry_of: UUID | None = None


def facts_of(session: Session, job_id: UUID) -> RunFacts:
    """Return what the trigger of a job depends on; of a job that is gone, nothing is known."""
    query = (
        sa.select(
            _JOBS.c.process_name,
            _JOBS.c.trigger_id,
            _JOBS.c.due_at,
            _JOBS.c.start_time,
            _JOBS.c.started_by,
            _JOBS.c.kill_requested_at,
            _JOBS.c.trigger_before,
            _JOBS.c.requested_by,
            _JOBS.c.process_args,
            _JOBS.c.run_scheduler,
            _JOBS.c.again_of,
            _JOBS.c.run_request_id,
            _JOBS.c.retry_number,
            _JOBS.c.retry_of,
            raw(TRIGGERS.c.type, "type"),
        )
        .select_from(_JOBS.outerjoin(TRIGGERS, TRIGGERS.c.id == _JOBS.c.trigger_id))
        .where(_JOBS.c.id == job_id)
    )
    row = session.connection().execute(query).one_or_none()
    if row is None:
        return RunFacts("", None, None, None, datetime.min, None, False)  # noqa: DTZ901  (site time is naive)
    return RunFacts(
        process_name=row.process_name,
        trigger_id=row.trigger_id,
        type=TriggerType.__members__.get(str(row.type)),
        due_at=row.due_at,
        start_time=row.start_time,
        started_by=StartedBy.__members__.get(str(row.started_by)),
        kill_requested=row.kill_requested_at is not None,
        trigger_before=TriggerStatus.__members__.get(str(row.trigger_before)),
        requested_by=row.requested_by,
        arguments=row.process_args,
        run_scheduler=row.run_scheduler,
        again_of=row.again_of,
        run_request_id=row.run_request_id,
        retry_number=row.retry_number or 0,
        retry_of=row.retry_of,
    )


def finish_event(run: RunFacts) -> TriggerEvent:
    """Return what a run does to its trigger that leaves it to its schedule: a single one has no other run.

    One with arguments of its own leaves its trigger as it found it.
    """
    if run.trigger_before is not None:
        return leading_to(run.trigger_before)
    return TriggerEvent.FINISH_SINGLE if run.type is TriggerType.SINGLE else TriggerEvent.FINISH


def end_event(run: RunFacts, status: JobStatus) -> TriggerEvent:
    """Return what the end of a run does to its trigger.

    Args:
        run: The run.
        status: How it ended.
    """
    run_alone = status is JobStatus.KILLED and run.kill_requested
    if run_alone or status is JobStatus.DONE or run.trigger_before is not None:
        return finish_event(run)
    return TriggerEvent.KILL if status is JobStatus.KILLED else TriggerEvent.FAIL


def return_to_trigger(
    session: Session, database: Database, run: RunFacts, *, values: Mapping[str, Any] | None = None
) -> bool:
    """Give a run that did not begin back to its trigger, as it was before the claim: due, or asked for.

    Whoever paused the trigger meanwhile, or had it killed, does not want the run that was asked for any more.

    Args:
        session: An open transaction, in which the job has ended.
        database: Whose clock it is.
        run: The run.
        values: Other columns of the trigger to set.

    Returns:
        Whether the trigger was waiting for the end of this run.
    """
    if run.trigger_id is None:
        return False
    event = TriggerEvent.GIVE_BACK if run.trigger_before is None else finish_event(run)
    running = TRIGGERS.c.process_status == TriggerStatus.RUNNING
    if apply(session, event, run.trigger_id, running, ALONE, values=values):
        _request_again(session, database, run)
    elif not apply(session, event, run.trigger_id, ALONE, values=values):
        waited = end_among_others(session, event, run.trigger_id, values=values)
        if waited is None:
            return False
        if waited is TriggerStatus.RUNNING:
            _request_again(session, database, run)
    if run.retry_number:
        _wait_again(session, run)
    elif run.due_at is not None and run.type is TriggerType.SCHEDULED:
        _make_due_again(session, database, run)
    return True


def _request_again(session: Session, database: Database, run: RunFacts) -> None:
    """Make the request again that the claim answered, unless somebody has made another meanwhile."""
    if run.trigger_before is None and run.started_by is not StartedBy.REQUEST:
        return
    values: dict[str, Any] = {**NONE, "run_requested_at": database.utc_now(), "run_requested_by": run.requested_by}
    if run.trigger_before is not None:
        values |= {
            "run_args": run.arguments or "",
            "run_scheduler": run.run_scheduler,
            "run_again_of": run.again_of,
            "run_request_id": run.run_request_id,
        }
    free = (TRIGGERS.c.id == run.trigger_id, TRIGGERS.c.run_requested_at.is_(None))
    session.connection().execute(sa.update(TRIGGERS).where(*free).values(values))


def _wait_again(session: Session, run: RunFacts) -> None:
    """Make the trigger wait again for the retry that the claim took; not one that was killed meanwhile.

    Where another of its jobs failed meanwhile, and waits to be tried again, the later retry of the two stands for both.
    """
    at = run.due_at or waiting_retries.database_now(session)
    free = (
        TRIGGERS.c.id == run.trigger_id,
        TRIGGERS.c.process_status.in_(_WAITING_AGAIN),
        sa.or_(TRIGGERS.c.retry_at.is_(None), TRIGGERS.c.retry_number < run.retry_number),
    )
    values = waiting_retries.waiting(at, run.retry_number, run.retry_of)
    session.connection().execute(sa.update(TRIGGERS).where(*free).values(values))


def _make_due_again(session: Session, database: Database, run: RunFacts) -> None:
    """Undo what the claim did to the due time. Single and queue triggers are due again by being Idle."""
    connection = session.connection()
    query = sa.select(*trigger_rows.BASE_COLUMNS, *trigger_rows.TIME_COLUMNS).select_from(trigger_rows.TIME_JOIN)
    row = connection.execute(query.where(TRIGGERS.c.id == run.trigger_id)).one_or_none()
    try:
        trigger = None if row is None else trigger_rows.read(row)
        if trigger is None or run.due_at is None:
            return
        # The claim computed the next run from the time of the claim, which the job remembers as site time.
        claimed = {cron.to_utc(run.start_time, database.zone, fold) for fold in (0, 1)}
        schedules = Schedules(connection, database.zone)
        if not as_claim_left_it(trigger, run.due_at, schedules, claimed=claimed):
            return
    except PoisonedRowError:  # the next poll reports it
        return
    connection.execute(
        sa.update(SCHEDULED)
        .where(SCHEDULED.c.id == run.trigger_id)
        .values(next_run=cron.to_site(run.due_at, database.zone), due_at=run.due_at)
    )


def abandon_elements(
    session: Session,
    database: Database,
    job_id: UUID,
    status: JobStatus,
    reason: str | None,
    *where: sa.ColumnElement[bool],
) -> int:
    """Take from an ended job the elements that are still In Progress, with the reason in their message.

    They are Abandoned or, where the job did not end as Done and their queue says so, to be tried again. Their tokens
    go with them, so that a robot that is about to write to one at this moment is refused afterwards.

    Args:
        session: An open transaction.
        database: Whose clock it is.
        job_id: The job.
        status: How it ended.
        reason: Why, for people.
        where: Which of its elements; all without any.

    Returns:
        How many were taken.
    """
    message = f"Its job ended ({status.value}) while the element was In Progress."
    if reason:
        message += f" {reason}"
    job = (
        session.connection()
        .execute(sa.select(_JOBS.c.process_name, _JOBS.c.scheduler_name).where(_JOBS.c.id == job_id))
        .one_or_none()
    )
    death = Death(
        message=for_people(message, database),
        died=status is not JobStatus.DONE,
        process_name=None if job is None else job.process_name,
        scheduler_name=None if job is None else job.scheduler_name,
    )
    return take_away(session, database, death, _ELEMENTS.c.job_id == job_id, *where)


def log_end(session: Session, database: Database, job_id: UUID, process_name: str, message: str) -> None:
    """Add an Error message to the log of a process about a job that ended, in the transaction that ends it."""
    logs.insert(
        session,
        process_name=process_name,
        level=LogLevel.ERROR,
        job_id=job_id,
        message=message,
        log_time=database.site_now(),
    )


def for_people(text: str, database: Database) -> str:
    """Return the reason of a job or the message of an element as it can be stored: cut to LONGEST_TEXT characters."""
    return without_end(storable(text), LONGEST_TEXT, database.dialect_name)
