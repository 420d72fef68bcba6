"""A fleet of schedulers, robots and admins whose steps a test puts in any order, and what must hold after each step.

Every step calls the product's own functions on a real SQLite database. Beside it the fleet remembers what it was told:
whom a job was promised to and until when, who holds which element, what was accepted. From that it knows what the next
answer has to be, and what the tables have to hold. Leases are measured on the database's clock, which is virtual here:
``strftime`` is replaced in every connection. A process that died never takes another step.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar
from uuid import UUID

import trigger_setup as make
from breaking_database import BreakingDatabase

from OpenOrchestrator.common.errors import OwnershipLostError, SchedulerNameInUseError
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import (
    element_claims,
    element_status,
    ownership,
    reaping,
    runs,
    trigger_claims,
)
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import pools, queue_elements, run_requests, schedulers, triggers
from OpenOrchestrator.database.stores.due_triggers import DueTrigger
from OpenOrchestrator.database.stores.pool_amounts import in_order, written
from OpenOrchestrator.database.stores.schedulers import Beat

LEASE = timedelta(seconds=LEASE_SECONDS)
TICK = timedelta(milliseconds=1)
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
QUEUE = "Q"
BUSY = {TriggerStatus.RUNNING.name, TriggerStatus.PAUSING.name, TriggerStatus.KILLING.name}
ADMIN = {
    "pause": triggers.request_pause,
    "kill": triggers.request_kill,
    "enable": triggers.enable,
    "disable": triggers.disable,
    "run": lambda session, trigger_id: triggers.request_run(session, trigger_id, now=BEGIN),
}
MOST_RETRIES = 2
RETRYING: dict[str, Any] = {
    "retry_times": MOST_RETRIES,
    "retry_pause_seconds": 10,
    "retry_growth": 3.0,
    "when_lost": "RETRY",
    "pause_after_failures": 0,
}
_RUNNING, _PAUSING = TriggerStatus.RUNNING, TriggerStatus.PAUSING
MACHINE = "machine"
LABEL = "sap"
CARRIED = {"a": (LABEL,)}
"""By the name of a scheduler; the others carry nothing."""
T = TypeVar("T")


class BrokenInvariantError(AssertionError):
    """Something that must always hold does not; the message says what, and what had happened."""


@dataclass(eq=False)
class Process:
    """One start of a scheduler, alive until it is killed. Whoever is not asked to do anything just hangs."""

    identity: Identity
    number: int
    alive: bool = True
    name_until: datetime | None = None
    heard_at: datetime | None = None


@dataclass(eq=False)
class Run:
    """A run as a process remembers it, whether that is still true or not."""

    process: Process
    claimed: ClaimedRun
    began: bool = False

    @property
    def job_id(self) -> UUID:
        return self.claimed.job_id


@dataclass
class JobFacts:
    """What is true about a job; until ``until``, on the database's clock, it was promised to its holder."""

    trigger_id: UUID
    due_at: datetime | None
    attempt: int
    status: JobStatus
    holder: Run | None
    until: datetime
    began: bool = False
    is_settled: bool = False

    @property
    def is_active(self) -> bool:
        return self.holder is not None


@dataclass
class ElementFacts:
    """What is true about an element."""

    status: QueueStatus = QueueStatus.NEW
    job_id: UUID | None = None
    token: UUID | None = None


@dataclass
class WantedRun:
    """A run with arguments of its own that somebody asked for: it begins once, unless it is not wanted any more."""

    trigger_id: UUID
    scheduler: str | None
    job_id: UUID | None = None
    before: TriggerStatus | None = None
    is_over: bool = False


@dataclass(frozen=True)
class Attempt:
    """Which attempt of a run: the first one, and how many came before."""

    first: UUID
    number: int


@dataclass(frozen=True)
class Held:
    """An element as a robot remembers it."""

    element_id: UUID
    job_id: UUID | None
    token: UUID


