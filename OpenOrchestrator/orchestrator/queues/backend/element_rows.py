"""Lists of queue elements: one page, and how many match. What is done with all of them is in ``matching_elements``.

Every query has an index that fits it, or reads a bounded number of rows: a queue may have a million elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database import element_data
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.periods import ALWAYS, Period
from OpenOrchestrator.orchestrator.backend.search import contains
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.queues.backend.failed_elements import with_cause

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COUNT_CAP = 10_000
"""A list counts no further."""

SEARCHED_ELEMENTS = 25_000
"""A search for text reads the newest elements of a queue, and the older ones only when asked to."""

SORTS: dict[str, tuple[str, ...]] = {
    "created": ("created_date", "id"),
    "reference": ("reference", "status", "created_date", "id"),
    "status": ("status", "created_date", "id"),
}
"""What lists can be sorted by: each has an index. Anything else that an address asks for is not obeyed."""

_IDS_AT_ONCE = 500

COLUMNS = (
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
    _Q.c.attempt,
    _Q.c.not_before,
    _Q.c.error_type,
    _Q.c.error_code,
    _Q.c.progress,
    _Q.c.progress_text,
    _Q.c.priority,
    _Q.c.deadline,
    _Q.c.parent_id,
)


@dataclass(frozen=True, slots=True)
class ElementRow:
    """A queue element as it was read; dates are naive site time.

    Attributes:
        data: In lists of long data the beginning only, with a note.
        token: Of its last hand-out: what tells an element apart from itself after another round.
        attempt: Which one the current, last or next attempt is, from 1.
        not_before: Until when it waits, aware; None for most.
        progress: From 0 to 1.
        priority: A higher one is handed out first.
        deadline: Aware; None for none.
        parent_id: The element it was made for; None for none.
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
    attempt: int
    not_before: datetime | None
    error_type: str | None
    error_code: str | None
    progress: float | None
    progress_text: str | None
    priority: int
    deadline: datetime | None
    parent_id: UUID | None

    @property
    def waits(self) -> bool:
        """Whether it is held by nobody until its time has come."""
        return self.status is QueueStatus.IN_PROGRESS and self.not_before is not None and self.started is None

    @property
    def name(self) -> str:
        """What people call it: its reference, or the beginning of its id."""
        return self.reference or str(self.id)[:8]


@dataclass(frozen=True, slots=True)
class ParentRow:
    """The element that another one was made for."""

    id: UUID
    queue: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementQuery:
    """Which elements of a queue a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in reference, data or message.
        statuses: Only these; none means any.
        cause: Key of a cause: only failed elements with it; empty for any.
        ended_from: Only those with the cause that ended since then, naive site time.
        sort: Key of SORTS.
        page: From 1.
        deep: Whether a search for text reads all elements.
    """

    queue: str
    text: str = ""
    statuses: tuple[QueueStatus, ...] = ()
    period: Period = ALWAYS
    cause: str = ""
    ended_from: datetime | None = None
    sort: str = "created"
    descending: bool = True
    page: int = 1
    size: int = 25
    deep: bool = False


@dataclass(frozen=True, slots=True)
class FoundElements:
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


class QueueElementsBackend(Backend):
    """Elements of a queue for lists."""

    async def page(self, query: ElementQuery) -> FoundElements:
        """Return one page of elements."""

        def work(session: Session) -> FoundElements:
            branches, searched_from = _branches(session, query, self._database.site_now())
            offset = (query.page - 1) * query.size
            keys = SORTS.get(query.sort, SORTS["created"])
            statement = _ordered(
                branches, query.statuses, keys, descending=query.descending, most=offset + query.size + 1
            )
            found = [row_of(row) for row in session.execute(statement.offset(offset).limit(query.size + 1))]
            more = len(found) > query.size
            rows = tuple(found[: query.size])
            if not more and (rows or query.page == 1):
                return FoundElements(rows, offset + len(rows), capped=False, searched_from=searched_from)
            total = sum(_capped_count(session, [*each, *status_in(query.statuses)]) for each in branches)
            capped = total >= COUNT_CAP
            if capped and more:
                total = max(total, offset + query.size + 1)
            return FoundElements(rows, total, capped, searched_from)

        return await self._read(work)

    async def rows(self, ids: Sequence[UUID]) -> tuple[ElementRow, ...]:
        """Return elements as they are now; those that are gone are left out."""

        def work(session: Session) -> tuple[ElementRow, ...]:
            found: list[ElementRow] = []
            for start in range(0, len(ids), _IDS_AT_ONCE):
                query = sa.select(*COLUMNS).where(_Q.c.id.in_(ids[start : start + _IDS_AT_ONCE]))
                found += [row_of(row) for row in session.execute(query)]
            return tuple(sorted(found, key=lambda row: (row.created, row.id.bytes)))

        return await self._read(work)


