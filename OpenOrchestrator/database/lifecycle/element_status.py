"""Status writes of robots, each refused if somebody else holds the element by now.

Owns the guard and what a refused robot is told. Admins set statuses whoever holds the element, in
``stores.queue_elements``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import ElementLostError, NotFoundError
from OpenOrchestrator.database.engine.row_locks import shared
from OpenOrchestrator.database.lifecycle.held_tokens import Hold
from OpenOrchestrator.database.lifecycle.holding_jobs import JOBS, find_job, require_running
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, QueueStatus
from OpenOrchestrator.database.stores import queue_elements

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.database import Database

_ATTEMPTS = 5
"""How often a refused status write is tried when nothing forbids it any more at the second look."""

_TABLE = cast(sa.Table, QueueElement.__table__)

_ROUNDING = timedelta(seconds=1)
"""How much a date may differ from what was written: tables of earlier versions keep whole seconds."""

_NOBODYS = (QueueStatus.NEW, QueueStatus.ABANDONED)
"""An element in one of these is held by nobody, whatever token is left in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWrite:
    """What a robot wants an element's status to be, and what entitles it to.

    Attributes:
        element_id: The element.
        status: The new status.
        message: Replaces the element's message, shortened if it is too long; None leaves it.
        job_id: The job of the robot; None if it was started by hand.
        token: What the element was handed out with; None if the robot did not claim it.
        since: When it was handed out, in site time; None does not look at that.
    """

    element_id: UUID
    status: QueueStatus
    message: str | None
    job_id: UUID | None
    token: UUID | None
    since: datetime | None = None


def write_status(database: Database, wanted: StatusWrite) -> Hold | None:
    """Write the status of an element, unless somebody else holds it now.

    Done, Failed and Abandoned set the end date, New and Abandoned take the element from whoever held it. In Progress
    makes the writer the holder, and sets the start date if it did not hold it. The UPDATE is guarded: of a late holder
    and its successor only the successor can write, whatever the late one read before.

    Returns:
        What the writer holds the element by from now on; None if it does not hold it any more.

    Raises:
        OwnershipLostError: If the element was handed out anew since, is being worked on by another running job, or
            the writer's own job has ended. Nothing was changed.
        NotFoundError: If there is no such element.
        InvalidInputError: If the status cannot be one.
    """
    now = database.site_now()
    hold = Hold(uuid4(), now) if wanted.token is None else Hold(wanted.token, wanted.since)
    holds_after = hold if wanted.status is QueueStatus.IN_PROGRESS else None
    values = queue_elements.status_values(database.dialect_name, wanted.status, message=wanted.message, now=now)
    if holds_after is not None:
        values |= {"job_id": wanted.job_id, "claim_token": holds_after.token}
        if wanted.token is not None:
            del values["start_date"]  # of the hand-out, which this is not
    update = sa.update(_TABLE).where(_TABLE.c.id == wanted.element_id, *guards_of(wanted)).values(values)

    def write(connection: Connection) -> bool:
        for _ in range(_ATTEMPTS):
            if connection.execute(update).rowcount == 1:
                return True
            raise_refusal(connection, wanted)
        raise ElementLostError(
            f"The status of queue element {wanted.element_id} was not set to {wanted.status.value}: others change it "
            "all the time. Read it again, and find out who else works on it."
        )

    def read_back(connection: Connection) -> bool | None:
        row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == wanted.element_id)).mappings().first()
        return True if row is not None and all(row[name] == value for name, value in values.items()) else None

    if wanted.token is not None and wanted.status is not QueueStatus.IN_PROGRESS:
        # Nearly every write is this one, and is a statement alone. Should it break and arrive late, after it was
        # repeated, the element is not In Progress under this token any more, whatever was written since.
        narrow = update.where(_TABLE.c.status == QueueStatus.IN_PROGRESS)
        if database.write_statement(lambda c: c.execute(narrow).rowcount == 1, read_back=read_back):
            return holds_after
    # In a transaction, a statement that arrives late is not saved: nobody commits it.
    if _depends_on_job_alone(wanted):
        # The end of the job waits for this, or this for the end of the job and then sees it.
        locked = shared(sa.select(JOBS.c.id).where(JOBS.c.id == wanted.job_id), JOBS)

        def write_under_lock(session: Session) -> bool:
            session.connection().execute(locked).all()
            return write(session.connection())

        database.write(write_under_lock, read_back=lambda session: read_back(session.connection()))
    else:
        database.write(
            lambda session: write(session.connection()), read_back=lambda session: read_back(session.connection())
        )
    return holds_after


