"""Judges what went wrong in a run: was it by a disturbance, or for no reason of its own? Pure.

Jobs may be taken from a scheduler that was out of contact, and a robot may end badly that was killed. Whoever was left
alone has to come through: locks of others, steps of the clock and a crash of the database are no excuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.chaos.books import Books, Finding, JobRow
from benchmarks.chaos.diary import Entry
from benchmarks.chaos.effects import Effects
from benchmarks.chaos.machines import Ended
from benchmarks.chaos.plan import AWAY, KILLS, Kind
from benchmarks.chaos.policies import FAILS, is_drained
from benchmarks.chaos.watch import Orphan
from OpenOrchestrator.database.leases import LEASE_SECONDS
from OpenOrchestrator.database.statuses import JobStatus

TAKEN = "jobs taken from schedulers that were in contact"
UNCAUSED = "runs ended badly without a cause"
CRASHED = "robots failed by errors they need not expect"
SCHEDULER_ENDED = "schedulers that ended by themselves"
SETTLED_LATE = "jobs of killed schedulers settled too late"

SETTLE_LIMIT_SECONDS = 60.0

_EXTENDED_EVERY_SECONDS = 10.0
_LOOK_BACK_SECONDS = 2 * LEASE_SECONDS + 30
_ROBOT_PATIENCE_SECONDS = 28.0
_OF_ROBOTS = frozenset({Kind.KILL_ROBOT, Kind.KILL_HOST, Kind.STOP_ROBOT, Kind.STOP_HOST, Kind.ASK_TO_KILL})
_NO_HARM = frozenset({JobStatus.DONE, JobStatus.SKIPPED})
_SAVED_SECONDS = 2.0
_NOT_HEARD = "was not heard of any more"
_NOT_STARTED = "before the robot was started"
_FAR = 1e12


def judge_jobs(books: Books, effects: Effects, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield the runs that ended badly though nothing was done to them or to their scheduler."""
    for job in books.jobs.values():
        if job.status in _NO_HARM or job.ended is None or _was_harmed(job, entries):
            continue
        notes = effects.by_job.get(str(job.id), [])
        crash = next((note for note in notes if note.kind == "crash"), None)
        shown = f"job {job.id} of {job.scheduler}, {job.began:.3f} to {job.ended:.3f}: {job.status.value}, {job.reason}"
        if job.status is JobStatus.FAILED and notes and notes[-1].kind == FAILS:
            continue  # of its own will
        if crash is not None and job.status is JobStatus.FAILED:
            crashes = [replace(entry, machine=job.scheduler) for entry in entries if entry.kind is Kind.CRASH_DATABASE]
            away = _seconds_away(job.scheduler, notes[0].at - 1, crash.at, [*entries, *crashes])
            if away < _ROBOT_PATIENCE_SECONDS:
                yield Finding(CRASHED, f"{shown}; {crash}")
        elif job.status is JobStatus.LOST and _NOT_HEARD in (job.reason or ""):
            # A lease that was extended up to one interval ago runs out when its owner is away for the rest of it.
            away = _seconds_away(job.scheduler, job.ended - _LOOK_BACK_SECONDS, job.ended, entries)
            if away < LEASE_SECONDS - _EXTENDED_EVERY_SECONDS:
                yield Finding(TAKEN, shown)
        elif not (job.status is JobStatus.KILLED and _NOT_STARTED in (job.reason or "")):
            yield Finding(UNCAUSED, f"{shown}; {', '.join(map(str, notes[-2:])) or 'its robot noted nothing'}")


def _was_harmed(job: JobRow, entries: Sequence[Entry]) -> bool:
    """Tell whether its scheduler was killed while it ran, or something was done to its robot, host or trigger."""
    ended = _FAR if job.ended is None else job.ended
    return any(
        (entry.kind in _OF_ROBOTS and str(job.id) in entry.subjects)
        or (
            # Of a trigger with several jobs all are killed, and one that began just before the wish was saved.
            entry.kind is Kind.ASK_TO_KILL
            and str(job.trigger_id) in entry.subjects
            and entry.overlaps(job.began - _SAVED_SECONDS, ended + 1)
        )
        or (entry.kind in KILLS and entry.machine == job.scheduler and entry.overlaps(job.began - 1, ended + 1))
        for entry in entries
    )


def _seconds_away(machine: str, begin: float, end: float, entries: Sequence[Entry]) -> float:
    """Return for how many seconds of a time a machine was out of contact for a reason of its own."""
    away = [
        (max(begin, entry.at), min(end, entry.end))
        for entry in entries
        if entry.kind in AWAY | {Kind.CRASH_DATABASE} and entry.machine == machine and entry.overlaps(begin, end)
    ]
    return sum(until - since for since, until in away)


def judge_schedulers(ended: Sequence[Ended], entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield the schedulers that ended though nobody asked them to, or badly though somebody did.

    One that begins while the database cannot be reached, or somebody holds the row of its name, waits. Of two of one
    name, because one was replaced while it hung, one ends.
    """
    for one in ended:
        replaced = any(
            entry.kind is Kind.REPLACE_SCHEDULER
            and entry.machine == one.machine
            and entry.overlaps(one.at - 30, one.at)
            for entry in entries
        )
        if not replaced and not one.has_former and not is_drained(one, entries):
            yield Finding(SCHEDULER_ENDED, f"{one.machine} at {one.at:.3f} with status {one.status}: {one.words}")


def settle_seconds(orphan: Orphan, entries: Sequence[Entry], now: float) -> float:
    """Return in how many seconds a job of a killed scheduler was settled, from when that was possible.

    It is not while the database is down or somebody else holds the lock of the job, its trigger or its element; after
    a crash of the database, everybody has to be given the time to extend again.
    """
    settled = now if orphan.settled_at is None else orphan.settled_at
    ids = {str(orphan.job_id), str(orphan.trigger_id)}
    since = orphan.at
    for entry in entries:
        blocks = entry.kind is Kind.CRASH_DATABASE or (
            entry.kind in (Kind.LOCK_JOB, Kind.LOCK_TRIGGER, Kind.LOCK_ELEMENT) and not ids.isdisjoint(entry.subjects)
        )
        if (blocks or entry.kind is Kind.LOCK_DATABASE) and entry.overlaps(orphan.at, settled):
            since = max(since, min(entry.end, settled))
    return settled - since


def judge_settling(orphans: Sequence[Orphan], entries: Sequence[Entry], now: float) -> Iterator[Finding]:
    """Yield the jobs of killed schedulers that were not settled in time."""
    for orphan in orphans:
        seconds = settle_seconds(orphan, entries, now)
        if seconds > SETTLE_LIMIT_SECONDS:
            words = "not settled" if orphan.settled_at is None else f"settled at {orphan.settled_at:.3f}"
            told = f"job {orphan.job_id} of {orphan.machine}, killed at {orphan.at:.3f}, {words}: {seconds:.1f} s"
            yield Finding(SETTLED_LATE, told)
