"""Runs that robots ask for: the request, and which job answers it.

A request carries an id. The claim that answers it empties it and gives its id to the job, in one transaction; a claim
that is given back does the reverse. So at every moment either the trigger has the id or the newest job with it is the
answer, and one statement sees both.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError, RunRefusedError
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, BUSY_TRIGGER_STATUSES, JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import run_requests
from OpenOrchestrator.database.stores.run_requests import RunOnce
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, raw

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_STARTABLE = (TriggerStatus.IDLE, TriggerStatus.DONE)
"""From these a robot may start it; what an admin paused or has to look at, robots leave alone."""

_NAMED = 3


@dataclass(frozen=True, slots=True)
class AskedTrigger:
    """A trigger that a robot wants to run.

    Attributes:
        arguments: Its own.
    """

    id: UUID
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        waits: No scheduler has answered it yet.
        job_id: The job that answers it; None before, and where it was taken back.
        status: Of that job.
        reason: Why it ended as it did.
    """

    waits: bool
    job_id: UUID | None = None
    status: JobStatus | None = None
    reason: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes: its job has ended, or it was taken back."""
        return not self.waits and self.status not in ACTIVE_JOB_STATUSES


def find(session: Session, name: str, trigger_id: UUID | None) -> AskedTrigger:
    """Return the one trigger of a name, or with an id.

    Args:
        session: An open transaction.
        name: As it was given.
        trigger_id: The id that the name is; None if it is none.

    Raises:
        NotFoundError: If there is none; the message says which names are like it.
        InvalidInputError: If several have this name.
    """
    connection = session.connection()
    columns = (TRIGGERS.c.id, TRIGGERS.c.trigger_name, TRIGGERS.c.process_args)
    rows = connection.execute(sa.select(*columns).where(SameText(TRIGGERS.c.trigger_name, name)).limit(2)).all()
    if not rows and trigger_id is not None:
        rows = connection.execute(sa.select(*columns).where(TRIGGERS.c.id == trigger_id)).all()
    if not rows:
        names = connection.execute(sa.select(TRIGGERS.c.trigger_name)).scalars().all()
        raise NotFoundError(f"There is no trigger named {name!r}. {like(name, names)}")
    if len(rows) > 1:
        raise InvalidInputError(
            f"Several triggers are named {name!r}, so it is not clear which one to run. Give the id of the one, or "
            "rename the others."
        )
    return AskedTrigger(rows[0].id, rows[0].trigger_name, rows[0].process_args or "")


def like(name: str, names: Sequence[str]) -> str:
    """Return which names are like one that there is not, as advice. Pure."""
    lower: dict[str, str] = {each.casefold(): each for each in names}
    found = [lower[each] for each in difflib.get_close_matches(name.casefold(), list(lower), n=_NAMED)]
    if not found:
        return "Check the spelling, also capital letters."
    return f"Did you mean {' or '.join(map(repr, found))}?"


def ask(session: Session, trigger: AskedTrigger, run: RunOnce, *, now: datetime) -> None:
    """Ask for a run of a trigger beside its schedule.

    Args:
        session: An open transaction.
        trigger: The trigger.
        run: What is wanted, with an id of its own.
        now: Aware instant.

    Raises:
        RunRefusedError: If the trigger runs, was paused, failed or killed, or a run of it is asked for already.
        NotFoundError: If it was deleted meanwhile.
    """
    startable = TRIGGERS.c.process_status.in_(_STARTABLE)
    if run_requests.request_once(session, trigger.id, run, startable, now=now):
        return
    query = sa.select(raw(TRIGGERS.c.process_status, "status"), TRIGGERS.c.run_requested_at.is_not(None).label("asked"))
    row = session.connection().execute(query.where(TRIGGERS.c.id == trigger.id)).one_or_none()
    if row is None:
        raise NotFoundError(f"The trigger {trigger.name!r} was deleted at this moment.")
    raise RunRefusedError(_refused(trigger.name, TriggerStatus.__members__.get(str(row.status)), asked=bool(row.asked)))


def is_asked(session: Session, trigger_id: UUID, request_id: UUID) -> bool:
    """Tell whether a request was stored, whatever became of it since."""
    answer = look(session, trigger_id, request_id)
    return answer.waits or answer.job_id is not None


def look(session: Session, trigger_id: UUID, request_id: UUID) -> Answer:
    """Return what has become of a request."""
    asked = (TRIGGERS.c.run_request_id == request_id, TRIGGERS.c.run_requested_at.is_not(None))
    waits = sa.select(sa.func.count()).where(TRIGGERS.c.id == trigger_id, *asked)
    always = sa.select(sa.literal(1).label("one")).subquery()
    mine = _JOBS.c.run_request_id == request_id
    columns = (_JOBS.c.id, _JOBS.c.status, _JOBS.c.reason, _JOBS.c.started_at, _JOBS.c.start_time)
    query = sa.select(waits.scalar_subquery().label("waits"), *columns).select_from(always.outerjoin(_JOBS, mine))
    return answer_of(session.connection().execute(query).all())


def answer_of(rows: Sequence[Any]) -> Answer:
    """Return what rows say of a request: all jobs that had it, and whether its trigger has it. Pure.

    Of several jobs all but one were given back before there was a robot.
    """
    if rows[0].waits:
        return Answer(waits=True)
    jobs = [row for row in rows if row.id is not None]
    if not jobs:
        return Answer(waits=False)
    last = max(jobs, key=lambda row: (row.status in ACTIVE_JOB_STATUSES, row.started_at is not None, row.start_time))
    return Answer(waits=False, job_id=last.id, status=last.status, reason=last.reason)


def _refused(name: str, status: TriggerStatus | None, *, asked: bool) -> str:
    beginning = f"No run of the trigger {name!r} was asked for:"
    if status in BUSY_TRIGGER_STATUSES:
        return f"{beginning} it is {status.value} already. Ask again when that run has ended."
    if status not in _STARTABLE:
        shown = "in no known status" if status is None else status.value
        return f"{beginning} it is {shown}. Let an admin look at it and enable it first."
    if asked:
        return f"{beginning} another one waits for a scheduler. Ask again when that has started and ended."
    return f"{beginning} somebody changed it at this moment. Ask again."
