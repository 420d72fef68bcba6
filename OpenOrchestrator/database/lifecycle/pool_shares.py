"""Who gets what of the pools: while triggers are chosen one after the other, and why one of them has to wait. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from OpenOrchestrator.database.stores.pool_amounts import Amounts
from OpenOrchestrator.database.stores.pools import MISSING, Holder, PoolBook

_MOST_NAMED = 5


class PoolShares:
    """What is free of each pool, while triggers are chosen one after the other, the first in rank first.

    Args:
        book: The pools, and who holds them.
    """

    def __init__(self, book: PoolBook) -> None:
        self._book = book
        self._free = {pool: book.free(pool) for pool in book.sizes}

    def lacking(self, needs: Amounts) -> tuple[str, ...]:
        """Return the pools of which there is not enough for somebody; of one that is not there, there is nothing."""
        return tuple(pool for pool, amount in needs if amount > self._free.get(pool, 0))

    def take(self, needs: Amounts) -> None:
        """Take everything that somebody needs, for whom nothing is lacking."""
        for pool, amount in needs:
            self._free[pool] -= amount

    def stand_in_line(self, needs: Amounts) -> None:
        """Keep what somebody lacks: whoever ranks below does not get it first, however little they need.

        Who needs more of a pool than there is of it waits for an admin, and holds up nobody.
        """
        for pool in self.lacking(needs):
            if dict(needs)[pool] <= self._book.sizes.get(pool, 0):
                self._free[pool] = 0


@dataclass(frozen=True, slots=True)
class PoolWait:
    """Why somebody waits for a pool.

    Attributes:
        words: A sentence, in site time.
        short: The same in a few words.
        jobs: Those that the words name.
    """

    pool: str
    words: str
    short: str
    jobs: tuple[UUID, ...] = ()


def waits_for(needs: Amounts, book: PoolBook) -> tuple[PoolWait, ...]:
    """Return why somebody who needs these amounts cannot have them now, a reason for each pool; empty if they can."""
    shares = PoolShares(book)
    amounts = dict(needs)
    return tuple(_wait(pool, amounts[pool], book) for pool in shares.lacking(needs))


def _wait(pool: str, amount: int, book: PoolBook) -> PoolWait:
    size = book.sizes.get(pool)
    if size is None:
        return PoolWait(pool, f"It needs the pool {pool}, {MISSING}.", f"No pool {pool}")
    if amount > size:
        words = f"It needs {amount} of the pool {pool}, which has {size}. Raise the pool, or lower what it needs."
        return PoolWait(pool, words, f"Needs {amount} of {size} {pool}")
    holders = book.holders_of(pool)
    by = ", ".join(_named(one, one.of(pool, size)) for one in holders[:_MOST_NAMED])
    more = f" and {len(holders) - _MOST_NAMED} more" if len(holders) > _MOST_NAMED else ""
    if size == 1:
        words = f"The pool {pool} is held by {by}{more}."
    else:
        words = f"It needs {amount} of the pool {pool}, and {book.free(pool)} of {size} are free. Held by {by}{more}."
    return PoolWait(pool, words, f"Waits for {pool}", tuple(one.job_id for one in holders[:_MOST_NAMED]))


def _named(holder: Holder, amount: int) -> str:
    of = "" if amount == 1 else f", {amount}"
    return f"{holder.name} since {_shown(holder.since)} on {holder.scheduler} (job {holder.job_id}{of})"


def _shown(site_time: datetime) -> str:
    return f"{site_time:%Y-%m-%d %H:%M:%S}"
