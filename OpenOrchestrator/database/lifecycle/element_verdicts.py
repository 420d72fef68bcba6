"""What a robot says became of an element that it took: one guarded write, once.

Owns the write. What follows from an error is decided in ``element_retries``, who may write in ``element_status``. A
verdict that ends well is one statement; every other one stores the attempt that ended beside it, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import ElementLostError
from OpenOrchestrator.database.lifecycle.element_status import StatusWrite, guards_of, raise_refusal
from OpenOrchestrator.database.lifecycle.holding_jobs import find_job
from OpenOrchestrator.database.lifecycle.waiting_elements import put_back_values
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import AttemptEnd, QueueStatus

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from OpenOrchestrator.database.engine.database import Database

ERROR_TYPE_LENGTH = 200
ERROR_CODE_LENGTH = 100
PROGRESS_TEXT_LENGTH = 200

_TABLE = cast(sa.Table, QueueElement.__table__)
_IN_PROGRESS = _TABLE.c.status == QueueStatus.IN_PROGRESS
_STATUSES = {
    AttemptEnd.DONE: QueueStatus.DONE,
    AttemptEnd.FAILED: QueueStatus.FAILED,
    AttemptEnd.ABANDONED: QueueStatus.ABANDONED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An element that a robot took, and what entitles it to a verdict.

    Attributes:
        element_id: The element.
        token: What it was handed out with.
        since: When it was handed out, in site time.
        job_id: The job of the robot; None if it has none.
        process_name: The robot.
        attempt: Which attempt it is, from 1.
    """

    element_id: UUID
    token: UUID
    since: datetime | None
    job_id: UUID | None
    process_name: str | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an element. Texts have to be storable, and as long as their columns at most.

    Attributes:
        ended_as: How the attempt ended.
        message: Replaces the element's message; None leaves it, but for what an earlier attempt said in one that is
            Done.
        error_type: The class of the exception.
        error_code: As the robot calls the reason.
        traceback: Of the exception, without secrets.
        output: What came of it; None leaves what is there.
        wait: For how many seconds, or until when (aware), an element that is put back waits.
    """

    ended_as: AttemptEnd
    message: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    traceback: str | None = None
    output: str | None = None
    wait: float | datetime = 0.0


def write_verdict(
    database: Database, held: Held, verdict: Verdict, *, beside: Callable[[Connection], None] | None = None
) -> None:
    """Write what became of an element, unless somebody else holds it now.

    Args:
        database: Where the element is.
        held: The element.
        verdict: Is to be written.
        beside: Writes in the same transaction, once the verdict is written. Not for one that ends well.

    Raises:
        ElementLostError: If it was handed out anew, taken away or finished since. Nothing was changed.
        NotFoundError: If it was deleted.
        OwnershipLostError: If the robot's own job has ended. Nothing was changed.
    """
    now = database.site_now()
    values = _values(held, verdict, now)
    status = cast(QueueStatus, values["status"])
    wanted = _wanted(held, status)
    update = sa.update(_TABLE).where(_TABLE.c.id == held.element_id, *guards_of(wanted), _IN_PROGRESS).values(values)

    def write(connection: Connection) -> bool:
        if connection.execute(update).rowcount == 1:
            if verdict.ended_as is not AttemptEnd.DONE:
                _store_attempt(connection, held, verdict, now)
                if beside is not None:
                    beside(connection)
            return True
        raise_refusal(connection, wanted)
        raise ElementLostError(
            f"The queue element {held.element_id} was not set to {verdict.ended_as.value}, because its status was set "
            "by other means since this robot took it. What was set stands."
        )

    def read_back(connection: Connection) -> bool | None:
        if verdict.ended_as is not AttemptEnd.DONE:
            from OpenOrchestrator.database.stores import queue_attempts  # noqa: PLC0415  (few verdicts need it)

            return queue_attempts.is_stored(connection, held.token, verdict.ended_as, now) or None
        row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == held.element_id)).mappings().first()
        same = row is not None and row["claim_token"] == held.token
        return True if same and row is not None and all(row[name] == value for name, value in values.items()) else None

    # A statement alone, as in element_status: should it break and arrive late, after it was repeated, the element is
    # not In Progress under this token any more, whatever was written since.
    if verdict.ended_as is AttemptEnd.DONE and database.write_statement(
        lambda connection: connection.execute(update).rowcount == 1, read_back=read_back
    ):
        return
    database.write(
        lambda session: write(session.connection()), read_back=lambda session: read_back(session.connection())
    )


def write_progress(database: Database, held: Held, fraction: float, text: str | None) -> None:
    """Write how far the attempt at an element is.

    Args:
        database: Where the element is.
        held: The element.
        fraction: From 0 to 1.
        text: What it is at, storable; None for nothing.

    Raises:
        ElementLostError, NotFoundError, OwnershipLostError: As ``write_verdict`` does.
    """
    wanted = _wanted(held, QueueStatus.IN_PROGRESS)
    update = (
        sa.update(_TABLE)
        .where(_TABLE.c.id == held.element_id, *guards_of(wanted), _IN_PROGRESS)
        .values(progress=fraction, progress_text=text)
    )

    def look(connection: Connection) -> None:
        raise_refusal(connection, wanted)

    if not database.write_statement(lambda c: c.execute(update).rowcount == 1, read_back=lambda _connection: None):
        database.read(lambda session: look(session.connection()))
        raise ElementLostError(f"The queue element {held.element_id} is not In Progress any more.")


def _wanted(held: Held, status: QueueStatus) -> StatusWrite:
    return StatusWrite(
        element_id=held.element_id,
        status=status,
        message=None,
        job_id=held.job_id,
        token=held.token,
        since=held.since,
    )


def _values(held: Held, verdict: Verdict, now: datetime) -> dict[str, Any]:
    """Return the columns that a verdict sets."""
    values: dict[str, Any] = {"lease_until": None}
    if verdict.message is not None:
        values["message"] = verdict.message
    if verdict.output is not None:
        values["output"] = verdict.output
    status = _STATUSES.get(verdict.ended_as)
    if status is None:
        values |= put_back_values(verdict.wait)
    else:
        values |= {"status": status, "end_date": now}
    if verdict.ended_as is AttemptEnd.ABANDONED:
        values["claim_token"] = None
    if verdict.ended_as is AttemptEnd.RETRIED:
        values["attempt"] = held.attempt + 1
    if verdict.ended_as is AttemptEnd.DONE:
        values |= {"error_type": None, "error_code": None}
        if held.attempt > 1:
            values.setdefault("message", None)
    elif verdict.ended_as in (AttemptEnd.FAILED, AttemptEnd.RETRIED, AttemptEnd.ABANDONED):
        values |= {"error_type": verdict.error_type, "error_code": verdict.error_code}
    return values


def _store_attempt(connection: Connection, held: Held, verdict: Verdict, now: datetime) -> None:
    from OpenOrchestrator.database.stores import queue_attempts  # noqa: PLC0415  (few verdicts need it)

    job = None if held.job_id is None else find_job(connection, held.job_id)
    attempt = queue_attempts.EndedAttempt(
        token=held.token,
        element_id=held.element_id,
        number=held.attempt,
        job_id=held.job_id,
        scheduler_name=None if job is None else job.scheduler_name,
        process_name=held.process_name,
        start_date=held.since,
        end_date=now,
        ended_as=verdict.ended_as,
        message=verdict.message,
        error_type=verdict.error_type,
        error_code=verdict.error_code,
        traceback=verdict.traceback,
    )
    queue_attempts.insert(connection, [attempt])
