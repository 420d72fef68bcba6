"""Leases of the elements that robots without a job hold: prolonging, reading and settling them.

An element that was handed out to a job is settled with that: the scheduler prolongs the job's lease for as long as the
robot lives. Nobody watches a robot that a person started, so it says itself for how long it holds an element. Owns the
writes; whether a lease of somebody else has run out is for whoever has watched it, as for those of jobs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import free_only, unhindered
from OpenOrchestrator.database.leases import ELEMENT_LEASE_SECONDS
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_TABLE = cast(sa.Table, QueueElement.__table__)
_AT_ONCE = 500
"""Rows named in one statement: SQL Server takes 2100 parameters at most."""
_HELD_WITHOUT_JOB = (
    _TABLE.c.job_id.is_(None),
    _TABLE.c.status == sa.literal_column("'IN_PROGRESS'"),
    _TABLE.c.not_before.is_(None),
    _TABLE.c.lease_until.is_not(None),
)
_LEASES = unhindered(
    sa.select(_TABLE.c.id, _TABLE.c.claim_token, _TABLE.c.lease_until, _TABLE.c.queue_name).where(
        *_HELD_WITHOUT_JOB, _TABLE.c.claim_token.is_not(None)
    ),
    _TABLE,
)
_FOUND = (
    "The robot that held it, which ran without a job, was not heard of any more while the element was In Progress; "
    "what it did is not known."
)


@dataclass(frozen=True, slots=True)
class ElementLease:
    """The lease of an element, as it was read.

    Attributes:
        token: Of the hand-out.
        until: Its end on the database's clock; changes when its holder prolongs it.
        longest: How many seconds it can last at most.
    """

    element_id: UUID
    token: UUID
    until: datetime
    longest: float = ELEMENT_LEASE_SECONDS


def prolong(database: Database, tokens: Collection[UUID], *, seconds: float = ELEMENT_LEASE_SECONDS) -> int:
    """Prolong the leases of elements by the tokens they are held by, and return how many are still held so.

    An element that was taken away, or finished, stays as it is.
    """
    held = sorted(tokens)
    if not held:
        return 0
    update = sa.update(_TABLE).where(_TABLE.c.claim_token.in_(held), *_HELD_WITHOUT_JOB)
    update = update.values(lease_until=DatabaseUtcNow(seconds))
    return database.write_statement(
        lambda connection: int(connection.execute(update).rowcount), read_back=lambda _connection: None
    )


def read_leases(database: Database) -> tuple[datetime, tuple[ElementLease, ...]]:
    """Return the time on the database's clock, or a little before, and all leases of elements held without a job."""
    # Loads what no robot needs.
    from OpenOrchestrator.database.stores import queue_rules  # noqa: PLC0415

    def work(session: Session) -> tuple[datetime, tuple[ElementLease, ...]]:
        connection = session.connection()
        now = connection.scalar(sa.select(DatabaseUtcNow()))
        assert now is not None  # noqa: S101  (a clock always shows something)
        rows = connection.execute(_LEASES).all()
        rules = queue_rules.read_some(session, {row.queue_name for row in rows})
        longer = {name: float(one.lease_seconds) for name, one in rules.items() if one.lease_seconds is not None}
        return now, tuple(
            ElementLease(
                row.id,
                row.claim_token,
                row.lease_until,
                # What was taken before a lease was made shorter lasts as long as usual.
                max(longer.get(row.queue_name, 0.0), ELEMENT_LEASE_SECONDS),
            )
            for row in rows
        )

    return database.read(work)


def free_of_locks(database: Database, leases: Collection[ElementLease]) -> frozenset[UUID]:
    """Return the tokens of those of some leases whose rows nobody holds locked, so that their holders can prolong.

    Raises:
        DatabaseError: If nobody can write now.
    """
    ids = sorted(lease.element_id for lease in leases)

    def work(session: Session) -> frozenset[UUID]:
        found: set[UUID] = set()
        for start in range(0, len(ids), _AT_ONCE):
            some = sa.select(_TABLE.c.claim_token).where(_TABLE.c.id.in_(ids[start : start + _AT_ONCE]))
            found.update(session.connection().execute(free_only(some.order_by(_TABLE.c.id), _TABLE)).scalars())
        return frozenset(found)

    return database.write(work, read_back=lambda _session: None)


def settle(database: Database, lease: ElementLease) -> bool:
    """Take an element from a robot whose lease has run out: Abandoned, or tried again where its queue says so.

    Returns:
        Whether it was done here. False: it is not as it was read any more, or somebody holds its row locked.
    """
    # Loads what no robot needs.
    from OpenOrchestrator.database.lifecycle.element_deaths import Death, take_away  # noqa: PLC0415

    as_read = (
        _TABLE.c.id == lease.element_id,
        _TABLE.c.claim_token == lease.token,
        _TABLE.c.lease_until == lease.until,
        *_HELD_WITHOUT_JOB,
        _TABLE.c.status == QueueStatus.IN_PROGRESS,
    )
    locked = free_only(sa.select(_TABLE.c.id).where(_TABLE.c.id == lease.element_id), _TABLE)

    def work(session: Session) -> bool:
        if session.connection().execute(locked).first() is None:
            return False
        return take_away(session, database, Death(_FOUND, died=True), *as_read) == 1

    return database.write(work, read_back=lambda _session: None)
