"""The back-off of queue triggers: how long one rests whose robots end well and take nothing from its queue.

Owns how an empty run is told from the rows there are, and for how long it keeps the trigger from the next one. Reads
only. Everything is in the database, so that all schedulers and the app come to the same answer.

A run is empty if its job is Done, no element carries the job's id, the oldest New element waited already when it
began, and nothing around that element was taken or finished since. The last is how older robots are seen, which take
elements without a word of their job: they take the oldest first, as all do, so what they took stands beside what is
oldest now. An element that was taken and given back counts as not taken.

Of a trigger with several jobs, what the others take is no sign that an ended one took anything, and new elements are no
reason to start a further one: those that run take them. Else a robot that ends because another copy of it runs would be
started again and again for as long as that one works.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.site import QUEUE_POLL, SiteSetting
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus
from OpenOrchestrator.database.stores.trigger_rows import date_or_none, raw, trigger_id

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

FIRST_PAUSE_SECONDS = 2
DEFAULT_LONGEST_SECONDS = 60
MOST_LONGEST_SECONDS = 24 * 3600

_JOBS = cast(sa.Table, Job.__table__)
_ELEMENTS = cast(sa.Table, QueueElement.__table__)
_SETTINGS = cast(sa.Table, SiteSetting.__table__)
_NEW = _ELEMENTS.c.status == sa.literal_column("'NEW'")
_TOUCHED = tuple(status for status in QueueStatus if status is not QueueStatus.NEW)
_WALKS = 40
"""Triggers asked about in one statement."""
_NEIGHBOURS = 50
"""Elements beside the oldest New one that are asked when they were taken; as many of the newest of each state."""


@dataclass(frozen=True, slots=True)
class FullQueue:
    """A queue trigger that is idle or may have another job, and whose queue is full enough, or may be.

    Attributes:
        queue_name: Its queue.
        size: New elements it takes to start it.
        jobs: Those of the trigger that run; none of an idle one.
    """

    trigger_id: UUID
    queue_name: str
    size: int
    jobs: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class _Run:
    """A job of a trigger, in site time."""

    status: str
    start: datetime | None
    end: datetime | None
    has_elements: bool


def pause_after(empty_runs: int, longest_seconds: int) -> timedelta:
    """Return how long a queue trigger rests after its last so many runs took nothing: doubled from run to run.

    Args:
        empty_runs: How many, without one that took something between them.
        longest_seconds: Where the pause grows no further.
    """
    if empty_runs <= 0:
        return timedelta(0)
    doublings = min(empty_runs - 1, _doublings(longest_seconds))
    return timedelta(seconds=min(FIRST_PAUSE_SECONDS * 2**doublings, longest_seconds))


def resting(connection: Connection, queues: Iterable[FullQueue], *, site_now: datetime) -> dict[UUID, datetime]:
    """Return which triggers rest, and until when (naive site time); an idle one, unless a new element comes before.

    Args:
        connection: An open transaction.
        queues: Triggers to ask about.
        site_now: Naive site time.
    """
    asked = list(queues)
    suspects: list[FullQueue] = []
    for start in range(0, len(asked), _WALKS):
        some = asked[start : start + _WALKS]
        newest = _runs(connection, [queue.trigger_id for queue in some], most=1)
        suspects += [queue for number, queue in enumerate(some) if any(map(_may_be_empty, newest.get(number, ())))]
    if not suspects:
        return {}
    longest = longest_pause(connection)
    found = {queue.trigger_id: _rests_until(connection, queue, longest, site_now) for queue in suspects}
    return {trigger_id: until for trigger_id, until in found.items() if until is not None}


def longest_pause(connection: Connection) -> int:
    """Return the seconds that the pause grows to: the site's setting, or the default where none that can be is set."""
    stored = connection.scalar(sa.select(_SETTINGS.c.value).where(_SETTINGS.c.name == QUEUE_POLL))
    number = (
        int(stored) if isinstance(stored, str) and stored.isascii() and stored.isdecimal() else DEFAULT_LONGEST_SECONDS
    )
    return number if 1 <= number <= MOST_LONGEST_SECONDS else DEFAULT_LONGEST_SECONDS


def set_longest_pause(session: Session, seconds: int) -> None:
    """Store the seconds that the pause grows to, for all schedulers of the site; they take it up at once.

    Raises:
        InvalidInputError: If it is no number from 1 to a day.
    """
    if not 1 <= seconds <= MOST_LONGEST_SECONDS:
        raise InvalidInputError(f"A queue trigger can rest for 1 to {MOST_LONGEST_SECONDS} seconds, not for {seconds}.")
    session.merge(SiteSetting(name=QUEUE_POLL, value=str(seconds)))


def _doublings(longest_seconds: int) -> int:
    return max(0, math.ceil(math.log2(longest_seconds / FIRST_PAUSE_SECONDS)))


def _may_be_empty(run: _Run) -> bool:
    return run.status == JobStatus.DONE.name and not run.has_elements


