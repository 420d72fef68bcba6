"""Which rows are too old, and their deletion: the statements of a sweep.

A page of rows is found by an index on their time, what of it may go by further conditions, and what is deleted is
locked by its id and looked at again first. Nobody is waited for: what somebody holds locked stays until the next sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.attachments import Attachment
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.job_reports import JobAlert, JobResult
from OpenOrchestrator.database.jobs import Job, JobOutput
from OpenOrchestrator.database.lifecycle.retention_rules import Kept, Portion
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.queue_attempts import QueueAttempt
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, AttachmentOwner, JobStatus, QueueStatus
from OpenOrchestrator.database.stores import attachments, queue_references
from OpenOrchestrator.database.triggers import Trigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PAGE = 500
"""Rows looked at by one statement: databases limit how many ids it can name."""

_JOBS = cast(sa.Table, Job.__table__)
_OUTPUT = cast(sa.Table, JobOutput.__table__)
_RESULTS = cast(sa.Table, JobResult.__table__)
_ALERTS = cast(sa.Table, JobAlert.__table__)
_LOGS = cast(sa.Table, Log.__table__)
_ELEMENTS = cast(sa.Table, QueueElement.__table__)
_ATTEMPTS = cast(sa.Table, QueueAttempt.__table__)
_FILES = cast(sa.Table, Attachment.__table__)
_TRIGGERS = cast(sa.Table, Trigger.__table__)
_OTHERS = _JOBS.alias("others")

_ENDED_JOB = tuple(status for status in JobStatus if status not in ACTIVE_JOB_STATUSES)
_TABLES = {
    Kept.OUTPUT: _JOBS,
    Kept.JOBS: _JOBS,
    Kept.LOGS: _LOGS,
    Kept.ELEMENTS: _ELEMENTS,
    Kept.FILES: _FILES,
}
_TIMES: dict[Kept, sa.Column[datetime]] = {
    Kept.OUTPUT: _JOBS.c.start_time,
    Kept.JOBS: _JOBS.c.start_time,
    Kept.LOGS: _LOGS.c.log_time,
    Kept.ELEMENTS: _ELEMENTS.c.created_date,
    Kept.FILES: _FILES.c.created_at,
}
_OWNERS = {Kept.JOBS: AttachmentOwner.JOB, Kept.ELEMENTS: AttachmentOwner.ELEMENT}


@dataclass(frozen=True, slots=True)
class Removed:
    """What one transaction did.

    Attributes:
        handled: Ids that need no further look in this sweep.
        deleted: Those of them that were deleted; of output, the jobs that have none any more.
        files: Ids of files whose content is to be deleted.
    """

    handled: tuple[UUID, ...]
    deleted: tuple[UUID, ...]
    files: tuple[UUID, ...] = ()


def page(session: Session, portion: Portion, after: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
    """Return the keys of the next old rows, the last of each being the id; some of them may have to stay."""
    table, moment = _TABLES[portion.kept], _TIMES[portion.kept]
    # Files have no index on their time, and are few.
    keys = (table.c.id,) if portion.kept is Kept.FILES else (moment, table.c.id)
    query = sa.select(*keys).where(*_range(portion)).order_by(*keys).limit(PAGE)
    if portion.kept is Kept.ELEMENTS:  # else MariaDB may sort all that have the status to save reading some
        for name in ("mysql", "mariadb"):
            query = query.with_hint(_ELEMENTS, "FORCE INDEX (`ix_Queues_next`)", name)
    if after is not None and len(after) == 1:
        query = query.where(table.c.id > after[0])
    elif after is not None:
        behind = sa.or_(moment > after[0], sa.and_(moment == after[0], table.c.id > after[1]))
        query = query.where(moment >= after[0], behind)
    return [tuple(row) for row in session.connection().execute(query)]


def deletable(session: Session, portion: Portion, ids: Sequence[UUID]) -> list[UUID]:
    """Return which of some old rows, a page of them at most, may be deleted."""
    table = _TABLES[portion.kept]
    query = sa.select(table.c.id).where(table.c.id.in_(ids), *_range(portion), *_ended(portion), *_unneeded(portion))
    return list(session.connection().execute(query).scalars())


def count(session: Session, portion: Portion) -> tuple[int, datetime | None]:
    """Return how many rows would be deleted now, and the time of the oldest of them; reads all that are old enough."""
    table, moment = _TABLES[portion.kept], _TIMES[portion.kept]
    query = sa.select(sa.func.count(), sa.func.min(moment)).select_from(table)
    row = session.connection().execute(query.where(*_range(portion), *_ended(portion), *_unneeded(portion))).one()
    return int(row[0]), row[1]


def remove(session: Session, portion: Portion, ids: Sequence[UUID], size: int) -> Removed:
    """Delete some rows, at most so many, which are looked at again under a lock."""
    table = _TABLES[portion.kept]
    some = tuple(ids[:size])
    guarded = sa.select(table.c.id).where(table.c.id.in_(some), *_ended(portion))
    locked = tuple(session.connection().execute(free_only(guarded, table)).scalars())
    if not locked:
        return Removed(some, ())
    if portion.kept is Kept.OUTPUT:
        return _remove_output(session, some, locked, size)
    if portion.kept is Kept.FILES:
        attachments.hide(session, locked)
        return Removed(some, locked, locked)
    return Removed(some, locked, _remove_rows(session, portion.kept, locked))


def _remove_rows(session: Session, kept: Kept, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Delete locked rows with what belongs to them, and return the ids of their files, which are not shown any more."""
    connection = session.connection()
    belonging = {
        Kept.JOBS: (_OUTPUT.c.job_id, _RESULTS.c.job_id, _ALERTS.c.job_id),
        Kept.ELEMENTS: (_ATTEMPTS.c.element_id,),
    }
    for owner in belonging.get(kept, ()):
        connection.execute(sa.delete(owner.table).where(owner.in_(ids)))
    if kept is Kept.ELEMENTS:
        queue_references.keep(connection, ids)
    files = tuple(attachments.ids_of(session, _OWNERS[kept], ids)) if kept in _OWNERS else ()
    connection.execute(sa.delete(_TABLES[kept]).where(_TABLES[kept].c.id.in_(ids)))
    return files