@dataclass
class Fleet:
    """Everybody, and what is true."""

    database: BreakingDatabase
    most_jobs: int = 1
    said: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    views: list[tuple[Process, Sequence[DueTrigger]]] = field(default_factory=list)
    found: list[tuple[Process, ownership.OwnedJob]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    jobs: dict[UUID, JobFacts] = field(default_factory=dict)
    elements: dict[UUID, ElementFacts] = field(default_factory=dict)
    accepted_ends: Counter[tuple[UUID, int]] = field(default_factory=Counter)
    runs_allowed: dict[UUID, int] = field(default_factory=dict)
    wanted: dict[str, WantedRun] = field(default_factory=dict)
    retries: dict[UUID, Attempt] = field(default_factory=dict)
    attempts: dict[UUID, Attempt] = field(default_factory=dict)
    merged: set[tuple[UUID, datetime]] = field(default_factory=set)
    needs: tuple[dict[str, int], ...] = ({}, {}, {})
    sizes: dict[str, int] = field(default_factory=dict)
    stopped: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        for pool, size in self.sizes.items():
            self.database.write(lambda s, one=pool, size=size: pools.insert(s, one, size, now=BEGIN))
        single, scheduled, queue = (
            create(self.database, pools=written(in_order(needs)), **more)
            for (create, more), needs in zip(
                (
                    (make.single, {**RETRYING, "desktop": "SCREEN"}),
                    (make.scheduled, {**RETRYING, "max_jobs": self.most_jobs}),
                    (make.queue, {"max_jobs": self.most_jobs}),
                ),
                self.needs,
                strict=True,
            )
        )
        self.needed = dict(zip((single, scheduled, queue), self.needs, strict=True))
        beside = make.scheduled(self.database, "beside", desktop="SCREEN")
        self.needed[beside] = {}
        self.retrying = (single, scheduled)
        self.single, self.triggers = single, (single, scheduled, queue, beside)
        self.on_screen = {single, beside}
        self.runs_allowed[single] = 1
        self.most = {single: 1, scheduled: self.most_jobs, queue: self.most_jobs}

    @property
    def now(self) -> datetime:
        return self.database.database_clock.now

    def say(self, words: str) -> None:
        self.database.clock.advance(TICK)  # type: ignore[attr-defined]
        self.database.database_clock.advance(TICK)
        self.said.append(words)

    def require(self, holds: bool, what: str) -> None:
        if not holds:
            raise BrokenInvariantError("\n".join([what, *self.said]))

    def name(self, run: Run) -> str:
        return f"job {list(self.jobs).index(run.job_id)} ({run.claimed.trigger_name}, fence {run.claimed.fence})"

    def living(self, known: list[tuple[Process, T]]) -> list[tuple[Process, T]]:
        return [(process, what) for process, what in known if process.alive]

    def living_runs(self) -> list[Run]:
        return [run for run in self.runs if run.process.alive]

    # --- schedulers

    def start(self, name: str) -> Process | None:
        instance = UUID(int=next(self._numbers))
        identity = Identity(name, instance, machine=MACHINE, labels=CARRIED.get(name, ()))
        process = Process(identity, len(self.processes))
        by_pid = {one.number: one for one in self.processes}
        rivals = [one for one in self.processes if one.alive and one.identity.name == name and self._has_name(one)]
        self.say(f"{name} is started as process {process.number}")
        try:
            schedulers.enroll(
                self.database,
                process.identity,
                version="1",
                slots=5,
                pid=process.number,
                pid_started=0.0,
                host_name=MACHINE,
                previous_is_dead=lambda pid, _started: not by_pid[pid].alive,
                is_silent=lambda _hold: True,
            )
        except SchedulerNameInUseError:
            heard = [one for one in self.processes if one.identity.name == name and self._was_just_heard_of(one)]
            self.require(bool(rivals or heard), f"I3: the name {name} was refused though nobody has it")
            return None
        self.require(not rivals, f"I3: two live schedulers have the name {name}")
        process.name_until, process.heard_at = self.now + LEASE, self.database.utc_now()
        self.processes.append(process)
        return process

    def _latest(self, name: str) -> Process:
        return [process for process in self.processes if process.identity.name == name][-1]

    def _has_name(self, process: Process) -> bool:
        return process.name_until is not None and process.name_until >= self.now

    def _was_just_heard_of(self, process: Process) -> bool:
        return process.heard_at is not None and abs(self.database.utc_now() - process.heard_at) <= LEASE

    def crash(self, process: Process) -> None:
        self.say(f"process {process.number} is killed")
        process.alive = False

    def prolong_jobs(self, process: Process) -> None:
        mine = {run.job_id for run in self.runs if run.process is process}
        self.say(f"process {process.number} prolongs its jobs")
        expected = {one for one in mine if (holder := self.jobs[one].holder) and holder.process is process}
        got = ownership.extend(self.database, process.identity, mine).prolonged
        self.require(got == expected, f"I3: {len(got)} jobs were prolonged, and {len(expected)} have this holder")
        for job_id in got:
            self.jobs[job_id].until = self.now + LEASE

    def prolong_name(self, process: Process) -> None:
        self.say(f"process {process.number} prolongs its name")
        latest = self._latest(process.identity.name)
        kept = schedulers.heartbeat(self.database, process.identity, running_jobs=0) is Beat.STORED
        self.require(kept is (latest is process), f"I3: prolonging a name was answered by {kept}")
        if kept:
            process.name_until, process.heard_at = self.now + LEASE, self.database.utc_now()

    def poll(self, process: Process) -> Sequence[DueTrigger]:
        self.say(f"process {process.number} looks what is due")
        one = process.identity
        due = trigger_claims.due_triggers(
            self.database, scheduler_name=one.name, labels=one.labels, machine=one.machine
        ).due
        if due:
            self.views.append((process, due))
        return due

    def claim(self, process: Process, due: Sequence[DueTrigger]) -> None:
        self.say(f"process {process.number} claims {[trigger.name for trigger in due]}")
        stored = {trigger.trigger_id: make.trigger(self.database, trigger.trigger_id) for trigger in due}
        before = {trigger_id: trigger.process_status for trigger_id, trigger in stored.items()}
        for claimed in trigger_claims.claim(self.database, process.identity, due):
            run = Run(process, claimed)
            self._take_wanted(run, before[claimed.trigger_id])
            free = claimed.trigger_id not in self.stopped or self._wanted_of(run.job_id) is not None
            self.require(free, "I7: a trigger was started that a failed run holds")
            self._look_at_labels(run, stored[claimed.trigger_id].labels)
            self.runs.append(run)
            self.jobs[claimed.job_id] = JobFacts(
                trigger_id=claimed.trigger_id,
                due_at=claimed.due_at,
                attempt=claimed.attempt,
                status=JobStatus.STARTING,
                holder=run,
                until=self.now + LEASE,
            )
            self.said.append(f"  it got {self.name(run)}, due {claimed.due_at}")
            self._take_retry(run, stored[claimed.trigger_id])
            for pool in self.needed[claimed.trigger_id]:
                more = self.holding(pool) - self.sizes[pool]
                self.require(more <= 0, f"I7: {more} more of the pool {pool} was taken than there is")

    def holding(self, pool: str) -> int:
        """Return how much of a pool the jobs hold that have not ended."""
        return sum(self.needed[job.trigger_id].get(pool, 0) for job in self.jobs.values() if job.is_active)

    def resize(self, pool: str, size: int) -> None:
        self.say(f"the pool {pool} is set to {size}")
        (stored,) = (one for one in self.database.read(lambda s: pools.read_all(s.connection())) if one.name == pool)
        changed = self.database.write(lambda s: pools.update(s, pool, size, stored.edition, now=BEGIN))
        self.require(changed, "I7: a pool that nobody else changed was not changed")
        self.sizes[pool] = size

    def _look_at_labels(self, run: Run, required: Sequence[str]) -> None:
        wanted = self._wanted_of(run.job_id)
        chosen = wanted is not None and wanted.scheduler is not None
        carried = run.process.identity.labels
        self.require(chosen or set(required) <= set(carried), f"I8: a run needs {required}, and got {carried}")

    def _take_retry(self, run: Run, before: Any) -> None:
        """The next ordinary run of a trigger that waits for a retry is that retry."""
        job = make.job(self.database, run.job_id)
        found = Attempt(job.retry_of or run.job_id, job.retry_number or 0)
        beside = self._wanted_of(run.job_id) is not None
        waited = None if beside else self.retries.pop(run.claimed.trigger_id, None)
        self.require(found == (waited or Attempt(run.job_id, 0)), f"I6: a run is {found}, where {waited} waited")
        self.attempts[run.job_id] = found
        if waited is not None and getattr(before, "due_at", None) is not None:
            self.merged.add((run.claimed.trigger_id, before.due_at))

    def _retry_after(self, job_id: UUID, status: JobStatus, was: TriggerStatus, *, again: bool) -> None:
        """A run ended, or is to be started again: what waits for the trigger after that."""
        trigger_id, attempt = self.jobs[job_id].trigger_id, self.attempts[job_id]
        if self._wanted_of(job_id) is not None or was not in (TriggerStatus.RUNNING, TriggerStatus.PAUSING):
            return
        if again and attempt.number:
            self._let_wait(trigger_id, attempt)
        failed = status in BAD_JOB_STATUSES and not again
        if failed and trigger_id in self.retrying and attempt.number < MOST_RETRIES:
            self._let_wait(trigger_id, Attempt(attempt.first, attempt.number + 1))

    def _let_wait(self, trigger_id: UUID, attempt: Attempt) -> None:
        """Of the retries of several jobs the latest waits, and stands for all."""
        waits = self.retries.get(trigger_id)
        if waits is None or waits.number < attempt.number:
            self.retries[trigger_id] = attempt

    def _hold_after(self, job_id: UUID, status: JobStatus, was: TriggerStatus, *, again: bool) -> None:
        """A job ended, perhaps among others: whether that holds its trigger, and what it is after the last of them."""
        trigger_id = self.jobs[job_id].trigger_id
        if self._wanted_of(job_id) is not None:
            return
        holds = trigger_id not in self.retrying and not again and status is not JobStatus.DONE
        if holds and was in (_RUNNING, _PAUSING):
            self.stopped.add(trigger_id)
        if trigger_id in self.stopped and not any(job.is_active for job in self._jobs_of(trigger_id)):
            now = make.status(self.database, trigger_id)
            self.require(now in (TriggerStatus.FAILED, TriggerStatus.KILLED), f"I7: a held trigger is {now.value}")

    def _jobs_of(self, trigger_id: UUID) -> list[JobFacts]:
        return [job for job in self.jobs.values() if job.trigger_id == trigger_id]

    def _take_wanted(self, run: Run, before: TriggerStatus) -> None:
        wanted = self.wanted.get(run.claimed.process_args)
        self.require(wanted is not None or not run.claimed.process_args, "I5: a run has arguments that nobody gave it")
        if wanted is None:
            active = sum(job.is_active for job in self._jobs_of(run.claimed.trigger_id))
            beside = before is TriggerStatus.RUNNING and 0 < active < self.most[run.claimed.trigger_id]
            free = before is TriggerStatus.IDLE or beside
            self.require(free, f"I5: a trigger that was {before.value} was started beside {active} jobs")
            return
        self.require(wanted.trigger_id == run.claimed.trigger_id, "I5: a run has the arguments of another trigger's")
        self.require(
            not wanted.is_over and wanted.job_id is None, "I5: a run that was asked for once was started again"
        )
        self.require(
            wanted.scheduler in (None, run.process.identity.name), "I5: a run was started by another scheduler"
        )
        wanted.job_id, wanted.before = run.job_id, before

    def _wanted_of(self, job_id: UUID) -> WantedRun | None:
        return next((wanted for wanted in self.wanted.values() if wanted.job_id == job_id), None)

    def _end_wanted(self, job_id: UUID, was: TriggerStatus, *, again: bool) -> None:
        """A run with arguments of its own ended, or is to be started again."""
        wanted = self._wanted_of(job_id)
        if wanted is None:
            return
        if was is TriggerStatus.RUNNING:
            now = make.status(self.database, wanted.trigger_id)
            self.require(now is wanted.before, f"I5: a run left its trigger {now.value}, and found it {wanted.before}")
        wanted.job_id, wanted.is_over = None, not again or was is not TriggerStatus.RUNNING

    def begin(self, run: Run) -> None:
        self.say(f"process {run.process.number} begins {self.name(run)}")
        job = self.jobs[run.job_id]
        expected = job.holder is run and job.status is JobStatus.STARTING
        begun = runs.begin_run(self.database, run.claimed)
        self.require(begun is expected, f"I3: begin was answered by {begun} to who is the holder: {job.holder is run}")
        if begun:
            run.began = job.began = True
            job.status, job.until = JobStatus.RUNNING, self.now + LEASE

    def record(self, run: Run) -> None:
        self.say(f"process {run.process.number} records the robot of {self.name(run)}")
        host: dict[str, Any] = {"host_pid": 1, "host_started": 1.0, "commit_sha": None}
        saved = runs.record_start(self.database, run.claimed, **host, started_at=self.database.utc_now())
        self.require(saved is (self.jobs[run.job_id].holder is run), f"I3: record was answered by {saved}")

    def finish(self, run: Run, status: JobStatus) -> None:
        self.say(f"process {run.process.number} ends {self.name(run)} as {status.value}")
        expected = self.jobs[run.job_id].holder is run
        was = make.status(self.database, run.claimed.trigger_id)
        ended = runs.finish(
            self.database, run.job_id, run.claimed.fence, status=status, exit_code=None, reason="a reason"
        )
        self._end(run, status, accepted=ended, expected=expected)
        if ended:
            self._retry_after(run.job_id, status, was, again=False)
            self._hold_after(run.job_id, status, was, again=False)
            self._end_wanted(run.job_id, was, again=False)
        self.jobs[run.job_id].is_settled |= ended

    def give_back(self, run: Run) -> None:
        self.say(f"process {run.process.number} gives back {self.name(run)}")
        job = self.jobs[run.job_id]
        expected = job.holder is run and job.status is JobStatus.STARTING
        was = make.status(self.database, run.claimed.trigger_id)
        given_back = runs.give_back(self.database, run.claimed, "a reason")
        self._end(run, JobStatus.KILLED, accepted=given_back, expected=expected)
        if given_back:
            self._retry_after(run.job_id, JobStatus.KILLED, was, again=True)
            self._hold_after(run.job_id, JobStatus.KILLED, was, again=True)
            self._end_wanted(run.job_id, was, again=True)

    def _end(self, run: Run, status: JobStatus, *, accepted: bool, expected: bool) -> None:
        if accepted:
            self.accepted_ends[run.job_id, run.claimed.fence] += 1
        self.require(accepted is expected, f"I1: the end was answered by {accepted} where {expected} was right")
        if accepted:
            self._over(run.job_id, status)

    def _over(self, job_id: UUID, status: JobStatus) -> None:
        job = self.jobs[job_id]
        job.status, job.holder = status, None
        for element in self.elements.values():
            if element.job_id == job_id and element.status is QueueStatus.IN_PROGRESS:
                element.status, element.token = QueueStatus.ABANDONED, None

    def find(self, process: Process) -> Sequence[ownership.OwnedJob]:
        self.say(f"process {process.number} looks for jobs of its name")
        found = ownership.jobs_of(self.database, process.identity.name)
        self.found += [(process, job) for job in found]
        return found

    def adopt(self, process: Process, owned: ownership.OwnedJob) -> None:
        job = self.jobs[owned.job_id]
        self.say(f"process {process.number} adopts job {list(self.jobs).index(owned.job_id)}, seen at {owned.fence}")
        fence_now = None if job.holder is None else job.holder.claimed.fence
        fence = ownership.adopt(self.database, process.identity, owned.job_id, owned.fence)
        latest = self._latest(process.identity.name)
        expected = owned.fence + 1 if fence_now == owned.fence and latest is process else None
        self.require(fence == expected, f"I3: adopting was answered by {fence}")
        if fence is not None and job.holder is not None:
            before = job.holder.process
            live = before.alive and before is not process and self._has_name(before)
            self.require(not live, "I3: a job was adopted from a live scheduler of that name")
            job.holder = Run(process, replace(job.holder.claimed, fence=fence), began=job.began)
            job.until = self.now + LEASE
            self.runs.append(job.holder)

    def sweep(self, process: Process, meanwhile: Callable[[], None] | None) -> None:
        """Settle what nobody owns any more; ``meanwhile`` happens between the look and the first write."""
        self.say(f"process {process.number} sweeps" + (", and meanwhile:" if meanwhile else ""))
        reading = reaping.read_leases(self.database, process.identity)
        run_out = [lease for lease in reading.leases if lease.until < self.now]
        self.database.meanwhile = meanwhile if run_out else None
        was = {lease.job_id: make.status(self.database, self.jobs[lease.job_id].trigger_id) for lease in run_out}
        reaped = [reaping.reap(self.database, lease, reaper=process.identity) for lease in run_out]
        self.database.meanwhile = None
        for one in reaped:
            if not isinstance(one, reaping.ReapedJob):
                continue
            self._retry_after(one.job_id, JobStatus.LOST, was[one.job_id], again=one.is_due_again)
            job = self.jobs[one.job_id]
            self.said.append(f"  it settled job {list(self.jobs).index(one.job_id)}")
            self.require(job.holder is not None, "I1: a job was settled that nobody held")
            self.require(job.until < self.now, f"I3: a job was taken away that was promised until {job.until}")
            assert job.holder is not None
            self.accepted_ends[one.job_id, job.holder.claimed.fence] += 1
            job.is_settled |= not one.is_due_again and (job.began or one.attempt >= ownership.MOST_FAILED_STARTS)
            self._over(one.job_id, JobStatus.LOST)
            self._hold_after(one.job_id, JobStatus.LOST, was[one.job_id], again=one.is_due_again)
            self._end_wanted(one.job_id, was[one.job_id], again=one.is_due_again)
        left = [
            job
            for job in self.jobs.values()
            if job.holder and job.holder.process is not process and job.until < self.now
        ]
        self.require(not left, f"I2: {len(left)} jobs that nobody owns were not settled")
        self.require(
            make.settle_stuck(self.database) == 0, "I2: a trigger waited for the end of a run that there is not"
        )

    # --- robots

    def add_element(self) -> None:
        self.say("an element is added")
        added = self.database.write(
            lambda session: queue_elements.create(
                session,
                queue_name=QUEUE,
                reference=None,
                data=None,
                created_by=None,
                created_date=datetime(2026, 1, 1) + TICK * len(self.elements),
                element_id=UUID(int=next(self._numbers)),
            )
        )
        self.elements[added.id] = ElementFacts()

    def take(self, run: Run | None) -> None:
        """A robot asks for an element; its scheduler may be dead by then."""
        job_id = None if run is None else run.job_id
        who = "a robot by hand" if run is None else f"the robot of {self.name(run)}"
        self.say(f"{who} takes an element")
        entitled = job_id is None or self.jobs[job_id].is_active
        first = next((one for one, facts in self.elements.items() if facts.status is QueueStatus.NEW), None)
        try:
            got = element_claims.claim_next(self.database, QUEUE, job_id=job_id)
        except OwnershipLostError:
            self.require(not entitled, "I3: the robot of a job that has not ended got no element")
            return
        self.require(entitled, "I3: the robot of a job that has ended was not refused")
        self.require((got and got.id) == first, "I2: not the oldest new element was handed out")
        if got is not None:
            self.elements[got.id] = ElementFacts(QueueStatus.IN_PROGRESS, job_id, got.claim_token)
            self.held.append(Held(got.id, job_id, got.claim_token))

    def write_element(self, held: Held, status: QueueStatus) -> None:
        facts = self.elements[held.element_id]
        number = list(self.elements).index(held.element_id)
        self.say(f"a robot sets element {number} to {status.value}")
        is_held = facts.token == held.token and facts.status not in (QueueStatus.NEW, QueueStatus.ABANDONED)
        entitled = is_held and (held.job_id is None or self.jobs[held.job_id].is_active)
        wanted = element_status.StatusWrite(
            element_id=held.element_id, status=status, message=None, job_id=held.job_id, token=held.token
        )
        try:
            element_status.write_status(self.database, wanted)
        except OwnershipLostError:
            self.require(not entitled, f"I2: the holder of element {number} was refused")
            return
        # Read back after a broken commit, the write finds what it wanted, by whomever: then nobody holds the element.
        is_so_already = status in (QueueStatus.NEW, QueueStatus.ABANDONED) and facts.status is status
        told = f"I1: a status of element {number} was accepted from who does not hold it any more"
        self.require(entitled or is_so_already, told)
        facts.status = status
        if status in (QueueStatus.NEW, QueueStatus.ABANDONED):
            facts.token = None
        if status is QueueStatus.NEW:
            facts.job_id = None

    # --- admins and time

    def put_back(self, element_id: UUID) -> None:
        self.say(f"an admin puts back element {list(self.elements).index(element_id)}")
        self.database.write(
            lambda session: queue_elements.set_status(
                session, element_id, QueueStatus.NEW, now=self.database.site_now()
            )
        )
        self.elements[element_id] = ElementFacts()

    def decide(self, trigger_id: UUID, what: str) -> None:
        self.say(f"an admin asks: {what} trigger {self.triggers.index(trigger_id)}")
        before = make.status(self.database, trigger_id)
        done = self.database.write(lambda session: ADMIN[what](session, trigger_id))
        if done and what in ("pause", "disable"):
            for wanted in self.wanted.values():
                wanted.is_over |= wanted.trigger_id == trigger_id and wanted.job_id is None
        if done and what == "enable":
            self.stopped.discard(trigger_id)
        if done and what == "enable" and trigger_id == self.single and before is not TriggerStatus.PAUSING:
            # Whoever enables a single trigger whose time has passed wants it to run now, again if it has run.
            self.runs_allowed[trigger_id] = 1 + sum(
                job.began for job in self.jobs.values() if job.trigger_id == trigger_id and job.due_at
            )

    def require_labels(self, trigger_id: UUID, *labels: str) -> None:
        self.say(f"an admin lets trigger {self.triggers.index(trigger_id)} require {labels}")
        changed = {"labels": list(labels)}
        self.require(
            self.database.write(lambda s: triggers.update(s, trigger_id, changed)), "I8: labels could not be changed"
        )

    def want(self, trigger_id: UUID, scheduler: str | None) -> None:
        number = self.triggers.index(trigger_id)
        self.say(f"an admin asks for a run of trigger {number} by {scheduler or 'anybody'} with arguments of its own")
        trigger, arguments = make.trigger(self.database, trigger_id), f"#{len(self.wanted)}"
        expected = trigger.process_status.name not in BUSY and trigger.run_requested_at is None
        run = run_requests.RunOnce(arguments=arguments, scheduler_name=scheduler)
        granted = self.database.write(lambda s: run_requests.request_once(s, trigger_id, run, now=BEGIN))
        self.require(granted is expected, f"I5: a request for a run was answered by {granted}")
        if granted:
            self.wanted[arguments] = WantedRun(trigger_id, scheduler)

    def pass_time(self, seconds: int) -> None:
        self.say(f"{seconds} s pass")
        self.database.clock.advance(timedelta(seconds=seconds))  # type: ignore[attr-defined]
        self.database.database_clock.advance(timedelta(seconds=seconds))

    def set_clocks(self, hours: int) -> None:
        """The clocks of the machines jump; the database's does not."""
        self.say(f"the clocks of the machines are set {hours} h")
        self.database.clock.advance(timedelta(hours=hours))  # type: ignore[attr-defined]

    def break_the_next_commit(self, saved: bool) -> None:
        self.say(f"the next commit breaks {'after' if saved else 'before'} it is saved")
        self.database.commit_breaks = saved
