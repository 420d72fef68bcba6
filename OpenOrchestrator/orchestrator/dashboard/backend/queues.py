"""How full the queues are and were, and why elements failed.

The database keeps no history of depths. What an element was at an earlier hour follows from when it was made and when
it was handed out: New from the one to the other. Everything here walks along indexes with a cap, and is kept for a
minute, because a glance must not read a million elements.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.causes import cause_key, normalised, title_of
from OpenOrchestrator.orchestrator.backend.names import queue_names
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span, start_of
from OpenOrchestrator.orchestrator.dashboard.backend.untaken import UnservedQueue, read_unserved
from OpenOrchestrator.orchestrator.queues.backend.failed_elements import FailedElement, failed_since
from OpenOrchestrator.orchestrator.queues.backend.new_elements import count_new

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

KEEP_SECONDS = 60.0
HOURS = 12
MOST_QUEUES = 8
COUNT_CAP = 10_000
SCAN_CAP = 5_000
"""Elements of a queue that are looked at for its history, the newest ones."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many elements of a queue wait.

    Attributes:
        new: Counted up to COUNT_CAP.
        oldest: Naive site time the oldest New element was made.
        history: New elements at each full hour before now, the oldest first, now last; None where there are too many
            newer ones to tell.
    """

    queue: str
    new: int
    oldest: datetime
    history: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class ElementCause:
    """Why elements of a queue failed: the same message but for what varies.

    Attributes:
        key: Tells causes apart, the same at every look.
        title: The newest message, in one line.
        first: Naive site time at which the first of them ended.
        last: Naive site time at which the last ended.
        filter: What stands for it in the address of a list.
        since: Naive site time from which on failures count.
    """

    key: str
    title: str
    queue: str
    count: int
    first: datetime
    last: datetime
    filter: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues with New elements, the fullest first, and the causes of failed elements."""

    depths: tuple[QueueDepth, ...]
    causes: tuple[ElementCause, ...]
    others: int = 0
    unserved: tuple[UnservedQueue, ...] = ()


class QueueDepthBackend(Backend):
    """The depths of queues; at most a minute old. The database is asked once a minute, however often this is."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._kept: dict[Span, tuple[float, Queues]] = {}
        self._lock = asyncio.Lock()

    async def queues(self, span: Span) -> Queues:
        """Return depths, and the causes of what failed within a span."""
        async with self._lock:
            due, kept = self._kept.get(span, (0.0, Queues((), ())))
            if time.monotonic() >= due:
                kept = await self._read(lambda session: self._look(session, span))
                self._kept[span] = (time.monotonic() + KEEP_SECONDS, kept)
            return kept

    def forget(self) -> None:
        """Ask anew next time: something was done about it."""
        self._kept.clear()

    def _look(self, session: Session, span: Span) -> Queues:
        site_now = self._database.site_now()
        depths: list[tuple[int, str]] = []
        causes: list[ElementCause] = []
        names = sorted(queue_names(session))
        for queue, new in count_new(session, names, COUNT_CAP).items():
            if new:
                depths.append((new, queue))
            causes += _causes(session, queue, start_of(span, site_now))
        depths.sort(key=lambda each: (-each[0], each[1]))
        return Queues(
            tuple(_depth(session, queue, new, site_now) for new, queue in depths[:MOST_QUEUES]),
            tuple(sorted(causes, key=lambda cause: (cause.last, cause.key), reverse=True)),
            max(len(depths) - MOST_QUEUES, 0),
            read_unserved(session, depths, site_now=site_now),
        )


def _new_in(queue: str) -> tuple[sa.ColumnElement[bool], ...]:
    return SameText(_Q.c.queue_name, queue), _Q.c.status == QueueStatus.NEW


def _count_older(session: Session, queue: str, moment: datetime) -> int:
    older = _Q.c.created_date < moment
    capped = sa.select(sa.literal(1).label("one")).where(*_new_in(queue), older).limit(COUNT_CAP).subquery()
    return int(session.execute(sa.select(sa.func.count()).select_from(capped)).scalar_one())


def _depth(session: Session, queue: str, new: int, site_now: datetime) -> QueueDepth:
    oldest = session.execute(sa.select(sa.func.min(_Q.c.created_date)).where(*_new_in(queue))).scalar_one()
    return QueueDepth(queue, new, oldest or site_now, _history(session, queue, new, site_now))


def _history(session: Session, queue: str, new: int, site_now: datetime) -> tuple[int | None, ...]:
    moments = [site_now - timedelta(hours=hour) for hour in range(HOURS, 0, -1)]
    # An element that was handed out in these hours was made in them, or up to a day earlier where the queue is slow.
    newest = (
        sa.select(_Q.c.created_date, _Q.c.start_date, _Q.c.status)
        .where(SameText(_Q.c.queue_name, queue), _Q.c.created_date >= moments[0] - timedelta(hours=24))
        .order_by(_Q.c.created_date.desc(), _Q.c.id.desc())
        .limit(SCAN_CAP)
        .subquery()
    )
    waits = [
        sa.func.sum(
            sa.case(
                (
                    sa.and_(
                        newest.c.created_date <= moment,
                        sa.or_(newest.c.status == QueueStatus.NEW, newest.c.start_date > moment),
                    ),
                    1,
                ),
                else_=0,
            )
        )
        for moment in moments
    ]
    row = session.execute(sa.select(sa.func.count(), sa.func.min(newest.c.created_date), *waits)).one()
    scanned, scanned_since, sums = row[0], row[1], row[2:]
    older = _count_older(session, queue, scanned_since or moments[0])
    complete = scanned < SCAN_CAP
    history: list[int | None] = [
        older + int(amount or 0) if complete or moment >= scanned_since else None
        for moment, amount in zip(moments, sums, strict=True)
    ]
    return (*history, new)


def _causes(session: Session, queue: str, since: datetime) -> list[ElementCause]:
    """Return why elements of a queue failed since then, what failed last first."""
    groups: dict[str, list[FailedElement]] = {}
    found = failed_since(session, queue, since)
    for failure in sorted(found, key=lambda each: (each.ended, each.message), reverse=True):
        groups.setdefault(normalised(failure.message), []).append(failure)
    # The newest failure comes first in each group, and so do the groups.
    return [
        ElementCause(
            key=f"{queue} {key}",
            title=title_of(members[0].message),
            queue=queue,
            count=len(members),
            first=members[-1].ended,
            last=members[0].ended,
            filter=cause_key(members[0].message),
            since=since,
        )
        for key, members in groups.items()
    ]
