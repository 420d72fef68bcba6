"""What admins ask of this scheduler: to start nothing, because the site is paused or it is cordoned, or to end.

Owns what was last heard of that, and that the log says each change of it once. Must not end the loop: ``polling`` does.
"""

from __future__ import annotations

from collections.abc import Callable

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import admission
from OpenOrchestrator.database.lifecycle.admission import Admission
from OpenOrchestrator.database.stores import cordons
from OpenOrchestrator.database.stores.cordons import Mark
from OpenOrchestrator.scheduler.contact import Contact
from OpenOrchestrator.scheduler.events import Events


class Gate:
    """Asked before anything is started. For the thread of the loop.

    Args:
        database: Where the wishes are.
        identity: This scheduler.
        running: Tells how many runs are under way here.
        events: Told what changed.
        contact: Told about the health of the database.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        *,
        running: Callable[[], int],
        events: Events,
        contact: Contact,
    ) -> None:
        self._database = database
        self._identity = identity
        self._running = running
        self._events = events
        self._contact = contact
        self._told: tuple[str, ...] = ()
        self._earlier: Mark | None = None

    def look(self) -> Admission:
        """Return what is asked for now.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        found = self._read()
        words = found.words(self._database.zone)
        if words != self._told:
            self._told = words
            if words:
                self._events.held(words, self._running())
            else:
                self._events.admitted()
        return found

    def begin(self) -> None:
        """Take note of a drain that was asked of an earlier start, before anything else is done."""
        try:
            self._earlier = self._read().drain
        except DatabaseError as error:
            self._contact.failed(error)

    def ends_for(self, drain: Mark) -> bool:
        """Tell whether this start is to end, now that a drain is in force and nothing runs here any more.

        A drain that was asked of an earlier start is fulfilled then, and no reason to end once more: that start was
        killed, perhaps with its machine. The cordon stays in either case.

        Raises:
            DatabaseError: The database cannot be used now.
        """
        if drain != self._earlier:
            self._events.drained()
            return True
        self._database.write(
            lambda session: cordons.end_drain(session, self._identity, drain),
            read_back=lambda _session: None,  # guarded, so it can be done again
        )
        return False

    def _read(self) -> Admission:
        return self._database.read(lambda session: admission.read(session, self._identity.name))
