"""Runs that fail: tried again, counted, or left to an admin, in the transaction that ends them."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.attention import late
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import failed_runs, runs, trigger_claims, waiting_facts
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.lifecycle.waiting import Cause
from OpenOrchestrator.database.models import Job, QueueElement, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, StartedBy, TriggerStatus
from OpenOrchestrator.database.stores import jobs as job_store
from OpenOrchestrator.database.stores import pauses, run_requests, triggers, waiting_retries
from OpenOrchestrator.database.stores.run_requests import RunOnce
from OpenOrchestrator.database.stores.trigger_rows import WaitingRetry

MAKERS = (make.single, make.scheduled, make.queue)
EACH_KIND = pytest.mark.parametrize("create", MAKERS, ids=lambda one: one.__name__)
RETRYING: dict[str, Any] = {"retry_times": 2, "retry_pause_seconds": 600, "retry_growth": 2.0}


def database_now(database: Database) -> datetime:
    return database.read(waiting_retries.database_now)


def begin(database: Database) -> ClaimedRun:
    """Claim the one trigger that is due, and begin its run."""
    (run,) = make.claim_all(database)
    assert runs.begin_run(database, run)
    return run


def end(database: Database, run: ClaimedRun, status: JobStatus = JobStatus.FAILED) -> None:
    assert runs.finish(database, run.job_id, run.fence, status=status, exit_code=1, reason="why")


def fail(database: Database, status: JobStatus = JobStatus.FAILED) -> ClaimedRun:
    run = begin(database)
    end(database, run, status)
    return run


def queue_with_elements(database: Database, **base: Any) -> UUID:
    return make.queue(database, elements=3, **base)


def pass_pause(database: Database, trigger_id: UUID) -> None:
    """Let the pause before a retry be over, as if all of it had passed."""
    past = database.utc_now() - timedelta(days=1)
    retry = sa.update(Trigger).where(Trigger.id == trigger_id).values(retry_at=past)
    table = SingleTrigger.__table__
    single = sa.update(table).where(table.c.id == trigger_id)  # type: ignore[arg-type]
    site = database.site_now() - timedelta(days=1)
    database.write(lambda s: (s.execute(retry), s.execute(single.values(next_run=site, due_at=past))))


@EACH_KIND
def test_a_failed_run_holds_its_trigger_as_before_if_nothing_is_said(database: Database, create: Any) -> None:
    trigger_id = create(database, **({"elements": 1} if create is make.queue else {}))
    fail(database)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.failed_runs, trigger.retry_at) == (TriggerStatus.FAILED, 1, None)


@EACH_KIND
def test_a_failed_run_is_tried_again_after_growing_pauses(database: Database, create: Any) -> None:
    trigger_id = create(database, **({"elements": 1} if create is make.queue else {}), **RETRYING)
    first = fail(database)
    for number, pause in ((1, 600), (2, 1200)):
        trigger = make.trigger(database, trigger_id)
        assert trigger.process_status is TriggerStatus.IDLE
        assert (trigger.retry_number, trigger.retry_of, trigger.failed_runs) == (number, first.job_id, 0)
        waits = trigger.retry_at - database_now(database)
        assert timedelta(seconds=pause - 60) < waits <= timedelta(seconds=pause + 60)
        assert make.due_names(database) == []
        pass_pause(database, trigger_id)
        retry = begin(database)
        job = make.job(database, retry.job_id)
        assert (job.retry_of, job.retry_number, job.attempt) == (first.job_id, number, 1)
        assert job.started_by == StartedBy.RETRY.name
        assert make.trigger(database, trigger_id).retry_at is None
        end(database, retry)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.failed_runs, trigger.retry_at) == (TriggerStatus.FAILED, 1, None)
    assert make.job(database, first.job_id).retry_of is None


def test_a_good_retry_ends_the_run_well(database: Database) -> None:
    trigger_id = make.scheduled(database, pause_after_failures=3, **RETRYING)
    database.write(lambda s: s.execute(sa.update(Trigger).values(failed_runs=2)))
    fail(database)
    pass_pause(database, trigger_id)
    fail(database, JobStatus.DONE)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.failed_runs, trigger.retry_at) == (TriggerStatus.IDLE, 0, None)


def test_a_single_trigger_is_done_after_a_good_retry(database: Database) -> None:
    trigger_id = make.single(database, **RETRYING)
    fail(database)
    pass_pause(database, trigger_id)
    fail(database, JobStatus.DONE)
    assert make.status(database, trigger_id) is TriggerStatus.DONE


@pytest.mark.parametrize(
    ("status", "after", "retried"),
    [
        (JobStatus.FAILED, None, True),
        (JobStatus.TIMED_OUT, None, True),
        (JobStatus.TIMED_OUT, "FAILED", False),
        (JobStatus.FAILED, "TIMED_OUT", False),
        (JobStatus.KILLED, None, False),
        (JobStatus.LOST, None, False),
    ],
)
def test_only_ends_that_the_trigger_names_are_tried_again(
    database: Database, status: JobStatus, after: str | None, retried: bool
) -> None:
    trigger_id = make.scheduled(database, retry_after=after, **RETRYING)
    fail(database, status)
    trigger = make.trigger(database, trigger_id)
    held = TriggerStatus.KILLED if status is JobStatus.KILLED else TriggerStatus.FAILED
    assert trigger.process_status is (TriggerStatus.IDLE if retried else held)
    assert (trigger.retry_at is not None) is retried


@pytest.mark.parametrize("ask", ["trigger", "job"])
def test_a_run_that_was_to_be_killed_is_not_tried_again_however_it_ended(database: Database, ask: str) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    run = begin(database)
    if ask == "trigger":
        assert database.write(lambda s: triggers.request_kill(s, trigger_id))
    else:
        assert database.write(lambda s: job_store.request_kill(s, run.job_id, now=database.utc_now()))
    end(database, run, JobStatus.FAILED)
    trigger = make.trigger(database, trigger_id)
    assert trigger.retry_at is None
    assert trigger.process_status is (TriggerStatus.KILLED if ask == "trigger" else TriggerStatus.FAILED)


@pytest.mark.parametrize(("when_lost", "retried"), [(None, False), ("LEAVE", False), ("RETRY", True)])
def test_a_lost_run_is_tried_again_only_where_the_trigger_says_so(
    database: Database, when_lost: str | None, retried: bool
) -> None:
    trigger_id = make.scheduled(database, when_lost=when_lost, pause_after_failures=0, **RETRYING)
    run = begin(database)
    make.expire(database, run.job_id)
    (reaped,) = make.reap(database)
    assert not reaped.is_due_again
    trigger = make.trigger(database, trigger_id)
    assert trigger.process_status is (TriggerStatus.IDLE if retried else TriggerStatus.FAILED)
    assert trigger.retry_of == (run.job_id if retried else None)
    assert (reaped.retry and (reaped.retry.number, reaped.retry.first)) == ((1, run.job_id) if retried else None)


def test_an_end_tells_which_retry_it_leads_to(database: Database) -> None:
    trigger_id = make.scheduled(database, **{**RETRYING, "retry_times": 1})
    told: list[WaitingRetry | None] = []

    def finish(status: JobStatus) -> UUID:
        run = begin(database)
        how = {"status": status, "exit_code": 1, "reason": "why", "tell_retry": told.append}
        assert runs.finish(database, run.job_id, run.fence, **how)  # type: ignore[arg-type]
        return run.job_id

    first = finish(JobStatus.FAILED)
    at = make.trigger(database, trigger_id).retry_at
    pass_pause(database, trigger_id)
    finish(JobStatus.FAILED)
    assert told == [WaitingRetry(at, 1, first), None]


def test_a_start_that_was_lost_for_good_never_had_a_robot_and_is_tried_again_as_a_failed_run(
    database: Database,
) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    for _ in range(3):
        (run,) = make.claim_all(database)
        make.expire(database, run.job_id)
        make.reap(database)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.retry_number, trigger.failed_starts) == (TriggerStatus.IDLE, 1, 0)


def test_a_trigger_is_held_after_so_many_failed_runs_in_a_row(database: Database) -> None:
    trigger_id = queue_with_elements(database, pause_after_failures=3)
    for failed in (1, 2):
        fail(database)
        trigger = make.trigger(database, trigger_id)
        assert (trigger.process_status, trigger.failed_runs) == (TriggerStatus.IDLE, failed)
    fail(database)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.failed_runs) == (TriggerStatus.FAILED, 3)
    assert database.write(lambda s: triggers.enable(s, trigger_id))
    assert make.trigger(database, trigger_id).failed_runs == 0


def test_a_good_run_and_an_admin_reset_the_failed_runs_and_a_killed_one_does_not(database: Database) -> None:
    trigger_id = queue_with_elements(database, pause_after_failures=3)
    fail(database)
    run = begin(database)
    assert database.write(lambda s: job_store.request_kill(s, run.job_id, now=database.utc_now()))
    end(database, run, JobStatus.KILLED)
    assert make.trigger(database, trigger_id).failed_runs == 1
    fail(database, JobStatus.DONE)
    assert make.trigger(database, trigger_id).failed_runs == 0
    fail(database)
    assert database.write(lambda s: triggers.reset_failed_runs(s, trigger_id))
    assert make.trigger(database, trigger_id).failed_runs == 0


def test_a_trigger_that_is_never_held_goes_on_after_any_number(database: Database) -> None:
    trigger_id = queue_with_elements(database, pause_after_failures=0)
    for _ in range(4):
        fail(database)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.failed_runs) == (TriggerStatus.IDLE, 4)


def test_a_single_trigger_is_failed_after_its_run_whatever_the_limit(database: Database) -> None:
    trigger_id = make.single(database, pause_after_failures=0)
    fail(database)
    assert make.status(database, trigger_id) is TriggerStatus.FAILED


def test_what_becomes_due_while_a_retry_waits_is_part_of_that(database: Database) -> None:
    trigger_id = make.scheduled(database, cron_expr="* * * * *", **RETRYING)
    fail(database)
    before = make.trigger(database, trigger_id).next_run
    passed = database.site_now() - timedelta(minutes=5)
    table: Any = ScheduledTrigger.__table__
    database.write(lambda s: s.execute(sa.update(table).values(next_run=passed, due_at=None)))
    assert make.due_names(database) == [], "the schedule waits with the retry"
    pass_pause(database, trigger_id)
    retry = begin(database)
    trigger = make.trigger(database, trigger_id)
    assert make.job(database, retry.job_id).retry_number == 1
    assert trigger.next_run >= before, "one run for both"
    end(database, retry, JobStatus.DONE)
    assert make.due_names(database) == []


def test_a_retry_leaves_a_next_run_that_is_ahead(database: Database) -> None:
    trigger_id = make.scheduled(database, cron_expr="0 0 1 1 *", **RETRYING)
    fail(database)
    before = make.trigger(database, trigger_id).next_run
    pass_pause(database, trigger_id)
    begin(database)
    assert make.trigger(database, trigger_id).next_run == before


def test_a_retry_of_a_queue_trigger_waits_with_its_queue_and_needs_none(database: Database) -> None:
    trigger_id = make.queue(database, elements=1, **RETRYING)
    fail(database)
    assert make.due_names(database) == [], "the queue is still full enough"
    database.write(lambda s: s.execute(sa.delete(QueueElement)))
    pass_pause(database, trigger_id)
    assert make.due_names(database) == ["queue"]


def test_a_retry_that_waits_is_not_late(database: Database) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    fail(database)
    passed = database.site_now() - timedelta(minutes=5)
    table: Any = ScheduledTrigger.__table__
    database.write(lambda s: s.execute(sa.update(table).values(next_run=passed, due_at=None)))

    def is_late() -> bool:
        single, t = SingleTrigger.__table__, Trigger.__table__
        joined = t.outerjoin(single, single.c.id == t.c.id).outerjoin(table, table.c.id == t.c.id)
        query = sa.select(t.c.id).select_from(joined).where(late(database.site_now()))
        return database.read(lambda s: s.execute(query).first()) is not None

    assert not is_late()
    pass_pause(database, trigger_id)
    assert is_late()


@EACH_KIND
def test_run_now_brings_the_retry_forward(database: Database, create: Any) -> None:
    trigger_id = create(database, **({"elements": 1} if create is make.queue else {}), **RETRYING)
    first = fail(database)
    assert database.write(lambda s: triggers.request_run(s, trigger_id, now=database.utc_now()))
    retry = begin(database)
    job = make.job(database, retry.job_id)
    assert (job.retry_of, job.retry_number, job.started_by) == (first.job_id, 1, StartedBy.REQUEST.name)
    end(database, retry, JobStatus.DONE)
    assert make.due_names(database) in ([], ["queue"])


def test_a_run_by_hand_is_the_retry(database: Database) -> None:
    make.scheduled(database, **RETRYING)
    first = fail(database)
    run = trigger_claims.claim_by_name(database, Identity("here"), "scheduled")
    job = make.job(database, run.job_id)
    assert (job.retry_of, job.retry_number, job.started_by) == (first.job_id, 1, StartedBy.BY_HAND.name)


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.FAILED])
def test_a_run_with_arguments_of_its_own_is_beside_the_retry(database: Database, status: JobStatus) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    first = fail(database)
    once = RunOnce(arguments="once")
    assert database.write(lambda s: run_requests.request_once(s, trigger_id, once, now=database.utc_now()))
    run = begin(database)
    assert make.job(database, run.job_id).retry_of is None
    end(database, run, status)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.retry_of) == (TriggerStatus.IDLE, first.job_id)
    assert trigger.failed_runs == 0
    pass_pause(database, trigger_id)
    assert make.job(database, begin(database).job_id).retry_of == first.job_id


@EACH_KIND
@pytest.mark.parametrize("how", ["given back", "reaped"])
def test_a_retry_that_did_not_begin_waits_again(database: Database, create: Any, how: str) -> None:
    trigger_id = create(database, **({"elements": 1} if create is make.queue else {}), **RETRYING)
    first = fail(database)
    pass_pause(database, trigger_id)
    next_run = getattr(make.trigger(database, trigger_id), "next_run", None)
    (run,) = make.claim_all(database)
    if how == "given back":
        assert runs.give_back(database, run, "why")
    else:
        make.expire(database, run.job_id)
        assert [job.is_due_again for job in make.reap(database)] == [True]
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.retry_number) == (TriggerStatus.IDLE, 1)
    assert getattr(trigger, "next_run", None) == next_run
    job = make.job(database, begin(database).job_id)
    assert (job.retry_of, job.retry_number) == (first.job_id, 1)


def test_a_retry_whose_start_was_killed_is_over(database: Database) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    fail(database)
    pass_pause(database, trigger_id)
    (run,) = make.claim_all(database)
    assert database.write(lambda s: triggers.request_kill(s, trigger_id))
    assert runs.give_back(database, run, "why")
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.retry_at) == (TriggerStatus.KILLED, None)


def test_a_pause_that_was_asked_for_while_the_run_failed_keeps_the_retry(database: Database) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    run = begin(database)
    assert database.write(lambda s: triggers.disable(s, trigger_id))
    end(database, run)
    assert make.status(database, trigger_id) is TriggerStatus.PAUSED
    pass_pause(database, trigger_id)
    assert make.due_names(database) == []
    assert database.write(lambda s: triggers.enable(s, trigger_id))
    assert make.job(database, begin(database).job_id).retry_of == run.job_id


def test_a_pause_that_ends_by_itself_passes_over_a_retry_that_it_missed(database: Database) -> None:
    trigger_id = make.scheduled(database, cron_expr="0 0 1 1 *", **RETRYING)
    fail(database)
    now = database.utc_now()
    for missed in (False, True):
        assert database.write(lambda s: pauses.pause(s, trigger_id, pauses.PauseNote(), now=now))
        if missed:
            pass_pause(database, trigger_id)
        assert database.write(lambda s: triggers.enable_from_next(s, trigger_id, now=now, zone=database.zone))
        assert (make.trigger(database, trigger_id).retry_at is None) is missed


def test_what_a_scheduler_started_that_knows_no_retries_makes_the_retry_void(database: Database) -> None:
    trigger_id = make.scheduled(database, cron_expr="0 0 1 1 *", **RETRYING)
    fail(database)
    pass_pause(database, trigger_id)
    later = database.site_now() + timedelta(minutes=1)
    # As 3.0.0 does: the status and the last run, and nothing that it does not know.
    ran = sa.update(Trigger).where(Trigger.id == trigger_id).values(last_run=later)
    database.write(lambda s: s.execute(ran))
    assert make.trigger(database, trigger_id).retry_at is not None
    assert make.due_names(database) == []


def test_a_queue_trigger_whose_retry_became_void_waits_for_its_queue(database: Database) -> None:
    trigger_id = make.queue(database, elements=2, min_batch_size=2, **RETRYING)
    fail(database)
    pass_pause(database, trigger_id)
    later = database.site_now() + timedelta(minutes=1)
    database.write(lambda s: (s.execute(sa.update(Trigger).values(last_run=later)), s.execute(sa.delete(QueueElement))))
    make.add_elements(database, "Q", 1)
    assert make.trigger(database, trigger_id).retry_at is not None
    assert make.due_names(database) == [], "its queue is not full enough"
    make.add_elements(database, "Q", 1)
    assert make.due_names(database) == ["queue"]
    assert make.job(database, begin(database).job_id).retry_number is None


def test_the_next_run_of_a_single_trigger_is_its_retry_for_schedulers_that_know_none(database: Database) -> None:
    trigger_id = make.single(database, **RETRYING)
    fail(database)
    trigger = make.trigger(database, trigger_id)
    assert trigger.due_at == trigger.retry_at
    assert trigger.next_run > database.site_now() + timedelta(minutes=9)


def test_a_time_that_an_admin_sets_for_a_single_trigger_wins(database: Database) -> None:
    trigger_id = make.single(database, **RETRYING)
    run = begin(database)
    tomorrow = database.site_now() + timedelta(days=1)
    change = {"next_run": tomorrow}
    assert database.write(lambda s: triggers.update(s, trigger_id, change, zone=database.zone))
    end(database, run)
    stored = make.trigger(database, trigger_id)
    assert abs(stored.next_run - tomorrow) < timedelta(seconds=1)
    assert stored.retry_number == 1


def test_what_an_admin_set_the_trigger_to_meanwhile_stays(database: Database) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    run = begin(database)
    make.set_status(database, trigger_id, TriggerStatus.FAILED)
    end(database, run)
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.retry_at) == (TriggerStatus.FAILED, None)


def test_a_run_of_a_trigger_that_was_deleted_meanwhile_just_ends(database: Database) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    run = begin(database)
    assert database.write(lambda s: triggers.delete(s, trigger_id))
    end(database, run)
    assert make.job(database, run.job_id).status is JobStatus.FAILED


@pytest.mark.parametrize(("limit", "status"), [(1, TriggerStatus.FAILED), (2, TriggerStatus.IDLE)])
def test_a_retry_that_is_given_up_was_the_last_of_its_run(
    database: Database, limit: int, status: TriggerStatus
) -> None:
    trigger_id = make.scheduled(database, pause_after_failures=limit, **RETRYING)
    assert not database.write(lambda s: failed_runs.give_up_retry(s, trigger_id))
    fail(database)
    assert database.write(lambda s: failed_runs.give_up_retry(s, trigger_id))
    trigger = make.trigger(database, trigger_id)
    assert (trigger.process_status, trigger.failed_runs, trigger.retry_at) == (status, 1, None)
    assert not database.write(lambda s: failed_runs.give_up_retry(s, trigger_id))


def test_an_end_is_decided_on_once(database: Database) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    run = begin(database)
    end(database, run)
    late = {"status": JobStatus.FAILED, "exit_code": 1, "reason": "again"}
    assert not runs.finish(database, run.job_id, run.fence, **late)  # type: ignore[arg-type]
    assert make.trigger(database, trigger_id).retry_number == 1


def test_the_answer_to_why_is_the_back_off(database: Database) -> None:
    trigger_id = make.queue(database, elements=1, **RETRYING)
    fail(database)
    (explained,) = waiting_facts.explain(database, "queue")
    (reason,) = explained.reasons
    assert reason.cause is Cause.BACK_OFF
    assert "back-off until" in reason.words
    assert reason.words.endswith("then retry 1 of 2.")
    assert reason.until is not None
    pass_pause(database, trigger_id)
    (explained,) = waiting_facts.explain(database, "queue")
    assert all(reason.cause is not Cause.BACK_OFF for reason in explained.reasons)


@pytest.mark.parametrize("create", [partial(make.scheduled, cron_expr="0 0 1 1 *"), make.single])
def test_retries_go_by_the_clock_of_the_database(database: Database, create: Any) -> None:
    trigger_id = create(database, **RETRYING)
    fast = Database(database.connection_string, clock=SettableClock(database_now(database) + timedelta(hours=2)))
    try:
        (run,) = make.claim_all(fast)
        runs.begin_run(fast, run)
        end(fast, run)
        waits = make.trigger(database, trigger_id).retry_at - database_now(database)
        assert waits < timedelta(minutes=11), "the machine whose clock is ahead does not make it longer"
        assert make.due_names(fast) == [], "nor shorter"
    finally:
        fast.close()


def test_links_between_attempts_are_found_by_their_first(database: Database) -> None:
    trigger_id = make.scheduled(database, **RETRYING)
    first = fail(database)
    for _ in range(2):
        pass_pause(database, trigger_id)
        fail(database)
    query = sa.select(Job.retry_number).where(Job.retry_of == first.job_id).order_by(Job.retry_number)
    assert database.read(lambda s: s.scalars(query).all()) == [1, 2]
