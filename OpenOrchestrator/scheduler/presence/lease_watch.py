"""Tells which leases of others have run out, by watching them for as long as they last.

Owns what a scheduler has seen of the leases of others, in memory. Pure: it is given what was read and when, reads no
clock and no database. A lease is read off the database's clock once, when it is first seen, and from then on measured
on this machine's own clock: the database's clock may be set meanwhile, forward or back, and then neither are the
living declared dead nor do the dead live on. Set before that, it cannot make a lease longer than it can be.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from OpenOrchestrator.database.leases import LEASE_SECONDS, LEFT_LEASE_SECONDS

LONGEST_LOOK_SECONDS = 5.0
"""An answer that took longer is old: whoever was waited for may have prolonged meanwhile."""

LONGEST_WRITE_SECONDS = 2.0
"""A write that took longer had to wait, and so did everybody else's: nobody may have been able to prolong."""

SECOND_LOOK_SECONDS = 12.0
"""How long a lease that looks run out at first sight is watched: its owner prolongs every ten seconds."""

OVERDUE_SECONDS = 18.0
"""A lease that lasts no longer than this was not prolonged when it should have been."""

FREE_SECONDS = 8.0
"""For how long nobody may have held the row of a lease locked: its owner tries every second until it is free."""

LONGEST_GAP_SECONDS = 20.0
"""Whoever was held up for longer between two looks, every ten seconds, may not have been the only one."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of the database.

    Attributes:
        asked_at: When it was asked, in seconds on a clock of this machine that nobody sets.
        answered_at: When it had answered.
        database_now: The database's clock in the answer.
    """

    asked_at: float
    answered_at: float
    database_now: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A lease as it was read.

    Attributes:
        until: Its end on the database's clock.
        longest: How many seconds it can last at most, whatever the database's clock says.
    """

    until: datetime
    longest: float = LEFT_LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class _Watched:
    lease: Seen
    seen_at: float
    left: float
    not_before: float
    free_since: float | None = None

    @property
    def run_out_at(self) -> float:
        return max(self.seen_at + min(self.left, self.lease.longest), self.not_before)


class LeaseWatch(Generic[K]):
    """The leases that one scheduler watches, each under a key that changes with its owner. For one thread.

    Each turn is: ``overdue`` with what was read, ``note_free`` with those of them whose rows nobody holds locked, and
    ``run_out``.

    Args:
        lease_seconds: How long a lease lasts; everything else is in proportion.
    """

    def __init__(self, lease_seconds: float = LEASE_SECONDS) -> None:
        self._lease_seconds = lease_seconds
        self._scale = lease_seconds / LEASE_SECONDS
        self._watched: dict[K, _Watched] = {}
        self._in_contact_since: float | None = None
        self._last_look: float | None = None
        self._is_fresh = False

    def overdue(self, leases: Iterable[tuple[K, Seen]], look: Look) -> list[K]:
        """Take note of the leases that were read, and return those that should have been prolonged by now.

        Args:
            leases: Every lease there is, with its key; the rest is forgotten.
            look: When they were read.
        """
        now = look.answered_at
        gap = 0.0 if self._last_look is None else now - self._last_look
        self._is_fresh = now - look.asked_at <= LONGEST_LOOK_SECONDS * self._scale
        if gap > self._lease_seconds:
            self.forget()
        self._last_look = now
        is_anew = self._in_contact_since is None
        if is_anew:
            self._in_contact_since = now
        held_up = not self._is_fresh or gap > LONGEST_GAP_SECONDS * self._scale
        second_look = SECOND_LOOK_SECONDS * self._scale
        before, self._watched = self._watched, {}
        for key, lease in leases:
            seen = before.get(key)
            if seen is None or seen.lease.until != lease.until:
                left = (lease.until - look.database_now).total_seconds()
                seen = _Watched(lease, seen_at=now, left=left, not_before=now + second_look)
            else:
                not_before = seen.not_before
                if is_anew:
                    # Known from before contact was lost: the database's clock, which may have been set, is not asked.
                    not_before = max(not_before, now + self._lease_seconds)
                elif held_up:
                    # Its owner may have been held up just as this scheduler was, and is about to prolong.
                    not_before = max(not_before, now + second_look)
                seen = replace(seen, lease=lease, not_before=not_before)
            self._watched[key] = seen
        latest = now + OVERDUE_SECONDS * self._scale
        return [key for key, seen in self._watched.items() if seen.run_out_at <= latest]

    def note_free(self, free: Collection[K], *, asked: Iterable[K], now: float) -> None:
        """Take note which rows are free.

        Args:
            free: Those that nobody holds locked; whoever owns one of them could have prolonged it.
            asked: All that were asked about.
            now: When that was.
        """
        for key in asked:
            seen = self._watched.get(key)
            if seen is None:
                continue
            if key not in free:
                self._watched[key] = replace(seen, free_since=None)
            elif seen.free_since is None:
                self._watched[key] = replace(seen, free_since=now)

    def run_out(self) -> list[K]:
        """Return the keys of the leases that have run out.

        That is: that nobody has prolonged for as long as they were to last, though nothing hindered their owners, once
        this scheduler has been in contact with the database for a whole lease without a break. Before that, leases
        that have run out may just mean that the database was away for everybody.
        """
        now = self._last_look
        if now is None or self._in_contact_since is None or not self._is_fresh:
            return []
        if now - self._in_contact_since < self._lease_seconds:
            return []
        free_by = now - FREE_SECONDS * self._scale
        return [
            key
            for key, seen in self._watched.items()
            if seen.run_out_at <= now and seen.free_since is not None and seen.free_since <= free_by
        ]

    def forget(self) -> None:
        """Begin anew, because contact with the database was lost: everybody needs the chance to prolong first.

        Leases that nobody has prolonged since last at least a whole lease from the next look on.
        """
        self._in_contact_since = None
        self._last_look = None
