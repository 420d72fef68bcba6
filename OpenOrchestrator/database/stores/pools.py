"""Data access of resource pools: reading them with who holds them, and guarded changes.

Functions take an open session or connection. Who holds a pool is nowhere counted: a pool is held by the jobs that have
not ended and took from it, so whoever ends a job, by whatever way, gives back what it held in the same statement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.engine.row_locks import shared, unhindered
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.pools import Pool
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES
from OpenOrchestrator.database.stores import pool_amounts, validation
from OpenOrchestrator.database.stores.pool_amounts import LARGEST, NAME_LENGTH, Amounts
from OpenOrchestrator.database.triggers import Trigger

__all__ = [
    "EMPTY",
    "LARGEST",
    "MISSING",
    "NAME_LENGTH",
    "POOLS",
    "Holder",
    "PoolBook",
    "StoredPool",
    "checked",
    "delete",
    "hold_named",
    "insert",
    "needs_by_pool",
    "read_all",
    "read_book",
    "read_holders",
    "readable",
    "update",
    "users_of",
]

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

POOLS = cast(sa.Table, Pool.__table__)
_JOBS = cast(sa.Table, Job.__table__)
_TRIGGERS = cast(sa.Table, Trigger.__table__)
_ALL = sa.select(POOLS.c.name, POOLS.c.size, POOLS.c.edition, POOLS.c.changed_at)
_HOLDING = (_JOBS.c.status.in_(ACTIVE_JOB_STATUSES), _JOBS.c.pools.is_not(None))
_HOLDERS = sa.select(
    _JOBS.c.id,
    _JOBS.c.trigger_id,
    _JOBS.c.trigger_name,
    _JOBS.c.process_name,
    _JOBS.c.scheduler_name,
    _JOBS.c.start_time,
    _JOBS.c.pools,
).where(*_HOLDING)


@dataclass(frozen=True, slots=True)
class StoredPool:
    """A pool as it was read.

    Attributes:
        size: How much of it may be held at once.
        edition: What a change has to name.
        changed_at: Aware UTC.
    """

    name: str
    size: int
    edition: UUID
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A job that has not ended and holds something of a pool.

    Attributes:
        name: Of its trigger.
        since: Naive site time.
        amounts: None if its row cannot be read: then it counts as holding all of every pool, lest too much be taken.
    """

    job_id: UUID
    trigger_id: UUID | None
    name: str
    scheduler: str
    since: datetime
    amounts: Amounts | None

    def of(self, pool: str, size: int) -> int:
        """Return how much it holds of a pool of some size."""
        return size if self.amounts is None else dict(self.amounts).get(pool, 0)


@dataclass(frozen=True, slots=True)
class PoolBook:
    """All pools with who holds what of them, the longest holder first."""

    sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    holders: tuple[Holder, ...] = ()

    def held(self, pool: str) -> int:
        """Return how much of a pool is held; more than its size after that was lowered."""
        size = self.sizes.get(pool, 0)
        return sum(holder.of(pool, size) for holder in self.holders)

    def free(self, pool: str) -> int:
        """Return how much of a pool may be taken: none of one that is not there."""
        return max(self.sizes.get(pool, 0) - self.held(pool), 0)

    def holders_of(self, pool: str) -> tuple[Holder, ...]:
        """Return who holds something of a pool."""
        return tuple(holder for holder in self.holders if holder.of(pool, 1))


EMPTY = PoolBook()
MISSING = "which does not exist. Create the pool, or take it out of the trigger"
"""The end of a sentence about a pool that a trigger needs."""


def read_all(connection: Connection) -> tuple[StoredPool, ...]:
    """Return all pools by name."""
    rows = connection.execute(_ALL).all()
    found = (StoredPool(row.name, row.size, row.edition, row.changed_at) for row in rows)
    return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.name)))


def read_book(connection: Connection) -> PoolBook:
    """Return all pools with who holds them."""
    sizes = {row.name: row.size for row in connection.execute(_ALL)}
    return PoolBook(sizes, read_holders(connection))


def read_holders(connection: Connection) -> tuple[Holder, ...]:
    """Return the jobs that have not ended and hold something, the longest holder first."""
    rows = connection.execute(_HOLDERS).all()
    return tuple(sorted(map(_holder, rows), key=lambda one: (one.since, str(one.job_id))))


def checked(name: str, size: int, dialect_name: str) -> tuple[str, int]:
    """Return name and size of a pool as they can be stored; blanks around the name are dropped.

    Args:
        name: What triggers call it.
        size: How much of it may be held at once; 0 lets nobody have any.
        dialect_name: The kind of database it is for.

    Raises:
        InvalidInputError: If the name is empty or too long, or the size no whole number from 0 to a million.
    """
    found = validation.name(name, "name of the pool", NAME_LENGTH, dialect_name)
    number = validation.integer(size, f"size of the pool {found!r}", at_least=0)
    if number > LARGEST:
        raise InvalidInputError(f"The size of the pool {found!r} can be {LARGEST} at most, not {number}.")
    return found, number


