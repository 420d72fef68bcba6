"""Lists of queue elements: one page, how many match, and what is done with all that match.

Every query has an index that fits it, or reads a bounded number of rows: a queue may have a million elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, QueueStatus
from OpenOrchestrator.database.stores import queue_elements
from OpenOrchestrator.database.transitions import ElementEvent, apply_where
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.periods import ALWAYS, Period
from OpenOrchestrator.orchestrator.backend.search import contains

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COUNT_CAP = 10_000
"""A list counts no further."""

SEARCHED_ELEMENTS = 25_000
"""A search for text reads the newest elements of a queue, and the older ones only when asked to."""

CHUNK = 500
"""Elements changed in one transaction, so that robots wait for none of it."""

SORTS: dict[str, tuple[str, ...]] = {
    "created": ("created_date", "id"),
    "reference": ("reference", "status", "created_date", "id"),
    "status": ("status", "created_date", "id"),
}
"""What lists can be sorted by: each has an index. Anything else that an address asks for is not obeyed."""

EVENTS = {
    QueueStatus.NEW: ElementEvent.SET_NEW,
    QueueStatus.IN_PROGRESS: ElementEvent.SET_IN_PROGRESS,
    QueueStatus.DONE: ElementEvent.SET_DONE,
    QueueStatus.FAILED: ElementEvent.SET_FAILED,
    QueueStatus.ABANDONED: ElementEvent.SET_ABANDONED,
}

SOURCES: dict[QueueStatus, tuple[QueueStatus, ...]] = {
    QueueStatus.NEW: (QueueStatus.IN_PROGRESS, QueueStatus.DONE, QueueStatus.FAILED, QueueStatus.ABANDONED),
    QueueStatus.ABANDONED: (QueueStatus.NEW, QueueStatus.IN_PROGRESS, QueueStatus.FAILED),
}
"""What a person can set at once -> from which states."""

_Q: Any = QueueElement.__table__
_COLUMNS = (
    _Q.c.id,
    _Q.c.queue_name,
    _Q.c.status,
    _Q.c.reference,
    _Q.c.data,
    _Q.c.message,
    _Q.c.created_date,
    _Q.c.created_by,
    _Q.c.start_date,
    _Q.c.end_date,
    _Q.c.job_id,
    _Q.c.claim_token,
)


@dataclass(frozen=True, slots=True)
class ElementRow:
    """A queue element as it was read; dates are naive site time.

    Attributes:
        token: Of its last hand-out: what tells an element apart from itself after another round.
    """

    id: UUID
    queue: str
    status: QueueStatus
    reference: str | None
    data: str | None
    message: str | None
    created: datetime
    created_by: str | None
    started: datetime | None
    ended: datetime | None
    job_id: UUID | None
    token: UUID | None

    @property
    def name(self) -> str:
        """What people call it: its reference, or the beginning of its id."""
        return self.reference or str(self.id)[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementQuery:
    """Which elements of a queue a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in reference, data or message.
        statuses: Only these; none means any.
        sort: Key of SORTS.
        page: From 1.
        deep: Whether a search for text reads all elements.
    """

    queue: str
    text: str = ""
    statuses: tuple[QueueStatus, ...] = ()
    period: Period = ALWAYS
    sort: str = "created"
    descending: bool = True
    page: int = 1
    size: int = 25
    deep: bool = False


@dataclass(frozen=True, slots=True)
class ElementPage:
    """A page of elements.

    Attributes:
        total: That match, counted no further than COUNT_CAP; more than that while there is a next page.
        capped: Whether counting stopped.
        searched_from: Only elements created since then were searched; None if all were.
    """

    rows: tuple[ElementRow, ...]
    total: int
    capped: bool
    searched_from: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """All elements that matched at one moment: what a bulk action or an export is about.

    Elements made later do not belong to it.

    Attributes:
        created_from: Naive site time; None for all.
        created_to: Naive site time.
    """

    queue: str
    text: str
    statuses: tuple[QueueStatus, ...]
    created_from: datetime | None
    created_to: datetime


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


class QueueElementsBackend(Backend):
    """Elements of a queue. Each method is one transaction."""

    async def page(self, query: ElementQuery) -> ElementPage:
        """Return one page of elements."""

        def work(session: Session) -> ElementPage:
            conditions, searched_from = _conditions(session, query, self._database.site_now())
            offset = (query.page - 1) * query.size
            keys = SORTS.get(query.sort, SORTS["created"])
            statement = _ordered(
                conditions, query.statuses, keys, descending=query.descending, most=offset + query.size + 1
            )
            found = [_row(row) for row in session.execute(statement.offset(offset).limit(query.size + 1))]
            more = len(found) > query.size
            rows = tuple(found[: query.size])
            if not more and (rows or query.page == 1):
                return ElementPage(rows, offset + len(rows), capped=False, searched_from=searched_from)
            total = _capped_count(session, [*conditions, *_status_in(query.statuses)])
            capped = total >= COUNT_CAP
            if capped and more:
                total = max(total, offset + query.size + 1)
            return ElementPage(rows, total, capped, searched_from)

        return await self._read(work)

    async def rows(self, ids: Sequence[UUID]) -> tuple[ElementRow, ...]:
        """Return elements as they are now; those that are gone are left out."""

        def work(session: Session) -> tuple[ElementRow, ...]:
            found: list[ElementRow] = []
            for start in range(0, len(ids), CHUNK):
                query = sa.select(*_COLUMNS).where(_Q.c.id.in_(ids[start : start + CHUNK]))
                found += [_row(row) for row in session.execute(query)]
            return tuple(sorted(found, key=lambda row: (row.created, row.id.bytes)))

        return await self._read(work)

    async def matching(self, query: ElementQuery) -> Matching:
        """Return all that match now, whatever the page, to count, change or export."""

        def work(session: Session) -> Matching:
            return _resolve(session, query, self._database.site_now())

        return await self._read(work)

    async def counts(self, matching: Matching) -> MatchingCounts:
        """Return how many these are, to the last one."""

        def work(session: Session) -> MatchingCounts:
            conditions = conditions_of(matching)
            query = sa.select(_Q.c.status, sa.func.count().label("number")).where(*conditions).group_by(_Q.c.status)
            by_status: dict[QueueStatus, int] = {row.status: row.number for row in session.execute(query)}
            held: int | None = 0
            if by_status.get(QueueStatus.IN_PROGRESS):
                held = session.scalar(
                    sa.select(sa.func.count())
                    .select_from(_Q)
                    .where(*conditions, _Q.c.status == QueueStatus.IN_PROGRESS, held_by_active_job())
                )
            return MatchingCounts(by_status, int(held or 0))

        return await self._read(work)

    async def set_status_next(
        self, matching: Matching, status: QueueStatus, after: tuple[datetime, UUID] | None
    ) -> Step:
        """Set the status of the next few hundred that ``SOURCES`` allows; what a robot works on is left alone."""
        return await self._step(matching, after, status)

    async def delete_next(self, matching: Matching, after: tuple[datetime, UUID] | None) -> Step:
        """Delete the next few hundred of them; what a robot works on is left alone."""
        return await self._step(matching, after, None)

    async def _step(self, matching: Matching, after: tuple[datetime, UUID] | None, status: QueueStatus | None) -> Step:
        def work(session: Session) -> Step:
            conditions = [*conditions_of(matching), free()]
            if status is not None:
                conditions += _status_in(SOURCES[status])
            query = sa.select(_Q.c.created_date, _Q.c.id).where(*conditions, *later(after))
            found = session.execute(query.order_by(_Q.c.created_date, _Q.c.id).limit(CHUNK)).all()
            if not found:
                return Step(0, None)
            # The conditions again: what somebody changed since it was read is left alone.
            guards = [_Q.c.id.in_([row.id for row in found]), *conditions]
            if status is None:
                result: Any = session.execute(sa.delete(_Q).where(*guards))
                changed = int(result.rowcount)
            else:
                values = status_values(session, status, self._database.site_now())
                changed = apply_where(session, EVENTS[status], *guards, values=values)
            return Step(changed, (found[-1].created_date, found[-1].id))

        return await self._write(work)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a bulk action did.

    Attributes:
        changed: Elements.
        last: Where the next step goes on; None at the end.
    """

    changed: int
    last: tuple[datetime, UUID] | None


