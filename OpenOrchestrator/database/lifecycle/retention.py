"""Deleting what is too old to be kept, beside everything else that goes on.

Each transaction deletes a few rows, fewer where that takes long, and rests as long as it worked, so that nobody waits.
It can end at any place: what is left is found by the next sweep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.lifecycle import retention_rows
from OpenOrchestrator.database.lifecycle.retention_rules import FIRST_SIZE, Kept, Portion, next_size, portions
from OpenOrchestrator.database.stores import attachment_files, attachments, keep_days, queue_rules

_LEFTOVERS = 100
_FILE_PIECES = 4
_LEAST_REST_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class TooOld:
    """How much of a portion there is.

    Attributes:
        portion: What.
        number: How many rows; of output, of how many jobs.
        oldest: Time of the oldest of them: naive site time, or for files aware; None where there are none.
    """

    portion: Portion
    number: int
    oldest: datetime | None


def what_is_too_old(database: Database) -> tuple[Portion, ...]:
    """Return what the settings of the site and its queues say is too old now."""
    days, rules = database.read(lambda session: (keep_days.read(session), queue_rules.read_all(session)))
    queues = {name: each.rules for name, each in rules.items()}
    now = certain_now(database)
    return portions(days, queues, now=now, site_now=_at_site(database, now))


def certain_now(database: Database) -> datetime:
    """Return the earlier of what the clocks of this machine and of the database say, aware.

    What is deleted is gone: where one clock is ahead, by a wrong date or a step, the other one keeps it from that.
    """
    theirs = database.read(lambda session: session.connection().execute(sa.select(DatabaseUtcNow())).scalar_one())
    return min(database.utc_now(), theirs)


def certain_site_now(database: Database) -> datetime:
    """Return the same as naive site time."""
    return _at_site(database, certain_now(database))


def _at_site(database: Database, now: datetime) -> datetime:
    return now.astimezone(database.zone).replace(tzinfo=None)


def look(database: Database, wanted: Sequence[Portion]) -> tuple[TooOld, ...]:
    """Return how much of each portion would be deleted. Changes nothing."""

    def one(portion: Portion) -> TooOld:
        return TooOld(portion, *database.read(lambda session: retention_rows.count(session, portion)))

    return tuple(one(portion) for portion in wanted)


class Sweep:
    """One sweep.

    Args:
        database: The database.
        rest: Called between two transactions with the seconds to rest; returns whether to end here.
        on_deleted: Told how many rows of a portion were deleted, after each transaction.
        elapsed: A clock that measures.
    """

    def __init__(
        self,
        database: Database,
        *,
        rest: Callable[[float], bool],
        on_deleted: Callable[[Portion, int], None] = lambda _portion, _number: None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._rest = rest
        self._on_deleted = on_deleted
        self._elapsed = elapsed
        self._size = FIRST_SIZE

    def delete(self, wanted: Sequence[Portion]) -> dict[Portion, int]:
        """Delete portions, and return how many rows of each were deleted until the end, or until ``rest`` said so.

        Raises:
            DatabaseError: If the database refuses, or cannot be used; what was deleted is gone.
        """
        counts = dict.fromkeys(wanted, 0)
        for portion in wanted:
            self._size = FIRST_SIZE
            for ids in self._found(portion):
                left = tuple(ids)
                while left:
                    handled, deleted, ended = self._step(portion, left)
                    counts[portion] += deleted
                    if deleted:
                        self._on_deleted(portion, deleted)
                    if ended:
                        return counts
                    left = tuple(each for each in left if each not in handled)
        return counts

    def clear_up(self) -> int:
        """Delete files that belong to nothing, and what is left of interrupted uploads; return how many."""
        removed = 0
        while True:
            now = self._database.utc_now()
            found = self._database.read(
                lambda session: attachments.find_ownerless(session, now=now, most=_LEFTOVERS)  # noqa: B023
            )
            for each in found:
                begun = self._elapsed()
                self._remove_files([each])
                removed += 1
                if self._rest(self._elapsed() - begun):
                    return removed
            if len(found) < _LEFTOVERS:
                return removed

    def _found(self, portion: Portion) -> Iterator[Sequence[UUID]]:
        after: tuple[Any, ...] | None = None
        while True:
            keys = self._database.read(lambda session: retention_rows.page(session, portion, after))  # noqa: B023
            if not keys:
                return
            after = keys[-1]
            ids = [each[-1] for each in keys]
            found = self._database.read(lambda session: retention_rows.deletable(session, portion, ids))  # noqa: B023
            if found:
                yield found
            elif self._rest(_LEAST_REST_SECONDS):
                return

    def _step(self, portion: Portion, ids: Sequence[UUID]) -> tuple[frozenset[UUID], int, bool]:
        size, begun = self._size, self._elapsed()
        removed = self._database.write(
            lambda session: retention_rows.remove(session, portion, ids, size),
            read_back=lambda _session: None,  # done again, it finds what is left
        )
        took = self._elapsed() - begun
        self._size = next_size(size, took)
        self._remove_files(removed.files)
        ended = self._rest(max(took, _LEAST_REST_SECONDS))
        return frozenset(removed.handled), len(removed.deleted), ended

    def _remove_files(self, file_ids: Sequence[UUID]) -> None:
        for start in range(0, len(file_ids), retention_rows.PAGE):
            some = file_ids[start : start + retention_rows.PAGE]
            attachment_files.remove(self._database, some, pieces_at_once=_FILE_PIECES)


def by_kind(counts: dict[Portion, int]) -> dict[str, int]:
    """Return how many rows of each kind were deleted, of all queues together; kinds without any are left out."""
    found: dict[Kept, int] = {}
    for portion, number in counts.items():
        found[portion.kept] = found.get(portion.kept, 0) + number
    return {kept.name.lower(): number for kept, number in found.items() if number}
