"""Runs that somebody asked for with arguments of their own or for one scheduler, and what a job keeps of its run."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, trigger_claims
from OpenOrchestrator.database.models import Trigger
from OpenOrchestrator.database.statuses import (
    RESTING_TRIGGER_STATUSES,
    JobStatus,
    SecretPassing,
    TriggerStatus,
    TriggerType,
)
from OpenOrchestrator.database.stores import jobs as job_store
from OpenOrchestrator.database.stores import run_requests, triggers
from OpenOrchestrator.database.stores.run_requests import RunOnce

HERE = Identity("here")
THERE = Identity("there")
LATER = datetime(2026, 5, 1)
ENDS = [JobStatus.DONE, JobStatus.FAILED, JobStatus.KILLED, JobStatus.TIMED_OUT, JobStatus.LOST]
KINDS = [make.single, make.scheduled, make.queue]


def ask(database, trigger_id, arguments="other", **more):
    """Ask for a run with arguments of its own."""
    run = RunOnce(arguments=arguments, **more)
    return database.write(lambda s: run_requests.request_once(s, trigger_id, run, now=database.utc_now()))


def request(database, trigger_id):
    """Ask for an ordinary run."""
    return database.write(lambda s: run_requests.request(s, trigger_id, now=database.utc_now(), requested_by="Anna"))


def claim_one(database, identity=HERE):
    (run,) = make.claim_all(database, identity)
    return run


def end(database, run, status=JobStatus.DONE):
    assert runs.begin_run(database, run)
    assert runs.finish(database, run.job_id, run.fence, status=status, exit_code=None, reason=None)


# --- what a job keeps


def test_a_job_keeps_what_it_ran_with_whatever_becomes_of_its_trigger(database):
    made = make.scheduled(
        database,
        process_path="https://git.example/robot",
        process_args='{"customer": 7}',
        is_git_repo=True,
        git_branch="v2",
        secret_passing=SecretPassing.ARGUMENTS,
        timeout_seconds=90,
        keep_files=True,
    )
    run = claim_one(database)
    database.write(lambda s: triggers.update(s, made, {"process_args": "new", "timeout_seconds": None}))
    end(database, run)
    database.write(lambda s: triggers.delete(s, made))
    job = make.job(database, run.job_id)
    assert (job.process_path, job.is_git_repo, job.git_branch) == ("https://git.example/robot", True, "v2")
    assert (job.process_args, job.timeout_seconds, job.keep_files) == ('{"customer": 7}', 90, True)
    assert (job.secret_passing, job.started_by) == ("ARGUMENTS", "SCHEDULE")
    assert (job.requested_by, job.run_scheduler, job.again_of, job.trigger_before) == (None, None, None, None)


def test_who_asked_for_an_ordinary_run_is_kept_and_the_request_is_gone(database):
    made = make.scheduled(database, next_run=LATER, process_args="own")
    assert request(database, made)
    job = make.job(database, claim_one(database).job_id)
    assert (job.started_by, job.requested_by, job.process_args, job.trigger_before) == ("REQUEST", "Anna", "own", None)
    trigger = make.trigger(database, made)
    assert (trigger.run_requested_at, trigger.run_requested_by) == (None, None)


# --- run once


@pytest.mark.parametrize("before", RESTING_TRIGGER_STATUSES, ids=lambda status: status.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_run_once_has_its_own_arguments_and_leaves_its_trigger_as_it_was(database, kind, before):
    made = kind(database, process_args="own", **({} if kind is make.queue else {"next_run": LATER}))
    make.set_status(database, made, before)
    assert ask(database, made, "other", requested_by="Anna")
    run = claim_one(database)
    assert (run.process_args, run.due_at) == ("other", None)
    assert make.status(database, made) is TriggerStatus.RUNNING
    end(database, run)
    trigger = make.trigger(database, made)
    assert (trigger.process_status, trigger.process_args) == (before, "own")
    assert (trigger.run_requested_at, trigger.run_args, trigger.run_requested_by) == (None, None, None)
    if kind is not make.queue:
        assert trigger.next_run == LATER
    job = make.job(database, run.job_id)
    assert (job.started_by, job.process_args, job.requested_by) == ("REQUEST", "other", "Anna")
    assert make.due_names(database) == []


@pytest.mark.parametrize("before", RESTING_TRIGGER_STATUSES, ids=lambda status: status.name)
@pytest.mark.parametrize("status", ENDS, ids=lambda status: status.name)
def test_whatever_the_end_of_a_run_once_its_trigger_is_as_before(database, status, before):
    made = make.scheduled(database, next_run=LATER)
    make.set_status(database, made, before)
    assert ask(database, made)
    end(database, claim_one(database), status)
    assert make.status(database, made) is before


def test_a_run_once_without_arguments_has_none(database):
    made = make.scheduled(database, next_run=LATER, process_args="own")
    assert ask(database, made, "")
    assert claim_one(database).process_args == ""


def test_what_is_due_runs_as_well_and_with_the_arguments_of_the_trigger(database):
    made = make.scheduled(database, process_args="own")
    due_at = make.trigger(database, made).due_at
    assert ask(database, made, "other")
    once = claim_one(database)
    assert (once.process_args, once.due_at) == ("other", None)
    end(database, once)
    ordinary = claim_one(database)
    assert (ordinary.process_args, ordinary.due_at) == ("own", due_at)
    assert make.job(database, ordinary.job_id).started_by == "SCHEDULE"


def test_a_single_trigger_that_ran_once_still_runs_at_its_time(database, clock):
    made = make.single(database, next_run=datetime(2026, 1, 1, 1, 30))
    assert ask(database, made)
    end(database, claim_one(database))
    clock.advance(timedelta(minutes=30))
    end(database, claim_one(database))
    assert make.status(database, made) is TriggerStatus.DONE


def test_a_queue_trigger_runs_for_its_queue_beside_a_run_that_waits_for_another_scheduler(database):
    made = make.queue(database, elements=1, process_args="own")
    assert ask(database, made, "other", scheduler_name="there")
    run = claim_one(database)
    assert (run.process_args, make.job(database, run.job_id).started_by) == ("own", "QUEUE")
    end(database, run)
    assert claim_one(database, THERE).process_args == "other"


def test_a_run_for_one_scheduler_is_due_there_alone_whatever_the_whitelist_says(database):
    made = make.scheduled(database, next_run=LATER, scheduler_whitelist=["here"])
    assert ask(database, made, "other", scheduler_name="There ")
    assert make.due_names(database, "here") == []
    assert make.due_names(database, "there") == ["scheduled"]
    run = claim_one(database, THERE)
    assert make.job(database, run.job_id).run_scheduler == "There "


def test_a_run_once_for_any_scheduler_obeys_the_whitelist(database):
    made = make.scheduled(database, next_run=LATER, scheduler_whitelist=["there"])
    assert ask(database, made)
    assert make.due_names(database, "here") == []
    assert make.due_names(database, "there") == ["scheduled"]


def test_a_claim_for_the_schedule_leaves_a_run_that_is_wanted_elsewhere(database):
    made = make.scheduled(database, process_args="own")
    assert ask(database, made, "other", scheduler_name="there")
    run = claim_one(database)
    assert (run.process_args, make.job(database, run.job_id).requested_by) == ("own", None)
    end(database, run)
    assert claim_one(database, THERE).process_args == "other"


def test_a_run_by_hand_leaves_a_run_once_that_waits(database):
    made = make.scheduled(database, next_run=LATER, process_args="own")
    assert ask(database, made, "other")
    run = trigger_claims.claim_by_name(database, HERE, "scheduled")
    assert run.process_args == "own"
    end(database, run)
    assert claim_one(database).process_args == "other"


@pytest.mark.parametrize("begin", [triggers.begin_single, triggers.begin_scheduled, triggers.begin_queue])
def test_a_start_by_the_published_functions_leaves_a_run_once_that_waits(database, begin):
    kinds = {triggers.begin_single: TriggerType.SINGLE, triggers.begin_scheduled: TriggerType.SCHEDULED}
    kind = kinds.get(begin, TriggerType.QUEUE)
    made = {TriggerType.SINGLE: make.single, TriggerType.SCHEDULED: make.scheduled}.get(kind, make.queue)(database)
    assert ask(database, made, "other", requested_by="Anna")
    assert database.write(lambda s: begin(s, made, now=database.utc_now(), zone=database.zone))
    assert make.due_names(database) == []
    make.set_status(database, made, TriggerStatus.DONE)
    job = make.job(database, claim_one(database).job_id)
    assert (job.process_args, job.requested_by) == ("other", "Anna")


def test_one_run_is_asked_for_at_a_time(database):
    made = make.scheduled(database, next_run=LATER)
    assert ask(database, made, "first")
    assert not ask(database, made, "second")
    assert not request(database, made)
    assert claim_one(database).process_args == "first"
    assert not ask(database, made, "while it runs")
    other = make.scheduled(database, "other", next_run=LATER)
    assert request(database, other)
    assert not ask(database, other)


@pytest.mark.parametrize("stop", [triggers.disable, triggers.request_pause, run_requests.cancel])
def test_a_run_once_is_taken_back(database, stop):
    made = make.scheduled(database, next_run=LATER)
    assert ask(database, made)
    assert database.write(lambda s: stop(s, made))
    assert make.due_names(database) == []
    assert not database.write(lambda s: run_requests.cancel(s, made))
    assert database.write(lambda s: triggers.enable(s, made)) is (stop is not run_requests.cancel)
    assert make.due_names(database) == []


def test_arguments_that_another_program_left_without_a_request_mean_nothing(database):
    made = make.scheduled(database, process_args="own")
    database.write(lambda s: s.execute(sa.update(Trigger).values(run_args="left over")))
    assert claim_one(database).process_args == "own"
    make.set_status(database, made, TriggerStatus.PAUSED)


# --- races


def test_of_several_that_claim_a_run_once_one_gets_it(database):
    made = make.scheduled(database, next_run=LATER)
    make.set_status(database, made, TriggerStatus.FAILED)
    assert ask(database, made)
    due = trigger_claims.due_triggers(database, scheduler_name="here").due
    gate, won = threading.Barrier(4), []

    def claim(number):
        gate.wait()
        won.extend(trigger_claims.claim(database, Identity(f"here {number}"), due))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(make.jobs(database)) == 1


def test_a_claim_takes_what_is_asked_for_when_it_locks_the_row(database):
    made = make.scheduled(database, next_run=LATER)
    assert ask(database, made, "first")
    seen = trigger_claims.due_triggers(database, scheduler_name="here").due
    database.write(lambda s: run_requests.cancel(s, made))
    assert trigger_claims.claim(database, HERE, seen) == ()
    assert ask(database, made, "for others", scheduler_name="there")
    assert trigger_claims.claim(database, HERE, seen) == ()
    database.write(lambda s: run_requests.cancel(s, made))
    assert ask(database, made, "second")
    (run,) = trigger_claims.claim(database, HERE, seen)
    assert run.process_args == "second"


def test_a_claim_for_a_schedule_does_not_start_a_trigger_that_was_paused_meanwhile(database):
    made = make.scheduled(database)
    seen = trigger_claims.due_triggers(database, scheduler_name="here").due
    make.set_status(database, made, TriggerStatus.PAUSED)
    assert ask(database, made, "other")
    assert trigger_claims.claim(database, HERE, seen) == ()


# --- given back, lost, killed


@pytest.mark.parametrize("before", RESTING_TRIGGER_STATUSES, ids=lambda status: status.name)
@pytest.mark.parametrize("way", ["give back", "reap"])
def test_a_run_once_that_did_not_begin_is_asked_for_again_as_it_was(database, way, before):
    made = make.scheduled(database, next_run=LATER, process_args="own")
    make.set_status(database, made, before)
    first = uuid4()
    assert ask(database, made, "other", scheduler_name="there", again_of=first, requested_by="Anna")
    run = claim_one(database, THERE)
    if way == "give back":
        assert runs.give_back(database, run, "the scheduler stops")
    else:
        make.expire(database, run.job_id)
        (reaped,) = make.reap(database, "another")
        assert reaped.is_due_again
    assert make.status(database, made) is before
    assert make.due_names(database, "here") == []
    again = claim_one(database, THERE)
    assert again.process_args == "other"
    job = make.job(database, again.job_id)
    assert (job.started_by, job.run_scheduler, job.again_of) == ("AGAIN", "there", first)
    assert (job.requested_by, job.trigger_before) == ("Anna", before.name)
    assert job.attempt == (1 if way == "give back" else 2)
    end(database, again)
    assert make.status(database, made) is before


def test_a_run_once_whose_starts_are_lost_again_and_again_is_given_up(database):
    made = make.scheduled(database, next_run=LATER)
    assert ask(database, made)
    for attempt in (1, 2, 3):
        run = claim_one(database)
        assert run.attempt == attempt
        make.expire(database, run.job_id)
        make.reap(database)
    trigger = make.trigger(database, made)
    assert (trigger.process_status, trigger.failed_starts, trigger.run_requested_at) == (TriggerStatus.IDLE, 0, None)


def test_a_run_once_that_was_lost_while_it_ran_is_not_repeated(database):
    made = make.scheduled(database, next_run=LATER)
    make.set_status(database, made, TriggerStatus.PAUSED)
    assert ask(database, made)
    run = claim_one(database)
    assert runs.begin_run(database, run)
    make.expire(database, run.job_id)
    make.reap(database)
    assert make.status(database, made) is TriggerStatus.PAUSED
    assert make.due_names(database) == []


@pytest.mark.parametrize(
    ("stop", "after"), [(triggers.disable, TriggerStatus.PAUSED), (triggers.request_kill, TriggerStatus.KILLED)]
)
@pytest.mark.parametrize("ordinary", [False, True])
def test_who_stops_a_trigger_while_its_run_on_request_starts_does_not_want_that_run(database, stop, after, ordinary):
    made = make.scheduled(database, next_run=LATER)
    assert request(database, made) if ordinary else ask(database, made)
    run = claim_one(database)
    assert database.write(lambda s: stop(s, made))
    assert runs.give_back(database, run, "the scheduler stops")
    assert make.status(database, made) is after
    assert make.due_names(database) == []
    assert database.write(lambda s: triggers.enable(s, made))
    assert make.due_names(database) == []


def test_only_this_run_once_is_stopped(database):
    made = make.scheduled(database, next_run=LATER)
    make.set_status(database, made, TriggerStatus.FAILED)
    assert ask(database, made)
    run = claim_one(database)
    assert database.write(lambda s: job_store.request_kill(s, run.job_id, now=database.utc_now()))
    assert runs.give_back(database, run, "killed before it began")
    assert make.status(database, made) is TriggerStatus.FAILED
    assert make.due_names(database) == []


def test_what_older_schedulers_do_with_a_trigger_that_is_to_run_once(database):
    """They know none of the columns: they start what is due, with the trigger's arguments, and set the status."""
    made = make.scheduled(database, process_args="own")
    assert ask(database, made, "other")
    due = sa.select(Trigger.process_args).where(Trigger.process_status == TriggerStatus.IDLE)
    assert database.read(lambda s: s.scalars(due).all()) == ["own"]
    database.write(lambda s: s.execute(sa.update(Trigger).values(process_status=TriggerStatus.RUNNING)))
    assert make.due_names(database) == [], "it has a run that this scheduler does not know"
    database.write(lambda s: s.execute(sa.update(Trigger).values(process_status=TriggerStatus.FAILED)))
    assert claim_one(database).process_args == "other"
    assert make.status(database, made) is TriggerStatus.RUNNING
