"""What all backends share: one call off the event loop around one transaction.

A backend is a plain class over a Database and a Clock. Each of its methods is one transaction in a thread and returns
frozen rows: never sessions, never objects of the database layer. It knows no page, no label, no format and no web
framework, so that an API can ask it as pages do.

Whatever the app changes in a database, it changes within ``Backend._write``: there, what all changes need (a record of
who changed what, saved or undone together with the change) has one place. No backend asks its database to write, none
gives it to something that would, and none opens a connection; the tests of the app watch for it. Only the upgrade of a
database is made elsewhere, because its tables may not be there yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from OpenOrchestrator.common.clock import Clock

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.database import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows.

    Attributes:
        rows: In order.
        total: Rows in all that match; counted no further than ``cap`` where that is set.
        cap: Where counting stopped; None where it did not.
    """

    rows: tuple[T, ...]
    total: int
    cap: int | None = None


async def off_loop(work: Callable[[], T]) -> T:
    """Run blocking work in a thread, so that the event loop of all users goes on.

    Work that was begun goes on to its end, even when whoever waits for it is cancelled.
    """
    return await asyncio.to_thread(work)


class Backend:
    """Base of all backends.

    Args:
        database: The connected database.
        clock: Tells the time.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def _read(self, work: Callable[[Session], T]) -> T:
        """Run a transaction that writes nothing.

        Raises:
            DatabaseError: If the database cannot be reached or refuses.
        """
        return await off_loop(lambda: self._database.read(work))

    async def _write(self, work: Callable[[Session], T]) -> T:
        """Run a transaction and commit it: the one way in which the app changes anything.

        Args:
            work: Guards its own changes. May run several times, each time in a transaction of its own.

        Raises:
            DatabaseError: If the database cannot be reached or refuses.
            InvalidInputError: If the work refuses what it was given; nothing was changed.
        """
        return await off_loop(lambda: self._database.write(work))

    def _now(self) -> datetime:
        return self._clock.utc_now()

    def _zone(self) -> ZoneInfo:
        """The site's time zone; may ask the database, so only within a transaction's thread."""
        return self._database.zone
