"""The loop of a scheduler: looks at what there is to do, does it, and sleeps until there may be more.

Owns how long it sleeps: until the next due time, the next poll, the end of a robot or a request to stop, whichever is
first. No exception leaves it: what concerns one trigger fails that trigger, and what concerns the database is tried
again until it answers.
"""

from __future__ import annotations

import random

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import waiting_elements
from OpenOrchestrator.scheduler.contact import Contact, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.dispatch import Dispatch
from OpenOrchestrator.scheduler.loop.gate import Gate
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests

_DRAINED = "its scheduler was drained before the robot was started"


class Polling:
    """Starts what falls due until asked to stop, or drained.

    Args:
        database: Tells the time, and has queue elements that wait for theirs.
        dispatch: Starts what is due.
        gate: Tells whether anything may be started, and whether to end when nothing runs.
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
        gate: Gate,
        *,
        poll_interval: float,
        bell: Bell,
        stop: StopRequests,
        events: Events,
        contact: Contact,
    ) -> None:
        self._database = database
        self._dispatch = dispatch
        self._gate = gate
        self._poll_interval = poll_interval
        self._bell = bell
        self._stop = stop
        self._events = events
        self._contact = contact
        self._failures = 0
        self._is_drained = False

    def run(self) -> None:
        """Return when somebody asked to stop, or asked for a drain and the last robot has ended."""
        while not self._stop.asked:
            pause = self._tick()
            if self._is_drained:
                return
            self._bell.sleep(pause)

    def _tick(self) -> float:
        """Do what there is to do now, and return how many seconds to sleep at most."""
        try:
            self._dispatch.look_after_runs()
            self._dispatch.end_pauses()
            # Also while it starts nothing: robots of all machines wait for these elements, older ones too.
            waiting_elements.wake(self._database)
            pause = self._go_on()
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

    def _go_on(self) -> float:
        poll = self._poll_interval * random.uniform(0.8, 1.0)  # noqa: S311  (jitter, not a secret)
        admission = self._gate.look()
        if admission.drain is not None:
            # As a first signal does. An admin may call it off until the last robot has ended.
            self._dispatch.give_back_unstarted(_DRAINED)
            self._is_drained = not self._dispatch.is_busy() and self._gate.ends_for(admission.drain)
        return self._start_due(poll) if admission.starts else poll

    def _start_due(self, poll: float) -> float:
        if not self._dispatch.has_room():
            return poll
        asked_at = self._database.utc_now()
        found = self._dispatch.look()
        self._dispatch.skip(found.missed)
        self._dispatch.start(self._dispatch.choose(found.due))
        if found.next_due is None or found.next_due <= asked_at:
            return poll  # in the hour that occurs twice, the next due time is only known to be no earlier
        return min(poll, max(0.0, (found.next_due - self._database.utc_now()).total_seconds()))
