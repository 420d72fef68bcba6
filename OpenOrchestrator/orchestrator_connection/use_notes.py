"""What the robots of this OS process use, until it is noted in the database: once a day for each name.

Owns when that is done: some time after the first use together with a later call, when a connection is closed, and when
the process ends. A note costs a robot next to nothing and never its work: one that cannot be written at once is left
out. Like a fork, the end of a process concerns all of it, whatever its connections are by then; so notes are kept by
connection string here, and this module's one collection is no state that anything else reads.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING
from weakref import WeakSet

from OpenOrchestrator.database.engine import forks
from OpenOrchestrator.database.stores import uses
from OpenOrchestrator.database.stores.uses import Use

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from OpenOrchestrator.database.engine.database import Database

DELAY_SECONDS = 30.0
"""After the first use that is not noted yet, so that one note tells of all that a robot uses when it starts."""

RETRY_SECONDS = 600.0
"""After notes that could not be written."""

MOST_USES = 500
"""Of one OS process; who uses more names gives one to each element rather than to a queue."""

_log = logging.getLogger(__name__)


class UseNotes:
    """The uses of one database by this OS process. Safe to share between threads.

    Args:
        monotonic: Tells seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._databases: WeakSet[Database] = WeakSet()
        self._known: dict[Use, date] = {}
        self._failed = False
        # Children are not always told that they end.
        self._delay = 0.0 if _is_child_of_multiprocessing() else DELAY_SECONDS
        self._begin_anew()
        forks.follow(self)

    def _begin_anew(self) -> None:
        self._waiting: dict[Use, datetime] = {}
        self._due: float | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def before_fork(self) -> None:
        """Nothing has to be prepared."""

    def after_fork_in_parent(self) -> None:
        """Nothing was prepared."""

    def after_fork_in_child(self) -> None:
        """Leave to the parent what waits there, and note at once what this child uses beside."""
        self._begin_anew()
        self._delay = 0.0

    def write_to(self, database: Database) -> None:
        """Write to a database, for as long as it is open; one of several is enough."""
        self._databases.add(database)

    def add(self, use: Use, now: datetime, dialect_name: str) -> None:
        """Take note that something is used, unless that was done in the last hours.

        Args:
            use: Who uses what.
            now: Aware UTC. With its date ends what is known, so that a process that goes on notes it again: the site's
                own days are not asked for here, because that may ask the database.
            dialect_name: Of the database.
        """
        if self._known.get(use) != now.date():
            self._remember(use, now, dialect_name)
        self.write_if_due()

    def write_if_due(self) -> None:
        """Write what waits, if it waits for long enough."""
        due = self._due
        if due is not None and self._monotonic() >= due:
            self.write()

    def write_at_end(self) -> None:
        """Write what waits, unless that has failed before: whoever ends shall not try in vain."""
        if not self._failed:
            self.write()

    def write(self) -> None:
        """Write what waits now. What cannot be written waits on; nothing is raised."""
        if not self._writing.acquire(blocking=False):
            return
        try:
            with self._lock:
                waiting, self._waiting, self._due = self._waiting, {}, None
            if not waiting:
                return
            self._failed = not any(_write(waiting, database) for database in list(self._databases))
            if self._failed:
                with self._lock:
                    self._waiting = waiting | self._waiting
                    self._due = self._monotonic() + RETRY_SECONDS
        finally:
            self._writing.release()

    def _remember(self, use: Use, now: datetime, dialect_name: str) -> None:
        with self._lock:
            if len(self._known) >= MOST_USES and use not in self._known:
                return
            self._known[use] = now.date()
            if not uses.can_be_noted(use, dialect_name):
                return
            self._waiting[use] = now
            if self._due is None:
                self._due = self._monotonic() + self._delay


def _write(used: dict[Use, datetime], database: Database) -> bool:
    """Tell whether uses are noted now; each is, of the day that it was on the site's wall clock."""
    try:
        days = {use: moment.astimezone(database.zone).date() for use, moment in used.items()}

        def look(connection: Connection) -> dict[Use, tuple[date, bool]] | None:
            return uses.find_missing(connection, days) or None

        return database.change_aside(look, uses.note)
    except Exception as error:  # noqa: BLE001  (whatever is wrong with a note, the robot's work goes on)
        _log.debug("%d uses were not noted: %s", len(used), type(error).__name__)
        return False


_by_database: dict[str, UseNotes] = {}


def notes_for(database: Database) -> UseNotes:
    """Return the notes of this process for a database, which are written when it ends, too."""
    notes = _by_database.get(database.connection_string)
    if notes is None:
        if not _by_database:
            atexit.register(_write_all)
        notes = _by_database.setdefault(database.connection_string, UseNotes())
    notes.write_to(database)
    return notes


def _write_all() -> None:
    for notes in list(_by_database.values()):
        notes.write_at_end()


def _is_child_of_multiprocessing() -> bool:
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None
