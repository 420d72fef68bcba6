"""Why triggers that are due do not start, for lists and pages: in words that the command ``why`` says too.

Owns which triggers are asked about: those that have been due for longer than a scheduler takes. Nothing is asked about
others, and about all of a list in one go. The words are those of ``lifecycle.waiting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.lifecycle.waiting import Cause, Reason, in_short
from OpenOrchestrator.database.lifecycle.waiting_facts import explain_some
from OpenOrchestrator.database.statuses import RESTING_TRIGGER_STATUSES, QueueStatus, TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _E
from OpenOrchestrator.orchestrator.backend.tables import QUEUE_TRIGGERS as _QT
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["MOST_REASONS", "STARTS_WITHIN", "Cause", "Reason", "Wait", "is_asked", "read_waits", "should_have_started"]

STARTS_WITHIN = timedelta(seconds=10)
"""Schedulers look about once a second: what is due for some looks, and did not start, has a reason."""

MOST_REASONS = 4
"""That are shown at once: a site may have many schedulers that are not heard from."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A trigger that is due and does not start.

    Attributes:
        since: Since when it is due, aware; for a queue trigger since its queue is full enough.
        short: Why, in a few words.
        reasons: The whole of it, at least one.
    """

    since: datetime
    short: str
    reasons: tuple[Reason, ...]


def should_have_started(row: ListedTrigger, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return since when a trigger should have started, aware; None if it should not. Queues are not looked at. Pure."""
    if row.odd_status is not None or row.odd_id is not None:
        return None
    if row.active is not None:
        return _one_more_since(row, now=now, zone=zone)
    since: datetime | None = None
    if row.request is not None:
        allowed = RESTING_TRIGGER_STATUSES if row.request.once else (TriggerStatus.IDLE,)
        since = row.request.at if row.status in allowed else None
    elif row.status is TriggerStatus.IDLE and row.retry is not None and row.type is not TriggerType.SINGLE:
        since = row.retry.at  # neither its schedule nor its queue starts it before
    elif row.status is TriggerStatus.IDLE and row.next_run is not None:
        since = cron.to_utc(row.next_run, zone)
    return since if since is not None and now - since > STARTS_WITHIN else None


def _one_more_since(row: ListedTrigger, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return since when one more job of a trigger that runs should have started; one at a time is what waits itself."""
    if row.most_jobs == 1 or row.status is not TriggerStatus.RUNNING or row.next_run is None:
        return None
    since = cron.to_utc(row.next_run, zone)
    return since if now - since > STARTS_WITHIN else None


def is_asked(row: ListedTrigger) -> bool:
    """Tell whether the queue of a trigger has to be looked at to know whether it is due. Pure."""
    may = row.status is TriggerStatus.IDLE and row.request is None and row.active is None and row.odd_id is None
    return may and row.queue is not None and row.rests_until is None and row.retry is None


def read_waits(session: Session, rows: Sequence[ListedTrigger], *, now: datetime, zone: ZoneInfo) -> dict[UUID, Wait]:
    """Return which triggers are due and do not start, and why, by id.

    Args:
        session: Within a transaction.
        rows: All that are shown.
        now: Aware.
        zone: The site's.
    """
    since = {row.id: at for row in rows if (at := should_have_started(row, now=now, zone=zone)) is not None}
    filled = _filled(session, [row for row in rows if is_asked(row)])
    since |= {key: cron.to_utc(at, zone) for key, at in filled.items()}
    overdue = [key for key, at in since.items() if now - at > STARTS_WITHIN]
    found: dict[UUID, Wait] = {}
    if overdue:
        for key, explanation in explain_some(session, overdue, now=now, zone=zone).items():
            # What is about to start, runs by now or is not due after all has no short reason.
            short = in_short(explanation.reasons)
            if short:
                found[key] = Wait(since[key], short, explanation.reasons)
    return found


def _filled(session: Session, rows: Iterable[ListedTrigger]) -> Mapping[UUID, datetime]:
    """Return since when the queues of queue triggers are full enough, naive site time; none for those that are not."""
    by_size: dict[int, list[UUID]] = {}
    for row in rows:
        by_size.setdefault(max(row.min_batch_size or 1, 1), []).append(row.id)
    if not by_size:
        return {}
    return {row.id: row.filled for row in session.execute(filled_query(by_size)) if row.filled is not None}


def filled_query(by_size: Mapping[int, Sequence[UUID]]) -> sa.CompoundSelect[Any]:
    """Return the query since when queues are full enough, of triggers by their least batch size: ``id``, ``filled``."""
    parts: list[sa.Select[Any]] = []
    for size, ids in sorted(by_size.items()):
        # The element at that place makes the queue full enough: a short walk along one index, as schedulers do.
        place = (
            sa.select(_E.c.created_date)
            .where(SameText(_E.c.queue_name, _QT.c.queue_name), _E.c.status == QueueStatus.NEW)
            .order_by(_E.c.created_date)
            .limit(1)
            .offset(size - 1)
            .correlate(_QT)
        )
        for name in ("mysql", "mariadb"):  # else they may walk all elements by date to save the sorting
            place = place.with_hint(_E, "FORCE INDEX (`ix_Queues_next`)", name)
        parts.append(sa.select(_QT.c.id, place.scalar_subquery().label("filled")).where(_QT.c.id.in_(ids)))
    return sa.union_all(*parts)
