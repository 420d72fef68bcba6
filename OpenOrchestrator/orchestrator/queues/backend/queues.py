"""All queues at a glance: how many elements in which state, how old the oldest waits, how fast they are worked off.

Counts walk one index. There is no index on when elements ended, so rates come from a bounded number of the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import FINAL_ELEMENT_STATUSES, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import notes, queue_counts, queue_marks, queue_pauses, queue_rules
from OpenOrchestrator.database.stores.notes import NOTHING_NOTED, Noted
from OpenOrchestrator.database.stores.queue_pauses import QueuePause
from OpenOrchestrator.database.stores.queue_rules import DEFAULT_RULES
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.backend.tables import QUEUE_TRIGGERS, TRIGGERS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RATED_ELEMENTS = 500
"""Robots take the oldest first, so what ended in the last hour is among the newest of each final state."""

HOUR = timedelta(hours=1)
CHART_HOURS = 24
MOST_CHARTED = 10_000
"""The chart reads no more elements: of a busier queue it shows the newest."""

_UNION = 40

_FINAL = tuple(sorted(FINAL_ELEMENT_STATUSES, key=lambda status: status.name))


@dataclass(frozen=True, slots=True)
class QueueTriggerState:
    """A trigger that runs when a queue has elements."""

    id: UUID
    name: str
    process: str
    status: TriggerStatus


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue as the list shows it.

    Attributes:
        counts: Elements by state; states without any are left out.
        oldest_new: When the oldest New element was created, naive site time; None if none waits.
        per_hour: Elements that ended in the last hour.
        arrived: Elements that were created in the last hour.
        triggers: That run for it.
        noted: What is noted about it; only in lists.
        pause: That is in force.
        finish_within: In how many seconds its elements are to be finished; not in lists, and None for no such time.
    """

    name: str
    counts: dict[QueueStatus, int]
    oldest_new: datetime | None
    per_hour: int
    arrived: int
    triggers: tuple[QueueTriggerState, ...]
    noted: Noted = NOTHING_NOTED
    pause: QueuePause | None = None
    finish_within: int | None = None

    @property
    def total(self) -> int:
        """All its elements."""
        return sum(self.counts.values())

    def count(self, status: QueueStatus) -> int:
        """Return how many elements are in a state."""
        return self.counts.get(status, 0)


@dataclass(frozen=True, slots=True)
class HourlyFlow:
    """What came into a queue and what was worked off, hour by hour, the oldest first.

    Attributes:
        hours: Beginning of each hour, naive site time.
        arrived: Created in that hour.
        ended: Done, Failed or Abandoned in that hour, of those created since the first hour or a day earlier.
    """

    hours: tuple[datetime, ...]
    arrived: tuple[int, ...]
    ended: tuple[int, ...]


class QueuesBackend(Backend):
    """Queues at a glance."""

    async def all(self) -> tuple[QueueRow, ...]:
        """Return all queues that have elements or a trigger, are paused or say anything, by name."""

        def work(session: Session) -> tuple[QueueRow, ...]:
            counts = queue_counts.count_by_status(session)
            triggers = _triggers(session)
            pauses = queue_pauses.read_all(session)
            said = [name for name, each in queue_rules.read_all(session).items() if each.rules != DEFAULT_RULES]
            names = sorted({*counts, *triggers, *pauses, *said}, key=str.casefold)
            noted = notes.overview(session, AnnotatedKind.QUEUE)[AnnotatedKind.QUEUE]
            rows = self._rows(session, names, counts, triggers)
            return tuple(
                replace(row, noted=noted.get(row.name, NOTHING_NOTED), pause=pauses.get(row.name)) for row in rows
            )

        return await self._read(work)

    async def one(self, queue: str) -> QueueRow:
        """Return one queue; one that nobody knows has no elements and no triggers."""

        def work(session: Session) -> QueueRow:
            query = (
                sa.select(_Q.c.status, sa.func.count().label("number"))
                .where(SameText(_Q.c.queue_name, queue))
                .group_by(_Q.c.status)
            )
            counts: dict[QueueStatus, int] = {row.status: row.number for row in session.execute(query)}
            (row,) = self._rows(session, [queue], {queue: counts}, _triggers(session, queue))
            said = queue_rules.read(session, queue).rules.finish_within_seconds
            return replace(row, pause=queue_pauses.read(session, queue), finish_within=said)

        return await self._read(work)

    async def mark_seen(self, *queues: str) -> None:
        """Note that somebody looks at queues: what failed in them until now needs nobody any more."""

        def work(session: Session) -> None:
            for queue in queues:
                queue_marks.mark_seen(session, queue, self._database.site_now())

        await self._write(work)

    def _rows(
        self,
        session: Session,
        names: Sequence[str],
        counts: dict[str, dict[QueueStatus, int]],
        triggers: dict[str, list[QueueTriggerState]],
    ) -> tuple[QueueRow, ...]:
        now = self._database.site_now()
        filled = [name for name in names if counts.get(name)]
        waiting = [name for name in filled if counts[name].get(QueueStatus.NEW)]
        oldest = _by_queue(
            session,
            (
                sa.select(sa.literal(number).label("number"), sa.func.min(_Q.c.created_date).label("value")).where(
                    SameText(_Q.c.queue_name, name), _Q.c.status == QueueStatus.NEW
                )
                for number, name in enumerate(waiting)
            ),
            waiting,
        )
        arrived = _by_queue(session, _arrivals(filled, now - HOUR), filled)
        rates = _rates(session, filled, counts, now)
        return tuple(
            QueueRow(
                name=name,
                counts=counts.get(name, {}),
                oldest_new=oldest.get(name),
                per_hour=rates.get(name, 0),
                arrived=int(arrived.get(name) or 0),
                triggers=tuple(triggers.get(name, ())),
            )
            for name in names
        )

    async def flow(self, queue: str) -> HourlyFlow:
        """Return what came and went in the last 24 hours, the present one included."""

        def work(session: Session) -> HourlyFlow:
            now = self._database.site_now()
            last = now.replace(minute=0, second=0, microsecond=0)
            hours = tuple(last - HOUR * back for back in range(CHART_HOURS - 1, -1, -1))
            arrived = _spread(session, [_arrived_between(queue, hour) for hour in hours])
            created = sa.select(_Q.c.end_date).where(SameText(_Q.c.queue_name, queue), _Q.c.status.in_(_FINAL))
            recent = created.where(_Q.c.created_date >= hours[0] - HOUR * CHART_HOURS)
            recent = recent.order_by(_Q.c.created_date.desc(), _Q.c.id.desc()).limit(MOST_CHARTED)
            ended = [0] * CHART_HOURS
            for (end,) in session.execute(recent):
                if end is not None and hours[0] <= end:
                    ended[min(int((end - hours[0]) / HOUR), CHART_HOURS - 1)] += 1
            return HourlyFlow(hours, tuple(arrived), tuple(ended))

        return await self._read(work)


