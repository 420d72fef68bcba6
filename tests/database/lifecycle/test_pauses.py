"""Pauses with a reason and an end, and next runs that are skipped."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import pauses, runs
from OpenOrchestrator.database.lifecycle.pauses import Step, step_of
from OpenOrchestrator.database.models import Trigger
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import pauses as pause_store
from OpenOrchestrator.database.stores import run_requests, skipping, triggers
from OpenOrchestrator.database.stores.pauses import PauseNote
from OpenOrchestrator.database.stores.run_requests import RunOnce

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
_T = TriggerStatus


def pause(database, trigger_id, **note):
    return database.write(lambda s: pause_store.pause(s, trigger_id, PauseNote(**note), now=database.utc_now()))


def note_of(database, trigger_id):
    found = make.trigger(database, trigger_id)
    return found.paused_at, found.paused_by, found.pause_reason, found.paused_until


def end_pauses(database):
    """Look as a scheduler does, and return what it did."""
    return [over.step for over in pauses.find_over(database) if pauses.carry_out(database, over)]


NOTHING = (None, None, None, None)


# --- the decision


@pytest.mark.parametrize(
    ("status", "until", "step"),
    [
        (_T.PAUSED, None, None),
        (_T.PAUSED, NOW + timedelta(seconds=1), None),
        (_T.PAUSED, NOW, Step.RESUME),
        (_T.PAUSING, NOW - timedelta(days=3), Step.RESUME),
        (_T.PAUSING, None, None),
        (_T.IDLE, None, Step.FORGET),
        (_T.IDLE, NOW + timedelta(days=1), Step.FORGET),
        (_T.FAILED, NOW, Step.FORGET),
        (_T.KILLED, None, Step.FORGET),
        (_T.DONE, None, Step.FORGET),
        (_T.RUNNING, NOW, None),
        (_T.KILLING, NOW, None),
        (None, NOW, None),
    ],
)
def test_what_is_to_be_done_about_a_pause(status, until, step):
    assert step_of(status, until, now=NOW) is step


# --- with a reason and an end


@pytest.mark.parametrize(
    ("before", "after"),
    [(_T.IDLE, _T.PAUSED), (_T.FAILED, _T.PAUSED), (_T.KILLED, _T.PAUSED), (_T.RUNNING, _T.PAUSING)],
)
def test_a_pause_says_who_why_and_until_when(database, before, after):
    made = make.scheduled(database)
    make.set_status(database, made, before)
    until = NOW + timedelta(days=4)
    assert pause(database, made, by="Anna", reason="SAP is closed", until=until)
    assert make.status(database, made) is after
    assert note_of(database, made) == (NOW, "Anna", "SAP is closed", until)


def test_a_pause_that_is_not_possible_leaves_nothing(database):
    made = make.single(database)
    make.set_status(database, made, _T.DONE)
    assert not pause(database, made, reason="too late")
    assert note_of(database, made) == NOTHING


def test_a_pause_takes_back_the_run_that_was_asked_for(database):
    made = make.scheduled(database, next_run=datetime(2026, 5, 1))
    assert database.write(lambda s: run_requests.request(s, made, now=NOW))
    assert pause(database, made)
    assert make.trigger(database, made).run_requested_at is None


def test_the_reason_and_the_end_of_a_pause_can_be_changed_while_it_lasts(database):
    made = make.scheduled(database)
    assert pause(database, made, by="Anna", reason="first", until=NOW + timedelta(days=1))
    note = PauseNote(by="Bo", reason="second")
    assert database.write(lambda s: pause_store.change(s, made, note, now=NOW))
    assert note_of(database, made) == (NOW, "Bo", "second", None)
    assert database.write(lambda s: triggers.enable(s, made))
    assert not database.write(lambda s: pause_store.change(s, made, note, now=NOW))


@pytest.mark.parametrize("end", [triggers.enable, triggers.disable, triggers.request_pause])
def test_who_enables_or_pauses_anew_without_a_note_empties_it(database, end):
    made = make.scheduled(database)
    assert pause(database, made, by="Anna", reason="why", until=NOW + timedelta(days=1))
    if end is not triggers.enable:
        # As a program does that knows nothing of the note.
        database.write(lambda s: s.execute(sa.update(Trigger).values(process_status=_T.IDLE)))
    assert database.write(lambda s: end(s, made))
    assert note_of(database, made) == NOTHING


def test_who_sets_a_status_empties_the_note(database):
    made = make.scheduled(database)
    assert pause(database, made, reason="why")
    make.set_status(database, made, _T.PAUSED)
    assert note_of(database, made) == NOTHING


# --- the end


def test_a_schedule_whose_time_came_during_its_pause_runs_once_at_the_end_of_it(database, clock):
    made = make.scheduled(database, cron_expr="0 * * * *", next_run=datetime(2026, 1, 1, 2))
    assert pause(database, made, by="Anna", until=NOW + timedelta(hours=5, minutes=30))
    clock.advance(timedelta(hours=5))
    assert end_pauses(database) == []
    clock.advance(timedelta(minutes=30))
    assert end_pauses(database) == [Step.RESUME]
    assert note_of(database, made) == NOTHING
    assert make.due_names(database) == ["scheduled"]
    assert end_pauses(database) == []
    make.claim_all(database)
    trigger = make.trigger(database, made)
    assert trigger.next_run == datetime(2026, 1, 1, 7)
    assert trigger.due_at == datetime(2026, 1, 1, 6, tzinfo=timezone.utc)


def test_a_single_trigger_whose_time_came_during_its_pause_runs_at_the_end_of_it(database, clock):
    made = make.single(database, next_run=datetime(2026, 1, 1, 2))
    assert pause(database, made, until=NOW + timedelta(hours=3))
    clock.advance(timedelta(hours=3))
    assert end_pauses(database) == [Step.RESUME]
    assert make.due_names(database) == ["single"]


def test_a_trigger_that_still_runs_when_its_pause_ends_is_not_paused_after_it(database, clock):
    made = make.scheduled(database)
    (run,) = make.claim_all(database)
    assert runs.begin_run(database, run)
    assert pause(database, made, until=NOW + timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    assert end_pauses(database) == [Step.RESUME]
    assert make.status(database, made) is _T.RUNNING
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    assert make.status(database, made) is _T.IDLE


def test_what_somebody_decided_meanwhile_stays(database, clock):
    made = make.scheduled(database)
    assert pause(database, made, until=NOW + timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    (over,) = pauses.find_over(database)
    note = PauseNote(until=NOW + timedelta(hours=9))
    assert database.write(lambda s: pause_store.change(s, made, note, now=NOW))
    assert not pauses.carry_out(database, over)
    assert make.status(database, made) is _T.PAUSED
    assert note_of(database, made)[3] == NOW + timedelta(hours=9)


def test_of_several_schedulers_one_ends_a_pause(database, clock):
    made = make.scheduled(database)
    assert pause(database, made, until=NOW + timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    (over,) = pauses.find_over(database)
    gate, done = threading.Barrier(4), []

    def carry_out():
        gate.wait()
        done.append(pauses.carry_out(database, over))

    threads = [threading.Thread(target=carry_out) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    assert make.status(database, made) is _T.IDLE


def test_a_schedule_that_cannot_be_told_is_enabled_and_stops_no_other(database, clock):
    bad = make.scheduled(database, "bad", cron_expr="not a cron")
    good = make.scheduled(database, "good")
    for one in (bad, good):
        assert pause(database, one, until=NOW)
    assert end_pauses(database) == [Step.RESUME, Step.RESUME]
    assert make.status(database, good) is _T.IDLE


# --- older programs, which set the status alone


@pytest.mark.parametrize("status", [_T.IDLE, _T.FAILED, _T.KILLED, _T.DONE])
def test_the_note_of_a_pause_that_an_older_program_ended_is_forgotten(database, status):
    made = make.scheduled(database)
    assert pause(database, made, by="Anna", reason="old", until=NOW + timedelta(days=1))
    database.write(lambda s: s.execute(sa.update(Trigger).values(process_status=status)))
    assert end_pauses(database) == [Step.FORGET]
    # and is not there for the next pause of such a program
    database.write(lambda s: s.execute(sa.update(Trigger).values(process_status=_T.PAUSED)))
    assert note_of(database, made) == NOTHING
    assert end_pauses(database) == []


def test_a_pause_by_an_older_program_lasts_until_somebody_enables_the_trigger(database, clock):
    make.scheduled(database)
    database.write(lambda s: s.execute(sa.update(Trigger).values(process_status=_T.PAUSED)))
    clock.advance(timedelta(days=400))
    assert end_pauses(database) == []


def test_a_paused_trigger_that_runs_once_is_still_paused_for_the_same_reason(database):
    made = make.scheduled(database, next_run=datetime(2026, 5, 1))
    assert pause(database, made, by="Anna", reason="why", until=NOW + timedelta(days=1))
    once = RunOnce(arguments="other")
    assert database.write(lambda s: run_requests.request_once(s, made, once, now=NOW))
    (run,) = make.claim_all(database, Identity("here"))
    assert runs.begin_run(database, run)
    assert end_pauses(database) == []
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.FAILED, exit_code=1, reason=None)
    assert make.status(database, made) is _T.PAUSED
    assert note_of(database, made) == (NOW, "Anna", "why", NOW + timedelta(days=1))


# --- skip the next run


def skip(database, trigger_id, seen, by="Anna"):
    return database.write(
        lambda s: skipping.skip_next(s, trigger_id, seen, by=by, now=database.utc_now(), zone=database.zone)
    )


def test_the_next_run_is_passed_over_once(database, clock):
    made = make.scheduled(database, cron_expr="0 * * * *", next_run=datetime(2026, 1, 1, 2))
    assert skip(database, made, datetime(2026, 1, 1, 2))
    trigger = make.trigger(database, made)
    assert (trigger.next_run, trigger.due_at) == (datetime(2026, 1, 1, 3), NOW + timedelta(hours=2))
    assert (trigger.skipped_due, trigger.skipped_at, trigger.skipped_by) == (NOW + timedelta(hours=1), NOW, "Anna")
    assert skipping.is_skipped(trigger.skipped_due, trigger.due_at, now=NOW)
    clock.advance(timedelta(hours=1))
    assert make.due_names(database) == []
    assert not skipping.is_skipped(trigger.skipped_due, trigger.due_at, now=clock.now)
    clock.advance(timedelta(hours=1))
    assert make.due_names(database) == ["scheduled"]


def test_a_run_that_is_overdue_is_skipped_and_none_that_was_before(database, clock):
    made = make.scheduled(database, cron_expr="0 * * * *", next_run=datetime(2026, 1, 1, 2))
    clock.advance(timedelta(hours=4, minutes=10))
    assert skip(database, made, datetime(2026, 1, 1, 2))
    assert make.trigger(database, made).next_run == datetime(2026, 1, 1, 6)


def test_a_skip_of_another_time_than_the_next_changes_nothing(database):
    made = make.scheduled(database, cron_expr="0 * * * *", next_run=datetime(2026, 1, 1, 2))
    assert skip(database, made, datetime(2026, 1, 1, 2))
    assert not skip(database, made, datetime(2026, 1, 1, 2)), "somebody else has skipped it"
    assert make.trigger(database, made).next_run == datetime(2026, 1, 1, 3)


@pytest.mark.parametrize("kind", [make.single, make.queue])
def test_only_schedules_have_a_next_run_to_skip(database, kind):
    assert not skip(database, kind(database), database.site_now())


@pytest.mark.parametrize("status", [status for status in _T if status not in skipping.SKIPPING])
def test_a_trigger_without_a_next_run_skips_none(database, status):
    made = make.scheduled(database)
    make.set_status(database, made, status)
    assert not skip(database, made, database.site_now())


def test_while_a_run_starts_the_next_is_not_skipped_because_it_may_be_given_back(database):
    made = make.scheduled(database)
    due_at = make.trigger(database, made).due_at
    (run,) = make.claim_all(database)
    following = make.trigger(database, made).next_run
    assert not skip(database, made, following)
    assert runs.give_back(database, run, "the scheduler stops")
    (run,) = make.claim_all(database)
    assert run.due_at == due_at
    assert runs.begin_run(database, run)
    assert skip(database, made, following)


def test_a_skip_and_a_claim_at_once_agree(database):
    """Whoever locks the trigger first wins: the run is skipped, or it is started and the one after it stays."""
    for number in range(4):
        made = make.scheduled(database, f"scheduled {number}")
        seen = database.site_now()
        gate, results = threading.Barrier(2), {}

        def claim(gate=gate, results=results):
            gate.wait()
            results["won"] = make.claim_all(database)

        def skip_it(gate=gate, results=results, made=made, seen=seen):
            gate.wait()
            results["skipped"] = skip(database, made, seen)

        threads = [threading.Thread(target=claim), threading.Thread(target=skip_it)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        claimed = bool(results["won"])
        assert not (claimed and results["skipped"])
        if not claimed and not results["skipped"]:
            assert make.due_names(database), "neither happened, so it is still due"
            make.claim_all(database)


def test_a_skip_is_taken_back_while_its_time_is_ahead(database, clock):
    made = make.scheduled(database, cron_expr="0 * * * *", next_run=datetime(2026, 1, 1, 2))
    skipped = NOW + timedelta(hours=1)

    def take_back(due):
        return database.write(lambda s: skipping.take_back(s, made, due, now=database.utc_now(), zone=database.zone))

    assert skip(database, made, datetime(2026, 1, 1, 2))
    assert not take_back(skipped + timedelta(hours=1))
    assert take_back(skipped)
    trigger = make.trigger(database, made)
    assert (trigger.next_run, trigger.due_at, trigger.skipped_due) == (datetime(2026, 1, 1, 2), skipped, None)
    assert not take_back(skipped)
    assert skip(database, made, datetime(2026, 1, 1, 2))
    clock.advance(timedelta(hours=1))
    assert not take_back(skipped)


@pytest.mark.parametrize(
    ("skipped", "following", "counts"), [(None, 2, False), (1, 2, True), (1, None, False), (2, 1, False), (0, 2, False)]
)
def test_what_is_noted_of_a_skip_counts_while_its_time_is_ahead_and_the_next_run_behind_it(skipped, following, counts):
    hours = [None if each is None else NOW + timedelta(hours=each) for each in (skipped, following)]
    assert skipping.is_skipped(*hours, now=NOW) is counts
