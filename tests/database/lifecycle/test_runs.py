"""The life of a run after its claim: begun once, ended once, and settled when nobody owns it any more."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow, text_length
from OpenOrchestrator.database.leases import LEASE_SECONDS, LEFT_LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import ownership, reaping, runs, stray_elements, trigger_claims
from OpenOrchestrator.database.models import Job, Log, QueueElement, Scheduler, Trigger
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, LogLevel, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import jobs as job_store
from OpenOrchestrator.database.stores import schedulers, triggers

HERE = Identity("here")
THERE = Identity("there")
ENDS = [JobStatus.DONE, JobStatus.FAILED, JobStatus.KILLED, JobStatus.TIMED_OUT, JobStatus.LOST]


def _end(database, run, status=JobStatus.DONE, *, exit_code=0, reason=None, fence=None):
    fence = run.fence if fence is None else fence
    return runs.finish(database, run.job_id, fence, status=status, exit_code=exit_code, reason=reason)


@pytest.fixture
def run(database):
    """A claimed run of a scheduled trigger that was due at 01:00 site time."""
    make.scheduled(database)
    (claimed,) = make.claim_all(database, HERE)
    return claimed


# --- begin and record


def test_a_run_begins_once(database, run):
    assert runs.begin_run(database, run)
    assert make.job(database, run.job_id).status is JobStatus.RUNNING
    assert not runs.begin_run(database, run)


def test_what_runs_is_recorded(database, run):
    assert runs.begin_run(database, run)
    started_at = datetime(2026, 1, 1, 0, 0, 1, 250_000, tzinfo=timezone.utc)
    assert runs.record_start(
        database, run, host_pid=4711, host_started=1767225601.25, commit_sha="a" * 40, started_at=started_at
    )
    job = make.job(database, run.job_id)
    assert (job.host_pid, job.host_started, job.commit_sha) == (4711, 1767225601.25, "a" * 40)
    assert job.started_at == started_at


def test_whoever_lost_a_run_can_neither_begin_nor_record_nor_finish_it(database, run):
    new = ownership.adopt(database, HERE, run.job_id, run.fence)
    assert new == run.fence + 1
    assert not runs.begin_run(database, run)
    assert not runs.record_start(
        database, run, host_pid=1, host_started=1.0, commit_sha=None, started_at=database.utc_now()
    )
    assert not runs.give_back(database, run, "no")
    assert not _end(database, run)
    job = make.job(database, run.job_id)
    assert (job.status, job.host_pid, job.reason) == (JobStatus.STARTING, None, None)
    assert _end(database, run, fence=new)


# --- finish


def test_the_error_log_of_a_run_is_stored_by_whoever_ends_it_and_by_nobody_else(database, run):
    def end(message):
        return runs.finish(
            database, run.job_id, run.fence, status=JobStatus.FAILED, exit_code=1, reason="x", error_log=message
        )

    assert end("what went wrong")
    assert not end("too late")
    (log,) = database.read(lambda s: s.scalars(sa.select(Log)).all())
    job = make.job(database, run.job_id)
    assert (log.log_message, log.log_level, log.job_id) == ("what went wrong", LogLevel.ERROR, run.job_id)
    assert (log.process_name, log.log_time) == (job.process_name, job.end_time)


@pytest.mark.parametrize("status", ENDS)
def test_the_end_of_a_run_is_stored(database, clock, run, status):
    runs.begin_run(database, run)
    clock.advance(timedelta(seconds=90))
    assert _end(database, run, status, exit_code=-9, reason="because")
    job = make.job(database, run.job_id)
    assert (job.status, job.exit_code, job.reason) == (status, -9, "because")
    assert job.end_time == datetime(2026, 1, 1, 1, 1, 30)
    assert job.lease_until is None


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", [JobStatus.DONE, JobStatus.FAILED])
def test_a_run_ends_once(database, run, first, second):
    assert _end(database, run, first, reason="first")
    before = make.status(database, run.trigger_id)
    assert not _end(database, run, second, reason="second")
    job = make.job(database, run.job_id)
    assert (job.status, job.reason) == (first, "first")
    assert make.status(database, run.trigger_id) is before


_T = TriggerStatus


@pytest.mark.parametrize(
    ("meanwhile", "status", "after"),
    [
        (_T.RUNNING, JobStatus.DONE, _T.IDLE),
        (_T.RUNNING, JobStatus.FAILED, _T.FAILED),
        (_T.RUNNING, JobStatus.TIMED_OUT, _T.FAILED),
        (_T.RUNNING, JobStatus.LOST, _T.FAILED),
        (_T.RUNNING, JobStatus.KILLED, _T.KILLED),
        (_T.PAUSING, JobStatus.DONE, _T.PAUSED),
        (_T.PAUSING, JobStatus.FAILED, _T.FAILED),
        (_T.KILLING, JobStatus.KILLED, _T.KILLED),
        (_T.KILLING, JobStatus.DONE, _T.KILLED),
        (_T.KILLING, JobStatus.FAILED, _T.KILLED),
        (_T.PAUSED, JobStatus.FAILED, _T.PAUSED),
        (_T.IDLE, JobStatus.FAILED, _T.IDLE),
        (_T.FAILED, JobStatus.DONE, _T.FAILED),
    ],
)
def test_the_trigger_follows_its_run_unless_an_admin_decided(database, run, meanwhile, status, after):
    make.set_status(database, run.trigger_id, meanwhile)
    assert _end(database, run, status)
    assert make.status(database, run.trigger_id) is after


@pytest.mark.parametrize(("status", "after"), [(JobStatus.DONE, _T.DONE), (JobStatus.FAILED, _T.FAILED)])
def test_a_single_trigger_is_done_after_its_run(database, status, after):
    made = make.single(database)
    (claimed,) = make.claim_all(database)
    assert _end(database, claimed, status)
    assert make.status(database, made) is after
    assert make.due_names(database) == []


def test_a_run_ends_though_its_trigger_was_deleted(database, run):
    assert database.write(lambda s: triggers.delete(s, run.trigger_id))
    assert _end(database, run, JobStatus.FAILED, reason="why")
    assert make.job(database, run.job_id).status is JobStatus.FAILED


@pytest.mark.kinds("sqlite")
def test_a_run_ends_though_its_trigger_was_poisoned(database, run):
    make.spoil(database, Trigger, run.trigger_id, "type", "LUNAR")
    assert _end(database, run)
    assert make.job(database, run.job_id).status is JobStatus.DONE


def _hold(database, job_id, status=QueueStatus.IN_PROGRESS):
    element = QueueElement(queue_name="Q", status=status, job_id=job_id, reference=str(job_id))
    element.id = uuid4()
    database.write(lambda s: s.add(element))
    return element.id


def _element(database, element_id):
    return database.read(lambda s: s.get_one(QueueElement, element_id))


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.KILLED])
def test_elements_that_an_ended_run_still_holds_are_abandoned_with_the_reason(database, run, clock, status):
    held = _hold(database, run.job_id)
    finished = _hold(database, run.job_id, QueueStatus.DONE)
    of_another = _hold(database, uuid4())
    clock.advance(timedelta(minutes=1))
    assert _end(database, run, status, reason="stopped by an æ")
    element = _element(database, held)
    assert element.status is QueueStatus.ABANDONED
    assert element.message.endswith("stopped by an æ")
    assert status.value in element.message
    assert element.end_date == datetime(2026, 1, 1, 1, 1)
    assert element.job_id == run.job_id
    assert _element(database, finished).status is QueueStatus.DONE
    assert _element(database, of_another).status is QueueStatus.IN_PROGRESS


def test_a_refused_end_leaves_the_elements_alone(database, run):
    held = _hold(database, run.job_id)
    assert not _end(database, run, fence=run.fence + 1)
    assert _element(database, held).status is QueueStatus.IN_PROGRESS


@pytest.mark.parametrize("letter", ["x", "🙂", "\0", "\ud800"])
def test_any_reason_of_any_length_is_stored(database, run, letter):
    held = _hold(database, run.job_id)
    assert _end(database, run, JobStatus.FAILED, reason=letter * 5000)
    for text in (make.job(database, run.job_id).reason, _element(database, held).message):
        assert 999 <= text_length(text, database.dialect_name) <= 1000
        assert text.endswith("…")


def test_of_many_who_end_a_run_at_once_one_is_accepted(database, run):
    own = Database(database.connection_string, clock=SettableClock(database.utc_now()), pool_size=8)
    start = threading.Barrier(8, timeout=30)

    def end(number):
        start.wait()
        return number if _end(own, run, reason=str(number)) else None

    with ThreadPoolExecutor(8) as pool:
        accepted = [number for number in pool.map(end, range(8)) if number is not None]
    own.close()
    assert len(accepted) == 1
    assert make.job(database, run.job_id).reason == str(accepted[0])


# --- give back


def test_a_run_that_is_given_back_is_due_again_at_the_same_time(database, clock, run):
    due_at = run.due_at
    clock.advance(timedelta(seconds=20))
    assert runs.give_back(database, run, "the scheduler stops")
    job = make.job(database, run.job_id)
    assert (job.status, job.reason) == (JobStatus.KILLED, "the scheduler stops")
    trigger = make.trigger(database, run.trigger_id)
    assert (trigger.process_status, trigger.failed_starts) == (TriggerStatus.IDLE, 0)
    (again,) = make.claim_all(database, Identity("there"))
    assert (again.due_at, again.attempt) == (due_at, 1)
    assert make.trigger(database, run.trigger_id).next_run == datetime(2026, 1, 1, 1, 5)


def test_a_lost_start_that_is_given_back_counts_as_the_next_attempt(database, run):
    assert runs.give_back(database, run, "lost", failed_starts=run.attempt)
    assert make.trigger(database, run.trigger_id).failed_starts == 1
    (again,) = make.claim_all(database, Identity("there"))
    assert (again.due_at, again.attempt) == (run.due_at, 2)


def test_a_lost_start_that_cannot_be_given_back_is_not_counted(database, run):
    assert runs.begin_run(database, run)
    assert not runs.give_back(database, run, "no", failed_starts=1)
    assert make.trigger(database, run.trigger_id).failed_starts == 0


def test_an_adopted_run_is_given_back_and_recorded_by_what_its_job_says(database, run):
    (found,) = ownership.jobs_of(database, HERE.name)
    adopted = replace(found, fence=ownership.adopt(database, Identity("here"), run.job_id, run.fence))
    assert not runs.give_back(database, found, "the fence is too old")
    assert runs.record_start(
        database, adopted, host_pid=1, host_started=1.0, commit_sha=None, started_at=database.utc_now()
    )
    assert runs.give_back(database, adopted, "the scheduler was started again")
    assert make.status(database, run.trigger_id) is TriggerStatus.IDLE


def test_a_run_that_has_begun_cannot_be_given_back(database, run):
    assert runs.begin_run(database, run)
    assert not runs.give_back(database, run, "no")
    assert make.job(database, run.job_id).status is JobStatus.RUNNING


def test_single_and_queue_triggers_are_due_again_when_given_back(database):
    make.single(database)
    make.queue(database, elements=1)
    for claimed in make.claim_all(database):
        assert runs.give_back(database, claimed, "the scheduler stops")
    assert make.due_names(database) == ["single", "queue"]


@pytest.mark.parametrize("kind", [make.single, make.scheduled])
def test_a_run_on_request_is_requested_again_when_given_back(database, kind):
    made = kind(database, next_run=datetime(2026, 5, 1))
    assert database.write(lambda s: triggers.request_run(s, made, now=database.utc_now()))
    (claimed,) = make.claim_all(database)
    job = make.job(database, claimed.job_id)
    assert (job.started_by, job.reason) == ("REQUEST", "Started on request.")
    # What is for people decides nothing.
    database.write(lambda s: s.execute(sa.update(Job).values(reason="Somebody wrote something else here.")))
    assert make.due_names(database) == []
    assert runs.give_back(database, claimed, "the scheduler stops")
    assert len(make.due_names(database)) == 1
    assert make.trigger(database, made).next_run == datetime(2026, 5, 1)


@pytest.mark.parametrize("status", ENDS)
def test_what_started_a_job_is_known_when_it_has_ended(database, status):
    make.single(database, "single")
    make.scheduled(database, "scheduled")
    make.queue(database, "queue", elements=1)
    asked = make.scheduled(database, "request", next_run=datetime(2026, 5, 1))
    assert database.write(lambda s: triggers.request_run(s, asked, now=database.utc_now()))
    make.scheduled(database, "hand")
    by_hand = trigger_claims.claim_by_name(database, HERE, "hand")
    claimed = [*make.claim_all(database, HERE), by_hand]
    for run in claimed:
        assert _end(database, run, status)
    found = {run.trigger_name: make.job(database, run.job_id) for run in claimed}
    assert {name: job.started_by for name, job in found.items()} == {
        "single": "SCHEDULE",
        "scheduled": "SCHEDULE",
        "queue": "QUEUE",
        "request": "REQUEST",
        "hand": "BY_HAND",
    }
    assert {job.reason for job in found.values()} == {None}


def test_a_run_by_hand_that_is_given_back_is_nobody_elses(database):
    make.scheduled(database, next_run=datetime(2026, 5, 1))
    claimed = trigger_claims.claim_by_name(database, HERE, "scheduled")
    assert runs.give_back(database, claimed, "interrupted")
    assert make.due_names(database) == []


def test_giving_back_respects_a_pause_and_a_kill(database, run):
    make.set_status(database, run.trigger_id, TriggerStatus.PAUSING)
    assert runs.give_back(database, run, "no")
    assert make.status(database, run.trigger_id) is TriggerStatus.PAUSED


# --- extend, adopt, kill


def _lease(database, job_id):
    return make.job(database, job_id).lease_until


def test_a_lease_is_extended_by_its_owner_alone(database, run):
    make.expire(database, run.job_id)
    old = _lease(database, run.job_id)
    assert ownership.extend(database, Identity("here"), [run.job_id]).ours == frozenset()
    assert _lease(database, run.job_id) == old
    assert ownership.extend(database, HERE, [run.job_id]).ours == {run.job_id}
    assert _lease(database, run.job_id) > datetime.now(timezone.utc)


def test_extending_tells_which_jobs_are_still_ones_own(database):
    for number in range(4):
        make.single(database, str(number))
    ended, adopted, gone, mine = make.claim_all(database, HERE)
    assert _end(database, ended)
    assert ownership.adopt(database, Identity("here"), adopted.job_id, adopted.fence)
    database.write(lambda s: s.execute(sa.delete(Job).where(Job.id == gone.job_id)))
    every = [run.job_id for run in (ended, adopted, gone, mine)]
    assert ownership.extend(database, HERE, every).ours == {mine.job_id}
    assert ownership.extend(database, HERE, []).ours == frozenset()


def test_the_jobs_of_a_name_are_found_for_adoption(database):
    make.single(database, "blocking", is_blocking=True, timeout_seconds=60)
    make.single(database, "deleted")
    make.single(database, "ended")
    made = {run.trigger_name: run for run in make.claim_all(database, HERE)}
    make.single(database, "of another")
    make.claim_all(database, Identity("there"))
    database.write(lambda s: job_store.start(s, "old", "here", site_now=database.site_now()))
    assert _end(database, made["ended"])
    assert database.write(lambda s: triggers.delete(s, made["deleted"].trigger_id))
    assert runs.begin_run(database, made["blocking"])
    make.expire(database, made["deleted"].job_id)
    found = {job.trigger_name: job for job in ownership.jobs_of(database, "here")}
    assert set(found) == {"blocking", "deleted"}
    blocking = found["blocking"]
    assert (blocking.status, blocking.owner) == (JobStatus.RUNNING, HERE.instance)
    assert (blocking.is_blocking, blocking.timeout_seconds, blocking.is_expired) == (True, 60, False)
    assert (blocking.type.name, blocking.due_at) == ("SINGLE", made["blocking"].due_at)
    deleted = found["deleted"]
    assert (deleted.type, deleted.is_blocking, deleted.is_expired) == (None, False, True)


def test_a_job_is_adopted_once_and_only_under_its_own_name(database, run):
    assert ownership.adopt(database, Identity("there"), run.job_id, run.fence) is None
    new = Identity("here")
    assert ownership.adopt(database, new, run.job_id, run.fence) == run.fence + 1
    assert ownership.adopt(database, Identity("here"), run.job_id, run.fence) is None
    assert ownership.extend(database, new, [run.job_id]).ours == {run.job_id}
    assert ownership.extend(database, HERE, [run.job_id]).ours == frozenset()
    assert _end(database, run, fence=run.fence + 1)
    assert ownership.adopt(database, new, run.job_id, run.fence + 1) is None


def test_a_job_whose_trigger_is_killing_is_to_be_killed(database, run):
    make.single(database)
    (other,) = make.claim_all(database)
    assert runs.kill_requests(database, [run.job_id, other.job_id]) == frozenset()
    assert database.write(lambda s: triggers.request_kill(s, run.trigger_id))
    assert runs.kill_requests(database, [run.job_id, other.job_id]) == {run.job_id}
    assert runs.kill_requests(database, [other.job_id]) == frozenset()
    assert runs.kill_requests(database, []) == frozenset()


def _request_kill(database, run):
    return database.write(lambda s: job_store.request_kill(s, run.job_id, now=database.utc_now()))


def test_a_job_whose_trigger_was_deleted_can_be_killed(database, run):
    make.single(database)
    (other,) = make.claim_all(database)
    assert database.write(lambda s: triggers.delete(s, run.trigger_id))
    assert runs.kill_requests(database, [run.job_id, other.job_id]) == frozenset()
    assert _request_kill(database, run)
    assert runs.kill_requests(database, [run.job_id, other.job_id]) == {run.job_id}
    assert not _request_kill(database, run), "once"
    assert _end(database, run, JobStatus.KILLED)
    assert make.job(database, run.job_id).status is JobStatus.KILLED


def test_a_kill_is_not_asked_for_where_nothing_would_come_of_it(database, run):
    assert database.write(lambda s: triggers.request_kill(s, run.trigger_id))
    assert not _request_kill(database, run), "its trigger is asked already"
    assert _end(database, run, JobStatus.KILLED)
    assert not _request_kill(database, run), "it has ended"
    old = database.write(lambda s: job_store.start(s, "p", "old", site_now=database.site_now()))
    assert not database.write(lambda s: job_store.request_kill(s, old, now=database.utc_now())), "nobody looks for it"
    assert runs.kill_requests(database, [old]) == frozenset()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TriggerStatus.RUNNING, TriggerStatus.IDLE),
        (TriggerStatus.PAUSING, TriggerStatus.PAUSED),
        (TriggerStatus.KILLING, TriggerStatus.KILLED),
        (TriggerStatus.PAUSED, TriggerStatus.PAUSED),
    ],
)
def test_where_one_run_alone_is_killed_its_trigger_goes_on(database, run, before, after):
    assert runs.begin_run(database, run)
    due = database.read(lambda s: triggers.require(s, run.trigger_id)).next_run
    assert database.write(lambda s: job_store.request_kill_of(s, run.trigger_id, now=database.utc_now()))
    assert not database.write(lambda s: job_store.request_kill_of(s, run.trigger_id, now=database.utc_now())), "once"
    database.write(lambda s: triggers.set_status(s, run.trigger_id, before))
    assert _end(database, run, JobStatus.KILLED)
    trigger = database.read(lambda s: triggers.require(s, run.trigger_id))
    assert (trigger.process_status, trigger.next_run) == (after, due)


def test_a_single_trigger_whose_run_alone_is_killed_is_done(database):
    make.single(database)
    (run,) = make.claim_all(database)
    assert _request_kill(database, run)
    assert _end(database, run, JobStatus.KILLED)
    assert database.read(lambda s: triggers.require(s, run.trigger_id)).process_status is TriggerStatus.DONE


@pytest.mark.parametrize("reaped", [False, True])
def test_a_run_that_was_to_be_killed_is_not_started_again(database, clock, run, reaped):
    due = database.read(lambda s: triggers.require(s, run.trigger_id)).next_run
    assert _request_kill(database, run)
    if reaped:
        make.expire(database, run.job_id)
        (settled,) = make.reap(database)
        assert not settled.is_due_again
    else:
        assert runs.give_back(database, run, "not here", failed_starts=1)
    trigger = database.read(lambda s: triggers.require(s, run.trigger_id))
    assert (trigger.process_status, trigger.next_run, trigger.failed_starts) == (TriggerStatus.IDLE, due, 0)


# --- reap


def test_a_job_whose_lease_lives_is_not_reaped(database, run):
    assert make.reap(database) == ()
    assert make.job(database, run.job_id).status is JobStatus.STARTING


@pytest.mark.parametrize("offset", [-5.0, 5.0])
def test_leases_compare_right_with_the_clock_of_the_database_down_to_seconds(database, run, offset):
    table = Job.__table__
    database.write(lambda s: s.execute(sa.update(table).values(lease_until=DatabaseUtcNow(offset))))
    assert len(make.reap(database)) == (1 if offset < 0 else 0)
    stored = datetime.now(timezone.utc) + timedelta(seconds=offset)
    database.write(lambda s: s.execute(sa.update(table).values(lease_until=stored, status=JobStatus.RUNNING)))
    assert len(make.reap(database)) == (1 if offset < 0 else 0)


def test_a_lost_start_is_tried_again_at_the_same_due_time_until_the_third(database, clock, run):
    due_at = run.due_at
    for attempt in (1, 2):
        clock.advance(timedelta(seconds=10))
        make.expire(database, run.job_id)
        (reaped,) = make.reap(database)
        assert (reaped.job_id, reaped.attempt, reaped.is_due_again) == (run.job_id, attempt, True)
        assert (reaped.status, reaped.scheduler_name) == (JobStatus.STARTING, "here")
        job = make.job(database, run.job_id)
        assert job.status is JobStatus.LOST
        assert job.reason == reaped.reason
        assert "'here'" in job.reason
        trigger = make.trigger(database, run.trigger_id)
        assert (trigger.process_status, trigger.failed_starts) == (TriggerStatus.IDLE, attempt)
        assert (trigger.next_run, trigger.due_at) == (datetime(2026, 1, 1, 1, 0), due_at)
        assert not _end(database, run), "the late finish is refused"
        (run,) = make.claim_all(database, HERE)
        assert (run.due_at, run.attempt) == (due_at, attempt + 1)
    make.expire(database, run.job_id)
    (reaped,) = make.reap(database)
    assert not reaped.is_due_again
    assert make.status(database, run.trigger_id) is TriggerStatus.FAILED
    assert make.due_names(database) == []
    assert database.write(lambda s: triggers.enable(s, run.trigger_id))
    assert make.trigger(database, run.trigger_id).failed_starts == 0


def test_a_robot_that_starts_ends_the_count_of_lost_starts(database, run):
    make.expire(database, run.job_id)
    make.reap(database)
    (again,) = make.claim_all(database)
    assert again.attempt == 2
    assert runs.begin_run(database, again)
    assert make.trigger(database, run.trigger_id).failed_starts == 0


def test_a_lost_robot_fails_its_trigger_and_loses_its_elements(database, run):
    held = _hold(database, run.job_id)
    assert runs.begin_run(database, run)
    make.expire(database, run.job_id)
    (reaped,) = make.reap(database)
    assert (reaped.status, reaped.is_due_again) == (JobStatus.RUNNING, False)
    assert make.job(database, run.job_id).status is JobStatus.LOST
    assert make.status(database, run.trigger_id) is TriggerStatus.FAILED
    element = _element(database, held)
    assert element.status is QueueStatus.ABANDONED
    assert "not heard of" in element.message
    assert not _end(database, run)
    assert ownership.extend(database, HERE, [run.job_id]).ours == frozenset()
    assert make.reap(database) == ()


@pytest.mark.parametrize(
    ("meanwhile", "begun", "after"),
    [
        (_T.KILLING, True, _T.KILLED),
        (_T.KILLING, False, _T.KILLED),
        (_T.PAUSING, False, _T.PAUSED),
        (_T.PAUSING, True, _T.FAILED),
        (_T.IDLE, True, _T.IDLE),
    ],
)
def test_what_an_admin_asked_for_is_settled_with_a_lost_run(database, run, meanwhile, begun, after):
    if begun:
        assert runs.begin_run(database, run)
    make.set_status(database, run.trigger_id, meanwhile)
    make.expire(database, run.job_id)
    assert len(make.reap(database)) == 1
    assert make.status(database, run.trigger_id) is after


def test_a_schedule_that_an_admin_changed_meanwhile_is_not_set_back(database, run):
    tomorrow = datetime(2026, 1, 2)
    assert database.write(lambda s: triggers.update(s, run.trigger_id, {"next_run": tomorrow}, zone=database.zone))
    make.expire(database, run.job_id)
    assert len(make.reap(database)) == 1
    assert make.trigger(database, run.trigger_id).next_run == tomorrow
    assert make.status(database, run.trigger_id) is TriggerStatus.IDLE


def test_an_overdue_run_that_was_lost_is_due_again_as_it_was(database, clock):
    made = make.scheduled(database, next_run=datetime(2025, 12, 31, 12, 0))
    (lost,) = make.claim_all(database)
    assert make.trigger(database, made).next_run == datetime(2026, 1, 1, 1, 5)
    make.expire(database, lost.job_id)
    clock.advance(timedelta(minutes=3))
    make.reap(database)
    (again,) = make.claim_all(database)
    assert again.due_at == lost.due_at == datetime(2025, 12, 31, 11, tzinfo=timezone.utc)


def test_a_run_in_the_hour_that_occurs_twice_is_due_again_at_the_same_instant(database, clock):
    # Every half hour in real time: 02:30 occurs at 00:30 and 01:30 UTC on 2026-10-25 in Copenhagen.
    clock.now = datetime(2026, 10, 25, 1, 30, 2, tzinfo=timezone.utc)
    made = make.scheduled(database, cron_expr="*/30 * * * *", next_run=datetime(2026, 10, 25, 2, 30))
    second = datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc)
    database.write(lambda s: triggers.update(s, made, {"next_run": datetime(2026, 10, 25, 2, 30), "due_at": second}))
    (lost,) = make.claim_all(database)
    assert lost.due_at == second
    make.expire(database, lost.job_id)
    make.reap(database)
    (again,) = make.claim_all(database)
    assert again.due_at == second


def test_an_owner_that_extends_at_the_last_moment_keeps_its_job(database, run):
    make.expire(database, run.job_id)
    (lease,) = reaping.read_leases(database, THERE).leases
    assert ownership.extend(database, HERE, [run.job_id]).ours == {run.job_id}
    assert reaping.reap(database, lease, reaper=THERE) is reaping.NotReaped.CHANGED
    assert make.job(database, run.job_id).status is JobStatus.STARTING


def test_nobody_settles_jobs_of_its_own_whatever_the_clock_says(database, run):
    make.expire(database, run.job_id)
    assert reaping.read_leases(database, HERE).leases == ()
    (lease,) = reaping.read_leases(database, THERE).leases
    assert reaping.reap(database, lease, reaper=HERE) is reaping.NotReaped.CHANGED
    assert make.job(database, run.job_id).status is JobStatus.STARTING


def test_a_lease_seems_longer_than_it_is_only_where_the_hold_on_the_name_does_not_show_it(database, run):
    schedulers.enroll(
        database,
        HERE,
        version="4",
        slots=1,
        pid=1,
        pid_started=None,
        host_name="machine",
        previous_is_dead=lambda _pid, _identity: False,
        is_silent=lambda _hold: True,
    )

    def longest() -> float:
        (lease,) = reaping.read_leases(database, THERE).leases
        return lease.longest

    hour = DatabaseUtcNow(3600)
    database.write(lambda s: s.execute(sa.update(Job).where(Job.id == run.job_id).values(lease_until=hour)))
    assert longest() == LEFT_LEASE_SECONDS, "its robots may have been left on purpose"
    database.write(lambda s: s.execute(sa.update(Scheduler).values(lease_until=hour)))
    assert longest() == LEASE_SECONDS, "the clock was set back since both were written"
    schedulers.leave(database, HERE)
    assert longest() == LEFT_LEASE_SECONDS


def test_nothing_is_settled_by_what_was_known_too_long_ago(database, run):
    make.expire(database, run.job_id)
    (lease,) = reaping.read_leases(database, THERE).leases
    outdated = reaping.reap(database, lease, reaper=THERE, is_current=lambda: False)
    assert outdated is reaping.NotReaped.OUTDATED
    assert make.job(database, run.job_id).status is JobStatus.STARTING
    assert ownership.extend(database, HERE, [run.job_id]).prolonged == {run.job_id}


def test_what_is_outdated_once_it_is_written_is_undone(database, run):
    assert runs.begin_run(database, run)
    _hold(database, run.job_id)
    make.expire(database, run.job_id)
    (lease,) = reaping.read_leases(database, THERE).leases
    known = iter([True, False])
    outdated = reaping.reap(database, lease, reaper=THERE, is_current=lambda: next(known))
    assert outdated is reaping.NotReaped.OUTDATED
    job = make.job(database, run.job_id)
    assert (job.status, job.fence, job.lease_until) == (JobStatus.RUNNING, lease.fence, lease.until)
    assert make.status(database, run.trigger_id) is TriggerStatus.RUNNING
    assert database.read(lambda s: s.scalars(sa.select(QueueElement.status)).one()) is QueueStatus.IN_PROGRESS
    assert database.read(lambda s: s.scalars(sa.select(Log)).all()) == []
    assert ownership.extend(database, HERE, [run.job_id]).prolonged == {run.job_id}


def test_jobs_of_older_schedulers_are_never_reaped(database):
    old = database.write(lambda s: job_store.start(s, "process", "old host", site_now=datetime(2020, 1, 1)))
    assert make.reap(database) == ()
    assert make.job(database, old).status is JobStatus.RUNNING


def test_a_lost_run_whose_trigger_was_deleted_is_settled(database, run):
    assert database.write(lambda s: triggers.delete(s, run.trigger_id))
    make.expire(database, run.job_id)
    (reaped,) = make.reap(database)
    assert not reaped.is_due_again
    assert make.job(database, run.job_id).status is JobStatus.LOST


def test_of_many_who_reap_at_once_each_job_is_settled_by_one(database):
    for number in range(6):
        make.single(database, str(number))
    lost = make.claim_all(database)
    for one in lost:
        make.expire(database, one.job_id)
    own = Database(database.connection_string, clock=SettableClock(database.utc_now()), pool_size=6)
    start = threading.Barrier(6, timeout=30)

    def sweep(number):
        start.wait()
        return make.reap(own, str(number))

    with ThreadPoolExecutor(6) as pool:
        settled = [job.job_id for found in pool.map(sweep, range(6)) for job in found]
    own.close()
    assert sorted(settled) == sorted(one.job_id for one in lost)
    assert all(make.trigger(database, one.trigger_id).failed_starts == 1 for one in lost)


def test_a_sweep_and_a_late_finish_never_both_win(database):
    for number in range(10):
        make.single(database, f"{number:02}")
    lost = make.claim_all(database, HERE)
    for one in lost:
        runs.begin_run(database, one)
        make.expire(database, one.job_id)
    own = Database(database.connection_string, clock=SettableClock(database.utc_now()))
    start = threading.Barrier(2, timeout=30)

    def finish():
        start.wait()
        return {one.job_id for one in lost if _end(own, one)}

    def sweep():
        start.wait()
        return {job.job_id for job in make.reap(own)}

    with ThreadPoolExecutor(2) as pool:
        finishing, sweeping = pool.submit(finish), pool.submit(sweep)
        finished, swept = finishing.result(), sweeping.result()
    own.close()
    assert not finished & swept
    assert finished | swept == {one.job_id for one in lost}
    for one in lost:
        done = one.job_id in finished
        assert make.job(database, one.job_id).status is (JobStatus.DONE if done else JobStatus.LOST)
        assert make.status(database, one.trigger_id) is (TriggerStatus.DONE if done else TriggerStatus.FAILED)


# --- rows that somebody else holds locked


@pytest.fixture
def two(database):
    """Two runs of one scheduler, the first one with an element."""
    for number in range(2):
        make.single(database, str(number))
    claimed = make.claim_all(database, HERE)
    for one in claimed:
        assert runs.begin_run(database, one)
    _hold(database, claimed[0].job_id)
    return claimed


def _locked(connection, table, row_id):
    assert connection.execute(sa.select(table.c.id).where(table.c.id == row_id).with_for_update()).all()


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
def test_a_job_whose_row_is_locked_stays_ours_and_hinders_no_other(database, two):
    locked, other = (run.job_id for run in two)
    before = {one: _lease(database, one) for one in (locked, other)}
    with database.connection(writing=True) as connection:
        _locked(connection, Job.__table__, locked)
        extension = ownership.extend(database, HERE, [locked, other], seconds=60)
        assert (extension.prolonged, extension.locked) == ({other}, {locked})
        assert extension.ours == {locked, other}
        assert ownership.extend(database, THERE, [locked, other]).ours == frozenset()
    assert _lease(database, locked) == before[locked]
    assert _lease(database, other) > before[other]
    assert ownership.extend(database, HERE, [locked, other]).prolonged == {locked, other}


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
@pytest.mark.parametrize("table", [Job.__table__, Trigger.__table__])
def test_a_job_whose_row_or_trigger_is_locked_is_not_settled_now(database, two, table):
    leases = {one.job_id: one for one in reaping.read_leases(database, THERE).leases}
    locked, other = two
    with database.connection(writing=True) as connection:
        _locked(connection, table, locked.job_id if table is Job.__table__ else locked.trigger_id)
        assert reaping.reap(database, leases[locked.job_id], reaper=THERE) is reaping.NotReaped.LOCKED
        assert isinstance(reaping.reap(database, leases[other.job_id], reaper=THERE), reaping.ReapedJob)
        free = reaping.free_of_locks(database, list(leases.values()))
        assert (leases[locked.job_id] in free) is (table is not Job.__table__)
    assert make.job(database, locked.job_id).status is JobStatus.RUNNING
    assert isinstance(reaping.reap(database, leases[locked.job_id], reaper=THERE), reaping.ReapedJob)


@pytest.mark.kinds("postgresql")  # elsewhere a row cannot be locked for reading either
def test_rows_that_can_be_locked_but_not_written_are_not_free(database, two):
    leases = reaping.read_leases(database, THERE).leases
    hasty = Database(database.connection_string, clock=SettableClock(database.utc_now()), patience_seconds=0)
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql('LOCK TABLE "Jobs" IN SHARE MODE')  # as CREATE INDEX does
        with pytest.raises(TransientDatabaseError, match="lock timeout"):
            reaping.free_of_locks(hasty, leases)
    assert len(reaping.free_of_locks(hasty, leases)) == 2
    hasty.close()


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
def test_an_element_whose_row_is_locked_does_not_keep_its_job_from_being_settled(database, two):
    (lease,) = [one for one in reaping.read_leases(database, THERE).leases if one.job_id == two[0].job_id]
    held = database.read(lambda s: s.scalars(sa.select(QueueElement.id)).one())
    with database.connection(writing=True) as connection:
        _locked(connection, QueueElement.__table__, held)
        assert isinstance(reaping.reap(database, lease, reaper=THERE), reaping.ReapedJob)
        (stray,) = stray_elements.find_strays(database)
        assert not stray_elements.abandon_stray(database, stray)
    assert _element(database, held).status is QueueStatus.IN_PROGRESS
    assert stray_elements.abandon_stray(database, stray)
    assert _element(database, held).status is QueueStatus.ABANDONED
    assert stray_elements.find_strays(database) == ()


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
def test_a_trigger_whose_row_is_locked_is_settled_later(database):
    stuck, other = make.scheduled(database), make.scheduled(database, "other")
    for one in (stuck, other):
        make.set_status(database, one, TriggerStatus.PAUSING)
    with database.connection(writing=True) as connection:
        _locked(connection, Trigger.__table__, stuck)
        assert make.settle_stuck(database) == 1
    assert make.status(database, other) is TriggerStatus.PAUSED
    assert make.settle_stuck(database) == 1


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
def test_a_claim_waits_for_nobody_who_holds_the_row_of_its_scheduler_locked(database):
    database.write(lambda s: schedulers.ping(s, "here", site_now=database.site_now()))
    made = make.single(database)
    with database.connection(writing=True) as connection:
        connection.execute(sa.select(Scheduler.slots).with_for_update()).all()
        assert len(make.claim_all(database, HERE)) == 1
    assert make.status(database, made) is TriggerStatus.RUNNING


# --- the log of a run that failed


def _errors(database):
    return database.read(lambda s: list(s.execute(sa.select(Log.job_id, Log.process_name, Log.log_message))))


def test_the_error_log_of_a_run_is_there_if_its_end_was_accepted(database, run):
    def end():
        return runs.finish(
            database, run.job_id, run.fence, status=JobStatus.FAILED, exit_code=1, reason="why", error_log="all of it"
        )

    assert end()
    assert not end()
    assert _errors(database) == [(run.job_id, "Process", "all of it")]


def test_a_run_that_ended_well_has_no_error_log(database, run):
    assert _end(database, run)
    assert _errors(database) == []


def test_a_job_that_was_settled_has_its_reason_in_the_log(database, run):
    make.expire(database, run.job_id)
    (reaped,) = make.reap(database)
    assert _errors(database) == [(run.job_id, "Process", reaped.reason)]


# --- a scheduler that is killed


def _claim_and_die(connection_string, now, begin):
    database = Database(connection_string, clock=SettableClock(now))
    claimed = make.claim_all(database, Identity("victim"))
    for one in claimed[: len(claimed) // 2] if begin else ():
        assert runs.begin_run(database, one)
    os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)


def test_what_a_killed_scheduler_held_is_settled_and_nothing_is_lost(database):
    made = [make.single(database, str(number)) for number in range(4)]
    process = multiprocessing.get_context("spawn").Process(
        target=_claim_and_die, args=(database.connection_string, database.utc_now(), True)
    )
    process.start()
    process.join(timeout=60)
    assert process.exitcode not in (0, None)
    jobs = make.jobs(database)
    assert sorted(job.status.name for job in jobs) == ["RUNNING", "RUNNING", "STARTING", "STARTING"]
    assert make.due_names(database) == []
    assert make.reap(database) == ()
    for job in jobs:
        make.expire(database, job.id)
    reaped = make.reap(database)
    assert sorted(job.is_due_again for job in reaped) == [False, False, True, True]
    assert len(make.due_names(database)) == 2
    assert sorted(make.status(database, one).name for one in made) == ["FAILED", "FAILED", "IDLE", "IDLE"]
    assert not [job for job in make.jobs(database) if job.status in ACTIVE_JOB_STATUSES]


# --- commits whose outcome is unknown


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
@pytest.mark.parametrize("was_saved", [True, False])
@pytest.mark.parametrize("what", ["begin", "finish", "give back", "adopt", "extend", "reap", "record"])
def test_a_write_whose_outcome_is_unknown_is_read_back(database, run, what, was_saved):
    work = {
        "begin": lambda: runs.begin_run(database, run),
        "finish": lambda: runs.finish(
            database, run.job_id, run.fence, status=JobStatus.FAILED, exit_code=1, reason="x", error_log="why"
        ),
        "give back": lambda: runs.give_back(database, run, "x"),
        "adopt": lambda: ownership.adopt(database, HERE, run.job_id, run.fence) == run.fence + 1,
        "extend": lambda: ownership.extend(database, HERE, [run.job_id]).ours == {run.job_id},
        "reap": lambda: len(make.reap(database)) == 1,
        "record": lambda: runs.record_start(
            database, run, host_pid=1, host_started=1.0, commit_sha=None, started_at=database.utc_now()
        ),
    }[what]
    if what == "reap":
        make.expire(database, run.job_id)
    cut = []

    def break_once(connection):
        if not cut and connection.get_execution_options().get("openorchestrator_writing"):
            cut.append(True)
            if was_saved:
                connection.connection.dbapi_connection.commit()
            else:
                connection.connection.dbapi_connection.rollback()
            raise sa.exc.OperationalError("COMMIT", {}, Exception("cut"), connection_invalidated=True)

    sa.event.listen(database.engine, "commit", break_once)
    try:
        assert work()
    finally:
        sa.event.remove(database.engine, "commit", break_once)
    assert cut
    expected = {
        "begin": JobStatus.RUNNING,
        "finish": JobStatus.FAILED,
        "give back": JobStatus.KILLED,
        "reap": JobStatus.LOST,
    }.get(what, JobStatus.STARTING)
    assert make.job(database, run.job_id).status is expected
    assert len(_errors(database)) == (what in ("finish", "reap")), "the log is as the end is, and there once"


def test_a_lease_may_be_prolonged_for_longer(database, run):
    assert ownership.extend(database, HERE, [run.job_id], seconds=900).ours == {run.job_id}
    query = sa.select(Job.lease_until, DatabaseUtcNow().label("now")).where(Job.id == run.job_id)
    lease_until, now = database.read(lambda session: session.execute(query).one())
    assert 890 < (lease_until - now).total_seconds() <= 900
