"""The loop of a scheduler: looks at what there is to do, does it, and sleeps until there may be more.

Owns how long it sleeps: until the next due time, the next poll, the end of a robot or a request to stop, whichever is
first. No exception leaves it: what concerns one trigger fails that trigger, and what concerns the database is tried
again until it answers.
"""

from __future__ import annotations

import random

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.scheduler.contact import Contact, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.dispatch import Dispatch
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests


class Polling:
    """Starts what falls due until asked to stop.

    Args:
        database: Tells the time.
        dispatch: Starts what is due.
        poll_interval: Seconds between two looks while nothing else happens.
        bell: Wakes the loop.
        stop: Ends it.
        events: Told about what nobody foresaw.
        contact: Told about the health of the database.
    """

    def __init__(
        self,
        database: Database,
        dispatch: Dispatch,
        *,
        poll_interval: float,
        bell: Bell,
        stop: StopRequests,
        events: Events,
        contact: Contact,
    ) -> None:
        self._database = database
        self._dispatch = dispatch
        self._poll_interval = poll_interval
        self._bell = bell
        self._stop = stop
        self._events = events
        self._contact = contact
        self._failures = 0

    def run(self) -> None:
        """Return when somebody asked to stop."""
        while not self._stop.asked:
            self._bell.sleep(self._tick())

    def _tick(self) -> float:
        """Do what there is to do now, and return how many seconds to sleep at most."""
        try:
            self._dispatch.look_after_runs()
            self._dispatch.end_pauses()
            pause = self._start_due()
        except DatabaseError as error:
            self._contact.failed(error)
            self._failures += 1
            return pause_after(self._failures, shortest=self._poll_interval)
        except Exception as error:  # noqa: BLE001  (a scheduler that stops starts nothing any more)
            self._events.unexpected("looking for work", error)
            return self._poll_interval
        # No word of contact: it mostly only reads, which goes on while a database takes no writes (full, read-only).
        self._failures = 0
        return pause

    def _start_due(self) -> float:
        poll = self._poll_interval * random.uniform(0.8, 1.0)  # noqa: S311  (jitter, not a secret)
        if not self._dispatch.has_room():
            return poll
        asked_at = self._database.utc_now()
        found = self._dispatch.look()
        self._dispatch.start(self._dispatch.choose(found.due))
        if found.next_due is None or found.next_due <= asked_at:
            return poll  # in the hour that occurs twice, the next due time is only known to be no earlier
        return min(poll, max(0.0, (found.next_due - self._database.utc_now()).total_seconds()))