def _rests_until(connection: Connection, queue: FullQueue, longest: int, site_now: datetime) -> datetime | None:
    oldest = _oldest_new(connection, queue)
    if oldest is None:
        return None
    runs = _runs(connection, [queue.trigger_id], most=_doublings(longest) + 1).get(0, [])
    taken = _last_taken(connection, queue, oldest)

    def is_empty(run: _Run) -> bool:
        if not _may_be_empty(run) or run.start is None or run.end is None:
            return False
        return oldest < run.start and (taken is None or taken < run.start)

    empty = list(takewhile(is_empty, runs))
    if not empty:
        return None
    last = empty[0]
    assert last.start is not None  # noqa: S101  (an empty run has both)
    assert last.end is not None  # noqa: S101
    pause = pause_after(len(empty), longest)
    # Either way: an end in what is the future here, by another clock or in an hour that comes twice, binds nobody.
    if abs(site_now - last.end) >= pause:
        return None
    if not queue.jobs and _came_since(connection, queue.queue_name, last.start, site_now):
        return None
    return last.end + pause


def _runs(connection: Connection, trigger_ids: Sequence[UUID], *, most: int) -> Mapping[int, list[_Run]]:
    """Return the latest jobs of triggers, the newest first, by the place of the trigger."""
    values = {f"trigger_{number}": trigger_id for number, trigger_id in enumerate(trigger_ids)}
    runs: dict[int, list[_Run]] = {}
    for row in connection.execute(_walks(len(trigger_ids), most), values):
        run = _Run(str(row.status), date_or_none(row.start_time), date_or_none(row.end_time), bool(row.has_elements))
        runs.setdefault(row.number, []).append(run)
    for found in runs.values():
        found.sort(key=lambda run: run.start or datetime.min, reverse=True)  # noqa: DTZ901  (site time is naive)
    return runs


@cache
def _walks(triggers: int, most: int) -> sa.CompoundSelect[Any]:
    """Return the query of the latest jobs of so many triggers: one short walk along the index for each."""
    # With a limit, because PostgreSQL may answer EXISTS by reading all elements once.
    held = sa.select(_ELEMENTS.c.job_id).where(_ELEMENTS.c.job_id == _JOBS.c.id).limit(1).correlate(_JOBS)
    parts: list[sa.Select[Any]] = []
    for number in range(triggers):
        newest = sa.select(
            sa.literal(number).label("number"),
            raw(_JOBS.c.status, "status"),
            raw(_JOBS.c.start_time, "start_time"),
            raw(_JOBS.c.end_time, "end_time"),
            sa.case((held.scalar_subquery().is_not(None), 1), else_=0).label("has_elements"),
        ).where(_JOBS.c.trigger_id == sa.bindparam(f"trigger_{number}", None, type_=_JOBS.c.trigger_id.type))
        newest = newest.order_by(_JOBS.c.start_time.desc(), _JOBS.c.id.desc()).limit(most)
        parts.append(sa.select(newest.subquery()))
    return sa.union_all(*parts)


def _oldest_new(connection: Connection, queue: FullQueue) -> datetime | None:
    """Return when the oldest New element was made; None if there are not enough for the trigger."""
    created = sa.select(raw(_ELEMENTS.c.created_date, "created")).where(_is_in(queue.queue_name), _NEW)
    created = created.order_by(_ELEMENTS.c.created_date, _ELEMENTS.c.id).limit(1)
    if queue.size > 1 and connection.execute(_by_index(created.offset(queue.size - 1))).first() is None:
        return None
    return date_or_none(connection.scalar(_by_index(created)))


def _came_since(connection: Connection, queue_name: str, start: datetime, site_now: datetime) -> bool:
    """Tell whether a New element was made since a run began; one that is dated in the future is not judged."""
    made = _ELEMENTS.c.created_date
    query = sa.select(raw(made, "created")).where(_is_in(queue_name), _NEW, made >= start, made <= site_now)
    return connection.execute(_by_index(query.order_by(made).limit(1))).first() is not None


def _last_taken(connection: Connection, queue: FullQueue, oldest: datetime) -> datetime | None:
    """Return when something beside the oldest New element was last taken or finished, as far as its neighbours tell.

    What the jobs of the trigger that run took does not count.
    """
    made, element_id = _ELEMENTS.c.created_date, _ELEMENTS.c.id
    columns = [raw(_ELEMENTS.c[name], name) for name in ("status", "start_date", "end_date", "job_id")]
    before = sa.select(*columns).where(_is_in(queue.queue_name), made <= oldest)
    parts = [before.order_by(made.desc(), element_id.desc()).limit(_NEIGHBOURS)]
    for status in _TOUCHED:
        of_status = sa.select(*columns).where(_is_in(queue.queue_name), _ELEMENTS.c.status == status)
        parts.append(of_status.order_by(made.desc(), element_id.desc()).limit(_NEIGHBOURS))
    dates: list[datetime] = []
    for row in connection.execute(sa.union_all(*(sa.select(part.subquery()) for part in parts))):
        if row.status != QueueStatus.NEW.name and not _is_of(row.job_id, queue.jobs):
            dates += [date for date in (date_or_none(row.start_date), date_or_none(row.end_date)) if date is not None]
    return max(dates, default=None)


def _is_of(stored: Any, jobs: Collection[UUID]) -> bool:
    """Tell whether an element says that one of some jobs took it."""
    if stored is None or not jobs:
        return False
    try:
        return trigger_id(stored) in jobs
    except ValueError:  # not an id: then it is nobody's
        return False


def _is_in(queue_name: str) -> sa.ColumnElement[bool]:
    return SameText(_ELEMENTS.c.queue_name, queue_name)


def _by_index(query: sa.Select[Any]) -> sa.Select[Any]:
    # Else MariaDB may walk all elements by date to save the sorting.
    for name in ("mysql", "mariadb"):
        query = query.with_hint(_ELEMENTS, "FORCE INDEX (`ix_Queues_next`)", name)
    return query
