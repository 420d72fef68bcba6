"""Has what is too old deleted once a day, by whichever scheduler of the site looks first.

Owns a thread of its own and the turn: claims and leases never wait for it. A scheduler that stops leaves the rest to
the next one that looks, on the same day.
"""

from __future__ import annotations

import threading
from uuid import uuid4

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.retention import Sweep, by_kind, what_is_too_old
from OpenOrchestrator.database.lifecycle.sweep_turn import TURN_SECONDS, Turn
from OpenOrchestrator.scheduler.contact import elapsed
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.workspace.housekeeping import Housekeeping

LOOK_SECONDS = 3600.0
"""Between two looks whether it is anybody's turn."""


class Retention:
    """Sweeps.

    Args:
        database: The database.
        events: Told what was deleted.
    """

    def __init__(self, database: Database, events: Events) -> None:
        self._database = database
        self._events = events
        self._stop = threading.Event()
        self._housekeeping = Housekeeping(
            self.sweep, events, every_seconds=LOOK_SECONDS, what="deleting what is older than it is kept"
        )

    def start(self) -> None:
        """Begin to look, in a thread."""
        self._housekeeping.start()

    def stop(self) -> None:
        """End, after the transaction under way."""
        self._stop.set()
        self._housekeeping.stop()

    def sweep(self) -> None:
        """Delete what is too old, unless that was done today or somebody else does it.

        Raises:
            DatabaseError: If the database cannot be used; another one goes on when the turn has run out.
        """
        turn = Turn(self._database, uuid4())
        if self._stop.is_set() or not turn.take():
            return
        begun = elapsed()
        keeper = _Keeper(turn, self._stop)
        sweep = Sweep(self._database, rest=keeper.rest)
        files = sweep.clear_up()
        counts = by_kind(sweep.delete(what_is_too_old(self._database)))
        if counts or files:
            self._events.swept({**counts, **({"leftover_files": files} if files else {})}, elapsed() - begun)
        turn.finish(done=not keeper.ended)


class _Keeper:
    """Rests between two transactions, and keeps the turn meanwhile."""

    def __init__(self, turn: Turn, stop: threading.Event) -> None:
        self._turn = turn
        self._stop = stop
        self._prolonged = elapsed()
        self.ended = False

    def rest(self, seconds: float) -> bool:
        """Rest, and return whether to end: the scheduler stops, or the turn is lost."""
        if not self.ended and elapsed() - self._prolonged > TURN_SECONDS / 5:
            self._prolonged = elapsed()
            self.ended = not self._turn.prolong()
        self.ended = self.ended or self._stop.wait(seconds)
        return self.ended
