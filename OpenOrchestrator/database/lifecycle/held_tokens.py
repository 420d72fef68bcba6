"""What a robot's connection remembers of the elements it took."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

MOST_HELD_TOKENS = 10_000
"""How many unfinished elements a connection remembers; of the oldest beyond, only the job is checked."""


class Hold(NamedTuple):
    """What somebody holds an element by.

    Attributes:
        token: Of the hand-out; New at every one that is made by this version or a later one.
        since: Site time of the hand-out, which older versions change as well.
    """

    token: UUID
    since: datetime | None


class HeldTokens:
    """The tokens of the elements that a connection took and has not finished; of bounded size.

    Safe for threads, and to copy: the copy knows the same tokens.
    """

    def __init__(self, most: int = MOST_HELD_TOKENS) -> None:
        self._tokens: OrderedDict[UUID, Hold] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[list[tuple[UUID, Hold]], int]:
        # Without the lock, which a copy does not share; a list is taken in one step.
        return list(self._tokens.items()), self._most

    def __setstate__(self, state: tuple[list[tuple[UUID, Hold]], int]) -> None:
        tokens, self._most = state
        self._tokens = OrderedDict(tokens)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, element_id: UUID) -> Hold | None:
        """Return what an element is held by, or None if the connection does not hold it as far as it remembers."""
        with self._lock:
            return self._tokens.get(element_id)

    def remember(self, element_id: UUID, hold: Hold | None) -> None:
        """Keep what an element is held by; None forgets it."""
        with self._lock:
            self._tokens.pop(element_id, None)
            if hold is not None:
                self._tokens[element_id] = hold
                if len(self._tokens) > self._most:
                    self._tokens.popitem(last=False)
