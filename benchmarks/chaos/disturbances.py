"""Carries a plan out: signals processes, cuts links, holds locks, steps the clock and crashes the server.

One thread does it all, in the order of time; only a crash has another. What lasts is ended by ``calm`` at the latest.
"""

from __future__ import annotations

import heapq
import itertools
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from benchmarks.chaos import tables
from benchmarks.chaos.cluster import Cluster
from benchmarks.chaos.diary import Diary, Entry
from benchmarks.chaos.holds import Holds
from benchmarks.chaos.machines import Ended, Machine, RunProcess, signal_process
from benchmarks.chaos.plan import Disturbance, Kind
from benchmarks.chaos.watch import Watch

SUCCESSOR_SECONDS = 6.0
"""How long a successor works before the one that hung wakes up."""

_RESTART_SECONDS = 1.0
_UP_SECONDS = 30.0
_LOOK_SECONDS = 0.25
_AFTER_ALL_SECONDS = 1000.0


@dataclass(frozen=True, slots=True)
class Site:
    """What can be disturbed.

    Attributes:
        engine: Connections past all links.
    """

    cluster: Cluster
    machines: Sequence[Machine]
    engine: sa.Engine
    diary: Diary
    watch: Watch


class Chaos:
    """The disturbances of one run.

    Args:
        site: What is disturbed.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._away: set[str] = set()
        self._clock_offset = 0
        self._latest_clock = 0
        self._is_calming = False
        self._crashing: threading.Thread | None = None
        self._broken: OSError | None = None
        self.holds = Holds(site.engine, site.diary, self._later)
        self.ended: list[Ended] = []
        self.done = 0

    def schedule(self, plan: Sequence[Disturbance]) -> None:
        """Take up a plan that begins now."""
        begin = time.monotonic()
        for disturbance in plan:
            self._at(begin + disturbance.at, partial(self._begin, disturbance))

    def step(self) -> None:
        """Do what is due, and start schedulers again that ended by themselves."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        self._look_after_crash(wait=False)
        self.look_after_schedulers()

    def calm(self) -> None:
        """End everything that still lasts, and let all machines work."""
        self._is_calming = True
        self._look_after_crash(wait=True)
        while self._due:
            heapq.heappop(self._due)[2]()
        if self._clock_offset != self._latest_clock:
            # A retry waits on the database's clock: for as long as that was set back, and longer than anybody here.
            self._step_clock(self._latest_clock)
            self._site.diary.say(f"the database's clock shows its latest time again, {self._clock_offset:+d} s off")
        self._site.diary.say("calm: nothing is disturbed any more")

    def look_after_schedulers(self) -> None:
        """Start schedulers again that ended by themselves, as a service manager does."""
        for machine in self._site.machines:
            ended = machine.take_end()
            if ended is not None:
                self.ended.append(ended)
                self._site.diary.say(f"scheduler {machine.name} ended by itself with status {ended.status}")
                self._at(time.monotonic() + _RESTART_SECONDS, partial(self._start_if_missing, machine))

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._numbers), action))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        # In the end whatever is in its way comes first, such as a lock that is held still.
        self._at(time.monotonic() + (_AFTER_ALL_SECONDS if self._is_calming else seconds), action)

    def _for(self, disturbance: Disturbance, end: Callable[[], None]) -> None:
        self._at(time.monotonic() + disturbance.seconds, end)

    def _begin(self, disturbance: Disturbance) -> None:
        self.done += 1
        kind = disturbance.kind
        machine = None if disturbance.machine is None else self._site.machines[disturbance.machine]
        if machine is None:
            self._disturb_all(disturbance)
        elif machine.link is not None and kind in _LINK_ACTIONS:
            self._disturb_link(disturbance, machine)
        elif machine.name not in self._away:
            self._disturb_scheduler(disturbance, machine)

    # Schedulers

    def _disturb_scheduler(self, disturbance: Disturbance, machine: Machine) -> None:
        kind, diary = disturbance.kind, self._site.diary
        pid = machine.pid
        if pid is None:
            return
        if kind is Kind.DRAIN_SCHEDULER:
            if machine.is_up():
                self._away.add(machine.name)
                self.holds.drain(machine, disturbance.seconds, partial(self._away.discard, machine.name))
            return
        self._away.add(machine.name)
        if kind in (Kind.STOP_SCHEDULER, Kind.REPLACE_SCHEDULER):
            machine.suspend()
            entry = diary.begin(kind, f"pid {pid} for {disturbance.seconds:.1f} s", machine=machine.name)
            again = self._continue if kind is Kind.STOP_SCHEDULER else self._replace
            self._for(disturbance, partial(again, machine, entry))
            return
        at = time.time()
        jobs: list[str] = []
        if kind is Kind.KILL_MACHINE:
            jobs = machine.kill_everything()
        else:
            machine.kill()
        orphans = self._site.watch.orphaned(machine.name, at)
        entry = diary.begin(
            kind,
            f"pid {pid}, away for {disturbance.seconds:.1f} s; its jobs {', '.join(orphans) or 'none'}",
            machine=machine.name,
            subjects={*jobs, *orphans},
        )
        self._for(disturbance, partial(self._come_back, machine, entry))

    def _come_back(self, machine: Machine, entry: Entry) -> None:
        machine.start()
        self._away.discard(machine.name)
        self._site.diary.end(entry, f"started again as pid {machine.pid}")

    def _continue(self, machine: Machine, entry: Entry) -> None:
        machine.resume()
        self._away.discard(machine.name)
        self._site.diary.end(entry, "goes on (SIGCONT)")

    def _replace(self, machine: Machine, entry: Entry) -> None:
        machine.start()
        self._site.diary.say(f"successor of {machine.name} started as pid {machine.pid}")
        self._let_work(machine, entry, time.monotonic() + _UP_SECONDS)

    def _let_work(self, machine: Machine, entry: Entry, deadline: float) -> None:
        """Let the successor have the name before the one that hung wakes up."""
        now = time.monotonic()
        if machine.is_up():
            self._at(now + SUCCESSOR_SECONDS, partial(self._continue, machine, entry))
        elif now < deadline and not self._is_calming:
            self._at(now + _LOOK_SECONDS, partial(self._let_work, machine, entry, deadline))
        else:
            self._continue(machine, entry)

    def _start_if_missing(self, machine: Machine) -> None:
        if machine.pid is None and machine.name not in self._away:
            machine.start()

    # Links

    def _disturb_link(self, disturbance: Disturbance, machine: Machine) -> None:
        assert machine.link is not None
        diary, kind = self._site.diary, disturbance.kind
        held = machine.link.open_connections()
        _LINK_ACTIONS[kind](machine.link)
        if disturbance.seconds == 0:
            diary.begin(kind, f"{held} connections", machine=machine.name, moment=True)
            return
        words = f"{held} connections, for {disturbance.seconds:.1f} s"
        entry = diary.begin(kind, words, machine=machine.name)
        self._for(disturbance, partial(self._restore, machine, entry, reset=disturbance.pick < 0.5))

    def _restore(self, machine: Machine, entry: Entry, *, reset: bool) -> None:
        assert machine.link is not None
        machine.link.restore(reset=reset)
        self._site.diary.end(entry, "forwards again, connections reset" if reset else "what was kept back arrives")

    # Robots, rows and the server

    def _disturb_all(self, disturbance: Disturbance) -> None:
        kind = disturbance.kind
        if kind is Kind.CRASH_DATABASE:
            self._crash()
        elif kind in (Kind.CLOCK_FORWARD, Kind.CLOCK_BACKWARD):
            self._step_clock(self._clock_offset + disturbance.amount)
            words = f"by {disturbance.amount:+d} s, it is now {self._clock_offset:+d} s off"
            self._site.diary.begin(kind, words, moment=True)
        elif kind is Kind.PAUSE_SITE:
            self.holds.pause(disturbance.seconds)
        elif kind is Kind.ASK_TO_KILL:
            self._ask_to_kill(disturbance)
        elif kind in _LOCKED:
            self._lock(disturbance)
        else:
            self._disturb_robot(disturbance)

    def _step_clock(self, offset: int) -> None:
        self._clock_offset = offset
        self._latest_clock = max(self._latest_clock, offset)
        self._site.cluster.step_clock(offset)

    def _crash(self) -> None:
        """Crash the database and start it again, in a thread, because that may take a while."""
        if self._crashing is not None:
            return
        entry = self._site.diary.begin(Kind.CRASH_DATABASE, "now")

        def crash() -> None:
            try:
                self._site.cluster.crash()
            except OSError as error:
                self._broken = error
            self._site.diary.end(entry, "answers again")

        self._crashing = threading.Thread(target=crash, name="crash")
        self._crashing.start()

    def _look_after_crash(self, *, wait: bool) -> None:
        if self._crashing is not None and (wait or not self._crashing.is_alive()):
            self._crashing.join()
            self._crashing = None
            if self._broken is not None:
                raise self._broken

    def _disturb_robot(self, disturbance: Disturbance) -> None:
        kind = disturbance.kind
        wanted_host = kind in (Kind.KILL_HOST, Kind.STOP_HOST)
        found = [
            (machine, process)
            for machine in self._site.machines
            for process in machine.processes()
            if process.is_host is wanted_host
        ]
        if not found:
            return
        machine, process = found[int(disturbance.pick * len(found))]
        stops = kind in (Kind.STOP_ROBOT, Kind.STOP_HOST)
        signal_process(process.pid, signal.SIGSTOP if stops else signal.SIGKILL)
        entry = self._site.diary.begin(
            kind,
            f"pid {process.pid} of job {process.job_id} on {machine.name}",
            subjects=[process.job_id],
            moment=not stops,
        )
        if stops:
            self._for(disturbance, partial(self._let_go_on, process, entry))

    def _let_go_on(self, process: RunProcess, entry: Entry) -> None:
        signal_process(process.pid, signal.SIGCONT)
        self._site.diary.end(entry, f"pid {process.pid} goes on (SIGCONT)")

    def _ask_to_kill(self, disturbance: Disturbance) -> None:
        with suppress(sa.exc.DBAPIError):
            job = self._site.watch.active_job(disturbance.pick)
            if job is None:
                return
            # Noted before, so that a run that ends by it at once is not looked upon as ended without cause.
            subjects = [job.id, job.trigger_id]
            self._site.diary.begin(disturbance.kind, f"job {job.id}", subjects=subjects, moment=True)
            with self._site.engine.begin() as connection:
                connection.execute(tables.ask_to_kill(job.trigger_id))

    def _lock(self, disturbance: Disturbance) -> None:
        try:
            lock = _HeldLock(self._site.engine, _LOCKED[disturbance.kind], disturbance.pick)
        except sa.exc.DBAPIError as error:
            self._site.diary.say(f"{disturbance.kind.value}: not got ({error.orig})")
            return
        if not lock.subjects:
            lock.release()
            return
        words = f"{', '.join(sorted(lock.subjects))} for {disturbance.seconds:.1f} s"
        entry = self._site.diary.begin(disturbance.kind, words, subjects=lock.subjects)
        self._for(disturbance, partial(self._unlock, lock, entry))

    def _unlock(self, lock: _HeldLock, entry: Entry) -> None:
        kept = lock.release()
        self._site.diary.end(entry, "rolled back" if kept else "the server had ended it")


