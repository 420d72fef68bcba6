"""Finding elements in all queues at once: by their exact reference, by their id, or by a word within them.

A reference is found by an index whatever the size of the queues: one walk for each queue, because the index begins with
the queue's name. A word is looked for in the newest elements of each queue, for so long and no longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores.queue_elements import REFERENCE_LENGTH
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.names import queue_names
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.queues.backend.element_rows import holding

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

MOST_OF_A_QUEUE = 3
MOST_FOUND = 8
QUEUES_AT_ONCE = 50
"""Walks in one statement: databases limit how many parts one may have."""

SEARCHED_ELEMENTS = 4_000
"""A search for a word reads so many of the newest elements of each queue."""

SEARCH_SECONDS = 0.4
NAMES_SECONDS = 30.0

_COLUMNS = (_Q.c.id, _Q.c.queue_name, _Q.c.status, _Q.c.reference, _Q.c.created_date)


@dataclass(frozen=True, slots=True)
class FoundElement:
    """An element that was found; its date is naive site time."""

    id: UUID
    queue: str
    status: QueueStatus
    reference: str | None
    created: datetime

    @property
    def name(self) -> str:
        """What people call it: its reference, or the beginning of its id."""
        return self.reference or str(self.id)[:8]


@dataclass(frozen=True, slots=True)
class FoundReferences:
    """Elements with a reference, the newest first.

    Attributes:
        more: Whether there are others.
    """

    rows: tuple[FoundElement, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class FoundWord:
    """Elements that hold a word, the newest first, and how far it was looked for.

    Attributes:
        more: Whether others were found.
        queues: All there are.
        searched: In how many of them its newest elements were read before the time was over.
        complete: Whether every element of every queue was read.
    """

    rows: tuple[FoundElement, ...]
    more: bool
    queues: int
    searched: int
    complete: bool


class FindElementsBackend(Backend):
    """Searches in all queues."""

    def __init__(self, database: Database, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(database, clock)
        self._monotonic = monotonic
        self._names: tuple[str, ...] = ()
        self._names_at: float | None = None

    async def by_reference(self, reference: str) -> FoundReferences:
        """Return elements with exactly this reference, in whichever queue."""
        if not reference or len(reference) > REFERENCE_LENGTH or "\0" in reference:
            return FoundReferences((), more=False)

        def work(session: Session) -> FoundReferences:
            found: list[FoundElement] = []
            names = self._queue_names(session)
            for start in range(0, len(names), QUEUES_AT_ONCE):
                statement = references(names[start : start + QUEUES_AT_ONCE], reference)
                found += [FoundElement(*row) for row in session.execute(statement)]
            return FoundReferences(_newest(found), more=_has_more(found))

        return await self._read(work)

    async def by_id(self, element_id: UUID) -> FoundElement | None:
        """Return the element with this id, or None."""

        def work(session: Session) -> FoundElement | None:
            row = session.execute(sa.select(*_COLUMNS).where(_Q.c.id == element_id)).one_or_none()
            return None if row is None else FoundElement(*row)

        return await self._read(work)

    async def holding(self, text: str) -> FoundWord:
        """Return elements whose reference, data or message holds a text, among the newest of each queue."""

        def work(session: Session) -> FoundWord:
            names = self._queue_names(session)
            found: list[FoundElement] = []
            complete = True
            searched = 0
            end = self._monotonic() + SEARCH_SECONDS
            for name in names:
                if searched and self._monotonic() > end:
                    complete = False
                    break
                some, whole = _newest_holding(session, name, text)
                found += some
                complete = complete and whole
                searched += 1
            return FoundWord(_newest(found), _has_more(found), len(names), searched, complete)

        return await self._read(work)

    def _queue_names(self, session: Session) -> tuple[str, ...]:
        # To walk over the names takes a statement for each; a palette asks at every few letters.
        now = self._monotonic()
        if self._names_at is None or now - self._names_at >= NAMES_SECONDS:
            self._names = tuple(sorted(queue_names(session)))
            self._names_at = now
        return self._names


def references(queues: Sequence[str], reference: str) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Return the query of some elements of queues with a reference: a short walk along the index for each queue."""
    parts = []
    for queue in queues:
        part = sa.select(*_COLUMNS).where(SameText(_Q.c.queue_name, queue), SameText(_Q.c.reference, reference))
        # In the index's own order, so that a reference that a million elements share is not sorted.
        order = ("reference", "status", "hand_out_order", "created_date", "id")
        ordered = part.order_by(*(_Q.c[name].desc() for name in order))
        parts.append(sa.select(ordered.limit(MOST_OF_A_QUEUE + 1).subquery()))
    return parts[0] if len(parts) == 1 else sa.union_all(*parts)


def _newest_holding(session: Session, queue: str, text: str) -> tuple[list[FoundElement], bool]:
    """Return some elements among the newest of a queue that hold a text, and whether these are all of the queue."""
    mine = SameText(_Q.c.queue_name, queue)
    order = (_Q.c.created_date.desc(), _Q.c.id.desc())
    skipped = sa.select(_Q.c.created_date).where(mine).order_by(*order).offset(SEARCHED_ELEMENTS).limit(1)
    boundary = session.scalar(skipped)
    conditions = [mine, *holding(text)]
    if boundary is not None:
        conditions.append(_Q.c.created_date > boundary)
    query = sa.select(*_COLUMNS).where(*conditions).order_by(*order).limit(MOST_OF_A_QUEUE + 1)
    return [FoundElement(*row) for row in session.execute(query)], boundary is None


def _newest(found: Iterable[FoundElement]) -> tuple[FoundElement, ...]:
    counts: dict[str, int] = {}
    kept = []
    for row in sorted(found, key=lambda each: (each.created, each.id.bytes), reverse=True):
        counts[row.queue] = counts.get(row.queue, 0) + 1
        if counts[row.queue] <= MOST_OF_A_QUEUE:
            kept.append(row)
    return tuple(kept[:MOST_FOUND])


def _has_more(found: Sequence[FoundElement]) -> bool:
    return len(_newest(found)) < len(found)
