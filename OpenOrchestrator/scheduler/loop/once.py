"""One round instead of a loop: starts what is due now, each trigger once, and waits for it.

Owns when the round is over. Must not start what falls due after it began.
"""

from __future__ import annotations

from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores.due_triggers import DueTriggers
from OpenOrchestrator.scheduler.contact import Contact, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.dispatch import Dispatch
from OpenOrchestrator.scheduler.loop.gate import Gate
from OpenOrchestrator.scheduler.loop.run_table import RunTable
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests

_NOTHING = DueTriggers((), None, ())


class Once:
    """Starts what is due, and waits until nothing of it runs any more.

    Args:
        database: Tells the time.
        dispatch: Starts what is due.
        gate: Tells whether anything may be started; if not, nothing is, and the round is over.
        runs: The runs under way.
        poll_interval: Seconds between two looks.
        bell: Wakes it at the end of a run.
        stop: Ends it early.
        events: Told about what nobody foresaw.
        contact: Told about the health of the database.
    """

    def __init__(
        self,
        database: Database,
        dispatch: Dispatch,
        gate: Gate,
        runs: RunTable,
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
        self._runs = runs
        self._poll_interval = poll_interval
        self._bell = bell
        self._stop = stop
        self._events = events
        self._contact = contact
        self._failures = 0

    def run(self) -> None:
        """Return when all is done, or somebody asked to stop.

        Raises:
            DatabaseError: The database cannot be used, and nothing runs that could be waited for.
        """
        began = self._database.utc_now()
        seen: set[UUID] = set()
        while not self._stop.asked:
            try:
                self._dispatch.look_after_runs()
                self._dispatch.end_pauses()
                found = self._dispatch.look() if self._gate.look().starts else _NOTHING
                self._dispatch.skip(found.missed)
                chosen = self._dispatch.choose(
                    trigger
                    for trigger in found.due
                    if trigger.trigger_id not in seen and (trigger.due_at is None or trigger.due_at <= began)
                )
                seen |= {trigger.trigger_id for trigger in chosen}
                self._dispatch.start(chosen)
            except DatabaseError as error:
                if not self._runs.supervisors():
                    raise
                self._contact.failed(error)
                self._failures += 1
                self._bell.sleep(pause_after(self._failures, shortest=self._poll_interval))
                continue
            except Exception as error:
                if not self._runs.supervisors():
                    raise
                # Robots run, and nobody would prolong their leases any more.
                self._events.unexpected("looking for work", error)
                self._bell.sleep(self._poll_interval)
                continue
            if not chosen and not self._runs.supervisors():
                return
            self._bell.sleep(self._poll_interval)