def _triggers(session: Session, queue: str | None = None) -> dict[str, list[QueueTriggerState]]:
    base, child = TRIGGERS, QUEUE_TRIGGERS
    query = sa.select(child.c.queue_name, base.c.id, base.c.trigger_name, base.c.process_name, base.c.process_status)
    query = query.join_from(child, base, child.c.id == base.c.id).order_by(
        sa.func.lower(base.c.trigger_name), base.c.id
    )
    if queue is not None:
        query = query.where(SameText(child.c.queue_name, queue))
    found: dict[str, list[QueueTriggerState]] = {}
    for name, *rest in session.execute(query):
        if name:
            found.setdefault(name, []).append(QueueTriggerState(*rest))
    return found


def _by_queue(session: Session, parts: Iterable[sa.Select[Any]], names: Sequence[str]) -> dict[str, Any]:
    """Ask the same of many queues in few statements; each part selects its number and a value."""
    found: dict[str, Any] = {}
    selects = list(parts)
    for start in range(0, len(selects), _UNION):
        for number, value in session.execute(sa.union_all(*selects[start : start + _UNION])):
            found[names[number]] = value
    return found


def _arrivals(names: Sequence[str], since: datetime) -> Iterable[Any]:
    for number, name in enumerate(names):
        yield sa.select(sa.literal(number).label("number"), sa.func.count().label("value")).where(
            SameText(_Q.c.queue_name, name), _Q.c.created_date >= since
        )


def _arrived_between(queue: str, hour: datetime) -> sa.Select[Any]:
    return sa.select(sa.func.count()).where(
        SameText(_Q.c.queue_name, queue), _Q.c.created_date >= hour, _Q.c.created_date < hour + HOUR
    )


def _spread(session: Session, selects: list[sa.Select[Any]]) -> list[int]:
    numbered = [
        sa.select(sa.literal(number).label("number"), each.scalar_subquery().label("value"))
        for number, each in enumerate(selects)
    ]
    counts: dict[int, int] = {row.number: row.value for row in session.execute(sa.union_all(*numbered))}
    return [int(counts[number]) for number in range(len(selects))]


def _rates(
    session: Session, names: Sequence[str], counts: dict[str, dict[QueueStatus, int]], now: datetime
) -> dict[str, int]:
    keys = [(name, status) for name in names for status in _FINAL if counts[name].get(status)]
    parts = []
    for number, (name, status) in enumerate(keys):
        newest = sa.select(_Q.c.end_date).where(SameText(_Q.c.queue_name, name), _Q.c.status == status)
        ends = newest.order_by(_Q.c.created_date.desc(), _Q.c.id.desc()).limit(RATED_ELEMENTS).subquery()
        parts.append(
            sa.select(
                sa.literal(number).label("number"),
                sa.func.count().label("ended"),
                sa.func.min(ends.c.end_date).label("first"),
            ).where(ends.c.end_date > now - HOUR, ends.c.end_date <= now)
        )
    rates: dict[str, int] = {}
    for start in range(0, len(parts), _UNION):
        for number, ended, first in session.execute(sa.union_all(*parts[start : start + _UNION])):
            name = keys[number][0]
            if ended >= RATED_ELEMENTS and first is not None:
                # All of them ended within the hour: how fast these were tells what the hour would come to.
                ended = round(ended * (HOUR / max(now - first, timedelta(seconds=1))))  # noqa: PLW2901
            rates[name] = rates.get(name, 0) + ended
    return rates
