"""Compares the books with what policies promise: pools, jobs at the same time, retries, pauses and drains. Pure.

How much was held at the same time is proved twice. The robots' own times are within what their jobs held: a robot
begins after the commit of its claim, and what its job holds is given back by the commit of its end, after
``end_time`` was taken. So spans from a robot's note to its next note or the end of its job need no margin. A run that
was lost gave back when it was settled, though its robot may act still: its span ends there, too. And each look of
``watch`` is one statement, which sees the active jobs of one moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from benchmarks.chaos.books import Books, Finding, JobRow
from benchmarks.chaos.diary import Entry
from benchmarks.chaos.effects import Effects, Note
from benchmarks.chaos.machines import Ended
from benchmarks.chaos.plan import Kind
from OpenOrchestrator.database.statuses import JobStatus

POOL_OVER = "more held of a pool than there is"
JOBS_OVER = "more jobs of a trigger at the same time than it may have"
RETRY_UNLINKED = "retries not linked to a first attempt of their trigger"
RETRIED_TOO_OFTEN = "runs tried more often than their trigger says"
RETRIED_WITHOUT_FAILURE = "retries after a run that did not fail"
RETRY_LOST = "failed runs that were not tried again"
FAILURE_HIDDEN = "runs Done whose robots failed"
CLAIMED_WHILE_HELD = "jobs claimed while the site was paused or their scheduler drained"
DRAIN_LEFT = "left over by schedulers that were drained"
DRAINED_TWICE = "schedulers that ended twice for one drain"

ALL = (
    POOL_OVER,
    JOBS_OVER,
    RETRY_UNLINKED,
    RETRIED_TOO_OFTEN,
    RETRIED_WITHOUT_FAILURE,
    RETRY_LOST,
    FAILURE_HIDDEN,
    CLAIMED_WHILE_HELD,
    DRAIN_LEFT,
    DRAINED_TWICE,
)

HOLDING = "holding"
RELEASED = "released"
FAILS = "fails"

_FAILED = frozenset({JobStatus.FAILED, JobStatus.TIMED_OUT})
_LAST = frozenset({"end", "crash", FAILS})
_MOMENT_SECONDS = 2.0
_LEAVING_SECONDS = 15.0
_FAR = float("inf")


@dataclass(frozen=True, slots=True)
class Hold:
    """A time in which nothing was to be claimed.

    Attributes:
        machine: The scheduler that was drained; None for all, while the site was paused.
        since: When the commit of that had returned, seconds since the epoch.
        claimed: Jobs with a later time of claim that were there just before it ended.
    """

    machine: str | None
    since: float
    claimed: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a job held something.

    Attributes:
        begin: Seconds since the epoch.
        end: Not before ``begin``; infinite if it has not ended.
        amount: How much.
    """

    begin: float
    end: float
    amount: int
    job_id: UUID


@dataclass(frozen=True, slots=True)
class Most:
    """The most that was held at the same time.

    Attributes:
        amount: How much.
        at: When, seconds since the epoch.
        job_ids: By which jobs.
    """

    amount: int = 0
    at: float = 0.0
    job_ids: tuple[UUID, ...] = ()


@dataclass(slots=True)
class Looks:
    """The most that any look at the database has seen at the same time.

    Attributes:
        most: Active jobs of each trigger, and what such jobs held of each pool.
    """

    most: dict[UUID | str, Most] = field(default_factory=dict)

    def note(self, at: float, jobs: Iterable[tuple[UUID, UUID | None, Mapping[str, int]]]) -> None:
        """Take note of one look: of each job its id, its trigger, and what it holds of pools."""
        held: dict[UUID | str, list[tuple[UUID, int]]] = defaultdict(list)
        for job_id, trigger_id, pools in jobs:
            if trigger_id is not None:
                held[trigger_id].append((job_id, 1))
            for pool, amount in pools.items():
                held[pool].append((job_id, amount))
        for key, shares in held.items():
            amount = sum(share for _, share in shares)
            if amount > self.most.get(key, Most()).amount:
                self.most[key] = Most(amount, at, tuple(job_id for job_id, _ in shares))


def most_at_once(spans: Sequence[Span]) -> Most:
    """Return the moment at which the most was held. What ends at a moment does not count in it."""
    steps = sorted(
        [(span.begin, 1, span) for span in spans] + [(span.end, 0, span) for span in spans],
        key=lambda step: step[:2],
    )
    held: dict[UUID, int] = {}
    most = Most()
    for at, begins, span in steps:
        if begins:
            held[span.job_id] = span.amount
        else:
            held.pop(span.job_id, None)
        if sum(held.values()) > most.amount:
            most = Most(sum(held.values()), at, tuple(held))
    return most


