"""Data access of triggers: stored, read, changed and deleted as asked, whatever happens at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import SecretPassing, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import pending_triggers, triggers

_T = TriggerStatus
MAKERS = {TriggerType.SINGLE: make.single, TriggerType.SCHEDULED: make.scheduled, TriggerType.QUEUE: make.queue}


def test_every_column_of_a_new_trigger_is_stored(database):
    made = make.scheduled(
        database,
        "Næste 🙂",
        cron_expr="0 5 * * MON",
        next_run=datetime(2026, 7, 1, 5),
        process_args='{"a": 1}',
        is_git_repo=True,
        git_branch="main",
        is_blocking=True,
        priority=-3,
        scheduler_whitelist=["A", "Ø"],
        secret_passing=SecretPassing.ENVIRONMENT,
        timeout_seconds=60,
        keep_files=True,
    )
    trigger = make.trigger(database, made)
    assert isinstance(trigger, ScheduledTrigger)
    assert trigger.keep_files is True
    assert (trigger.trigger_name, trigger.process_name, trigger.process_path) == ("Næste 🙂", "Process", "robot.py")
    assert (trigger.cron_expr, trigger.next_run) == ("0 5 * * MON", datetime(2026, 7, 1, 5))
    assert trigger.due_at == datetime(2026, 7, 1, 3, tzinfo=timezone.utc)
    assert (trigger.process_args, trigger.is_git_repo, trigger.git_branch) == ('{"a": 1}', True, "main")
    assert (trigger.is_blocking, trigger.priority, trigger.scheduler_whitelist) == (True, -3, ["A", "Ø"])
    assert (trigger.passing, trigger.timeout_seconds) == (SecretPassing.ENVIRONMENT, 60)
    assert (trigger.process_status, trigger.type, trigger.last_run) == (_T.IDLE, TriggerType.SCHEDULED, None)
    assert trigger.failed_starts == 0


def test_triggers_are_found_by_kind_and_name_and_stay_readable(database):
    make.queue(database, "b", queue_name="Q7", min_batch_size=4)
    make.single(database, "c")
    make.scheduled(database, "a")
    found = database.read(triggers.find_all)
    database.close()
    assert [(type(trigger), trigger.trigger_name) for trigger in found] == [
        (ScheduledTrigger, "a"),
        (QueueTrigger, "b"),
        (SingleTrigger, "c"),
    ]
    assert (found[1].queue_name, found[1].min_batch_size, found[1].scheduler_whitelist) == ("Q7", 4, [])
    assert found[2].next_run == datetime(2026, 1, 1, 1)
    for kind, name in ((TriggerType.SINGLE, "c"), (TriggerType.SCHEDULED, "a"), (TriggerType.QUEUE, "b")):
        (one,) = database.read(lambda s, kind=kind: triggers.find_all(s, kind))
        assert one.trigger_name == name


def test_a_trigger_that_is_not_there_is_told(database):
    assert database.read(lambda s: triggers.get(s, uuid4())) is None
    with pytest.raises(NotFoundError):
        database.read(lambda s: triggers.require(s, uuid4()))


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize(
    ("model", "column", "value"),
    [
        (Trigger, "type", "LUNAR"),
        (Trigger, "process_status", "SLEEPING"),
        (Trigger, "last_run", "then"),
        (SingleTrigger, "next_run", "tomorrow"),
    ],
)
def test_a_row_that_holds_garbage_is_left_out_and_the_others_are_found(database, model, column, value):
    bad = make.single(database, "bad")
    make.single(database, "good")
    make.scheduled(database, "good too")
    make.spoil(database, model, bad, column, value)
    assert [trigger.trigger_name for trigger in database.read(triggers.find_all)] == ["good", "good too"]


def test_pending_triggers_of_each_kind_are_found_in_the_order_to_run_them(database):
    make.single(database, "second", next_run=datetime(2026, 1, 1, 0, 50))
    make.single(database, "first", next_run=datetime(2026, 1, 1, 0, 40))
    make.single(database, "later", next_run=datetime(2026, 1, 1, 1, 1))
    make.scheduled(database)
    make.queue(database, elements=1)
    make.queue(database, "empty", queue_name="empty")

    def pending(kind):
        now = database.utc_now()
        return database.read(lambda s: pending_triggers.find(s, kind, now=now, zone=database.zone))

    assert [trigger.trigger_name for trigger in pending(TriggerType.SINGLE)] == ["first", "second"]
    assert [trigger.trigger_name for trigger in pending(TriggerType.SCHEDULED)] == ["scheduled"]
    (queue,) = pending(TriggerType.QUEUE)
    assert (type(queue), queue.queue_name) == (QueueTrigger, "Q")


# --- change


def test_columns_of_both_tables_are_changed(database):
    made = make.scheduled(database)
    values = {"trigger_name": "new", "priority": 9, "cron_expr": "1 * * * *", "next_run": datetime(2026, 7, 1, 5)}
    assert database.write(lambda s: triggers.update(s, made, values, zone=database.zone))
    trigger = make.trigger(database, made)
    assert (trigger.trigger_name, trigger.priority, trigger.cron_expr) == ("new", 9, "1 * * * *")
    assert trigger.due_at == datetime(2026, 7, 1, 3, tzinfo=timezone.utc)


def test_a_next_run_without_zone_forgets_the_instant_beside_it(database):
    made = make.single(database)
    assert database.write(lambda s: triggers.update(s, made, {"next_run": datetime(2026, 7, 1, 5)}))
    assert make.trigger(database, made).due_at is None


def test_a_column_of_another_kind_is_refused(database):
    made = make.single(database)
    with pytest.raises(InvalidInputError, match="single trigger has no cron_expr"):
        database.write(lambda s: triggers.update(s, made, {"priority": 3, "cron_expr": "* * * * *"}))
    assert make.trigger(database, made).priority == 0


@pytest.mark.parametrize("work", [triggers.update, triggers.delete])
def test_a_change_waits_for_nobody_and_respects_the_status_it_expects(database, work):
    made = make.single(database)
    arguments = ({"priority": 3},) if work is triggers.update else ()
    expected = {_T.IDLE, _T.PAUSED}
    make.set_status(database, made, _T.RUNNING)
    assert not database.write(lambda s: work(s, made, *arguments, expected=expected))
    trigger = make.trigger(database, made)
    assert (trigger.priority, trigger.process_status) == (0, _T.RUNNING)
    make.set_status(database, made, _T.PAUSED)
    assert database.write(lambda s: work(s, made, *arguments, expected=expected))


@pytest.mark.parametrize("kind", TriggerType)
def test_a_deleted_trigger_is_gone_from_both_tables(database, kind):
    made = MAKERS[kind](database)
    assert database.write(lambda s: triggers.delete(s, made))
    for model in (Trigger, SingleTrigger, ScheduledTrigger, QueueTrigger):
        assert database.read(lambda s, t=model.__table__: s.scalar(sa.select(sa.func.count()).select_from(t))) == 0
    assert not database.write(lambda s: triggers.delete(s, made))
    assert not database.write(lambda s: triggers.update(s, made, {"priority": 1}))
    assert not database.write(lambda s: triggers.set_status(s, made, _T.IDLE))


# --- requests


@pytest.mark.parametrize(
    ("work", "before", "after"),
    [
        (triggers.request_pause, _T.IDLE, _T.PAUSED),
        (triggers.request_pause, _T.RUNNING, _T.PAUSING),
        (triggers.request_pause, _T.FAILED, None),
        (triggers.request_kill, _T.RUNNING, _T.KILLING),
        (triggers.request_kill, _T.PAUSING, _T.KILLING),
        (triggers.request_kill, _T.IDLE, None),
        (triggers.enable, _T.PAUSED, _T.IDLE),
        (triggers.enable, _T.FAILED, _T.IDLE),
        (triggers.enable, _T.KILLED, _T.IDLE),
        (triggers.enable, _T.DONE, _T.IDLE),
        (triggers.enable, _T.PAUSING, _T.RUNNING),
        (triggers.enable, _T.RUNNING, None),
        (triggers.enable, _T.KILLING, None),
        (triggers.disable, _T.IDLE, _T.PAUSED),
        (triggers.disable, _T.RUNNING, _T.PAUSING),
        (triggers.disable, _T.FAILED, _T.PAUSED),
        (triggers.disable, _T.DONE, None),
    ],
)
def test_requests_are_granted_only_where_the_status_allows(database, work, before, after):
    made = make.single(database)
    make.set_status(database, made, before)
    assert database.write(lambda s: work(s, made)) is (after is not None)
    assert make.status(database, made) is (after or before)


def test_a_run_can_be_asked_for_only_while_idle(database):
    made = make.single(database)
    now = database.utc_now()
    assert database.write(lambda s: triggers.request_run(s, made, now=now))
    assert make.trigger(database, made).run_requested_at == now
    make.set_status(database, made, _T.PAUSED)
    assert not database.write(lambda s: triggers.request_run(s, made, now=now + timedelta(hours=1)))
    assert make.trigger(database, made).run_requested_at == now


@pytest.mark.parametrize("stop", [triggers.request_pause, triggers.disable])
def test_whoever_stops_a_trigger_takes_back_the_run_that_was_asked_for(database, stop):
    made = make.single(database, next_run=datetime(2026, 5, 1))
    assert database.write(lambda s: triggers.request_run(s, made, now=database.utc_now()))
    assert database.write(lambda s: stop(s, made))
    assert database.write(lambda s: triggers.enable(s, made))
    assert make.due_names(database) == []


def test_enabling_forgets_starts_that_failed(database):
    made = make.single(database)
    database.write(lambda s: triggers.update(s, made, {"failed_starts": 3, "process_status": _T.FAILED}))
    assert database.write(lambda s: triggers.enable(s, made))
    assert make.trigger(database, made).failed_starts == 0


def test_a_schedule_that_is_enabled_from_its_next_time_does_not_run_for_what_it_missed(database):
    made = make.scheduled(database, next_run=datetime(2025, 12, 24, 18))
    database.write(lambda s: triggers.update(s, made, {"process_status": _T.PAUSED}))
    now = database.utc_now()
    assert database.write(lambda s: triggers.enable_from_next(s, made, now=now, zone=database.zone))
    trigger = make.trigger(database, made)
    assert (trigger.process_status, trigger.next_run) == (_T.IDLE, datetime(2026, 1, 1, 1, 5))
    assert trigger.due_at == now + timedelta(minutes=5)
    assert make.due_names(database) == []
    assert not database.write(lambda s: triggers.enable_from_next(s, made, now=now, zone=database.zone))


@pytest.mark.parametrize("values", [{"next_run": datetime(2026, 2, 1)}, {"cron_expr": "bad"}])
def test_a_next_run_that_was_not_missed_or_cannot_be_told_is_left_when_a_schedule_is_enabled(database, values):
    made = make.scheduled(database, **{"next_run": datetime(2025, 12, 24, 18)} | values)
    before = make.trigger(database, made).next_run
    database.write(lambda s: triggers.update(s, made, {"process_status": _T.PAUSED}))
    now = database.utc_now()
    assert database.write(lambda s: triggers.enable_from_next(s, made, now=now, zone=database.zone))
    trigger = make.trigger(database, made)
    assert (trigger.process_status, trigger.next_run) == (_T.IDLE, before)


def test_triggers_without_a_schedule_are_enabled_as_ever_from_their_next_time(database):
    made = [make.single(database), make.queue(database)]
    for one in made:
        database.write(lambda s, one=one: triggers.update(s, one, {"process_status": _T.PAUSED}))
        now = database.utc_now()
        assert database.write(
            lambda s, one=one, now=now: triggers.enable_from_next(s, one, now=now, zone=database.zone)
        )
        assert make.status(database, one) is _T.IDLE


# --- the published begin functions


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (triggers.begin_single, TriggerType.SINGLE),
        (triggers.begin_scheduled, TriggerType.SCHEDULED),
        (triggers.begin_queue, TriggerType.QUEUE),
    ],
)
def test_beginning_sets_an_idle_trigger_running_once(database, begin, kind):
    made = {kind: maker(database) for kind, maker in MAKERS.items()}
    now = database.utc_now()

    def attempt(one):
        return database.write(lambda s: begin(s, one, now=now, zone=database.zone))

    assert [attempt(made[other]) for other in MAKERS if other is not kind] == [False, False]
    assert attempt(made[kind])
    trigger = make.trigger(database, made[kind])
    assert (trigger.process_status, trigger.last_run) == (_T.RUNNING, datetime(2026, 1, 1, 1))
    assert not attempt(made[kind])
    assert not attempt(uuid4())
    assert make.jobs(database) == []


def test_beginning_a_scheduled_trigger_does_not_catch_up(database):
    made = make.scheduled(database, next_run=datetime(2025, 12, 24, 18))
    now = database.utc_now()
    assert database.write(lambda s: triggers.begin_scheduled(s, made, now=now, zone=database.zone))
    trigger = make.trigger(database, made)
    assert trigger.next_run == datetime(2026, 1, 1, 1, 5)
    assert trigger.due_at == now + timedelta(minutes=5)


def test_beginning_with_a_bad_cron_expression_changes_nothing(database):
    made = make.scheduled(database, "mine", cron_expr="bad")
    with pytest.raises(InvalidInputError, match="mine"):
        database.write(lambda s: triggers.begin_scheduled(s, made, now=database.utc_now(), zone=database.zone))
    assert make.status(database, made) is _T.IDLE


def test_of_many_who_begin_at_once_one_succeeds(database):
    made = make.single(database)
    own = Database(database.connection_string, clock=SettableClock(database.utc_now()), pool_size=8)
    start = threading.Barrier(8, timeout=30)

    def begin(_):
        start.wait()
        return own.write(lambda s: triggers.begin_single(s, made, now=own.utc_now(), zone=own.zone))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == 1
    own.close()
