"""Runs that were missed: run once, each in order, or skipped, and what is seen of those that are skipped."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import pauses, reaping, runs, trigger_claims, waiting_facts
from OpenOrchestrator.database.lifecycle.waiting import Cause
from OpenOrchestrator.database.statuses import JobStatus, StartedBy, TriggerStatus
from OpenOrchestrator.database.stores import (
    cordons,
    pools,
    run_requests,
    site_pause,
    skipping,
    trigger_input,
    triggers,
)
from OpenOrchestrator.database.stores import jobs as job_store
from OpenOrchestrator.database.stores import pauses as pause_store
from OpenOrchestrator.database.stores.jobs import JobFilter
from OpenOrchestrator.database.stores.pauses import PauseNote

HERE = Identity("here")
SITE_HOUR = timedelta(hours=1)
"""The site is one hour before UTC."""


def utc(*parts: int) -> datetime:
    return datetime(2026, 1, *parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def hourly(database, missed, name="hourly", **more):
    """Make a trigger that was due at 02:00 at the site, which is 01:00 UTC, and every hour since."""
    more = {"cron_expr": "0 * * * *", "next_run": datetime(2026, 1, 1, 2), "missed": missed, **more}
    return make.scheduled(database, name, **more)


def skip(database, identity=HERE):
    """Leave out what is to be left out, as a scheduler does, and return how it says so."""
    found = trigger_claims.due_triggers(database, scheduler_name=identity.name)
    return [each.reason for each in trigger_claims.skip_missed(database, identity, found.missed)]


def skipped(database):
    return [job for job in make.jobs(database) if job.status is JobStatus.SKIPPED]


def skipped_dues(database):
    return sorted(job.due_at for job in skipped(database))


def next_due(database, trigger_id):
    found = make.trigger(database, trigger_id)
    assert found.next_run == (found.due_at + SITE_HOUR).replace(tzinfo=None)
    return found.due_at


def done(database, run):
    assert runs.begin_run(database, run)
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)


# --- once


def test_without_a_rule_one_run_stands_for_all_and_nothing_is_skipped(database, clock):
    made = hourly(database, None)
    clock.now = utc(9, 4, 30)
    (run,) = make.claim_all(database)
    assert (run.due_at, next_due(database, made)) == (utc(1, 1), utc(9, 5))
    assert not skipped(database)


def test_once_within_a_delay_runs_the_first_that_is_not_too_late_and_skips_those_before(database, clock):
    made = hourly(database, "ONCE", missed_within_seconds=2 * 3600)
    clock.now = utc(1, 4, 30)
    (run,) = make.claim_all(database)
    assert (run.due_at, next_due(database, made)) == (utc(1, 3), utc(1, 5))
    assert skipped_dues(database) == [utc(1, 1), utc(1, 2)]
    assert make.job(database, run.job_id).due_at == utc(1, 3)


def test_the_job_of_a_run_that_was_skipped_says_all_of_it_and_ran_nowhere(database, clock):
    made = hourly(database, "SKIP")
    clock.now = utc(1, 1, 30)
    words = ["The run due 2026-01-01 02:00 was missed and is skipped: its trigger skips missed runs."]
    assert skip(database) == words
    (job,) = skipped(database)
    assert (job.trigger_id, job.trigger_name, job.process_name) == (made, "hourly", "Process")
    assert (job.scheduler_name, job.due_at, [job.reason]) == ("here", utc(1, 1), words)
    assert (job.start_time, job.end_time) == (datetime(2026, 1, 1, 2, 30),) * 2
    assert (job.started_at, job.started_by, job.owner, job.lease_until, job.exit_code) == (None,) * 5
    found = make.trigger(database, made)
    assert (found.process_status, found.last_run, found.failed_runs) == (TriggerStatus.IDLE, None, 0)


# --- skip


def test_what_is_only_late_is_run_though_missed_runs_are_skipped(database, clock):
    hourly(database, "SKIP")
    clock.now = utc(1, 1, 5)
    assert make.due_names(database) == ["hourly"]
    clock.now = utc(1, 1, 5, 1)
    assert make.due_names(database) == []
    assert len(skip(database)) == 1
    assert skip(database) == []
    assert make.due_names(database) == []


def test_those_that_are_told_one_by_one_are_listed_in_their_order(database, clock):
    hourly(database, "SKIP")
    clock.now = utc(1, 5, 30)
    assert len(skip(database)) == 5
    assert [job.due_at for job in skipped(database)] == [utc(1, hour) for hour in (1, 2, 3, 4, 5)]


def test_many_are_one_row_that_names_the_count(database, clock):
    made = hourly(database, "SKIP")
    clock.now = utc(3, 4, 30)
    (told,) = skip(database)
    assert told.startswith("52 runs due from 2026-01-01 02:00 to 2026-01-03 05:00 were missed and are skipped: its")
    assert skipped_dues(database) == [utc(3, 4)]
    assert next_due(database, made) == utc(3, 5)


def test_a_run_that_somebody_asks_for_is_run_and_what_was_missed_is_skipped(database, clock):
    made = hourly(database, "SKIP")
    clock.now = utc(1, 1, 30)
    found = trigger_claims.due_triggers(database, scheduler_name="here")
    assert database.write(lambda s: run_requests.request(s, made, now=database.utc_now()))
    assert trigger_claims.skip_missed(database, HERE, found.missed) == ()  # it was not asked for when that was found
    (run,) = make.claim_all(database)
    job = make.job(database, run.job_id)
    assert (run.due_at, job.started_by) == (None, StartedBy.REQUEST.name)
    assert (skipped_dues(database), next_due(database, made)) == ([utc(1, 1)], utc(1, 2))


def test_by_hand_a_trigger_runs_however_late_it_is(database, clock):
    made = hourly(database, "SKIP")
    clock.now = utc(1, 1, 30)
    run = trigger_claims.claim_by_name(database, HERE, "hourly")
    assert (run.due_at, skipped_dues(database), next_due(database, made)) == (None, [utc(1, 1)], utc(1, 2))


@pytest.mark.parametrize("hold", ["pause", "cordon"])
def test_nothing_is_skipped_while_nothing_starts(database, clock, hold):
    hourly(database, "SKIP")
    clock.now = utc(1, 1, 30)
    if hold == "pause":
        assert database.write(lambda s: site_pause.pause(s, reason="x"))
    else:
        make.enroll(database, HERE)
        assert database.write(lambda s: cordons.cordon(s, "here", by="Anna"))
    assert skip(database) == []
    assert not skipped(database)
    if hold == "pause":
        assert database.write(site_pause.resume)
        assert len(skip(database)) == 1


def test_of_several_schedulers_one_skips(database, clock):
    hourly(database, "SKIP")
    clock.now = utc(1, 4, 30)
    found = trigger_claims.due_triggers(database, scheduler_name=None).missed
    gate, told = threading.Barrier(4), []

    def work(name):
        gate.wait()
        told.append(len(trigger_claims.skip_missed(database, Identity(name), found)))

    threads = [threading.Thread(target=work, args=(f"s{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [0, 0, 0, 4]
    assert skipped_dues(database) == [utc(1, hour) for hour in (1, 2, 3, 4)]


def test_whose_next_run_was_changed_meanwhile_is_left_alone(database, clock):
    made = hourly(database, "SKIP")
    clock.now = utc(1, 1, 30)
    found = trigger_claims.due_triggers(database, scheduler_name="here").missed
    later = datetime(2026, 1, 9)
    assert database.write(lambda s: triggers.update(s, made, {"next_run": later}, zone=database.zone))
    assert trigger_claims.skip_missed(database, HERE, found) == ()
    assert make.trigger(database, made).next_run == later
    assert not skipped(database)


def test_in_the_hour_that_occurs_twice_what_was_skipped_already_is_not_skipped_again(database, clock):
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=timezone.utc) for hour in (0, 1))
    clock.now = first - timedelta(minutes=1)
    made = hourly(database, "SKIP", cron_expr="30 * * * *", next_run=datetime(2026, 10, 25, 2, 30))
    clock.now = first + timedelta(minutes=6)
    seen = trigger_claims.due_triggers(database, scheduler_name="late").missed
    assert len(skip(database)) == 1
    found = make.trigger(database, made)
    assert (found.next_run, found.due_at) == (datetime(2026, 10, 25, 2, 30), second)  # it reads like the one before
    assert trigger_claims.skip_missed(database, Identity("late"), seen) == ()
    assert skipped_dues(database) == [first]


def test_what_is_skipped_needs_nothing_of_a_pool_and_no_end_of_another_job(database, clock):
    database.write(lambda s: pools.insert(s, "A", 1, now=database.utc_now()))
    make.single(database, "holder", pools='{"A": 1}', next_run=datetime(2026, 1, 1, 1))
    assert len(make.claim_all(database)) == 1
    made = hourly(database, "SKIP", pools='{"A": 1}')
    clock.now = utc(1, 1, 30)
    assert len(skip(database)) == 1
    assert (skipped_dues(database), next_due(database, made)) == ([utc(1, 1)], utc(1, 2))


# --- each


def test_each_is_run_in_order_one_after_the_other(database, clock):
    made = hourly(database, "EACH")
    clock.now = utc(1, 4, 30)
    taken = []
    while found := make.claim_all(database):
        (run,) = found
        assert make.claim_all(database) == ()
        taken.append(run.due_at)
        done(database, run)
    assert taken == [utc(1, hour) for hour in (1, 2, 3, 4)]
    assert next_due(database, made) == utc(1, 5)
    assert not skipped(database)


def test_of_each_the_last_so_many_are_run_and_the_others_seen(database, clock):
    made = hourly(database, "EACH", missed_most=2)
    clock.now = utc(1, 4, 30)
    (run,) = make.claim_all(database)
    assert (run.due_at, next_due(database, made)) == (utc(1, 3), utc(1, 4))
    assert skipped_dues(database) == [utc(1, 1), utc(1, 2)]


def test_a_run_of_each_that_is_given_back_is_due_again_and_what_was_skipped_stays_so(database, clock):
    made = hourly(database, "EACH", missed_most=3)
    clock.now = utc(1, 4, 30)
    (run,) = make.claim_all(database)
    assert runs.give_back(database, run, "x")
    assert next_due(database, made) == utc(1, 2)
    clock.now = utc(1, 4, 40)
    (again,) = make.claim_all(database)
    assert again.due_at == run.due_at == utc(1, 2)
    make.expire(database, again.job_id)
    assert [type(each) for each in make.reap(database)] == [reaping.ReapedJob]
    assert next_due(database, made) == utc(1, 2)
    assert skipped_dues(database) == [utc(1, 1)]


def test_a_retry_leaves_what_waits_for_its_own_run(database, clock):
    made = hourly(database, "EACH", retry_times=1)
    clock.now = utc(1, 2, 30)
    (run,) = make.claim_all(database)
    assert runs.begin_run(database, run)
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.FAILED, exit_code=1, reason="x")
    clock.advance(timedelta(minutes=1))
    (retry,) = make.claim_all(database)
    assert make.job(database, retry.job_id).retry_of == run.job_id
    assert next_due(database, made) == utc(1, 2)
    done(database, retry)
    (second,) = make.claim_all(database)
    assert second.due_at == utc(1, 2)


def test_who_skips_the_next_run_of_a_trigger_that_runs_each_leaves_the_other_missed_ones(database, clock):
    made = hourly(database, "EACH")
    clock.now = utc(1, 4, 30)
    seen = make.trigger(database, made).next_run

    def pass_over(session):
        return skipping.skip_next(session, made, seen, by="Anna", now=database.utc_now(), zone=database.zone)

    assert database.write(pass_over)
    assert next_due(database, made) == utc(1, 2)
    assert not database.write(pass_over)
    assert [run.due_at for run in make.claim_all(database)] == [utc(1, 2)]


# --- pauses


@pytest.mark.parametrize(("missed", "due"), [(None, True), ("ONCE", True), ("EACH", True), ("SKIP", False)])
def test_a_trigger_does_after_its_pause_what_it_says(database, clock, missed, due):
    made = hourly(database, missed)
    note = PauseNote(until=utc(1, 4, 30))
    assert database.write(lambda s: pause_store.pause(s, made, note, now=database.utc_now()))
    clock.now = utc(1, 4, 30)
    for over in pauses.find_over(database):
        assert pauses.carry_out(database, over)
    assert bool(make.due_names(database)) is due
    assert bool(skip(database)) is not due


# --- rows of others


def test_what_no_version_writes_counts_as_what_all_did_before(database, clock):
    made = hourly(database, None)
    table = sa.table("Scheduled_Triggers", *map(sa.column, ("id", "missed", "missed_within_seconds", "missed_most")))
    values = {"missed": "WHATEVER", "missed_within_seconds": -1, "missed_most": 0}
    database.write(lambda s: s.execute(sa.update(table).values(values)))
    clock.now = utc(1, 4, 30)
    (run,) = make.claim_all(database)
    assert (run.due_at, next_due(database, made)) == (utc(1, 1), utc(1, 5))


def test_a_skipped_job_is_none_that_is_active_failed_or_to_be_settled(database, clock):
    hourly(database, "SKIP")
    clock.now = utc(1, 1, 30)
    skip(database)
    assert not reaping.read_leases(database, HERE).leases
    wanted = JobFilter(statuses=[JobStatus.SKIPPED])
    assert [job.status for job in database.read(lambda s: job_store.find(s, wanted))] == [JobStatus.SKIPPED]


@pytest.mark.parametrize(
    "values",
    [
        {"missed": "never"},
        {"missed_within_seconds": 299},
        {"missed_within_seconds": 10**9},
        {"missed_most": 0},
        {"missed_most": 1001},
    ],
)
def test_a_rule_that_cannot_be_is_refused(database, values):
    with pytest.raises(InvalidInputError):
        trigger_input.checked(values, dialect_name="sqlite", zone=database.zone)


# --- why


def words(database, name="hourly"):
    (found,) = waiting_facts.explain(database, name)
    return [reason.words for reason in found.reasons if reason.cause is Cause.MISSED]


def test_why_says_what_waits_and_what_will_be_skipped(database, clock):
    hourly(database, "EACH", missed_most=2)
    hourly(database, "SKIP", "skips")
    hourly(database, None, "plain")
    make.enroll(database, HERE)
    clock.now = utc(1, 1, 4)
    assert words(database) == []
    clock.now = utc(1, 1, 30)
    assert words(database) == ["1 missed run is waiting: its trigger runs each missed run, 2 at most."]
    assert words(database, "plain") == [], "it is due, and that is all"
    clock.now = utc(1, 4, 30)
    rule = "its trigger runs each missed run, 2 at most"
    assert words(database) == [
        f"2 missed runs are waiting, the first of 2026-01-01 04:00: {rule}.",
        f"2 missed runs will be skipped: {rule}.",
    ]
    assert words(database, "plain")[0].startswith("4 missed runs are waiting, the first of 2026-01-01 02:00: its")
    (found,) = waiting_facts.explain(database, "skips")
    assert [reason.cause for reason in found.reasons] == [Cause.MISSED]
    assert found.reasons[0].words == "4 missed runs will be skipped: its trigger skips missed runs."


def test_why_says_it_of_a_paused_trigger_too(database, clock):
    made = hourly(database, "SKIP")
    assert database.write(lambda s: triggers.disable(s, made))
    clock.now = utc(1, 1, 30)
    (found,) = waiting_facts.explain(database, "hourly")
    assert [reason.cause for reason in found.reasons] == [Cause.PAUSED, Cause.MISSED]


def test_changing_the_rule_changes_no_next_run(database, clock):
    made = hourly(database, None)
    clock.now = utc(1, 4, 30)
    assert database.write(lambda s: triggers.update(s, made, {"missed": "EACH"}, zone=database.zone))
    found = make.trigger(database, made)
    assert (found.missed, found.next_run) == ("EACH", datetime(2026, 1, 1, 2))
