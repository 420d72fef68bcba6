"""Finding jobs by a word: in reason, title, or the name of trigger or process; the newest first, for so long only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.search import contains
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

MOST_FOUND = 5
SEARCHED_JOBS = 4_000
"""Read at a time."""

SEARCH_SECONDS = 0.15

_COLUMNS = (_J.c.id, _J.c.status, _J.c.trigger_name, _J.c.process_name, _J.c.start_time, _J.c.reason, _J.c.title)


@dataclass(frozen=True, slots=True)
class FoundJob:
    """A job that was found; its start is naive site time."""

    id: UUID
    status: JobStatus
    trigger: str | None
    process: str
    started: datetime
    reason: str | None
    title: str | None = None

    @property
    def name(self) -> str:
        """What people call it: its trigger's name, or the process where that is not known."""
        return self.trigger or self.process


@dataclass(frozen=True, slots=True)
class FoundJobsWith:
    """Jobs that hold a word, the newest first.

    Attributes:
        more: Whether another one was found.
        searched_to: Naive site time of the start of the oldest job that was read; None if all were, or enough found.
    """

    rows: tuple[FoundJob, ...]
    more: bool
    searched_to: datetime | None


class FindJobsBackend(Backend):
    """Searches in all jobs."""

    def __init__(self, database: Database, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(database, clock)
        self._monotonic = monotonic

    async def by_id(self, job_id: UUID) -> FoundJob | None:
        """Return the job with this id, or None."""

        def work(session: Session) -> FoundJob | None:
            row = session.execute(sa.select(*_COLUMNS).where(_J.c.id == job_id)).one_or_none()
            return None if row is None else FoundJob(*row)

        return await self._read(work)

    async def holding(self, text: str) -> FoundJobsWith:
        """Return the newest jobs whose reason, title, trigger or process holds a text."""

        def work(session: Session) -> FoundJobsWith:
            found: list[FoundJob] = []
            end = self._monotonic() + SEARCH_SECONDS
            before: Any = None
            while True:
                stop = session.execute(_page(before).offset(SEARCHED_JOBS - 1).limit(1)).one_or_none()
                part = sa.select(*_COLUMNS).where(*_older(before), *_down_to(stop), _holds(text))
                newest = part.order_by(_J.c.start_time.desc(), _J.c.id.desc()).limit(MOST_FOUND + 1 - len(found))
                found += [FoundJob(*row) for row in session.execute(newest)]
                if stop is None or len(found) > MOST_FOUND:
                    return FoundJobsWith(tuple(found[:MOST_FOUND]), len(found) > MOST_FOUND, None)
                if self._monotonic() > end:
                    return FoundJobsWith(tuple(found), more=False, searched_to=stop.start_time)
                before = stop

        return await self._read(work)


def _page(before: Any) -> sa.Select[Any]:
    return sa.select(_J.c.start_time, _J.c.id).where(*_older(before)).order_by(_J.c.start_time.desc(), _J.c.id.desc())


def _older(place: Any) -> list[sa.ColumnElement[bool]]:
    if place is None:
        return []
    return [_J.c.start_time <= place.start_time, sa.or_(_J.c.start_time < place.start_time, _J.c.id < place.id)]


def _down_to(place: Any) -> list[sa.ColumnElement[bool]]:
    if place is None:
        return []
    return [_J.c.start_time >= place.start_time, sa.or_(_J.c.start_time > place.start_time, _J.c.id >= place.id)]


def _holds(text: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        *(contains(column, text) for column in (_J.c.reason, _J.c.title, _J.c.trigger_name, _J.c.process_name))
    )
