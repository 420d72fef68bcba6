"""Triggers with several jobs: when another one starts, and what the end of one of them does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, stuck_triggers, trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.statuses import JobStatus, StartedBy, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import jobs, pending_triggers, run_requests, triggers

HERE, THERE = Identity("here"), Identity("there")
RETRYING: dict[str, Any] = {"retry_times": 2, "retry_pause_seconds": 60, "pause_after_failures": 0}


def start(database: Database, clock: SettableClock, count: int, identity: Identity = HERE) -> list[ClaimedRun]:
    """Start so many jobs of the scheduled trigger there is, each at a due time of its own."""
    begun = []
    for _ in range(count):
        (run,) = make.claim_all(database, identity)
        assert runs.begin_run(database, run)
        begun.append(run)
        clock.advance(timedelta(minutes=5))
    return begun


def end(database: Database, run: ClaimedRun, status: JobStatus = JobStatus.DONE) -> None:
    assert runs.finish(database, run.job_id, run.fence, status=status, exit_code=0, reason="a reason")


def statuses(database: Database, trigger_id: UUID, ended: Sequence[ClaimedRun], *how: JobStatus) -> list[str]:
    """Return the status of a trigger after the end of each run."""
    found = []
    for run, status in zip(ended, how or [JobStatus.DONE] * len(ended), strict=True):
        end(database, run, status)
        found.append(make.status(database, trigger_id).value)
    return found


def test_a_due_time_starts_a_job_beside_one_that_runs(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    first, second = start(database, clock, 2)
    assert first.due_at != second.due_at
    assert make.due_names(database) == ["scheduled"]
    (third,) = make.claim_all(database, THERE)
    assert runs.begin_run(database, third)
    clock.advance(timedelta(minutes=5))
    assert make.due_names(database) == []
    assert make.status(database, trigger_id) is TriggerStatus.RUNNING
    assert statuses(database, trigger_id, [second, third, first]) == ["Running", "Running", "Idle"]
    assert make.trigger(database, trigger_id).status_after is None


def test_with_one_job_at_a_time_the_due_time_waits(database: Database, clock: SettableClock) -> None:
    make.scheduled(database)
    (run,) = start(database, clock, 1)
    assert make.due_names(database) == []
    end(database, run)
    assert make.due_names(database) == ["scheduled"]


def test_a_single_trigger_has_one_job_whatever_its_row_says(database: Database, clock: SettableClock) -> None:
    trigger_id = make.single(database, max_jobs=5)
    (run,) = make.claim_all(database)
    assert runs.begin_run(database, run)
    clock.advance(timedelta(hours=1))
    assert make.due_names(database) == []
    end(database, run)
    assert make.status(database, trigger_id) is TriggerStatus.DONE


def test_nothing_starts_beside_a_job_that_has_not_begun(database: Database, clock: SettableClock) -> None:
    make.scheduled(database, max_jobs=2)
    (run,) = make.claim_all(database)
    clock.advance(timedelta(minutes=5))
    assert make.due_names(database) == []
    assert runs.give_back(database, run, "why")
    (again,) = make.claim_all(database)
    assert again.due_at == run.due_at


def test_a_start_beside_others_that_is_given_back_is_due_again(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=2)
    (first,) = start(database, clock, 1)
    (second,) = make.claim_all(database, THERE)
    assert runs.give_back(database, second, "why")
    assert make.status(database, trigger_id) is TriggerStatus.RUNNING
    (again,) = make.claim_all(database)
    assert again.due_at == second.due_at
    assert again.job_id != first.job_id


@pytest.mark.parametrize("min_batch_size", [1, 2])
def test_a_queue_trigger_scales_with_its_queue(database: Database, clock: SettableClock, min_batch_size: int) -> None:
    trigger_id = make.queue(
        database, elements=3, min_batch_size=min_batch_size, max_jobs=3, elements_per_job=min_batch_size + 2
    )
    begun: list[ClaimedRun] = []

    def go_on() -> int:
        clock.advance(timedelta(seconds=2))
        for run in make.claim_all(database):
            assert runs.begin_run(database, run)
            begun.append(run)
        return len(begun)

    assert [go_on(), go_on()] == [1, 1]
    assert claim_next(database, "Q", job_id=begun[0].job_id) is not None
    assert go_on() == 1, "two New ones, and the job has taken one of its share"
    make.add_elements(database, "Q", min_batch_size * 2 - 1)
    assert [go_on(), go_on()] == [2, 2]
    make.add_elements(database, "Q", 50)
    assert [go_on(), go_on()] == [3, 3]
    assert statuses(database, trigger_id, begun) == ["Running", "Running", "Idle"]


def test_elements_of_other_jobs_do_not_count_as_worked_on(database: Database, clock: SettableClock) -> None:
    make.queue(database, elements=4, max_jobs=2, elements_per_job=3)
    (run,) = make.claim_all(database)
    assert runs.begin_run(database, run)
    for _ in range(2):
        assert claim_next(database, "Q") is not None, "by hand"
    assert make.due_names(database) == []
    assert claim_next(database, "Q", job_id=run.job_id) is not None
    assert make.due_names(database) == []


@pytest.mark.parametrize(
    ("how", "after"),
    [
        ((JobStatus.FAILED, JobStatus.DONE, JobStatus.DONE), "Failed"),
        ((JobStatus.DONE, JobStatus.TIMED_OUT, JobStatus.DONE), "Failed"),
        ((JobStatus.DONE, JobStatus.DONE, JobStatus.FAILED), "Failed"),
        ((JobStatus.KILLED, JobStatus.DONE, JobStatus.DONE), "Killed"),
        ((JobStatus.LOST, JobStatus.FAILED, JobStatus.DONE), "Failed"),
    ],
)
def test_a_failure_among_others_holds_the_trigger_after_the_last(
    database: Database, clock: SettableClock, how: tuple[JobStatus, ...], after: str
) -> None:
    trigger_id = make.scheduled(database, max_jobs=4)
    begun = start(database, clock, 3)
    assert statuses(database, trigger_id, begun, *how) == ["Running", "Running", after]
    assert make.trigger(database, trigger_id).status_after is None


def test_nothing_more_starts_once_a_failure_holds_the_trigger(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    first, second = start(database, clock, 2)
    seen = trigger_claims.due_triggers(database, scheduler_name="here").due
    end(database, first, JobStatus.FAILED)
    assert make.due_names(database) == []
    assert trigger_claims.claim(database, THERE, seen) == ()
    assert database.write(lambda s: triggers.enable(s, trigger_id))
    assert make.due_names(database) == ["scheduled"]
    end(database, second)
    assert make.status(database, trigger_id) is TriggerStatus.IDLE
    assert make.trigger(database, trigger_id).failed_runs == 0


def test_a_failure_that_is_not_the_last_allowed_changes_nothing(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=2, pause_after_failures=2)
    begun = start(database, clock, 2)
    assert statuses(database, trigger_id, begun, JobStatus.FAILED, JobStatus.DONE) == ["Running", "Idle"]


@pytest.mark.parametrize(
    ("ask", "while_they_run", "after"),
    [
        (triggers.request_pause, "Pausing", "Paused"),
        (triggers.disable, "Pausing", "Paused"),
        (triggers.request_kill, "Killing", "Killed"),
    ],
)
def test_pause_and_kill_of_the_trigger_wait_for_all(
    database: Database, clock: SettableClock, ask: Any, while_they_run: str, after: str
) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    begun = start(database, clock, 2)
    assert database.write(lambda s: ask(s, trigger_id))
    assert make.due_names(database) == []
    killed = runs.kill_requests(database, [run.job_id for run in begun])
    assert len(killed) == (2 if after == "Killed" else 0)
    how = JobStatus.KILLED if killed else JobStatus.DONE
    assert statuses(database, trigger_id, begun, how, how) == [while_they_run, after]


def test_one_job_is_killed_and_the_others_go_on(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    first, second = start(database, clock, 2)
    assert database.write(lambda s: jobs.request_kill(s, first.job_id, now=clock.utc_now()))
    assert runs.kill_requests(database, [first.job_id, second.job_id]) == {first.job_id}
    assert statuses(database, trigger_id, [first, second], JobStatus.KILLED, JobStatus.DONE) == ["Running", "Idle"]


def test_a_pause_that_is_taken_back_lets_more_jobs_start(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    begun = start(database, clock, 2)
    assert database.write(lambda s: triggers.disable(s, trigger_id))
    assert database.write(lambda s: triggers.enable(s, trigger_id))
    assert make.due_names(database) == ["scheduled"]
    assert statuses(database, trigger_id, begun) == ["Running", "Idle"]


def _let_retries_be_due(database: Database) -> None:
    past = sa.text("UPDATE %s SET retry_at = '2020-01-01 00:00:00'" % _quoted(database))  # noqa: UP031
    database.write(lambda s: s.execute(past))


def _quoted(database: Database) -> str:
    return str(database.engine.dialect.identifier_preparer.quote("Triggers"))


def test_a_retry_starts_beside_the_others_when_it_is_due(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=2, **RETRYING)
    first, second = start(database, clock, 2)
    end(database, first, JobStatus.FAILED)
    assert make.status(database, trigger_id) is TriggerStatus.RUNNING
    assert make.due_names(database) == [], "the schedule waits for the retry"
    _let_retries_be_due(database)
    (retry,) = make.claim_all(database)
    job = make.job(database, retry.job_id)
    assert (job.retry_of, job.retry_number, job.started_by) == (first.job_id, 1, StartedBy.RETRY.name)
    assert runs.begin_run(database, retry)
    assert statuses(database, trigger_id, [second, retry]) == ["Running", "Idle"]


def test_of_the_retries_of_two_jobs_the_latest_waits(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=2, **RETRYING)
    first, second = start(database, clock, 2)
    end(database, first, JobStatus.FAILED)
    _let_retries_be_due(database)
    (retry,) = make.claim_all(database)
    assert runs.begin_run(database, retry)
    end(database, second, JobStatus.FAILED)
    assert make.trigger(database, trigger_id).retry_of == second.job_id
    end(database, retry, JobStatus.FAILED)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.retry_of, trigger.retry_number) == (first.job_id, 2), "else there would be no end to them"
    assert trigger.process_status is TriggerStatus.IDLE


def test_a_lost_job_among_others_is_settled_without_them(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=2)
    first, second = start(database, clock, 2)
    make.expire(database, first.job_id)
    (reaped,) = make.reap(database)
    assert reaped.job_id == first.job_id
    assert make.status(database, trigger_id) is TriggerStatus.RUNNING
    assert make.settle_stuck(database) == 0
    end(database, second)
    assert make.status(database, trigger_id) is TriggerStatus.FAILED


def test_nothing_starts_beside_a_run_with_arguments_of_its_own(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    assert database.write(lambda s: triggers.disable(s, trigger_id))
    once = run_requests.RunOnce(arguments="#1")
    assert database.write(lambda s: run_requests.request_once(s, trigger_id, once, now=clock.utc_now()))
    (run,) = make.claim_all(database)
    assert runs.begin_run(database, run)
    clock.advance(timedelta(minutes=5))
    assert make.due_names(database) == []
    end(database, run)
    assert make.status(database, trigger_id) is TriggerStatus.PAUSED


def test_a_run_once_is_not_started_beside_others(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    start(database, clock, 1)
    once = run_requests.RunOnce(arguments="#1")
    assert not database.write(lambda s: run_requests.request_once(s, trigger_id, once, now=clock.utc_now()))


def test_nothing_starts_beside_what_an_older_scheduler_runs(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    begun = database.write(
        lambda s: triggers.begin_scheduled(s, trigger_id, now=database.utc_now(), zone=database.zone)
    )
    assert begun
    clock.advance(timedelta(minutes=5))
    assert make.due_names(database) == []


def test_older_schedulers_are_offered_nothing_that_runs(database: Database, clock: SettableClock) -> None:
    make.scheduled(database, max_jobs=3)
    start(database, clock, 1)

    def pending(session: Any) -> Any:
        return pending_triggers.find(session, TriggerType.SCHEDULED, now=clock.utc_now(), zone=database.zone)

    assert make.due_names(database) == ["scheduled"]
    assert database.read(pending) == ()


def test_fewer_jobs_at_the_same_time_end_nothing_and_start_nothing(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    begun = start(database, clock, 2)
    assert database.write(lambda s: triggers.update(s, trigger_id, {"max_jobs": None}))
    assert make.due_names(database) == []
    assert statuses(database, trigger_id, begun) == ["Running", "Idle"]


def test_a_status_that_somebody_sets_stays_and_the_mark_goes(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    begun = start(database, clock, 2)
    make.set_status(database, trigger_id, TriggerStatus.IDLE)
    assert make.due_names(database) == [], "it has jobs that have not ended"
    assert statuses(database, trigger_id, begun) == ["Idle", "Idle"]
    assert make.trigger(database, trigger_id).status_after is None
    assert make.due_names(database) == ["scheduled"]


@pytest.mark.parametrize("garbage", ["RUNNING", "KILLING", "Failed", ""])
def test_a_mark_that_somebody_wrote_by_hand_hinders_no_end(
    database: Database, clock: SettableClock, garbage: str
) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    begun = start(database, clock, 2)
    assert database.write(lambda s: triggers.update(s, trigger_id, {"status_after": garbage}))
    assert statuses(database, trigger_id, begun) == ["Running", "Idle"]


def test_a_trigger_that_waits_for_jobs_that_are_gone_is_settled(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    start(database, clock, 2)
    assert database.write(lambda s: triggers.request_pause(s, trigger_id))
    database.write(lambda s: s.execute(sa.update(Job).values(status=JobStatus.DONE)))
    assert stuck_triggers.find_stuck(database) == (trigger_id,)
    assert make.settle_stuck(database) == 1
    assert make.trigger(database, trigger_id).status_after is None


def test_a_trigger_of_one_job_takes_the_statements_it_always_took(database: Database, clock: SettableClock) -> None:
    """One at a time costs nothing more: claim and end are counted, with a trigger of several jobs beside it."""
    counts = {}
    for most in (None, 3):
        trigger_id = make.scheduled(database, f"most {most}", max_jobs=most)
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, sql: str, *_: Any, seen: list[str] = statements) -> None:
            seen.append(sql)

        sa.event.listen(database.engine, "before_cursor_execute", note)
        (run,) = make.claim_all(database)
        assert runs.begin_run(database, run)
        end(database, run)
        sa.event.remove(database.engine, "before_cursor_execute", note)
        counts[most] = len(statements)
        assert database.write(lambda s, one=trigger_id: triggers.delete(s, one))
    assert counts[None] == counts[3], "what nobody runs beside is ended as ever"