def insert(session: Session, name: str, size: int, *, now: datetime) -> None:
    """Store a new pool that was ``checked``.

    Args:
        session: An open transaction.
        name: Its name.
        size: How much of it may be held at once.
        now: Aware instant.

    Raises:
        AlreadyExistsError: If its name is taken, whatever its case, also if somebody took it this moment.
    """
    for taken in session.scalars(sa.select(POOLS.c.name)):
        if taken.strip().casefold() == name.casefold():
            raise _taken(taken)
    try:
        session.execute(sa.insert(POOLS).values(name=name, size=size, edition=uuid4(), changed_at=now))
    except sa.exc.IntegrityError as error:
        raise _taken(name) from error


def update(session: Session, name: str, size: int, edition: UUID, *, now: datetime) -> bool:
    """Change the size of a pool. Nobody who holds it is stopped; while they hold more than it, nobody else gets any.

    Args:
        session: An open transaction.
        name: Which one.
        size: How much of it may be held at once from now on, as ``checked``.
        edition: The one that the change starts from.
        now: Aware instant.

    Returns:
        False if it was changed or deleted since; nothing was changed then.
    """
    seen = (SameText(POOLS.c.name, name), POOLS.c.edition == edition)
    changed = sa.update(POOLS).where(*seen).values(size=size, edition=uuid4(), changed_at=now)
    return session.connection().execute(changed).rowcount == 1


def delete(session: Session, name: str, edition: UUID | None = None) -> None:
    """Delete a pool that no trigger needs.

    Args:
        session: An open transaction.
        name: Which one.
        edition: The one that was seen; None for any.

    Raises:
        InvalidInputError: If triggers need it, or it was changed since; the message says so.
        NotFoundError: If there is none of this name.
    """
    # Locked first: a trigger that is given the pool at this moment holds it locked, too (``hold_named``).
    mine = SameText(POOLS.c.name, name)
    seen = (mine,) if edition is None else (mine, POOLS.c.edition == edition)
    if session.connection().execute(sa.update(POOLS).where(*seen).values(size=POOLS.c.size)).rowcount != 1:
        if session.connection().execute(sa.select(POOLS.c.name).where(mine)).first() is None:
            raise NotFoundError(f"There is no pool {name!r}. It may have been deleted meanwhile.")
        raise InvalidInputError(f"The pool {name!r} was changed meanwhile. Look at it again.")
    users = users_of(session, name)
    if users:
        more = f" and {len(users) - 5} more" if len(users) > 5 else ""
        raise InvalidInputError(
            f"The pool {name!r} cannot be deleted: it is needed by {', '.join(map(repr, users[:5]))}{more}. "
            "Take it out of these triggers first."
        )
    session.connection().execute(sa.delete(POOLS).where(mine))


def users_of(session: Session, name: str) -> tuple[str, ...]:
    """Return the names of the triggers that need a pool, in order."""
    return tuple(trigger for trigger, _amount in needs_by_pool(session).get(name, ()))


def needs_by_pool(session: Session) -> dict[str, list[tuple[str, int]]]:
    """Return by pool the names of the triggers that need it with how much of it, in order; pools that are gone, too."""
    query = sa.select(_TRIGGERS.c.trigger_name, _TRIGGERS.c.pools).where(_TRIGGERS.c.pools.is_not(None))
    found: dict[str, list[tuple[str, int]]] = {}
    for row in session.connection().execute(unhindered(query, _TRIGGERS)):
        for pool, amount in readable(row.pools) or ():
            found.setdefault(pool, []).append((str(row.trigger_name), amount))
    for each in found.values():
        each.sort(key=lambda one: (one[0].casefold(), one))
    return found


def hold_named(session: Session, needs: str | None) -> None:
    """Keep pools from being deleted while the transaction lasts that makes a trigger need them.

    Call it after the row of the trigger was written: a claim locks triggers before pools, too.

    Args:
        session: An open transaction.
        needs: What the column of the trigger holds by now, ``checked``.

    Raises:
        InvalidInputError: If one of them is not there.
    """
    wanted = [pool for pool, _amount in pool_amounts.read(needs)]
    missing = set(wanted) - _hold(session, wanted)
    if missing:
        raise InvalidInputError(
            f"There is no pool {min(missing)!r}; it may have been deleted meanwhile. Create it first, or take another."
        )


def readable(text: Any) -> Amounts | None:
    """Return what a column of amounts holds, None if nobody can read it."""
    try:
        return pool_amounts.read(text)
    except (TypeError, ValueError):
        return None


def _hold(session: Session, names: Collection[str]) -> set[str]:
    if not names:
        return set()
    query = sa.select(POOLS.c.name).where(POOLS.c.name.in_(names)).order_by(POOLS.c.name)
    return set(session.connection().execute(shared(query, POOLS)).scalars())


def _holder(row: Any) -> Holder:
    name = row.trigger_name or row.process_name
    return Holder(row.id, row.trigger_id, name, row.scheduler_name, row.start_time, readable(row.pools))


def _taken(name: str) -> AlreadyExistsError:
    return AlreadyExistsError(f"There is a pool with the name {name!r} already. Choose another name, or edit that.")
