"""What admins ask of schedulers in a run: that nothing starts for a while, or that one ends when its robots have.

Pauses the site and drains schedulers as the commands do, looks at what is left of a scheduler that has ended, starts
it again as a service manager does, and lets it work again. Judges nothing: that is done by ``policies``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.chaos import tables
from benchmarks.chaos.diary import Diary, Entry
from benchmarks.chaos.machines import Machine
from benchmarks.chaos.plan import Kind
from benchmarks.chaos.policies import Hold
from benchmarks.chaos.stopping import shown
from benchmarks.chaos.workload import site_time
from OpenOrchestrator.database.stores import cordons, site_pause

_BY = "chaos"
_LOOK_SECONDS = 0.25
_LEFT_SECONDS = 5.0
_CORDONED_SECONDS = 2.0
_MOST_TRIES = 120

T = TypeVar("T")
Later = Callable[[float, Callable[[], None]], None]


class Holds:
    """The pauses and drains of one run.

    Args:
        engine: Connections past all links.
        diary: Told about all of it.
        later: Does something after so many seconds, or when the chaos ends.

    Attributes:
        holds: Each time in which nothing was to be claimed, when it is over.
        left: What schedulers left that ended, drained; in words.
    """

    def __init__(self, engine: sa.Engine, diary: Diary, later: Later) -> None:
        self._engine = engine
        self.diary = diary
        self.later = later
        self._is_paused = False
        self.holds: list[Hold] = []
        self.left: list[str] = []

    def pause(self, seconds: float) -> None:
        """Pause the site for a while, unless it is."""
        if self._is_paused:
            return
        self._is_paused = True
        entry = self.diary.begin(Kind.PAUSE_SITE, f"for {seconds:.1f} s")
        since = self._ask(lambda session: site_pause.pause(session, reason="chaos", by=_BY))
        self.later(seconds, partial(self._resume, entry, since, 1))

    def _resume(self, entry: Entry, since: float | None, tries: int) -> None:
        if not self.release(None, since, site_pause.resume, tries):
            self.later(_LOOK_SECONDS, partial(self._resume, entry, since, tries + 1))
            return
        self._is_paused = False
        self.diary.end(entry, "resumed")

    def drain(self, machine: Machine, seconds: float, over: Callable[[], None]) -> None:
        """Drain a scheduler; call that off if it has not ended in some seconds.

        Args:
            machine: It is up.
            seconds: How long all of it may take at most.
            over: Called when the scheduler works again.
        """
        entry = self.diary.begin(Kind.DRAIN_SCHEDULER, f"pid {machine.pid}", machine=machine.name)
        drain = _Drain(self, machine, entry, over)
        drain.since = self._ask(lambda session: cordons.drain(session, machine.name, by=_BY))
        self.later(seconds if drain.since is not None else _LEFT_SECONDS, partial(drain.end, 1))
        self.later(_LOOK_SECONDS, drain.look)

    def _ask(self, work: Callable[[Session], object]) -> float | None:
        """Do what an admin does, and return when it was saved; None if it was refused, or that is not known."""
        try:
            with Session(self._engine) as session, session.begin():
                work(session)
        except sa.exc.DBAPIError as error:
            self.diary.say(f"refused, or not known ({error.orig})")
            return None
        return time.time()

    def release(self, machine: str | None, since: float | None, work: Callable[[Session], bool], tries: int) -> bool:
        """Let robots start again, and return whether that was saved. Notes what was claimed until then."""
        claimed: tuple[UUID, ...] = ()
        try:
            with Session(self._engine) as session, session.begin():
                if since is not None:
                    after = site_time(datetime.fromtimestamp(since, timezone.utc))
                    claimed = tuple(session.execute(tables.claimed_since(after, machine)).scalars())
                was_held = work(session)
        except sa.exc.DBAPIError:
            if tries >= _MOST_TRIES:
                raise
            return False
        if since is not None and was_held:  # else an earlier try was saved, and what was claimed since is right
            self.holds.append(Hold(machine, since, claimed))
        return True

    def left_of(self, machine: Machine) -> Iterator[str]:
        """Yield what is there still of a scheduler that has ended: processes, folders, and jobs that have not ended."""
        yield from (f"{machine.name}: {shown(process)}" for process in machine.processes())
        yield from machine.run_directories()
        with self._engine.connect() as connection:
            for job in connection.execute(tables.active_jobs()):
                if job.scheduler_name == machine.name:
                    yield f"{machine.name}: job {job.id} is {job.status.value}"


class _Drain:
    """One drain, from the wish of the admin until the scheduler works again."""

    def __init__(self, holds: Holds, machine: Machine, entry: Entry, over: Callable[[], None]) -> None:
        self._holds = holds
        self._machine = machine
        self._entry = entry
        self._over = over
        self._is_over = False
        self._ended_at: float | None = None
        self._is_started = False
        self.since: float | None = None

    def look(self) -> None:
        """Go on as far as it can now."""
        holds = self._holds
        if self._is_over:
            return
        now = time.monotonic()
        if self._machine.pid is None and not self._is_started:
            self._ended_at = self._ended_at or now
            try:
                left = list(holds.left_of(self._machine))
            except sa.exc.DBAPIError:  # it is being restarted
                holds.later(_LOOK_SECONDS, self.look)
                return
            if not left or now > self._ended_at + _LEFT_SECONDS:
                holds.left += left
                self._machine.start()
                self._is_started = True
                holds.diary.say(f"{self._machine.name} has ended, drained, and is started again, cordoned")
        elif self._is_started and self._machine.is_up():
            holds.later(_CORDONED_SECONDS, partial(self.end, 1))
            return
        holds.later(_LOOK_SECONDS, self.look)

    def end(self, tries: int) -> None:
        """Let the scheduler work again, whether it has ended or not."""
        holds = self._holds
        if self._is_over:
            return
        name = self._machine.name
        if not holds.release(name, self.since, lambda session: cordons.uncordon(session, name), tries):
            holds.later(_LOOK_SECONDS, partial(self.end, tries + 1))
            return
        self._is_over = True
        if self._machine.pid is None:
            self._machine.start()
            self._is_started = True
        holds.diary.end(self._entry, "works again" if self._is_started else "did not end in time, called off")
        self._over()