def read_one(session: Session, element_id: UUID) -> ElementRow | None:
    """Return an element with all of its data, or None if there is none."""
    row = session.execute(sa.select(*COLUMNS, _Q.c.whole_data).where(_Q.c.id == element_id)).one_or_none()
    if row is None:
        return None
    return replace(row_of(row[:-1]), data=element_data.whole(row.data, row.whole_data))


def read_parent(session: Session, row: ElementRow) -> ParentRow | None:
    """Return the element that an element was made for; None for none, and for one that was deleted."""
    if row.parent_id is None:
        return None
    query = sa.select(_Q.c.id, _Q.c.queue_name, _Q.c.reference).where(_Q.c.id == row.parent_id)
    found = session.execute(query).one_or_none()
    return None if found is None else ParentRow(found.id, found.queue_name, found.reference or str(found.id)[:8])


def row_of(row: Any) -> ElementRow:
    """Return an element from its columns."""
    return ElementRow(*row)


def _branches(
    session: Session, query: ElementQuery, site_now: datetime
) -> tuple[list[list[sa.ColumnElement[bool]]], datetime | None]:
    """Return what elements have to fulfil besides their status, and since when they are searched.

    An element fulfils all conditions of one branch, and never those of two: beyond what is searched for a text, those
    are found whose reference is exactly that.
    """
    start, end = query.period.bounds(site_now)
    searched_from = searched_since(session, query, start)
    common: list[sa.ColumnElement[bool]] = [SameText(_Q.c.queue_name, query.queue)]
    if end is not None:
        common.append(_Q.c.created_date <= end)
    common += caused(session, query)
    recent = [*common]
    if searched_from or start:
        recent.append(_Q.c.created_date >= (searched_from or start))
    branches = [[*recent, *holding(query.text)]]
    if searched_from is not None:
        older = [*common, *referenced(query.text), _Q.c.created_date < searched_from]
        if start is not None:
            older.append(_Q.c.created_date >= start)
        if session.execute(sa.select(_Q.c.id).where(*older).limit(1)).first() is not None:
            branches.append(older)
    return branches, searched_from


def caused(session: Session, query: ElementQuery) -> list[sa.ColumnElement[bool]]:
    """Return the condition that an element failed for the wanted cause; none for any."""
    if not query.cause:
        return []
    return [_Q.c.id.in_(with_cause(session, query.queue, query.cause, query.ended_from))]


def referenced(text: str) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a text is the reference of an element: a walk along an index, whatever the queue."""
    return [SameText(_Q.c.reference, text.strip())]


def searched_since(session: Session, query: ElementQuery, start: datetime | None) -> datetime | None:
    """Return since when elements are searched for text; None if all in the period from ``start`` on are."""
    if not query.text or query.deep:
        return None
    newest = sa.select(_Q.c.created_date).where(SameText(_Q.c.queue_name, query.queue))
    newest = newest.order_by(_Q.c.created_date.desc(), _Q.c.id.desc()).offset(SEARCHED_ELEMENTS).limit(1)
    boundary = session.scalar(newest)
    return None if boundary is None or (start is not None and boundary <= start) else boundary


def holding(text: str) -> list[sa.ColumnElement[bool]]:
    """Return the condition that an element holds a text; none without one."""
    if not text:
        return []
    return [sa.or_(*(contains(column, text) for column in (_Q.c.reference, _Q.c.data, _Q.c.message)))]


def status_in(statuses: tuple[QueueStatus, ...]) -> list[sa.ColumnElement[bool]]:
    """Return the condition that an element is in one of these states; none for any."""
    if not statuses:
        return []
    return [_Q.c.status == statuses[0] if len(statuses) == 1 else _Q.c.status.in_(statuses)]


def _ordered(
    branches: list[list[sa.ColumnElement[bool]]],
    statuses: tuple[QueueStatus, ...],
    keys: tuple[str, ...],
    *,
    descending: bool,
    most: int,
) -> sa.Select[Any]:
    def order(columns: Any) -> list[Any]:
        return [columns[key].desc() if descending else columns[key].asc() for key in keys]

    # One walk along the index for each status: for several at once databases read the whole queue and sort it.
    by_status = len(statuses) > 1 and keys[0] == "created_date"
    states = [status_in((status,)) for status in statuses] if by_status else [status_in(statuses)]
    walks = [[*branch, *state] for branch in branches for state in states]
    if len(walks) == 1:
        return sa.select(*COLUMNS).where(*walks[0]).order_by(*order(_Q.c))
    parts = []
    for conditions in walks:
        part = sa.select(*COLUMNS).where(*conditions).order_by(*order(_Q.c)).limit(most)
        parts.append(sa.select(part.subquery()))
    both = sa.union_all(*parts).subquery()
    return sa.select(both).order_by(*order(both.c))


def _capped_count(session: Session, conditions: list[sa.ColumnElement[bool]]) -> int:
    some = sa.select(sa.literal(1).label("one")).select_from(_Q).where(*conditions).limit(COUNT_CAP).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
