"""Work that nobody can take: runs somebody asked for, queue triggers without a scheduler, queues without a trigger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.attention import LATE_AFTER
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.lifecycle.required_labels import Carried, are_unmet, labels_words, takers
from OpenOrchestrator.database.statuses import HELD_TRIGGER_STATUSES, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores.due_triggers import scheduler_key
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.backend.tables import QUEUE_TRIGGERS as _QT
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.queues.backend.new_elements import count_new

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "COUNT_CAP",
    "Carried",
    "UnservedQueue",
    "UntakenTrigger",
    "labels_words",
    "lacks_labels",
    "nobody_may",
    "read_unserved",
    "read_untaken",
    "scheduler_key",
    "untaken",
]

COUNT_CAP = 1_000
UNTOUCHED_FOR = timedelta(hours=24)
"""A queue without a trigger is no trouble while robots that run by a schedule take from it, once a day at least."""

LOOKED_AT = 500
"""Elements that are looked at, to see whether a robot took one lately."""

_ENABLED = frozenset({TriggerStatus.IDLE.name, TriggerStatus.RUNNING.name})
_TOLD_OF = frozenset(status.name for status in HELD_TRIGGER_STATUSES)


@dataclass(frozen=True, slots=True)
class UntakenTrigger:
    """An idle trigger with work that no scheduler takes.

    Attributes:
        schedulers: Where it may run; empty for anywhere.
        requested: Naive site time at which somebody asked for a run; None if nobody did.
        queue: Of a queue trigger.
        waiting: New elements of that queue, counted no further than COUNT_CAP.
        labels: What its scheduler has to carry; empty for nothing.
    """

    id: UUID
    name: str
    schedulers: tuple[str, ...]
    requested: datetime | None
    queue: str | None
    waiting: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnservedQueue:
    """A queue with New elements that no enabled trigger takes.

    Attributes:
        new: New elements, counted no further than the depths of queues are.
        oldest: Naive site time the oldest of them was made.
        triggers: Ids and names of its triggers, none of them enabled; empty if it has none.
    """

    queue: str
    new: int
    oldest: datetime
    triggers: tuple[tuple[UUID, str], ...]


def nobody_may(schedulers: Collection[str], live: Carried, labels: Collection[str] = ()) -> bool:
    """Tell whether none of the schedulers that are heard from may run a trigger. Pure.

    Args:
        schedulers: Where it may run; empty for anywhere.
        live: What those carry that are heard from, by name.
        labels: What its scheduler has to carry; empty for nothing.
    """
    return not takers(schedulers, labels, live)


def untaken(triggers: Iterable[UntakenTrigger], live: Carried, site_now: datetime) -> tuple[UntakenTrigger, ...]:
    """Return those of idle triggers whose work nobody takes. Pure.

    A run that was asked for counts when no live scheduler may take it, or none has for a minute. A trigger of any kind
    counts at once when no live scheduler carries the labels it requires, while there is one that may run it else. A
    queue trigger counts when no live scheduler may run it: at once if it names some, else when elements wait.
    """
    found = []
    for trigger in triggers:
        alone = nobody_may(trigger.schedulers, live, trigger.labels)
        if trigger.requested is not None:
            taken = not alone and site_now - trigger.requested <= LATE_AFTER
        elif trigger.queue is None or lacks_labels(trigger, live):
            taken = not lacks_labels(trigger, live)
        else:
            taken = not alone or not (trigger.schedulers or trigger.waiting)
        if not taken:
            found.append(trigger)
    return tuple(found)


def lacks_labels(trigger: UntakenTrigger, live: Carried) -> bool:
    """Tell whether nothing but its labels keeps all live schedulers from a trigger. Pure."""
    return are_unmet(trigger.schedulers, trigger.labels, live) and not nobody_may(trigger.schedulers, live)


def read_untaken(session: Session, live: Carried, *, site_now: datetime, zone: tzinfo) -> tuple[UntakenTrigger, ...]:
    """Return the idle triggers with work that no scheduler takes, by name.

    Args:
        session: Within a transaction.
        live: What schedulers carry that are heard from, by name.
        site_now: Naive site time.
        zone: The site's.
    """
    columns = (_T.c.id, _T.c.trigger_name, _T.c.scheduler_whitelist, _T.c.run_requested_at, _QT.c.queue_name)
    query = sa.select(*columns, _T.c.labels, _QT.c.min_batch_size).select_from(_T.outerjoin(_QT, _QT.c.id == _T.c.id))
    labelled = sa.and_(_T.c.labels.is_not(None), _T.c.labels != [])
    query = query.where(
        _T.c.process_status == TriggerStatus.IDLE,
        sa.or_(_T.c.run_requested_at.is_not(None), _QT.c.id.is_not(None), labelled),
    )
    rows = session.execute(query.order_by(sa.func.lower(_T.c.trigger_name), _T.c.id)).all()
    alone = [row for row in rows if row.queue_name and _nobody_may(row, live)]
    waiting = count_new(session, (row.queue_name for row in alone), COUNT_CAP)
    full = {row.id: new for row in alone if (new := waiting[row.queue_name]) >= (row.min_batch_size or 1)}
    candidates = (
        UntakenTrigger(
            id=row.id,
            name=row.trigger_name,
            schedulers=tuple(row.scheduler_whitelist or ()),
            requested=row.run_requested_at and row.run_requested_at.astimezone(zone).replace(tzinfo=None),
            queue=row.queue_name,
            waiting=full.get(row.id, 0),
            labels=tuple(row.labels or ()),
        )
        for row in rows
    )
    return untaken(candidates, live, site_now)


def _nobody_may(row: Any, live: Carried) -> bool:
    return nobody_may(row.scheduler_whitelist or (), live, row.labels or ())


def read_unserved(
    session: Session, depths: Sequence[tuple[int, str]], *, site_now: datetime
) -> tuple[UnservedQueue, ...]:
    """Return the queues whose New elements no enabled trigger takes.

    A queue whose trigger failed or was killed is left out: that is said of the trigger.

    Args:
        session: Within a transaction.
        depths: How many New elements are in which queue.
        site_now: Naive site time.
    """
    triggers = _queue_triggers(session)
    found = []
    for new, queue in depths:
        own = triggers.get(queue, ())
        if any(row.status in _TOLD_OF or row.status in _ENABLED for row in own):
            continue
        oldest = _oldest_new(session, queue)
        if oldest is None:
            continue
        day_ago = site_now - UNTOUCHED_FOR
        if not own and (oldest > day_ago or _was_taken_since(session, queue, day_ago, oldest=oldest)):
            continue
        found.append(UnservedQueue(queue, new, oldest, tuple((row.id, row.trigger_name) for row in own)))
    return tuple(found)


def _queue_triggers(session: Session) -> Mapping[str, Sequence[Any]]:
    status = sa.cast(_T.c.process_status, sa.String(50)).label("status")
    query = sa.select(_QT.c.queue_name, _T.c.id, _T.c.trigger_name, status)
    found: dict[str, list[Any]] = {}
    for row in session.execute(query.join_from(_QT, _T, _QT.c.id == _T.c.id).order_by(_T.c.trigger_name, _T.c.id)):
        found.setdefault(row.queue_name, []).append(row)
    return found


def _new_in(queue: str) -> tuple[sa.ColumnElement[bool], ...]:
    return SameText(_Q.c.queue_name, queue), _Q.c.status == QueueStatus.NEW


def _oldest_new(session: Session, queue: str) -> datetime | None:
    oldest: datetime | None = session.scalar(sa.select(sa.func.min(_Q.c.created_date)).where(*_new_in(queue)))
    return oldest


def _was_taken_since(session: Session, queue: str, moment: datetime, *, oldest: datetime) -> bool:
    """Tell whether a robot took an element since then: one older than the oldest that is New, or a young one."""
    for older in (True, False):
        near = sa.select(_Q.c.start_date).where(SameText(_Q.c.queue_name, queue))
        if older:
            near = near.where(_Q.c.created_date <= oldest)
        newest = near.order_by(_Q.c.created_date.desc(), _Q.c.id.desc()).limit(LOOKED_AT).subquery()
        last = session.execute(sa.select(sa.func.max(newest.c.start_date))).scalar_one()
        if last is not None and last >= moment:
            return True
    return False