def _depends_on_job_alone(wanted: StatusWrite) -> bool:
    """Tell whether only the job entitles to the write, or gets the element by it.

    The end of a job takes the tokens of its elements away with them, so that a late write by token is refused
    whenever it is made. Where there is no token, and where an element gets a new holder, the job itself must not end
    between the look at it and the write.
    """
    return wanted.job_id is not None and (wanted.token is None or wanted.status is QueueStatus.IN_PROGRESS)


def guards_of(wanted: StatusWrite) -> list[sa.ColumnElement[bool]]:
    """Return what has to hold for a robot to write: its job runs, and nobody else holds the element."""
    guards: list[sa.ColumnElement[bool]] = []
    active = JOBS.c.status.in_(ACTIVE_JOB_STATUSES)
    if wanted.job_id is not None:
        guards.append(~sa.exists().where(JOBS.c.id == wanted.job_id, sa.not_(active)))
    if wanted.token is not None:
        # The status as well: tools that know no tokens put elements back by their status alone. And the date: older
        # robots, who know none either, may have taken such an element since.
        guards += [_TABLE.c.claim_token == wanted.token, _TABLE.c.status.not_in(_NOBODYS)]
        if wanted.since is not None:
            start = _TABLE.c.start_date
            guards.append(sa.or_(start.is_(None), start.between(wanted.since - _ROUNDING, wanted.since + _ROUNDING)))
        return guards
    held = [_TABLE.c.status == QueueStatus.IN_PROGRESS, _TABLE.c.job_id.is_not(None)]
    if wanted.job_id is not None:
        held.append(_TABLE.c.job_id != wanted.job_id)
    guards.append(sa.not_(sa.and_(*held, sa.exists().where(JOBS.c.id == _TABLE.c.job_id, active))))
    return guards


def _is_same(start_date: datetime | None, since: datetime | None) -> bool:
    """Tell whether the date of the last hand-out is the one that a writer knows, as far as both are known."""
    return start_date is None or since is None or abs(start_date - since) <= _ROUNDING


def raise_refusal(connection: Connection, wanted: StatusWrite) -> None:
    """Raise the reason why a status write was refused; return if there is none any more."""
    refused = f"The status of queue element {wanted.element_id} was not set to {wanted.status.value}"
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == wanted.element_id)).first()
    if row is None:
        raise NotFoundError(f"No queue element with the given id was found: {wanted.element_id}")
    if wanted.job_id is not None:
        require_running(connection, wanted.job_id, f"{refused}. ")
    holder = f"job {row.job_id}" if row.job_id is not None else "a robot without a job"
    if wanted.token is not None:
        has_date, has_token = _is_same(row.start_date, wanted.since), row.claim_token == wanted.token
        if has_date and has_token and row.status not in _NOBODYS:
            return
        if row.status in _NOBODYS and (has_token or row.claim_token is None):
            what = "taken away" if row.status is QueueStatus.ABANDONED else "put back"
            now = f"It was {what} meanwhile, and is {row.status.value} now."
        elif has_token:
            now = f"It was handed out anew at {row.start_date} to a robot with an older library."
        else:
            now = f"It was handed out anew at {row.start_date} to {holder}."
        raise ElementLostError(f"{refused}, because this robot does not hold it any more. {now} Go on to the next.")
    if row.status is QueueStatus.IN_PROGRESS and row.job_id not in (None, wanted.job_id):
        job = find_job(connection, row.job_id)
        if job is not None and job.status in ACTIVE_JOB_STATUSES:
            raise ElementLostError(
                f"{refused}, because {holder} ({job.process_name} on {job.scheduler_name}) has been working on it "
                f"since {row.start_date}. Take elements with get_next_queue_element, so that each is worked on once."
            )
