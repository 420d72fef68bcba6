"""Schedulers: one live daemon per name, and what it reports of itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import SchedulerNameInUseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.database.stores.schedulers import Beat, Identity


def _enroll(database, identity, *, pid=100, host_name="machine", dead=(), is_silent=lambda _hold: True):
    asked = []

    def previous_is_dead(pid, identity):
        asked.append((pid, identity))
        return pid in dead

    schedulers.enroll(
        database,
        identity,
        version="4.0.0",
        slots=4,
        pid=pid,
        pid_started=pid + 0.25,
        host_name=host_name,
        process_identity=f"process {pid}",
        previous_is_dead=previous_is_dead,
        is_silent=is_silent,
    )
    return asked


def _row(database, name="here"):
    return database.read(lambda s: s.get_one(Scheduler, name))


def _expire(database, name="here", *, heard_of=timedelta(minutes=1)):
    past = datetime.now(timezone.utc) - timedelta(seconds=5)
    table = Scheduler.__table__
    values = {"lease_until": past, "heartbeat_at": database.utc_now() - heard_of}
    database.write(lambda s: s.execute(sa.update(table).where(table.c.machine_name == name).values(values)))


def test_a_scheduler_that_enrolls_is_there_and_lives(database):
    me = Identity("here")
    _enroll(database, me)
    row = _row(database)
    assert (row.instance, row.version, row.slots, row.running_jobs) == (me.instance, "4.0.0", 4, 0)
    assert (row.pid, row.pid_started, row.host_name) == (100, 100.25, "machine")
    assert row.process_identity == "process 100"
    assert (row.last_update, row.heartbeat_at) == (datetime(2026, 1, 1, 1), database.utc_now())
    assert row.lease_until > datetime.now(timezone.utc) + timedelta(seconds=20)
    assert database.read(schedulers.live_names) == {"here"}


def test_a_second_scheduler_of_the_name_is_refused_while_the_first_lives(database):
    first = Identity("here")
    _enroll(database, first)
    with pytest.raises(SchedulerNameInUseError, match=r"'here'.*machine.*100.*--name"):
        _enroll(database, Identity("here"), pid=200)
    assert _row(database).instance == first.instance
    _enroll(database, Identity("elsewhere"), pid=200)


def test_the_name_of_a_dead_process_of_this_machine_is_taken_over_at_once(database):
    _enroll(database, Identity("here"))
    second = Identity("here")
    assert _enroll(database, second, pid=200, host_name="MACHINE", dead={100}) == [(100, "process 100")]
    assert (_row(database).instance, _row(database).pid) == (second.instance, 200)


def test_of_another_machine_nobody_can_tell_whether_it_is_dead(database):
    _enroll(database, Identity("here"))
    with pytest.raises(SchedulerNameInUseError):
        _enroll(database, Identity("here"), pid=200, host_name="other machine", dead={100})


def test_the_name_is_free_when_the_lease_has_run_out(database):
    first = Identity("here")
    _enroll(database, first)
    _expire(database)
    assert database.read(schedulers.live_names) == frozenset()
    second = Identity("here")
    _enroll(database, second, pid=200, host_name="other machine")
    assert schedulers.heartbeat(database, first, running_jobs=1) is Beat.LOST
    assert _row(database).instance == second.instance


def test_a_name_whose_owner_may_be_about_to_prolong_it_is_not_taken(database):
    first, asked = Identity("here"), []

    def is_silent(hold):
        asked.append(hold)
        return False

    _enroll(database, first, is_silent=is_silent)
    with pytest.raises(SchedulerNameInUseError):
        _enroll(database, Identity("here"), pid=200, is_silent=is_silent)
    assert asked == [], "its lease lives"
    _expire(database)
    before = _row(database)
    with pytest.raises(SchedulerNameInUseError, match="already running"):
        _enroll(database, Identity("here"), pid=200, is_silent=is_silent)
    assert asked == [schedulers.Hold(first.instance, before.lease_until)]
    after = _row(database)
    assert (after.instance, after.lease_until, after.pid) == (first.instance, before.lease_until, 100)
    assert schedulers.heartbeat(database, first, running_jobs=0) is Beat.STORED
    _expire(database)
    _enroll(database, Identity("here"), pid=200, dead={100}, is_silent=is_silent)
    assert len(asked) == 1, "its process is gone"


@pytest.mark.parametrize("seconds", [0, 29, -29])
def test_a_name_that_was_heard_of_just_now_is_not_free_because_the_databases_clock_was_set(database, seconds):
    first = Identity("here")
    _enroll(database, first)
    _expire(database, heard_of=timedelta(seconds=seconds))
    with pytest.raises(SchedulerNameInUseError, match="already running"):
        _enroll(database, Identity("here"), pid=200, host_name="other machine")
    assert _row(database).instance == first.instance
    assert schedulers.heartbeat(database, first, running_jobs=0) is Beat.STORED
    second = Identity("here")
    _expire(database, heard_of=timedelta(seconds=seconds))
    _enroll(database, second, pid=200, dead={100})
    assert _row(database).instance == second.instance, "its process is gone, whatever the clocks say"


@pytest.mark.parametrize("seconds", [31, 3600, -3600])
def test_a_name_whose_lease_has_run_out_is_free_whatever_the_clock_of_its_machine_says(database, seconds):
    _enroll(database, Identity("here"))
    _expire(database, heard_of=timedelta(seconds=seconds))
    _enroll(database, Identity("here"), pid=200, host_name="other machine")


@pytest.mark.kinds("postgresql", "mariadb", "mssql")
def test_a_heartbeat_waits_for_nobody_who_holds_its_row_locked(database):
    me, other = Identity("here"), Identity("here")
    _enroll(database, me)
    with database.connection(writing=True) as connection:
        connection.execute(sa.select(Scheduler.slots).with_for_update()).all()
        assert schedulers.heartbeat(database, me, running_jobs=3) is Beat.LOCKED
        assert schedulers.heartbeat(database, other, running_jobs=3) is Beat.LOST
    assert _row(database).running_jobs == 0
    assert schedulers.heartbeat(database, me, running_jobs=3) is Beat.STORED
    assert _row(database).running_jobs == 3


def test_a_heartbeat_prolongs_the_lease(database, clock):
    me = Identity("here")
    _enroll(database, me)
    _expire(database)
    clock.advance(timedelta(minutes=1))
    assert schedulers.heartbeat(database, me, running_jobs=3) is Beat.STORED
    row = _row(database)
    assert (row.running_jobs, row.last_update) == (3, datetime(2026, 1, 1, 1, 1))
    assert row.lease_until > datetime.now(timezone.utc)
    with pytest.raises(SchedulerNameInUseError):
        _enroll(database, Identity("here"), pid=200)


def test_a_scheduler_whose_row_was_deleted_is_told_and_can_enroll_again(database):
    me = Identity("here")
    _enroll(database, me)
    database.write(lambda s: s.execute(sa.delete(Scheduler)))
    assert schedulers.heartbeat(database, me, running_jobs=0) is Beat.LOST
    _enroll(database, me)
    assert schedulers.heartbeat(database, me, running_jobs=0) is Beat.STORED


def test_a_scheduler_that_leaves_frees_its_name_and_stays_listed(database):
    me = Identity("here")
    _enroll(database, me)
    schedulers.leave(database, Identity("here"))
    assert database.read(schedulers.live_names) == {"here"}, "only the owner can leave"
    schedulers.leave(database, me)
    assert database.read(schedulers.live_names) == frozenset()
    assert [row.machine_name for row in database.read(schedulers.find_all)] == ["here"]
    _enroll(database, Identity("here"), pid=200, host_name="other machine")


def test_a_row_of_an_older_scheduler_is_taken_over_and_keeps_its_history(database):
    old = datetime(2025, 12, 31)
    database.write(lambda s: schedulers.record_trigger(s, "here", "last", site_now=old))
    database.write(lambda s: schedulers.ping(s, "here", site_now=old))
    assert database.read(schedulers.live_names) == frozenset()
    _enroll(database, Identity("here"))
    row = _row(database)
    assert (row.latest_trigger, row.latest_trigger_time) == ("last", old)


def test_older_schedulers_report_by_ping_and_trigger(database):
    for minute in (1, 2):
        now = datetime(2026, 1, 1, 1, minute)
        database.write(lambda s, now=now: schedulers.ping(s, "old", site_now=now))
        assert _row(database, "old").last_update == now
    database.write(lambda s: schedulers.record_trigger(s, "old", "trigger", site_now=datetime(2026, 1, 1, 1, 3)))
    row = _row(database, "old")
    assert (row.latest_trigger, row.latest_trigger_time) == ("trigger", datetime(2026, 1, 1, 1, 3))
    assert row.last_update == datetime(2026, 1, 1, 1, 2)
    assert row.instance is None


@pytest.mark.kinds("postgresql", "mariadb", "mssql")  # SQLite lets only one write, so nobody can come between
def test_the_name_of_a_dead_process_is_not_taken_from_whoever_was_faster(database):
    _enroll(database, Identity("here"))
    own = Database(database.connection_string, clock=SettableClock(database.utc_now()))
    faster = Identity("here")

    def let_another_be_faster(pid, identity):
        if pid == 100:
            _enroll(own, faster, pid=300, dead={100})
        return pid == 100

    with pytest.raises(SchedulerNameInUseError, match="300"):
        schedulers.enroll(
            database,
            Identity("here"),
            version="4.0.0",
            slots=4,
            pid=200,
            pid_started=200.25,
            host_name="machine",
            previous_is_dead=let_another_be_faster,
            is_silent=lambda _hold: True,
        )
    own.close()
    assert _row(database).instance == faster.instance


@pytest.mark.parametrize("before", ["unknown", "known", "dead"])
def test_of_many_who_take_a_name_at_once_one_gets_it(database, before):
    if before == "dead":
        _enroll(database, Identity("here"), pid=100)
    if before == "known":
        database.write(lambda s: schedulers.ping(s, "here", site_now=datetime(2025, 1, 1)))
    own = Database(database.connection_string, clock=SettableClock(database.utc_now()), pool_size=6)
    start = threading.Barrier(6, timeout=30)

    def take(number):
        identity = Identity("here")
        start.wait()
        try:
            _enroll(own, identity, pid=number, dead={100})
        except SchedulerNameInUseError:
            return None
        return identity.instance

    with ThreadPoolExecutor(6) as pool:
        taken = [instance for instance in pool.map(take, range(1, 7)) if instance is not None]
    own.close()
    assert taken == [_row(database).instance]