class _HeldLock:
    """A transaction of somebody else, open with the lock of a row, or on SQLite of the whole database."""

    def __init__(self, engine: sa.Engine, table: str | None, pick: float) -> None:
        self.subjects: frozenset[str] = frozenset()
        self._connection = engine.connect()
        try:
            if table is None:
                self._connection.exec_driver_sql("BEGIN IMMEDIATE")
                self.subjects = frozenset({"the whole database"})
            else:
                self._lock_row(table, pick)
        except BaseException:
            self.release()
            raise

    def _lock_row(self, table: str, pick: float) -> None:
        candidates = self._connection.execute(tables.lockable(table)).scalars().all()
        if not candidates:
            return
        wanted = candidates[int(pick * len(candidates))]
        row: Any = self._connection.execute(tables.locked(table, wanted)).mappings().one_or_none()
        if row is not None:
            self.subjects = frozenset(str(value) for value in row.values() if value is not None)

    def release(self) -> bool:
        """Roll back, and tell whether the lock was held until now."""
        try:
            self._connection.rollback()
        except sa.exc.DBAPIError:
            self._connection.invalidate()
            return False
        finally:
            self._connection.close()
        return True


_LINK_ACTIONS: dict[Kind, Callable[[Any], None]] = {
    Kind.DROP_CONNECTIONS: lambda link: link.drop(),
    Kind.REFUSE_CONNECTIONS: lambda link: link.refuse(),
    Kind.SILENCE: lambda link: link.fall_silent(answers_only=False),
    Kind.SILENT_ANSWERS: lambda link: link.fall_silent(answers_only=True),
    Kind.CUT_COMMIT: lambda link: link.cut_after(commits=True, forward=True),
    Kind.CUT_UNSENT: lambda link: link.cut_after(commits=True, forward=False),
    Kind.CUT_MESSAGE: lambda link: link.cut_after(commits=False, forward=True),
}
_LOCKED: dict[Kind, str | None] = {
    Kind.LOCK_JOB: "Jobs",
    Kind.LOCK_TRIGGER: "Triggers",
    Kind.LOCK_ELEMENT: "Queues",
    Kind.LOCK_SCHEDULER: "Schedulers",
    Kind.LOCK_DATABASE: None,
}
