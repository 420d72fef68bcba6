"""Pools for the page: the list with who holds and who needs what, and guarded changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.stores import cordons, pools
from OpenOrchestrator.orchestrator.backend.base import Backend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = pools.NAME_LENGTH
LARGEST = pools.LARGEST


@dataclass(frozen=True, slots=True)
class PoolHolder:
    """A job that holds something of a pool.

    Attributes:
        trigger: Name of its trigger.
        since: Naive site time.
        amount: How much of it; all of the pool where the row of the job cannot be read.
    """

    job_id: UUID
    trigger: str
    scheduler: str
    since: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A pool in the list; an edit names it as what it starts from.

    Attributes:
        edition: What a change has to name; None for a pool that triggers need and that is not there.
        holders: The longest one first.
        users: Names of the triggers that need it with how much of it, in order.
        changed: Aware.
    """

    name: str
    size: int
    edition: UUID | None
    holders: tuple[PoolHolder, ...]
    users: tuple[tuple[str, int], ...]
    changed: datetime | None

    @property
    def held(self) -> int:
        """How much of it is held; more than its size after that was lowered."""
        return sum(holder.amount for holder in self.holders)


class PoolsBackend(Backend):
    """Pools."""

    async def rows(self) -> tuple[PoolRow, ...]:
        """Return all pools by name, with those that triggers need and that are not there."""
        return await self._read(_rows)

    async def get(self, name: str) -> PoolRow:
        """Return the pool of a name.

        Raises:
            NotFoundError: If there is none.
        """
        found = next((row for row in await self.rows() if row.name == name and row.edition is not None), None)
        if found is None:
            raise NotFoundError(f"There is no pool {name!r}: somebody deleted it, or the link is wrong.")
        return found

    async def create(self, name: str, size: int) -> None:
        """Store a new pool; blanks around its name are dropped.

        Raises:
            AlreadyExistsError: If its name is taken, whatever its case.
            InvalidInputError: If it makes no sense.
        """

        def work(session: Session) -> None:
            pools.insert(session, *pools.checked(name, size, session.get_bind().dialect.name), now=self._now())

        await self._write(work)

    async def update(self, before: PoolRow, size: int) -> bool:
        """Change the size of a pool.

        Args:
            before: What the edit started from.
            size: How much of it may be held at once.

        Returns:
            False if somebody changed or deleted it since ``before`` was read; nothing was changed then.

        Raises:
            InvalidInputError: If it makes no sense.
        """

        def work(session: Session) -> bool:
            name, number = pools.checked(before.name, size, session.get_bind().dialect.name)
            return before.edition is not None and pools.update(session, name, number, before.edition, now=self._now())

        return await self._write(work)

    async def delete(self, name: str) -> None:
        """Delete a pool that no trigger needs.

        Raises:
            InvalidInputError: If triggers need it; the message says which.
            NotFoundError: If there is none.
        """
        await self._write(lambda session: pools.delete(session, name))

    async def disobedient(self) -> tuple[str, ...]:
        """Return the names of schedulers that are heard from and know no pools, because of their version."""

        def work(session: Session) -> tuple[str, ...]:
            return cordons.disobedient(session, now=self._now(), site_now=self._database.site_now())

        return await self._read(work)


def _rows(session: Session) -> tuple[PoolRow, ...]:
    stored = {one.name: one for one in pools.read_all(session.connection())}
    holders = pools.read_holders(session.connection())
    needs = pools.needs_by_pool(session)
    found = []
    for name in sorted({*stored, *needs}, key=lambda each: (each.casefold(), each)):
        pool = stored.get(name)
        size = 0 if pool is None else pool.size
        holding = (
            PoolHolder(one.job_id, one.name, one.scheduler, one.since, amount)
            for one in holders
            if (amount := one.of(name, size))
        )
        users = tuple(needs.get(name, ()))
        if pool is None:
            found.append(PoolRow(name, 0, None, tuple(holding), users, None))
        else:
            found.append(PoolRow(name, size, pool.edition, tuple(holding), users, pool.changed_at))
    return tuple(found)
