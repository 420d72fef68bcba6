"""Which triggers are due, and that of several schedulers exactly one gets each of them."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership, runs, trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.models import Job, QueueTrigger, ScheduledTrigger, Scheduler, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import triggers
from OpenOrchestrator.database.stores.due_triggers import DueTriggers

HERE = Identity("here")


def _poll(database):
    return trigger_claims.due_triggers(database, scheduler_name="here")


# --- what is due


def test_a_single_trigger_is_due_from_its_time_on(database, clock):
    make.single(database, next_run=datetime(2026, 1, 1, 1, 30))
    waiting = _poll(database)
    assert waiting.due == ()
    assert waiting.next_due == datetime(2026, 1, 1, 0, 30, tzinfo=timezone.utc)
    clock.advance(timedelta(minutes=30))
    (due,) = _poll(database).due
    assert (due.name, due.type) == ("single", TriggerType.SINGLE)
    assert due.due_at == datetime(2026, 1, 1, 0, 30, tzinfo=timezone.utc)


def test_the_next_due_time_is_that_of_the_earliest_idle_trigger(database):
    make.single(database, next_run=datetime(2026, 1, 3))
    make.scheduled(database, next_run=datetime(2026, 1, 2))
    paused = make.single(database, "paused", next_run=datetime(2026, 1, 1, 2))
    make.set_status(database, paused, TriggerStatus.PAUSED)
    assert _poll(database).next_due == datetime(2026, 1, 1, 23, tzinfo=timezone.utc)


def test_nothing_is_due_next_in_an_empty_database(database):
    found = _poll(database)
    assert found == DueTriggers((), None, ())


@pytest.mark.parametrize("status", [status for status in TriggerStatus if status is not TriggerStatus.IDLE])
def test_only_idle_triggers_are_due(database, status):
    for made in (make.single(database), make.scheduled(database), make.queue(database, elements=1)):
        make.set_status(database, made, status)
    assert make.due_names(database) == []


@pytest.mark.parametrize(
    ("size", "new", "is_due"),
    [
        (1, 0, False),
        (1, 1, True),
        (3, 2, False),
        (3, 3, True),
        (3, 7, True),
        (0, 0, False),
        (-5, 0, False),
        (0, 1, True),
    ],
)
def test_a_queue_trigger_is_due_when_its_queue_is_full_enough(database, size, new, is_due):
    make.add_elements(database, "Q", 5, QueueStatus.DONE)
    make.add_elements(database, "other", 9)
    make.queue(database, min_batch_size=size, elements=new)
    assert make.due_names(database) == (["queue"] if is_due else [])


def test_queue_triggers_of_many_batch_sizes_are_told_apart(database):
    make.add_elements(database, "Q", 30)
    for size in range(1, 60):
        make.queue(database, f"at {size:02}", min_batch_size=size)
    assert make.due_names(database) == [f"at {size:02}" for size in range(1, 31)]


def test_the_order_is_priority_then_kind_then_due_time(database, clock):
    make.queue(database, "queue", elements=1)
    make.scheduled(database, "scheduled")
    make.single(database, "later", next_run=datetime(2026, 1, 1, 0, 30))
    make.single(database, "earlier", next_run=datetime(2026, 1, 1, 0, 10))
    make.queue(database, "important", priority=5)
    make.single(database, "unimportant", priority=-1)
    assert make.due_names(database) == ["important", "earlier", "later", "scheduled", "queue", "unimportant"]


def test_a_trigger_is_due_only_where_its_whitelist_allows_it(database):
    make.single(database, "anywhere")
    make.single(database, "here only", scheduler_whitelist=["There", "Here "])
    make.single(database, "there only", scheduler_whitelist=["there"])
    assert make.due_names(database) == ["anywhere", "here only"]
    assert make.due_names(database, None) == ["anywhere", "here only", "there only"]


def test_whoever_asks_for_a_run_gets_one_before_it_is_due(database):
    later = datetime(2026, 2, 1)
    wanted = [make.single(database, next_run=later), make.scheduled(database, next_run=later), make.queue(database)]
    assert make.due_names(database) == []
    for one in wanted:
        assert database.write(lambda s, one=one: triggers.request_run(s, one, now=database.utc_now()))
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["single", "scheduled", "queue"]
    assert {trigger.due_at for trigger in found.due} == {None}


def test_a_trigger_with_a_job_that_has_not_ended_is_not_due_whatever_its_status(database):
    made = make.queue(database, elements=2)
    (run,) = make.claim_all(database)
    make.set_status(database, made, TriggerStatus.IDLE)
    assert make.due_names(database) == []
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    assert make.due_names(database) == ["queue"]


def test_in_the_hour_that_occurs_twice_the_instant_decides(database, clock):
    # 2026-10-25 03:00 CEST is 02:00 CET in Copenhagen: 02:30 occurs at 00:30 and at 01:30 UTC.
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=timezone.utc) for hour in (0, 1))
    clock.now = datetime(2026, 10, 25, 0, 0, tzinfo=timezone.utc)
    for name, due_at in (("first", first), ("second", second)):
        made = make.single(database, name, next_run=datetime(2026, 10, 25, 2, 30))
        database.write(lambda s, made=made, at=due_at: triggers.update(s, made, {"due_at": at}))
    clock.now = first - timedelta(seconds=1)
    assert make.due_names(database) == []
    clock.now = first
    assert make.due_names(database) == ["first"]
    clock.now = second - timedelta(seconds=1)
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["first"]
    assert found.next_due == second
    clock.now = second
    assert sorted(make.due_names(database)) == ["first", "second"]


def test_a_next_run_that_somebody_else_wrote_wins_over_the_instant_beside_it(database, clock):
    made = make.single(database, next_run=datetime(2026, 1, 1, 5))
    database.write(
        lambda s: s.execute(
            sa.update(SingleTrigger.__table__)
            .where(SingleTrigger.__table__.c.id == made)
            .values(next_run=datetime(2026, 1, 1, 0, 59))
        )
    )
    assert make.due_names(database) == ["single"]


def test_rows_of_older_clients_without_the_new_columns_are_due_as_well(database):
    single = make.single(database)
    scheduled = make.scheduled(database)
    for table, made in ((SingleTrigger.__table__, single), (ScheduledTrigger.__table__, scheduled)):
        database.write(
            lambda s, table=table, made=made: s.execute(sa.update(table).where(table.c.id == made).values(due_at=None))
        )
    assert make.due_names(database) == ["single", "scheduled"]
    assert len(make.claim_all(database)) == 2


# --- rows that hold garbage


_SPOILED = [
    (Trigger, "type", "LUNAR"),
    (Trigger, "process_status", "SLEEPING"),
    (Trigger, "process_status", "idle?"),
    (Trigger, "process_status", "Zzz"),
    (Trigger, "priority", "high"),
    (Trigger, "is_blocking", "perhaps"),
    (Trigger, "is_git_repo", 7),
    (Trigger, "timeout_seconds", "long"),
    (Trigger, "keep_files", 7),
    (Trigger, "run_requested_at", "soon"),
    (Trigger, "failed_starts", "none"),
    (Trigger, "scheduler_whitelist", "here, there"),
    (Trigger, "scheduler_whitelist", "[1]"),
    (SingleTrigger, "next_run", "tomorrow"),
    (SingleTrigger, "next_run", "2025-13-45 00:00:00"),
    (SingleTrigger, "due_at", "then"),
]


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize(("model", "column", "value"), _SPOILED)
def test_a_row_that_holds_garbage_is_reported_and_everything_else_runs(database, model, column, value):
    bad = make.single(database, "bad")
    make.single(database, "good")
    make.scheduled(database, "good too")
    make.spoil(database, model, bad, column, value)
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["good", "good too"]
    (poisoned,) = found.poisoned
    assert (poisoned.trigger_id, poisoned.name) == (bad, "bad")
    assert column in poisoned.reason
    assert str(value) in poisoned.reason
    assert [run.trigger_name for run in make.claim_all(database)] == ["good", "good too"]
    assert len(database.read(triggers.find_all)) in (2, 3)


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("value", ["many", 2.5, "[]"])
def test_a_queue_trigger_without_a_batch_size_is_reported_and_the_others_run(database, value):
    bad = make.queue(database, "bad", elements=1)
    make.queue(database, "good")
    make.spoil(database, QueueTrigger, bad, "min_batch_size", value)
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["good"]
    assert [(row.trigger_id, row.name) for row in found.poisoned] == [(bad, "bad")]
    assert "min_batch_size" in found.poisoned[0].reason


@pytest.mark.kinds("sqlite")
def test_a_trigger_whose_id_is_none_is_reported_by_name(database):
    made = make.single(database, "bad")
    make.single(database, "good")
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table in ("Single_Triggers", "Triggers"):
            connection.exec_driver_sql(f"UPDATE \"{table}\" SET id = 'me' WHERE id = ?", (made.hex,))
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["good"]
    assert [(row.trigger_id, row.name) for row in found.poisoned] == [(None, "bad")]


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("write_id", [lambda one: one.hex.upper(), str])
def test_a_trigger_whose_id_is_written_so_that_it_is_not_found_is_reported(database, write_id):
    made = make.single(database, "bad")
    make.single(database, "good")
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table in ("Single_Triggers", "Triggers"):
            connection.exec_driver_sql(f'UPDATE "{table}" SET id = ? WHERE id = ?', (write_id(made), made.hex))
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["good"]
    assert [row.name for row in found.poisoned] == ["bad"]
    assert write_id(made) in found.poisoned[0].reason


@pytest.mark.parametrize("cron_expr", ["every day", "61 * * * *", "0 0 30 2 *", "", "é" * 200])
def test_a_cron_expression_that_is_none_stops_nobody_else(database, cron_expr):
    bad = make.scheduled(database, "bad", cron_expr=cron_expr)
    make.scheduled(database, "good")
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["good"]
    assert [(row.trigger_id, row.name) for row in found.poisoned] == [(bad, "bad")]
    assert "cron" in found.poisoned[0].reason
    assert len(found.poisoned[0].reason) <= 300


def test_a_trigger_whose_other_half_is_missing_is_reported(database):
    bad = make.scheduled(database, "bad")
    make.single(database, "good")
    table = ScheduledTrigger.__table__
    database.write(lambda s: s.execute(sa.delete(table).where(table.c.id == bad)))
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["good"]
    assert [row.trigger_id for row in found.poisoned] == [bad]


@pytest.mark.kinds("mariadb")
def test_the_date_zero_stops_nobody_else(database):
    bad = make.single(database, "bad")
    make.single(database, "good")
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql("SET sql_mode = ''")
        connection.exec_driver_sql(
            "UPDATE Single_Triggers SET next_run = '0000-00-00 00:00:00' WHERE id = %s", (bad.hex,)
        )
        connection.exec_driver_sql("SET sql_mode = DEFAULT")
    found = _poll(database)
    assert [trigger.name for trigger in found.due] == ["good"]
    assert [row.name for row in found.poisoned] == ["bad"]


# --- claiming


def test_a_claim_sets_the_trigger_running_and_leaves_its_job(database, clock):
    made = make.scheduled(
        database,
        next_run=datetime(2026, 1, 1, 0, 40),
        process_args="a b",
        git_branch="main",
        timeout_seconds=90,
        keep_files=True,
        secret_passing="ARGUMENTS",
        is_blocking=True,
    )
    database.write(lambda s: s.add(Scheduler(machine_name="here", last_update=database.site_now())))
    (run,) = make.claim_all(database, HERE)
    trigger = make.trigger(database, made)
    assert trigger.process_status is TriggerStatus.RUNNING
    assert trigger.last_run == datetime(2026, 1, 1, 1, 0)
    assert trigger.next_run == datetime(2026, 1, 1, 1, 5), "no run that was missed is caught up"
    assert trigger.due_at == datetime(2026, 1, 1, 0, 5, tzinfo=timezone.utc)
    job = make.job(database, run.job_id)
    assert job.status is JobStatus.STARTING
    assert (job.process_name, job.scheduler_name) == ("Process", "here")
    assert (job.trigger_id, job.trigger_name) == (made, "scheduled")
    assert job.due_at == datetime(2025, 12, 31, 23, 40, tzinfo=timezone.utc)
    assert job.start_time == datetime(2026, 1, 1, 1, 0)
    assert (job.attempt, job.fence, job.owner) == (1, run.fence, HERE.instance)
    assert job.lease_until is not None
    assert (run.process_path, run.process_args, run.git_branch) == ("robot.py", "a b", "main")
    assert (run.timeout_seconds, run.passing.name, run.is_blocking) == (90, "ARGUMENTS", True)
    assert run.keep_files is True
    assert (run.type, run.attempt, run.due_at) == (TriggerType.SCHEDULED, 1, job.due_at)
    (scheduler,) = database.read(lambda s: s.scalars(sa.select(Scheduler)).all())
    assert (scheduler.latest_trigger, scheduler.latest_trigger_time) == ("scheduled", datetime(2026, 1, 1, 1, 0))


@pytest.mark.parametrize("stored", [None, False])
def test_a_trigger_that_says_nothing_of_its_files_keeps_none(database, clock, stored):
    make.scheduled(database, next_run=datetime(2026, 1, 1, 0, 40), keep_files=stored)
    (run,) = make.claim_all(database, HERE)
    assert run.keep_files is False


def test_the_lease_is_measured_on_the_clock_of_the_database(database, clock):
    clock.now = datetime(2001, 1, 1, tzinfo=timezone.utc)
    make.single(database)
    before = datetime.now(timezone.utc)
    (run,) = make.claim_all(database)
    lease = make.job(database, run.job_id).lease_until
    assert timedelta(seconds=20) < lease - before < timedelta(seconds=60)
    assert not ownership.jobs_of(database, "here")[0].is_expired


def test_a_single_trigger_keeps_its_time(database):
    made = make.single(database, next_run=datetime(2026, 1, 1, 0, 59))
    make.claim_all(database)
    assert make.trigger(database, made).next_run == datetime(2026, 1, 1, 0, 59)


def test_a_run_on_request_leaves_the_schedule_alone_and_happens_once(database, clock):
    made = make.scheduled(database, next_run=datetime(2026, 1, 1, 1, 5))
    assert database.write(lambda s: triggers.request_run(s, made, now=database.utc_now()))
    (run,) = make.claim_all(database)
    assert run.due_at is None
    trigger = make.trigger(database, made)
    assert (trigger.next_run, trigger.run_requested_at) == (datetime(2026, 1, 1, 1, 5), None)
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    assert make.due_names(database) == []
    clock.advance(timedelta(minutes=5))
    assert make.due_names(database) == ["scheduled"]


def test_a_request_for_a_trigger_that_is_due_anyway_is_answered_by_that_run(database):
    made = make.scheduled(database)
    assert database.write(lambda s: triggers.request_run(s, made, now=database.utc_now()))
    (run,) = make.claim_all(database)
    assert run.due_at == database.utc_now()
    trigger = make.trigger(database, made)
    assert (trigger.next_run, trigger.run_requested_at) == (datetime(2026, 1, 1, 1, 5), None)


def test_claims_come_back_in_the_order_given(database):
    for number in range(6):
        make.single(database, str(number))
    due = sorted(_poll(database).due, key=lambda trigger: trigger.name, reverse=True)
    assert [run.trigger_name for run in trigger_claims.claim(database, HERE, due)] == ["5", "4", "3", "2", "1", "0"]


def test_what_was_claimed_cannot_be_claimed_again(database):
    make.single(database)
    make.scheduled(database)
    make.queue(database, elements=1)
    due = _poll(database).due
    assert len(trigger_claims.claim(database, HERE, due)) == 3
    assert trigger_claims.claim(database, Identity("there"), due) == ()
    assert len(make.jobs(database)) == 3


def test_a_late_claim_of_a_run_that_is_over_is_refused(database, clock):
    make.queue(database, elements=1)
    due = _poll(database).due
    (run,) = trigger_claims.claim(database, HERE, due)
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    assert trigger_claims.claim(database, Identity("there"), due) == ()


def test_a_trigger_that_has_a_job_since_it_was_found_due_is_not_claimed(database):
    made = make.single(database)
    due = _poll(database).due
    other = Job(process_name="p", scheduler_name="s", trigger_id=made, status=JobStatus.RUNNING)
    database.write(lambda s: s.add(other))
    assert trigger_claims.claim(database, HERE, due) == ()
    assert make.status(database, made) is TriggerStatus.IDLE


@pytest.mark.parametrize("status", [status for status in TriggerStatus if status is not TriggerStatus.IDLE])
def test_a_trigger_that_is_not_idle_any_more_is_not_claimed(database, status):
    made = make.single(database)
    due = _poll(database).due
    make.set_status(database, made, status)
    assert trigger_claims.claim(database, HERE, due) == ()
    assert make.status(database, made) is status


def test_a_trigger_that_was_changed_or_deleted_meanwhile_is_not_claimed_and_the_others_are(database):
    moved = make.scheduled(database, "moved")
    gone = make.single(database, "gone")
    make.single(database, "left")
    due = _poll(database).due
    tomorrow = datetime(2026, 1, 2)
    assert database.write(lambda s: triggers.update(s, moved, {"next_run": tomorrow}, zone=database.zone))
    assert database.write(lambda s: triggers.delete(s, gone))
    assert [run.trigger_name for run in trigger_claims.claim(database, HERE, due)] == ["left"]
    assert make.trigger(database, moved).next_run == tomorrow
    assert make.status(database, moved) is TriggerStatus.IDLE


def test_a_next_run_that_changes_at_the_very_moment_of_the_claim_is_kept(database, monkeypatch):
    made = make.scheduled(database)
    due = _poll(database).due
    tomorrow = datetime(2026, 1, 2)
    table = ScheduledTrigger.__table__
    original = trigger_claims._Claiming._is_as_seen

    def change_then_look(self, row, trigger):
        # In the same transaction: what another program could only do where child rows are not locked.
        self._connection.execute(sa.update(table).where(table.c.id == made).values(next_run=tomorrow))
        return original(self, row, trigger)

    monkeypatch.setattr(trigger_claims._Claiming, "_is_as_seen", change_then_look)
    assert trigger_claims.claim(database, HERE, due) == ()
    assert make.trigger(database, made).next_run == tomorrow
    assert make.status(database, made) is TriggerStatus.IDLE


def test_claiming_nothing_asks_nobody(database):
    assert trigger_claims.claim(database, HERE, ()) == ()


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
def test_a_commit_whose_outcome_is_unknown_is_read_back_and_not_repeated(database, monkeypatch):
    make.single(database)
    due = _poll(database).due
    error = sa.exc.OperationalError("COMMIT", {}, Exception("cut"), connection_invalidated=True)
    cut = []

    def commit_then_break(connection):
        if not cut and connection.get_execution_options().get("openorchestrator_writing"):
            cut.append(True)
            connection.connection.dbapi_connection.commit()
            raise error

    engine = database.engine
    sa.event.listen(engine, "commit", commit_then_break)
    try:
        (run,) = trigger_claims.claim(database, HERE, due)
    finally:
        sa.event.remove(engine, "commit", commit_then_break)
    assert cut
    (job,) = make.jobs(database)
    assert job.id == run.job_id


# --- several schedulers at once


@pytest.mark.parametrize("rounds", [4])
def test_eight_schedulers_start_no_trigger_twice_and_forget_none(database, rounds):
    names = [f"scheduler {number}" for number in range(8)]
    start = threading.Barrier(len(names), timeout=60)
    problems: list[BaseException] = []
    won: list[ClaimedRun] = []

    def work(name):
        own = Database(database.connection_string, clock=SettableClock(database.utc_now()), pool_size=1)
        identity = Identity(name)
        try:
            for _ in range(rounds):
                start.wait()
                due = list(trigger_claims.due_triggers(own, scheduler_name=name).due)
                start.wait()
                # Each in another order, so that a claim that locks in the order given would deadlock.
                due = due if hash(name) % 2 else due[::-1]
                won.extend(trigger_claims.claim(own, identity, due))
                start.wait()
                if name == names[0]:
                    for run in [run for run in won if make.job(own, run.job_id).status is JobStatus.STARTING]:
                        assert runs.finish(own, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
                    for one in (*singles, *scheduled):
                        now = own.utc_now()
                        own.write(lambda s, one=one, now=now: triggers.enable(s, one))
                        own.write(lambda s, one=one, now=now: triggers.request_run(s, one, now=now))
        except BaseException as error:
            problems.append(error)
            start.abort()
        finally:
            own.close()

    singles = [make.single(database, f"single {number}") for number in range(4)]
    scheduled = [make.scheduled(database, f"scheduled {number}") for number in range(4)]
    for number in range(4):
        make.queue(database, f"queue {number}", queue_name=f"Q{number}", elements=1)
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not problems, problems
    jobs = make.jobs(database)
    assert len(jobs) == len(won) == rounds * 12
    assert {job.id for job in jobs} == {run.job_id for run in won}
    per_trigger = {name: sum(job.trigger_name == name for job in jobs) for name in {job.trigger_name for job in jobs}}
    assert set(per_trigger.values()) == {rounds}


# --- one trigger by its name


def test_a_trigger_is_claimed_by_its_name_before_it_is_due(database):
    made = make.scheduled(database, "Täglich", next_run=datetime(2026, 2, 1))
    run = trigger_claims.claim_by_name(database, HERE, "Täglich")
    assert (run.trigger_id, run.due_at) == (made, None)
    assert make.status(database, made) is TriggerStatus.RUNNING
    assert make.trigger(database, made).next_run == datetime(2026, 2, 1)
    assert make.job(database, run.job_id).owner == HERE.instance


def test_a_trigger_that_is_overdue_is_claimed_by_name_as_the_run_it_was_due_for(database):
    made = make.scheduled(database, next_run=datetime(2026, 1, 1, 0, 30))
    run = trigger_claims.claim_by_name(database, HERE, "scheduled")
    assert run.due_at == datetime(2025, 12, 31, 23, 30, tzinfo=timezone.utc)
    assert make.trigger(database, made).next_run == datetime(2026, 1, 1, 1, 5)


def test_a_queue_trigger_is_claimed_by_name_though_its_queue_is_empty(database):
    make.queue(database)
    assert trigger_claims.claim_by_name(database, HERE, "queue").type is TriggerType.QUEUE


def test_a_name_that_nobody_has_is_told(database):
    with pytest.raises(NotFoundError, match="'nobody'"):
        trigger_claims.claim_by_name(database, HERE, "nobody")


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (TriggerStatus.PAUSED, "Enable"),
        (TriggerStatus.FAILED, "Enable"),
        (TriggerStatus.DONE, "Enable"),
        (TriggerStatus.RUNNING, "Wait"),
        (TriggerStatus.KILLING, "Wait"),
    ],
)
def test_why_a_trigger_cannot_run_now_is_told(database, status, advice):
    made = make.single(database, "mine")
    make.set_status(database, made, status)
    with pytest.raises(InvalidInputError, match=rf"'mine'.*{status.value}.*{advice}"):
        trigger_claims.claim_by_name(database, HERE, "mine")
    assert make.jobs(database) == []


def test_two_triggers_of_one_name_are_told_apart_by_nobody(database):
    make.single(database, "twin")
    make.single(database, "twin")
    with pytest.raises(InvalidInputError, match="2 triggers"):
        trigger_claims.claim_by_name(database, HERE, "twin")


def test_a_trigger_that_may_not_run_here_is_refused_by_name_too(database):
    make.single(database, "mine", scheduler_whitelist=["there"])
    with pytest.raises(InvalidInputError, match="there"):
        trigger_claims.claim_by_name(database, HERE, "mine")


def test_a_bad_cron_expression_is_refused_by_name_too(database):
    made = make.scheduled(database, "mine", cron_expr="bad")
    with pytest.raises(InvalidInputError, match=r"'mine'.*cron"):
        trigger_claims.claim_by_name(database, HERE, "mine")
    assert make.status(database, made) is TriggerStatus.IDLE


def test_of_two_who_claim_by_name_at_once_the_second_is_told(database, monkeypatch):
    make.single(database, "mine")
    original = trigger_claims._claim

    def lose_the_race(*args, **options):
        original(database, Identity("faster"), _poll(database).due, by_hand=False)
        return original(*args, **options)

    monkeypatch.setattr(trigger_claims, "_claim", lose_the_race)
    with pytest.raises(InvalidInputError, match="somebody else"):
        trigger_claims.claim_by_name(database, HERE, "mine")
    assert len(make.jobs(database)) == 1


# --- what it costs


@pytest.fixture
def plan(database):
    """Return the plans of all statements that a piece of work runs on the database, as text."""

    def explain(work):
        statements = []

        def note(connection, cursor, statement, parameters, context, many):
            if statement.lstrip().upper().startswith(("SELECT", "(SELECT")) and "alembic_version" not in statement:
                statements.append((statement, parameters))

        sa.event.listen(database.engine, "before_cursor_execute", note)
        work()
        sa.event.remove(database.engine, "before_cursor_execute", note)
        words = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}.get(database.dialect_name, "EXPLAIN ")
        plans = []
        with database.connection() as connection:
            for statement, parameters in statements:
                rows = connection.exec_driver_sql(words + statement, parameters).all()
                plans.append((statement, "\n".join(" | ".join(map(str, row)) for row in rows)))
        return plans

    return explain


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_no_poll_reads_through_the_queues_or_through_the_history_of_jobs(database, plan):
    now = database.site_now()
    for number in range(30):
        make.queue(database, f"queue {number}", queue_name=f"Q{number % 10}", min_batch_size=1 + number % 3)
    make.single(database)
    trigger_ids = [trigger.id for trigger in database.read(triggers.find_all)]
    earlier = now - timedelta(hours=1)
    statuses = [QueueStatus.DONE] * 99 + [QueueStatus.NEW]
    rows = [
        {
            "id": uuid4(),
            "queue_name": f"Q{n % 10}",
            "status": statuses[n // 10 % 100],
            "created_date": earlier + timedelta(microseconds=n),
        }
        for n in range(20_000)
    ]
    values = {"process_name": "p", "scheduler_name": "s", "status": JobStatus.DONE, "start_time": now, "end_time": now}
    jobs = [{"id": uuid4(), "trigger_id": trigger_ids[n % len(trigger_ids)], **values} for n in range(5_000)]

    database.write(lambda s: s.execute(sa.insert(make.QueueElement.__table__), rows))
    database.write(lambda s: s.execute(sa.insert(Job.__table__), jobs))

    with database.connection(writing=True) as connection:
        if database.dialect_name == "mysql":
            connection.exec_driver_sql("ANALYZE TABLE Queues, Jobs, Triggers, Queue_Triggers")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if database.dialect_name in ("postgresql", "sqlite"):
            connection.exec_driver_sql("ANALYZE")
    plans = plan(lambda: _poll(database))
    about_queues = [text for statement, text in plans if "Queues" in statement]
    about_jobs = [text for statement, text in plans if "Jobs" in statement]
    assert len(about_queues) > 4, "all of them rest, after looks at their queues"
    assert about_jobs
    for text in about_queues:
        assert re.search("ix_Queues_(next|held|created)", text), text
        assert 'Seq Scan on "Queues"' not in text, text
        assert "SCAN Queues" not in text, text
        assert " | ALL | " not in "\n".join(line for line in text.splitlines() if "Queues" in line), text
    for text in about_jobs:
        assert re.search("ix_Jobs_(status|trigger)", text), text
        assert 'Seq Scan on "Jobs"' not in text, text
