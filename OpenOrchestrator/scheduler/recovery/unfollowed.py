"""Claims that this scheduler won without learning it, or could not give back: their triggers are due again.

A claim whose connection broke may be saved after nobody knew what became of it. Its job then belongs to this scheduler,
which others take for alive, so nobody else settles it. Must not touch runs that are followed here, nor any that may
have a robot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

from OpenOrchestrator.common.errors import TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership, runs
from OpenOrchestrator.scheduler.contact import elapsed
from OpenOrchestrator.scheduler.events import Events

LOOK_SECONDS = 10.0
"""Between two looks, unless there is a reason to look at once."""

UNFOLLOWED = "its scheduler did not learn in time that it had claimed it, or had no means to start it"


class Unfollowed:
    """Gives back the claims of this scheduler that nobody follows. For the thread that claims.

    Args:
        database: Where the jobs are.
        identity: This scheduler.
        events: Told about each.
        followed: Returns the jobs that are followed. A claim has to be among them before the next look.
    """

    def __init__(
        self, database: Database, identity: Identity, events: Events, *, followed: Callable[[], Collection[UUID]]
    ) -> None:
        self._database = database
        self._identity = identity
        self._events = events
        self._followed = followed
        self._next_look = 0.0

    def look_soon(self) -> None:
        """Look at the next opportunity, because a claim may have been won that nobody here knows of."""
        self._next_look = 0.0

    def look_if_time(self) -> None:
        """Look, if the last look is long enough ago.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        if elapsed() >= self._next_look:
            self.give_back()
            self._next_look = elapsed() + LOOK_SECONDS

    def give_back(self) -> None:
        """Give back what is there now; what somebody else holds locked is left to the next look.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        followed = frozenset(self._followed())
        unfollowed = [
            run for run in ownership.unstarted_of(self._database, self._identity) if run.job_id not in followed
        ]
        for run in ownership.free_of_locks(self._database, unfollowed):
            try:
                # Guarded by job and fence, and nobody begins a run that is not followed.
                if runs.give_back(self._database, run, UNFOLLOWED):
                    self._events.given_back(run.job_id, run.name, UNFOLLOWED)
            except TransientDatabaseError:
                continue  # locked since; the next look comes to it
