"""All elements of a queue that match at one moment: how many there are, and what is done with all of them.

Owns the steps in which many are changed, so that robots wait for none of it, and that what a robot works on is left
alone. Which elements a list shows is in ``queue_elements``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, QueueStatus
from OpenOrchestrator.database.stores import element_belongings, element_order
from OpenOrchestrator.database.transitions import apply_where
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.queues.backend.element_rows import (
    COLUMNS,
    ElementQuery,
    ElementRow,
    holding,
    referenced,
    row_of,
    searched_since,
    status_in,
)
from OpenOrchestrator.orchestrator.queues.backend.elements import EVENTS, status_values
from OpenOrchestrator.orchestrator.queues.backend.failed_elements import with_cause

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CHUNK = 500
"""Elements changed in one transaction, so that robots wait for none of it."""

SOURCES: dict[QueueStatus, tuple[QueueStatus, ...]] = {
    QueueStatus.NEW: (QueueStatus.IN_PROGRESS, QueueStatus.DONE, QueueStatus.FAILED, QueueStatus.ABANDONED),
    QueueStatus.ABANDONED: (QueueStatus.NEW, QueueStatus.IN_PROGRESS, QueueStatus.FAILED),
}
"""What a person can set at once -> from which states."""

PRIORITIZED = (QueueStatus.NEW, QueueStatus.IN_PROGRESS)
"""Where a priority means something: what is In Progress may be handed out again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """All elements that matched at one moment: what a bulk action or an export is about.

    Elements made later do not belong to it.

    Attributes:
        created_from: Naive site time; None for all.
        created_to: Naive site time.
        searched_from: Since when they are searched for the text, naive site time; older ones belong to it if the text
            is exactly their reference. None if all are searched.
        ids: Only these, because they have one cause; None for any.
    """

    queue: str
    text: str
    statuses: tuple[QueueStatus, ...]
    created_from: datetime | None
    created_to: datetime
    searched_from: datetime | None = None
    ids: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class MatchingCounts:
    """How many elements a bulk action is about.

    Attributes:
        by_status: All that match.
        held: Of those, In Progress for a job that is active; a bulk action leaves them alone.
    """

    by_status: dict[QueueStatus, int]
    held: int

    @property
    def total(self) -> int:
        """All that match."""
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True)
class BulkStep:
    """What one step of a bulk action did.

    Attributes:
        changed: Elements.
        last: Where the next step goes on; None at the end.
    """

    changed: int
    last: tuple[datetime, UUID] | None


class MatchingElementsBackend(Backend):
    """What is done with all that match, one step at a time."""

    async def resolve(self, query: ElementQuery) -> Matching:
        """Return all that match now, whatever the page, to count, change or export."""

        def work(session: Session) -> Matching:
            return _resolve(session, query, self._database.site_now())

        return await self._read(work)

    async def counts(self, matching: Matching) -> MatchingCounts:
        """Return how many these are, to the last one."""

        def work(session: Session) -> MatchingCounts:
            conditions = _conditions_of(matching)
            query = sa.select(_Q.c.status, sa.func.count().label("number")).where(*conditions).group_by(_Q.c.status)
            by_status: dict[QueueStatus, int] = {row.status: row.number for row in session.execute(query)}
            held: int | None = 0
            if by_status.get(QueueStatus.IN_PROGRESS):
                held = session.scalar(
                    sa.select(sa.func.count())
                    .select_from(_Q)
                    .where(*conditions, _Q.c.status == QueueStatus.IN_PROGRESS, _held_by_active_job())
                )
            return MatchingCounts(by_status, int(held or 0))

        return await self._read(work)

    async def set_status_next(
        self, matching: Matching, status: QueueStatus, after: tuple[datetime, UUID] | None
    ) -> BulkStep:
        """Set the status of the next few hundred that ``SOURCES`` allows; what a robot works on is left alone."""
        return await self._step(matching, after, status)

    async def delete_next(self, matching: Matching, after: tuple[datetime, UUID] | None) -> BulkStep:
        """Delete the next few hundred of them; what a robot works on is left alone."""
        return await self._step(matching, after, None)

    async def set_priority_next(
        self, matching: Matching, priority: int, after: tuple[datetime, UUID] | None
    ) -> BulkStep:
        """Give the next few hundred of those that are New or In Progress another priority."""

        def work(session: Session) -> BulkStep:
            conditions = [*_conditions_of(matching), *status_in(PRIORITIZED), *_later(after)]
            query = sa.select(_Q.c.created_date, _Q.c.id).where(*conditions)
            found = session.execute(query.order_by(_Q.c.created_date, _Q.c.id).limit(CHUNK)).all()
            if not found:
                return BulkStep(0, None)
            changed = element_order.set_priority(session, [row.id for row in found], priority)
            return BulkStep(changed, (found[-1].created_date, found[-1].id))

        return await self._write(work)

    async def _step(
        self, matching: Matching, after: tuple[datetime, UUID] | None, status: QueueStatus | None
    ) -> BulkStep:
        def work(session: Session) -> BulkStep:
            conditions = [*_conditions_of(matching), _free()]
            if status is not None:
                conditions += status_in(SOURCES[status])
            query = sa.select(_Q.c.created_date, _Q.c.id).where(*conditions, *_later(after))
            found = session.execute(query.order_by(_Q.c.created_date, _Q.c.id).limit(CHUNK)).all()
            if not found:
                return BulkStep(0, None)
            # The conditions again: what somebody changed since it was read is left alone.
            guards = [_Q.c.id.in_([row.id for row in found]), *conditions]
            if status is None:
                changed = _delete(session, [row.id for row in found], guards)
            else:
                values = status_values(session, status, self._database.site_now())
                changed = apply_where(session, EVENTS[status], *guards, values=values)
            return BulkStep(changed, (found[-1].created_date, found[-1].id))

        return await self._write(work)


