"""Tells whether a site still comes to its rest: work that is left is fine as long as it gets less. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Left:
    """Something that has not come to its end.

    Attributes:
        key: What it is; the same from look to look.
        amount: How much of it.
        words: For people.
    """

    key: str
    amount: int
    words: str


@dataclass(slots=True)
class _Lowest:
    amount: int
    since: float


class Rest:
    """Watches what is left.

    Args:
        patience: After how many seconds without getting less something counts as stuck.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lowest: dict[str, _Lowest] = {}

    def stuck(self, left: Iterable[Left], now: float) -> list[Left]:
        """Take note of what is left, and return what has not become less for too long.

        Args:
            left: Everything that is left now. What is not in it has come to its end.
            now: Seconds.
        """
        before, self._lowest = self._lowest, {}
        stuck = []
        for one in left:
            lowest = before.get(one.key)
            if lowest is None or one.amount < lowest.amount:
                lowest = _Lowest(one.amount, now)
            self._lowest[one.key] = lowest
            if now - lowest.since > self._patience:
                stuck.append(one)
        return stuck