def pool_spans(books: Books, effects: Effects) -> dict[str, list[Span]]:
    """Return for each pool when robots used it."""
    found: dict[str, list[Span]] = {pool: [] for pool in books.pools}
    for job in books.jobs.values():
        trigger = books.triggers.get(job.trigger_id) if job.trigger_id is not None else None
        for pool, amount in trigger.pools.items() if trigger is not None else ():
            found.setdefault(pool, []).extend(_span(job, effects, amount, HOLDING, frozenset({RELEASED})))
    return found


def trigger_spans(books: Books, effects: Effects) -> dict[UUID, list[Span]]:
    """Return for each trigger when robots of it were there."""
    found: dict[UUID, list[Span]] = {trigger_id: [] for trigger_id in books.triggers}
    for job in books.jobs.values():
        if job.trigger_id is not None:
            found.setdefault(job.trigger_id, []).extend(_span(job, effects, 1, "begin", _LAST))
    return found


def _span(job: JobRow, effects: Effects, amount: int, begin: str, last: frozenset[str]) -> Iterator[Span]:
    notes = effects.by_job.get(str(job.id), [])
    first = next((note.at for note in notes if note.kind == begin), None)
    if first is None:
        return
    noted = next((note.at for note in reversed(notes) if note.kind in last), _FAR)
    end = min(noted, _FAR if job.ended is None else job.ended)
    if end > first:  # else its robot began when the run was lost and settled already
        yield Span(first, end, amount, job.id)


def judge_limits(books: Books, effects: Effects, looks: Looks) -> Iterator[Finding]:
    """Yield where more was held of a pool than there is, or a trigger had more jobs than it may have."""
    for pool, spans in pool_spans(books, effects).items():
        size = books.pools.get(pool, 0)
        for source, most in (("robots", most_at_once(spans)), ("looks", looks.most.get(pool, Most()))):
            if most.amount > size:
                told = f"{most.amount} of {size} of {pool!r}, as {source} tell"
                yield Finding(POOL_OVER, f"{told}; {_shown(books, most)}")
    spans_of = trigger_spans(books, effects)
    for trigger in books.triggers.values():
        robots, stored = most_at_once(spans_of[trigger.id]), looks.most.get(trigger.id, Most())
        for source, most in (("robots", robots), ("looks", stored)):
            if most.amount > trigger.max_jobs:
                told = f"{most.amount} of {trigger.max_jobs} of {trigger.name}, as {source} tell"
                yield Finding(JOBS_OVER, f"{told}; {_shown(books, most)}")


def most_seen(books: Books, effects: Effects, looks: Looks) -> dict[str, int]:
    """Return what was held at the same time of each pool, and by triggers that may have several jobs, in words."""
    found = {
        f"held of {pool!r} at once": max(most_at_once(spans).amount, looks.most.get(pool, Most()).amount)
        for pool, spans in pool_spans(books, effects).items()
    }
    spans_of = trigger_spans(books, effects)
    for trigger in books.triggers.values():
        if trigger.max_jobs > 1:
            amounts = most_at_once(spans_of[trigger.id]).amount, looks.most.get(trigger.id, Most()).amount
            found[f"jobs of {trigger.name!r} at once"] = max(amounts)
    return found


def judge_retries(
    books: Books, effects: Effects, entries: Sequence[Entry], *, at_rest: bool = True
) -> Iterator[Finding]:
    """Yield the retries that must not be, and, if everything came to rest, those that are missing."""
    runs: dict[UUID, list[JobRow]] = defaultdict(list)
    for job in books.jobs.values():
        if job.retry_of is None:
            runs[job.id].append(job)
        if job.retry_of is not None or job.retry_number:
            first = books.jobs.get(job.retry_of) if job.retry_of is not None else None
            is_linked = first is not None and first.retry_of is None and first.trigger_id == job.trigger_id
            if not is_linked or job.retry_number < 1:
                yield Finding(RETRY_UNLINKED, f"retry {job.retry_number} of {job.retry_of}: {_told(job, effects)}")
            if job.retry_of is not None:
                runs[job.retry_of].append(job)
    for attempts in runs.values():
        yield from _judge_run(books, effects, entries, attempts, at_rest=at_rest)