def _delete(session: Session, ids: Sequence[UUID], guards: Sequence[sa.ColumnElement[bool]]) -> int:
    """Delete those of some elements that are still as they were read, with what belongs to them; return how many."""
    result: Any = session.execute(sa.delete(_Q).where(*guards))
    left: set[UUID] = set()
    if int(result.rowcount) != len(ids):
        left = set(session.scalars(sa.select(_Q.c.id).where(_Q.c.id.in_(ids))))
    element_belongings.delete_of(session, [each for each in ids if each not in left])
    return int(result.rowcount)


def _held_by_active_job() -> sa.ColumnElement[bool]:
    """Return the condition that the job that holds an element has not ended."""
    return (
        sa.select(sa.literal(1))
        .where(Job.id == _Q.c.job_id, Job.status.in_(ACTIVE_JOB_STATUSES))
        .correlate(_Q)
        .exists()
    )


def _free() -> sa.ColumnElement[bool]:
    """Return the condition that no robot is known to work on an element."""
    return sa.or_(_Q.c.status != QueueStatus.IN_PROGRESS, sa.not_(_held_by_active_job()))


def _conditions_of(matching: Matching) -> list[sa.ColumnElement[bool]]:
    """Return what an element has to fulfil to belong to it."""
    conditions = [SameText(_Q.c.queue_name, matching.queue), _Q.c.created_date <= matching.created_to]
    if matching.created_from is not None:
        conditions.append(_Q.c.created_date >= matching.created_from)
    conditions += status_in(matching.statuses)
    if matching.ids is not None:
        conditions.append(_Q.c.id.in_(matching.ids))
    if matching.searched_from is None:
        return [*conditions, *holding(matching.text)]
    searched = sa.and_(_Q.c.created_date >= matching.searched_from, *holding(matching.text))
    return [*conditions, sa.or_(searched, *referenced(matching.text))]


def _later(after: tuple[datetime, UUID] | None) -> list[sa.ColumnElement[bool]]:
    """Return the condition that an element comes after another by date and id; none without one."""
    if after is None:
        return []
    date, element_id = after
    return [_Q.c.created_date >= date, sa.or_(_Q.c.created_date > date, _Q.c.id > element_id)]


def read_matching(
    session: Session, matching: Matching, after: tuple[datetime, UUID] | None, most: int
) -> list[ElementRow]:
    """Return the next elements of all that match, oldest first, for exports."""
    query = sa.select(*COLUMNS).where(*_conditions_of(matching), *_later(after))
    return [row_of(row) for row in session.execute(query.order_by(_Q.c.created_date, _Q.c.id).limit(most))]


def _resolve(session: Session, query: ElementQuery, site_now: datetime) -> Matching:
    start, end = query.period.bounds(site_now)
    searched_from = searched_since(session, query, start)
    if searched_from is not None:
        same = [SameText(_Q.c.queue_name, query.queue), *referenced(query.text), _Q.c.created_date < searched_from]
        if session.execute(sa.select(_Q.c.id).where(*same).limit(1)).first() is None:
            start, searched_from = searched_from, None  # a plain period is walked faster
    last = session.scalar(sa.select(sa.func.max(_Q.c.created_date)).where(SameText(_Q.c.queue_name, query.queue)))
    newest = max(last or site_now, site_now)  # a machine whose clock is ahead may have made it
    return Matching(
        queue=query.queue,
        text=query.text,
        statuses=query.statuses,
        created_from=start,
        searched_from=searched_from,
        ids=tuple(with_cause(session, query.queue, query.cause, query.ended_from)) if query.cause else None,
        created_to=newest if end is None else min(end, newest),
    )
