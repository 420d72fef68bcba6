"""Compares the books, which are the rows of the database, with what was ordered and what the robots did. Pure.

The measure is docs/explanation/guarantees.md: hand-out and finish happen once, effects outside the database at least
once after a loss. Nobody in a run sets an element to New again, enables a single trigger again or changes a due time
that is near. So each element may be handed out once, each single trigger and each due time may have one robot for each
of its attempts, and everything that has no effect must say why. What policies promise beside that is in ``policies``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from benchmarks.chaos.effects import Effects, Note
from benchmarks.chaos.workload import LINES, Orders
from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    JobStatus,
    QueueStatus,
    TriggerStatus,
    TriggerType,
)

_BUSY = frozenset({TriggerStatus.RUNNING, TriggerStatus.PAUSING, TriggerStatus.KILLING})
_SINGLE_OUTPUT = "".join(f"line {number}\n" for number in range(LINES))


class Check(Enum):
    """What is looked for; none of it may be found. Values are words for the table."""

    HANDED_OUT_TWICE = "elements handed out twice"
    FINISHED_TWICE = "elements finished twice"
    EFFECT_TWICE = "elements with two effects"
    RUN_TWICE = "single triggers run twice"
    DUE_TWICE = "due times run twice"
    ROBOT_TWICE = "jobs with two robots"
    MADE_TWICE = "elements a robot added once that are there twice"
    LOGGED_TWICE = "log messages stored twice"
    ELEMENT_GONE = "elements that are gone"
    DONE_WITHOUT_EFFECT = "elements finished without effect"
    FINISH_LOST = "accepted finishes that are not in the books"
    NO_REASON = "elements Failed or Abandoned, or runs not Done, without a reason"
    ELEMENT_LEFT = "elements still New"
    SINGLE_LOST = "single triggers due without a run or a reason"
    DUE_LOST = "due times without a job"
    JOB_WITHOUT_EFFECT = "jobs Done without effect"
    LOG_LOST = "log messages accepted and not stored"
    OUTPUT_LOST = "outputs incomplete without a mark"
    ELEMENT_STUCK = "elements In Progress under ended jobs"
    ELEMENT_HELD = "elements In Progress otherwise"
    TRIGGER_STUCK = "triggers busy without a living job"
    JOB_STUCK = "jobs that have not ended"


_IN_HAND = frozenset({Check.ELEMENT_LEFT, Check.ELEMENT_HELD, Check.JOB_STUCK, Check.DUE_LOST})
"""What says only that something was not done yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be.

    Attributes:
        check: Name for the table.
        words: The evidence.
    """

    check: str
    words: str


@dataclass(frozen=True, slots=True)
class ElementRow:
    """An element as it is stored."""

    id: UUID
    status: QueueStatus
    reference: str | None
    message: str | None
    job_id: UUID | None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as it is stored. Times are seconds since the epoch.

    Attributes:
        retry_of: The first attempt, of which it is a retry.
        retry_number: Which retry it is; 0 for a first attempt.
    """

    id: UUID
    status: JobStatus
    scheduler: str
    trigger_id: UUID | None
    due_at: datetime | None
    reason: str | None
    began: float
    ended: float | None
    attempt: int = 1
    retry_of: UUID | None = None
    retry_number: int = 0


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A trigger as it is stored.

    Attributes:
        max_jobs: How many jobs of it may run at the same time.
        retry_times: How often a run of it that failed is tried again.
        pools: How much of which pool a run of it needs.
    """

    id: UUID
    name: str
    type: TriggerType
    status: TriggerStatus
    max_jobs: int = 1
    retry_times: int = 0
    pools: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """All rows.

    Attributes:
        outputs: What the robot of a job printed, as far as it is stored.
        logged: How often each log message is stored.
        pools: How much there is of each pool.
    """

    elements: Mapping[UUID, ElementRow]
    jobs: Mapping[UUID, JobRow]
    triggers: Mapping[UUID, TriggerRow]
    outputs: Mapping[UUID, str]
    logged: Mapping[str, int]
    pools: Mapping[str, int] = field(default_factory=dict)


def compare(books: Books, orders: Orders, effects: Effects, *, at_rest: bool = True) -> Iterator[Finding]:
    """Yield everything that does not fit together.

    Args:
        books: Read when nobody worked any more.
        orders: What was ordered.
        effects: What the robots did.
        at_rest: Whether everybody came to rest. If not, the work was cut off: what waited then or was in somebody's
            hands is not lost, and only what is said to be done has to be so.
    """
    for check, words in (
        *_elements(books, orders, effects),
        *_hand_outs(books, effects),
        *_made(books, effects),
        *_triggers(books, orders, effects, at_rest=at_rest),
        *_jobs(books, effects),
        *_logs(books, effects),
    ):
        if not at_rest and check in _IN_HAND:
            continue
        yield Finding(check.value, words)


_Found = Iterator[tuple[Check, str]]


def _elements(books: Books, orders: Orders, effects: Effects) -> _Found:
    for element_id in orders.elements:
        if element_id not in books.elements:
            yield Check.ELEMENT_GONE, f"element {element_id}"
    for element in books.elements.values():
        notes = effects.by_element.get(str(element.id), [])
        job = books.jobs.get(element.job_id) if element.job_id is not None else None
        told = f"{_shown(element)}; {_shown_job(job)}; {_story(notes)}"
        if element.status is QueueStatus.NEW:
            yield Check.ELEMENT_LEFT, told
        elif element.status is QueueStatus.IN_PROGRESS:
            ended = job is not None and job.status not in ACTIVE_JOB_STATUSES
            yield Check.ELEMENT_STUCK if ended else Check.ELEMENT_HELD, told
        elif element.status is not QueueStatus.ABANDONED and not any(note.kind == "effect" for note in notes):
            yield Check.DONE_WITHOUT_EFFECT, told
        if element.status in (QueueStatus.FAILED, QueueStatus.ABANDONED) and not element.message:
            yield Check.NO_REASON, told


def _hand_outs(books: Books, effects: Effects) -> _Found:
    for element_id, notes in effects.by_element.items():
        element = books.elements.get(UUID(element_id))
        told = f"{_shown(element)}; {_story(notes)}"
        if len({note.facts["token"] for note in notes if note.kind == "took"}) > 1:
            yield Check.HANDED_OUT_TWICE, told
        if sum(note.kind == "effect" for note in notes) > 1:
            yield Check.EFFECT_TWICE, told
        accepted = [note for note in notes if note.kind == "accepted"]
        if len(accepted) > 1:
            yield Check.FINISHED_TWICE, told
        if accepted and element is not None and element.status.name != accepted[-1].facts["status"]:
            yield Check.FINISH_LOST, told


def _made(books: Books, effects: Effects) -> _Found:
    there = Counter(element.reference for element in books.elements.values() if element.reference)
    made = {note.facts["reference"] for note in effects.of_kind("made")}
    for note in effects.of_kind("making"):
        reference = note.facts["reference"]
        if there[reference] > 1:
            yield Check.MADE_TWICE, f"reference {reference}, {there[reference]} times; {note}"
        if reference in made and not there[reference]:
            yield Check.ELEMENT_GONE, f"reference {reference}; {note}"


def _triggers(books: Books, orders: Orders, effects: Effects, *, at_rest: bool) -> _Found:
    jobs_of: dict[UUID, list[JobRow]] = defaultdict(list)
    for job in books.jobs.values():
        if job.trigger_id is not None:
            jobs_of[job.trigger_id].append(job)
    for trigger in books.triggers.values():
        jobs = jobs_of[trigger.id]
        told = f"{trigger.name} is {trigger.status.value}; {'; '.join(map(_shown_job, jobs)) or 'no job'}"
        living = any(job.status in ACTIVE_JOB_STATUSES for job in jobs)
        if trigger.status in _BUSY and not living:
            yield Check.TRIGGER_STUCK, told
        if trigger.type is TriggerType.SINGLE:
            waits = not at_rest and trigger.status is TriggerStatus.IDLE
            found = _single(trigger, jobs, effects, living=living, waits=waits)
            yield from ((check, f"{told}; {words}") for check, words in found)
    for trigger_id in orders.singles - set(books.triggers):
        yield Check.SINGLE_LOST, f"single trigger {trigger_id} is gone"
    yield from _due_times(books, orders, jobs_of, effects)


def _single(trigger: TriggerRow, jobs: Sequence[JobRow], effects: Effects, *, living: bool, waits: bool) -> _Found:
    robots = {job.id: [note for note in effects.by_job.get(str(job.id), []) if note.kind == "begin"] for job in jobs}
    begun = [note for notes in robots.values() for note in notes]
    if any(count > 1 for count in Counter(job.retry_number for job in jobs if robots[job.id]).values()):
        yield Check.RUN_TWICE, _story(begun)
    excused = any(job.reason and job.status is not JobStatus.DONE for job in jobs)
    if waits and not begun:
        return
    if not living and (trigger.status is TriggerStatus.IDLE or not (begun or excused)):
        yield Check.SINGLE_LOST, _story(begun)


def _due_times(books: Books, orders: Orders, jobs_of: Mapping[UUID, Sequence[JobRow]], effects: Effects) -> _Found:
    run: dict[tuple[UUID, datetime], list[JobRow]] = defaultdict(list)
    known: set[tuple[UUID, datetime]] = set()
    for trigger_id, jobs in jobs_of.items():
        for job in jobs:
            if job.due_at is not None:
                known.add((trigger_id, job.due_at))
                if any(note.kind == "begin" for note in effects.by_job.get(str(job.id), [])):
                    run[trigger_id, job.due_at].append(job)
    for (trigger_id, due), jobs in run.items():
        trigger = books.triggers.get(trigger_id)
        if len(jobs) > 1 and (trigger is None or trigger.type is not TriggerType.SINGLE):
            name = trigger_id if trigger is None else trigger.name
            yield Check.DUE_TWICE, f"{name} at {due}; {'; '.join(map(_shown_job, jobs))}"
    for trigger_id, due in orders.due:
        if (trigger_id, due) not in known:
            near = [job for job in jobs_of.get(trigger_id, []) if abs(job.began - due.timestamp()) < 90]
            yield Check.DUE_LOST, f"trigger {trigger_id} at {due}; near it {'; '.join(map(_shown_job, near)) or 'none'}"


def _jobs(books: Books, effects: Effects) -> _Found:
    for job in books.jobs.values():
        notes = effects.by_job.get(str(job.id), [])
        begun = [note for note in notes if note.kind == "begin"]
        if len(begun) > 1:
            yield Check.ROBOT_TWICE, f"{_shown_job(job)}; {_story(begun)}"
        if job.status in ACTIVE_JOB_STATUSES:
            yield Check.JOB_STUCK, f"{_shown_job(job)}; {_story(notes[-3:])}"
        elif job.status is not JobStatus.DONE:
            if not job.reason:
                yield Check.NO_REASON, _shown_job(job)
        elif not begun:
            yield Check.JOB_WITHOUT_EFFECT, _shown_job(job)
        else:
            yield from _output(books, job, notes)


def _output(books: Books, job: JobRow, notes: Sequence[Note]) -> _Found:
    trigger = books.triggers.get(job.trigger_id) if job.trigger_id is not None else None
    if trigger is None or trigger.type is not TriggerType.SINGLE or notes[-1].kind != "end":
        return
    stored = books.outputs.get(job.id, "")
    if stored != _SINGLE_OUTPUT and "incomplete" not in (job.reason or ""):
        yield Check.OUTPUT_LOST, f"{_shown_job(job)}; stored {stored!r}"


def _logs(books: Books, effects: Effects) -> _Found:
    accepted = {note.facts["message"] for note in effects.of_kind("logged")}
    for note in effects.of_kind("logging"):
        stored = books.logged.get(note.facts["message"], 0)
        if stored > 1:
            yield Check.LOGGED_TWICE, f"{stored} times; {note}"
        if not stored and note.facts["message"] in accepted:
            yield Check.LOG_LOST, str(note)


def _story(notes: Sequence[Note]) -> str:
    return "robots: " + (", ".join(str(note) for note in notes) or "nothing")


def _shown(element: ElementRow | None) -> str:
    if element is None:
        return "no such element"
    return f"element {element.id} is {element.status.value} ({element.message or 'no message'}), job {element.job_id}"


def _shown_job(job: JobRow | None) -> str:
    if job is None:
        return "no such job"
    ended = "-" if job.ended is None else f"{job.ended:.3f}"
    return f"job {job.id} of {job.scheduler} {job.status.value} from {job.began:.3f} to {ended} ({job.reason})"
