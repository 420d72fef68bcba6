"""What a chaos run finds of pools, retries, several jobs, pauses and drains: each planted fault, by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from benchmarks.chaos import blame, policies
from benchmarks.chaos.books import Books, JobRow, TriggerRow, compare
from benchmarks.chaos.diary import Entry
from benchmarks.chaos.effects import Effects, Note
from benchmarks.chaos.machines import Ended
from benchmarks.chaos.plan import Kind
from benchmarks.chaos.policies import Hold, Looks, Most, Span
from benchmarks.chaos.workload import Orders
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus, TriggerType

TRIGGER = UUID(int=100)
OTHER = UUID(int=101)
POOL = "licences"
DONE, FAILED, LOST, KILLED = JobStatus.DONE, JobStatus.FAILED, JobStatus.LOST, JobStatus.KILLED


def job(
    number: int,
    began: float,
    ended: float | None,
    status: JobStatus = DONE,
    *,
    retry: int = 0,
    of: int | None = None,
    trigger: UUID = TRIGGER,
) -> JobRow:
    first = None if of is None else UUID(int=of)
    reason = None if status is DONE else "reason"
    made = JobRow(UUID(int=number), status, "machine-2", trigger, None, reason, began, ended)
    return replace(made, retry_of=first, retry_number=retry)


def books_of(*jobs: JobRow, max_jobs: int = 1, retry_times: int = 0, need: int = 1) -> Books:
    triggers = {
        trigger_id: TriggerRow(
            trigger_id,
            name,
            TriggerType.QUEUE,
            TriggerStatus.IDLE,
            max_jobs=max_jobs,
            retry_times=retry_times,
            pools={POOL: need} if need else {},
        )
        for trigger_id, name in ((TRIGGER, "worker"), (OTHER, "other"))
    }
    return Books({}, {one.id: one for one in jobs}, triggers, {}, {}, {POOL: 2})


def noted(*notes: tuple[int, str, float]) -> Effects:
    return Effects([Note(kind, at, "trigger", str(UUID(int=number)), {}, "file") for number, kind, at in notes])


def held(number: int, begin: float, end: float | None) -> list[tuple[int, str, float]]:
    return [(number, "holding", begin), *([] if end is None else [(number, "released", end)])]


def test_the_most_that_is_held_at_once() -> None:
    spans = [Span(begin, end, amount, UUID(int=end)) for begin, end, amount in ((1, 5, 1), (5, 9, 2), (8, 10, 1))]
    assert policies.most_at_once(spans) == Most(3, 8, (UUID(int=9), UUID(int=10)))
    assert policies.most_at_once([]) == Most()


@pytest.mark.parametrize(
    ("third", "status", "notes", "is_over"),
    [
        (job(3, 5, 9), DONE, held(3, 6, 8), True),
        (job(3, 10.5, 19), DONE, held(3, 11, 18), False),
        (job(3, 5, 19), DONE, [], False),
        # A run that was lost gave back what it held when it was settled, though its robot acts still.
        (job(3, 10.5, 19), LOST, held(3, 11, 18), False),
        (job(3, 5, 9, LOST), DONE, held(3, 9.5, 18), False),
        # A robot that was killed held it until its job ended.
        (job(3, 5, 9, FAILED), DONE, held(3, 6, None), True),
    ],
)
def test_a_pool_of_which_more_is_held_than_there_is(
    third: JobRow, status: JobStatus, notes: list[tuple[int, str, float]], is_over: bool
) -> None:
    first, second = job(1, 0, 10, status), job(2, 0, 10, trigger=OTHER)
    books = books_of(first, second, third, max_jobs=9)
    late = 20.0 if status is LOST else 9.0
    effects = noted(*held(1, 1, late), *held(2, 1, 9), *notes)
    found = [finding.check for finding in policies.judge_limits(books, effects, Looks())]
    assert found == ([policies.POOL_OVER] if is_over else [])


def test_who_needs_two_of_a_pool_counts_twice() -> None:
    books = books_of(job(1, 0, 9), job(2, 0, 9, trigger=OTHER), max_jobs=9, need=2)
    effects = noted(*held(1, 1, 4), *held(2, 3, 5))
    assert [one.check for one in policies.judge_limits(books, effects, Looks())] == [policies.POOL_OVER]
    assert policies.most_seen(books, effects, Looks())[f"held of {POOL!r} at once"] == 4


def test_more_jobs_of_a_trigger_than_it_may_have() -> None:
    robots = [(number, kind, float(at)) for number in (1, 2, 3) for kind, at in (("begin", number), ("end", 8))]
    jobs = [job(number, 0, 9) for number in (1, 2, 3)]
    for most, over in ((2, [policies.JOBS_OVER]), (3, [])):
        books = books_of(*jobs, max_jobs=most, need=0)
        assert [one.check for one in policies.judge_limits(books, noted(*robots), Looks())] == over


def test_what_looks_at_the_database_have_seen() -> None:
    looks = Looks()
    looks.note(1.0, [(UUID(int=number), TRIGGER, {POOL: 1}) for number in (1, 2, 3)])
    looks.note(2.0, [(UUID(int=4), TRIGGER, {POOL: 1}), (UUID(int=5), None, {})])
    assert looks.most[TRIGGER].amount == looks.most[POOL].amount == 3
    found = [one.check for one in policies.judge_limits(books_of(max_jobs=2), noted(), looks)]
    assert found == [policies.POOL_OVER, policies.JOBS_OVER]
    looks = Looks()
    looks.note(1.0, [(UUID(int=number), OTHER, {POOL: 1}) for number in (1, 2)])
    assert not list(policies.judge_limits(books_of(max_jobs=2), noted(), looks))


GOOD = (job(1, 0, 1, FAILED), job(2, 2, 3, FAILED, retry=1, of=1), job(3, 4, 5, retry=2, of=1))


def retries(*jobs: JobRow, began: tuple[int, ...] | None = None, times: int = 2, at_rest: bool = True) -> set[str]:
    numbers = [one.id.int for one in jobs] if began is None else list(began)
    effects = noted(*((number, "begin", 1.0) for number in numbers))
    books = books_of(*jobs, retry_times=times)
    return {finding.check for finding in policies.judge_retries(books, effects, (), at_rest=at_rest)}


def test_a_run_that_is_tried_again_as_its_trigger_says() -> None:
    assert retries(*GOOD) == set()
    given_back = replace(job(4, 1, 2, KILLED, retry=1, of=1), reason="before the robot was started")
    assert retries(*GOOD, given_back, began=(1, 2, 3)) == set()
    # A start that was lost three times counts as a run that failed.
    assert retries(job(1, 0, 1, LOST), job(2, 2, 3, retry=1, of=1), began=(2,)) == set()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda: [*GOOD, job(4, 6, 7, retry=2, of=1)], policies.RETRIED_TOO_OFTEN),
        (lambda: [*GOOD[:2], replace(GOOD[2], status=FAILED), job(4, 6, 7, retry=3, of=1)], policies.RETRIED_TOO_OFTEN),
        (lambda: [GOOD[0], replace(GOOD[1], trigger_id=OTHER)], policies.RETRY_UNLINKED),
        (lambda: [*GOOD[:2], replace(GOOD[2], retry_of=GOOD[1].id)], policies.RETRY_UNLINKED),
        (lambda: [*GOOD, job(4, 6, 7, retry=1)], policies.RETRY_UNLINKED),
        (lambda: [job(1, 0, 1, KILLED), job(2, 2, 3, retry=1, of=1)], policies.RETRIED_WITHOUT_FAILURE),
        (lambda: [job(1, 0, 1, LOST), job(2, 2, 3, retry=1, of=1)], policies.RETRIED_WITHOUT_FAILURE),
        (lambda: [job(1, 0, 1), job(2, 2, 3, retry=1, of=1)], policies.RETRIED_WITHOUT_FAILURE),
        (lambda: [GOOD[0], job(3, 4, 5, retry=2, of=1)], policies.RETRIED_WITHOUT_FAILURE),
        (lambda: [job(1, 0, 1, FAILED)], policies.RETRY_LOST),
    ],
)
def test_a_run_that_is_not_tried_again_as_its_trigger_says(change: Callable[[], list[JobRow]], check: str) -> None:
    assert check in retries(*change())


def test_a_retry_that_is_not_missed() -> None:
    failed = job(1, 10, 11, FAILED)
    assert retries(failed, at_rest=False) == set()
    assert retries(failed, times=0) == set()
    books, effects = books_of(failed, retry_times=2), noted((1, "begin", 10.0))
    for at, found in ((10.5, 0), (50.0, 1)):
        kill = Entry(at, Kind.ASK_TO_KILL, None, frozenset({str(TRIGGER)}), at)
        assert len(list(policies.judge_retries(books, effects, [kill]))) == found


def test_a_robot_that_failed_and_whose_run_is_done() -> None:
    effects = noted((1, "begin", 1.0), (1, "fails", 2.0))
    found = [one.check for one in policies.judge_retries(books_of(job(1, 0, 3)), effects, ())]
    assert found == [policies.FAILURE_HIDDEN]


def test_a_robot_that_fails_of_its_own_will_needs_no_other_cause() -> None:
    books = books_of(job(1, 0, 3, FAILED))
    assert not list(blame.judge_jobs(books, noted((1, "begin", 1.0), (1, "fails", 2.0)), ()))
    assert [one.check for one in blame.judge_jobs(books, noted((1, "begin", 1.0)), ())] == [blame.UNCAUSED]


def test_all_jobs_of_a_trigger_that_is_killed_end_by_that() -> None:
    books = books_of(job(1, 0, 30, KILLED), job(2, 20, 30, KILLED, trigger=OTHER))
    kill = Entry(19, Kind.ASK_TO_KILL, None, frozenset({str(TRIGGER), str(UUID(int=9))}), 19)
    (finding,) = blame.judge_jobs(books, noted(), [kill])
    assert str(UUID(int=2)) in finding.words


def test_a_single_trigger_has_one_robot_for_each_attempt() -> None:
    tried = (job(1, 0, 1, FAILED), job(2, 2, 3, retry=1, of=1))
    again = job(4, 6, 7, retry=1, of=1)
    for jobs, twice in ((tried, False), ((*tried, again), True)):
        books = books_of(*jobs, retry_times=2)
        single = replace(books.triggers[TRIGGER], type=TriggerType.SINGLE, status=TriggerStatus.DONE)
        books = replace(books, triggers={TRIGGER: single})
        effects = noted(*((one.id.int, "begin", 1.0) for one in jobs))
        found = {one.check for one in compare(books, Orders(singles={TRIGGER}), effects)}
        assert ("single triggers run twice" in found) is twice


@pytest.mark.parametrize(
    ("machine", "began", "is_found"),
    [(None, 101.0, True), (None, 99.9, False), ("machine-2", 101.0, True), ("machine-1", 101.0, False)],
)
def test_a_claim_while_nothing_was_to_be_claimed(machine: str | None, began: float, is_found: bool) -> None:
    books = books_of(job(1, began, 110), job(2, 104, 110))
    found = list(policies.judge_holds(books, [Hold(machine, 100.0, (UUID(int=1),))]))
    assert [one.check for one in found] == ([policies.CLAIMED_WHILE_HELD] if is_found else [])


def test_a_scheduler_that_is_drained_may_end_well_and_once() -> None:
    drain = Entry(1000, Kind.DRAIN_SCHEDULER, "machine-2", frozenset(), 1040)

    def judged(*ends: Ended, entries: tuple[Entry, ...] = (drain,)) -> list[str]:
        judges = (*blame.judge_schedulers(ends, entries), *policies.judge_drains(ends, entries))
        return [finding.check for finding in judges]

    well = Ended(1020, "machine-2", 0, was_up=True, words="")
    assert judged(well) == []
    assert judged(well, entries=()) == [blame.SCHEDULER_ENDED]
    assert judged(replace(well, status=1)) == [blame.SCHEDULER_ENDED]
    assert judged(replace(well, machine="machine-1")) == [blame.SCHEDULER_ENDED]
    assert judged(replace(well, at=1100)) == [blame.SCHEDULER_ENDED]
    assert judged(well, replace(well, at=1030)) == [policies.DRAINED_TWICE]
    assert judged(replace(well, at=1042)) == []  # it was called off too late