def _remove_output(session: Session, asked: Sequence[UUID], locked: Sequence[UUID], size: int) -> Removed:
    """Delete pieces of the output of jobs that have ended, at most so many."""
    connection = session.connection()
    pieces = connection.execute(
        sa.select(_OUTPUT.c.job_id, _OUTPUT.c.sequence)
        .where(_OUTPUT.c.job_id.in_(locked))
        .order_by(_OUTPUT.c.job_id, _OUTPUT.c.sequence)
        .limit(size)
    ).all()
    cut = pieces[-1] if len(pieces) == size else None
    whole = [each for each in dict.fromkeys(row.job_id for row in pieces) if cut is None or each != cut.job_id]
    if whole:
        connection.execute(sa.delete(_OUTPUT).where(_OUTPUT.c.job_id.in_(whole)))
    if cut is None:
        return Removed(tuple(asked), tuple(locked))  # all had some when they were found
    rest = (_OUTPUT.c.job_id == cut.job_id, _OUTPUT.c.sequence <= cut.sequence)
    connection.execute(sa.delete(_OUTPUT).where(*rest))
    free = frozenset(locked)
    return Removed((*(each for each in asked if each not in free), *whole), tuple(whole))


def _range(portion: Portion) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that an index is walked by."""
    conditions: list[sa.ColumnElement[bool]] = [_TIMES[portion.kept] < portion.before]
    if portion.kept is Kept.ELEMENTS:
        conditions = [
            SameText(_ELEMENTS.c.queue_name, portion.queue),
            _ELEMENTS.c.status == portion.status,
            *conditions,
        ]
    return conditions


def _ended(portion: Portion) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on a row itself, which have to hold when it is deleted."""
    if portion.kept in (Kept.JOBS, Kept.OUTPUT):
        ended_at = sa.func.coalesce(_JOBS.c.end_time, _JOBS.c.start_time, type_=_JOBS.c.start_time.type)
        return [_JOBS.c.status.in_(_ENDED_JOB), ended_at < portion.before]
    if portion.kept is Kept.ELEMENTS:
        columns = (_ELEMENTS.c.end_date, _ELEMENTS.c.created_date)
        ended_at = sa.func.coalesce(*columns, type_=_ELEMENTS.c.created_date.type)
        return [_ELEMENTS.c.status == portion.status, ended_at < portion.before]
    return []


def _unneeded(portion: Portion) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on other rows: that none of them needs this one."""
    if portion.kept is Kept.OUTPUT:
        return [sa.exists().where(_OUTPUT.c.job_id == _JOBS.c.id)]
    if portion.kept is Kept.LOGS:
        return [_no_active_job(_LOGS.c.job_id)]
    if portion.kept is Kept.FILES:
        is_open = _ELEMENTS.c.status.in_((QueueStatus.NEW, QueueStatus.IN_PROGRESS))
        no_open_element = ~sa.exists().where(_ELEMENTS.c.id == _FILES.c.owner_id, is_open)
        return [_FILES.c.completed_at.is_not(None), _no_active_job(_FILES.c.owner_id), no_open_element]
    if portion.kept is not Kept.JOBS:
        return []
    in_hand = sa.and_(_ELEMENTS.c.job_id == _JOBS.c.id, _ELEMENTS.c.status == QueueStatus.IN_PROGRESS)
    waiting = (_TRIGGERS.c.retry_of, _TRIGGERS.c.run_again_of)
    return [
        ~sa.exists().where(_OTHERS.c.retry_of == _JOBS.c.id),
        ~sa.exists().where(_OTHERS.c.again_of == _JOBS.c.id),
        ~sa.exists().where(_ALERTS.c.job_id == _JOBS.c.id, _ALERTS.c.dismissed_at.is_(None)),
        ~sa.exists().where(in_hand),
        *(_JOBS.c.id.not_in(sa.select(column).where(column.is_not(None))) for column in waiting),
    ]


def _no_active_job(job_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return ~sa.exists().where(_JOBS.c.id == job_id, _JOBS.c.status.in_(tuple(ACTIVE_JOB_STATUSES)))
