"""Who is to blame for what went wrong in a chaos run: a disturbance, or nobody but ourselves."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from benchmarks.chaos import blame
from benchmarks.chaos.books import Books, JobRow
from benchmarks.chaos.diary import Entry
from benchmarks.chaos.effects import Effects, Note
from benchmarks.chaos.machines import Ended
from benchmarks.chaos.plan import Kind
from benchmarks.chaos.watch import Orphan
from OpenOrchestrator.database.statuses import JobStatus

JOB = UUID(int=1)
TRIGGER = UUID(int=2)
NOT_HEARD = "The scheduler 'machine-1' was not heard of any more; what its robot did is not known. Found by 'x'."


def entry(kind: Kind, at: float, end: float, machine: str | None = "machine-1", *subjects: object) -> Entry:
    return Entry(at, kind, machine, frozenset(map(str, subjects)), end)


def judged(status: JobStatus, reason: str, *entries: Entry, notes: tuple[Note, ...] = ()) -> set[str]:
    job = JobRow(JOB, status, "machine-1", TRIGGER, None, reason, 1000, 1100)
    books = Books({}, {JOB: job}, {}, {}, {})
    return {finding.check for finding in blame.judge_jobs(books, Effects(list(notes)), entries)}


def test_a_job_is_taken_from_a_scheduler_that_was_in_contact() -> None:
    assert judged(JobStatus.LOST, NOT_HEARD) == {blame.TAKEN}


@pytest.mark.parametrize(
    "no_excuse",
    [
        entry(Kind.CLOCK_FORWARD, 1090, 1090, None),
        entry(Kind.CRASH_DATABASE, 1050, 1055, None),
        entry(Kind.LOCK_JOB, 1010, 1090, None, JOB),
        entry(Kind.SILENCE, 1060, 1100, "machine-2"),
        entry(Kind.SILENCE, 1060, 1070),
        entry(Kind.KILL_SCHEDULER, 900, 990),
    ],
)
def test_what_is_no_excuse_for_taking_a_job(no_excuse: Entry) -> None:
    assert judged(JobStatus.LOST, NOT_HEARD, no_excuse) == {blame.TAKEN}


@pytest.mark.parametrize(
    "excuse",
    [
        entry(Kind.SILENCE, 1050, 1095),
        entry(Kind.STOP_SCHEDULER, 1060, float("inf")),
        entry(Kind.KILL_SCHEDULER, 1050, 1052),
        entry(Kind.KILL_MACHINE, 1050, 1052),
    ],
)
def test_what_excuses_that_a_job_was_taken(excuse: Entry) -> None:
    assert judged(JobStatus.LOST, NOT_HEARD, excuse) == set()


def test_a_run_that_ends_badly_needs_a_cause() -> None:
    reason = "its robot host ended without recording how the robot ended"
    assert judged(JobStatus.LOST, reason) == {blame.UNCAUSED}
    assert judged(JobStatus.LOST, reason, entry(Kind.KILL_HOST, 1050, 1050, None, uuid4())) == {blame.UNCAUSED}
    assert judged(JobStatus.LOST, reason, entry(Kind.KILL_HOST, 1050, 1050, None, JOB)) == set()
    assert judged(JobStatus.DONE, "") == set()


def test_a_robot_may_fail_after_a_long_silence_only() -> None:
    notes = tuple(Note(kind, at, "t", str(JOB), {}, "f") for kind, at in (("begin", 1001.0), ("crash", 1090.0)))
    assert judged(JobStatus.FAILED, "exit code 1", notes=notes) == {blame.CRASHED}
    assert judged(JobStatus.FAILED, "exit code 1", entry(Kind.SILENCE, 1020, 1030), notes=notes) == {blame.CRASHED}
    assert judged(JobStatus.FAILED, "exit code 1", entry(Kind.SILENCE, 1020, 1060), notes=notes) == set()
    for end, found in ((1025, {blame.CRASHED}), (1060, set())):
        crash = entry(Kind.CRASH_DATABASE, 1020, end, None)
        assert judged(JobStatus.FAILED, "exit code 1", crash, notes=notes) == found


def ended(*, was_up: bool, entries: tuple[Entry, ...] = ()) -> bool:
    return bool(list(blame.judge_schedulers([Ended(1100, "machine-1", 1, was_up, "words")], entries)))


def test_a_scheduler_may_end_only_where_it_was_replaced() -> None:
    refused = entry(Kind.REFUSE_CONNECTIONS, 1080, 1099)
    assert ended(was_up=True)
    assert ended(was_up=True, entries=(refused,))
    assert ended(was_up=False)
    assert ended(was_up=False, entries=(refused,))  # it waits for its database
    assert not ended(was_up=True, entries=(entry(Kind.REPLACE_SCHEDULER, 1050, 1098),))
    of_two = Ended(1100, "machine-1", 1, was_up=False, words="words", has_former=True)
    assert not list(blame.judge_schedulers([of_two], ()))  # its former one has woken up since and has the name


def test_how_long_a_job_of_a_killed_scheduler_waited() -> None:
    orphan = Orphan("machine-1", JOB, TRIGGER, uuid4(), 1000.0, 1070.0)
    assert blame.settle_seconds(orphan, [], 2000) == 70
    assert blame.settle_seconds(orphan, [entry(Kind.LOCK_TRIGGER, 990, 1040, None, TRIGGER)], 2000) == 30
    assert blame.settle_seconds(orphan, [entry(Kind.LOCK_JOB, 990, 1040, None, uuid4())], 2000) == 70
    assert blame.settle_seconds(orphan, [entry(Kind.CRASH_DATABASE, 1010, 1012, None)], 2000) == 58
    assert blame.settle_seconds(orphan, [entry(Kind.CLOCK_BACKWARD, 1010, 1010, None)], 2000) == 70
    orphan.settled_at = None
    assert blame.settle_seconds(orphan, [], 1200) == 200
    (finding,) = blame.judge_settling([orphan], [], 1200)
    assert finding.check == blame.SETTLED_LATE
