"""The limit that pools set to a claim: what a trigger needs of them is there for it, all of it, or it is not claimed.

The rows of the pools are locked first, those alone that nobody else holds locked: a claim waits for nobody, so two
claims never wait for each other in a circle, and a transaction that somebody forgot to end hinders only triggers that
need its pool. Who holds what is read after that, so it is what every claim before left.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.lifecycle.pool_shares import PoolShares
from OpenOrchestrator.database.stores.pools import EMPTY, POOLS, PoolBook, read_holders
from OpenOrchestrator.database.stores.trigger_rows import TriggerRow


class PoolLimit:
    """What is free of the pools that the triggers of one claim need.

    Args:
        connection: Within the transaction of the claim.
        rows: Its triggers, locked.
    """

    def __init__(self, connection: Connection, rows: Sequence[TriggerRow]) -> None:
        self._connection = connection
        self._editions: dict[str, UUID] = {}
        names = sorted({pool for row in rows for pool, _amount in row.pools})
        self._shares = PoolShares(self._lock(names) if names else EMPTY)
        self._taken: set[str] = set()

    def has_room(self, row: TriggerRow) -> bool:
        """Tell whether everything is free that a trigger needs."""
        return not self._shares.lacking(row.pools)

    def take(self, row: TriggerRow) -> None:
        """Take it."""
        self._shares.take(row.pools)
        for pool, _amount in row.pools:
            if pool not in self._taken:
                self._note(pool)
                self._taken.add(pool)

    def _lock(self, names: Sequence[str]) -> PoolBook:
        query = sa.select(POOLS.c.name, POOLS.c.size, POOLS.c.edition).where(POOLS.c.name.in_(names))
        rows = self._connection.execute(free_only(query.order_by(POOLS.c.name), POOLS)).all()
        self._editions = {row.name: row.edition for row in rows}
        return PoolBook({row.name: row.size for row in rows}, read_holders(self._connection) if rows else ())

    def _note(self, pool: str) -> None:
        # A transaction that began before another one took from the pool is refused by this write, should its reading
        # have been from its beginning, as it is where the isolation of a database was raised.
        mine = (SameText(POOLS.c.name, pool), POOLS.c.edition == self._editions[pool])
        noted = sa.update(POOLS).where(*mine).values(claims=POOLS.c.claims + 1)
        if self._connection.execute(noted).rowcount != 1:
            raise DatabaseError(f"The pool {pool!r} was locked, but changed all the same; nothing was claimed.")