def status_values(session: Session, status: QueueStatus, now: datetime) -> dict[str, Any]:
    """Return what changes with the status, as it does when robots set it, apart from the status itself."""
    values = queue_elements.status_values(session.get_bind().dialect.name, status, message=None, now=now)
    del values["status"]
    return values


def held_by_active_job() -> sa.ColumnElement[bool]:
    """Return the condition that the job that holds an element has not ended."""
    return (
        sa.select(sa.literal(1))
        .where(Job.id == _Q.c.job_id, Job.status.in_(ACTIVE_JOB_STATUSES))
        .correlate(_Q)
        .exists()
    )


def free() -> sa.ColumnElement[bool]:
    """Return the condition that no robot is known to work on an element."""
    return sa.or_(_Q.c.status != QueueStatus.IN_PROGRESS, sa.not_(held_by_active_job()))


def conditions_of(matching: Matching) -> list[sa.ColumnElement[bool]]:
    """Return what an element has to fulfil to belong to it."""
    conditions = [_Q.c.queue_name == matching.queue, _Q.c.created_date <= matching.created_to]
    if matching.created_from is not None:
        conditions.append(_Q.c.created_date >= matching.created_from)
    return [*conditions, *_status_in(matching.statuses), *_text(matching.text)]


def later(after: tuple[datetime, UUID] | None) -> list[sa.ColumnElement[bool]]:
    """Return the condition that an element comes after another by date and id; none without one."""
    if after is None:
        return []
    date, element_id = after
    return [_Q.c.created_date >= date, sa.or_(_Q.c.created_date > date, _Q.c.id > element_id)]


