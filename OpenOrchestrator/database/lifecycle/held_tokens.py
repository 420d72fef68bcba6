"""What a robot's connection remembers of the elements it took."""

from __future__ import annotations

import threading
from collections import OrderedDict
from uuid import UUID

MOST_HELD_TOKENS = 10_000
"""How many unfinished elements a connection remembers; of the oldest beyond, only the job is checked."""


class HeldTokens:
    """The tokens of the elements that a connection took and has not finished; of bounded size.

    Safe for threads, and to copy: the copy knows the same tokens.
    """

    def __init__(self, most: int = MOST_HELD_TOKENS) -> None:
        self._tokens: OrderedDict[UUID, UUID] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[list[tuple[UUID, UUID]], int]:
        # Without the lock, which a copy does not share; a list is taken in one step.
        return list(self._tokens.items()), self._most

    def __setstate__(self, state: tuple[list[tuple[UUID, UUID]], int]) -> None:
        tokens, self._most = state
        self._tokens = OrderedDict(tokens)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, element_id: UUID) -> UUID | None:
        """Return the token of an element, or None if the connection does not hold it as far as it remembers."""
        with self._lock:
            return self._tokens.get(element_id)

    def remember(self, element_id: UUID, token: UUID | None) -> None:
        """Keep the token of an element; None forgets it."""
        with self._lock:
            self._tokens.pop(element_id, None)
            if token is not None:
                self._tokens[element_id] = token
                if len(self._tokens) > self._most:
                    self._tokens.popitem(last=False)