def _judge_run(
    books: Books, effects: Effects, entries: Sequence[Entry], attempts: Sequence[JobRow], *, at_rest: bool
) -> Iterator[Finding]:
    """Yield what is wrong with a run, of which several jobs may be the same attempt if at most one had a robot."""
    trigger = books.triggers.get(attempts[0].trigger_id) if attempts[0].trigger_id is not None else None
    times = 0 if trigger is None else trigger.retry_times
    by_number: dict[int, list[JobRow]] = defaultdict(list)
    for job in attempts:
        by_number[job.retry_number].append(job)
    told = "; ".join(_told(job, effects) for job in attempts)
    robots = {number: [job for job in jobs if _began(job, effects)] for number, jobs in by_number.items()}
    if max(by_number) > times or any(len(jobs) > 1 for jobs in robots.values()):
        yield Finding(RETRIED_TOO_OFTEN, f"{times} retries allowed; {told}")
    for number in by_number:
        before = by_number.get(number - 1, [])
        if number and not any(_has_failed(job, effects) for job in before):
            yield Finding(RETRIED_WITHOUT_FAILURE, f"retry {number}; {told}")
    for number, jobs in robots.items():
        for job in jobs:
            if job.status is JobStatus.DONE and _last_kind(job, effects) == FAILS:
                yield Finding(FAILURE_HIDDEN, _told(job, effects))
            missing = job.status in _FAILED and number < times and number + 1 not in by_number
            if at_rest and missing and not _was_to_be_killed(job, entries):
                yield Finding(RETRY_LOST, f"{times} retries allowed; {told}")


def judge_holds(books: Books, holds: Iterable[Hold]) -> Iterator[Finding]:
    """Yield the jobs that were claimed though the site was paused, or their scheduler drained.

    The time of a claim is taken before it asks whether it may claim, so there is no margin: one that is later than the
    commit of the pause, and saved before the end of it, was refused.
    """
    for hold in holds:
        for job_id in hold.claimed:
            job = books.jobs.get(job_id)
            if job is not None and job.began > hold.since and hold.machine in (None, job.scheduler):
                whose = "the site" if hold.machine is None else hold.machine
                told = f"job {job.id} of {job.scheduler}, claimed at {job.began:.3f}"
                yield Finding(CLAIMED_WHILE_HELD, f"{told}; {whose} was held since {hold.since:.3f}")


def is_drained(ended: Ended, entries: Iterable[Entry]) -> bool:
    """Tell whether a scheduler ended as it should because it was drained.

    A drain may be called off at the moment at which it is fulfilled; the end is seen some time later then.
    """
    return ended.status == 0 and any(_is_of(entry, ended) for entry in entries)


def judge_drains(ended: Sequence[Ended], entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield the drains for which a scheduler ended more than once: the next start has to stay, cordoned."""
    for entry in entries:
        ends = [one for one in ended if one.status == 0 and _is_of(entry, one) and one.at <= entry.end]
        if len(ends) > 1:
            times = ", ".join(f"{one.at:.3f}" for one in ends)
            yield Finding(DRAINED_TWICE, f"{entry.machine}, drained at {entry.at:.3f}, ended at {times}")


def _is_of(entry: Entry, ended: Ended) -> bool:
    is_drain = entry.kind is Kind.DRAIN_SCHEDULER and entry.machine == ended.machine
    return is_drain and entry.at <= ended.at <= entry.end + _LEAVING_SECONDS


def _was_to_be_killed(job: JobRow, entries: Sequence[Entry]) -> bool:
    ended = _FAR if job.ended is None else job.ended
    ids = {str(job.id), str(job.trigger_id)}
    return any(
        entry.kind is Kind.ASK_TO_KILL
        and not ids.isdisjoint(entry.subjects)
        and entry.overlaps(job.began - _MOMENT_SECONDS, ended + _MOMENT_SECONDS)
        for entry in entries
    )


def _has_failed(job: JobRow, effects: Effects) -> bool:
    """Tell whether a run may be tried again: one that was lost only if there was no robot yet."""
    return job.status in _FAILED or (job.status is JobStatus.LOST and not _began(job, effects))


def _began(job: JobRow, effects: Effects) -> bool:
    return any(note.kind == "begin" for note in effects.by_job.get(str(job.id), []))


def _last_kind(job: JobRow, effects: Effects) -> str:
    notes: Sequence[Note] = effects.by_job.get(str(job.id), [])
    return notes[-1].kind if notes else ""


def _told(job: JobRow, effects: Effects) -> str:
    words: dict[str, Any] = {"number": job.retry_number, "of": job.retry_of, "robot noted last": None}
    words["robot noted last"] = _last_kind(job, effects) or "nothing"
    listed = ", ".join(f"{name} {value}" for name, value in words.items())
    return f"job {job.id} of {job.scheduler} {job.status.value} ({listed}; {job.reason})"


def _shown(books: Books, most: Most) -> str:
    jobs = (books.jobs.get(job_id) for job_id in most.job_ids)
    listed = (f"job {job.id} of {job.scheduler}, {job.began:.3f} to {job.ended}" for job in jobs if job is not None)
    return f"at {most.at:.3f}: {'; '.join(listed)}"