def read_matching(
    session: Session, matching: Matching, after: tuple[datetime, UUID] | None, most: int
) -> list[ElementRow]:
    """Return the next elements of all that match, oldest first, for exports."""
    query = sa.select(*_COLUMNS).where(*conditions_of(matching), *later(after))
    return [_row(row) for row in session.execute(query.order_by(_Q.c.created_date, _Q.c.id).limit(most))]


def read_one(session: Session, element_id: UUID) -> ElementRow | None:
    """Return an element, or None if there is none."""
    row = session.execute(sa.select(*_COLUMNS).where(_Q.c.id == element_id)).one_or_none()
    return None if row is None else _row(row)


def _row(row: Any) -> ElementRow:
    return ElementRow(*row)


def _resolve(session: Session, query: ElementQuery, site_now: datetime) -> Matching:
    start, end = query.period.bounds(site_now)
    searched_from = _searched_from(session, query, start)
    last = session.scalar(sa.select(sa.func.max(_Q.c.created_date)).where(_Q.c.queue_name == query.queue))
    newest = max(last or site_now, site_now)  # a machine whose clock is ahead may have made it
    return Matching(
        queue=query.queue,
        text=query.text,
        statuses=query.statuses,
        created_from=searched_from or start,
        created_to=newest if end is None else min(end, newest),
    )


def _conditions(
    session: Session, query: ElementQuery, site_now: datetime
) -> tuple[list[sa.ColumnElement[bool]], datetime | None]:
    """Return what elements have to fulfil besides their status, and since when they are searched."""
    start, end = query.period.bounds(site_now)
    searched_from = _searched_from(session, query, start)
    conditions: list[sa.ColumnElement[bool]] = [_Q.c.queue_name == query.queue]
    if searched_from or start:
        conditions.append(_Q.c.created_date >= (searched_from or start))
    if end is not None:
        conditions.append(_Q.c.created_date <= end)
    return [*conditions, *_text(query.text)], searched_from


def _searched_from(session: Session, query: ElementQuery, start: datetime | None) -> datetime | None:
    if not query.text or query.deep:
        return None
    newest = sa.select(_Q.c.created_date).where(_Q.c.queue_name == query.queue)
    newest = newest.order_by(_Q.c.created_date.desc(), _Q.c.id.desc()).offset(SEARCHED_ELEMENTS).limit(1)
    boundary = session.scalar(newest)
    return None if boundary is None or (start is not None and boundary <= start) else boundary


def _text(text: str) -> list[sa.ColumnElement[bool]]:
    if not text:
        return []
    return [sa.or_(*(contains(column, text) for column in (_Q.c.reference, _Q.c.data, _Q.c.message)))]


def _status_in(statuses: tuple[QueueStatus, ...]) -> list[sa.ColumnElement[bool]]:
    if not statuses:
        return []
    return [_Q.c.status == statuses[0] if len(statuses) == 1 else _Q.c.status.in_(statuses)]


def _ordered(
    conditions: list[sa.ColumnElement[bool]],
    statuses: tuple[QueueStatus, ...],
    keys: tuple[str, ...],
    *,
    descending: bool,
    most: int,
) -> sa.Select[Any]:
    def order(columns: Any) -> list[Any]:
        return [columns[key].desc() if descending else columns[key].asc() for key in keys]

    if len(statuses) < 2 or keys[0] != "created_date":
        return sa.select(*_COLUMNS).where(*conditions, *_status_in(statuses)).order_by(*order(_Q.c))
    # One walk along the index for each status: for several at once databases read the whole queue and sort it.
    parts = []
    for status in statuses:
        part = sa.select(*_COLUMNS).where(*conditions, _Q.c.status == status).order_by(*order(_Q.c)).limit(most)
        parts.append(sa.select(part.subquery()))
    both = sa.union_all(*parts).subquery()
    return sa.select(both).order_by(*order(both.c))


def _capped_count(session: Session, conditions: list[sa.ColumnElement[bool]]) -> int:
    some = sa.select(sa.literal(1).label("one")).select_from(_Q).where(*conditions).limit(COUNT_CAP).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
