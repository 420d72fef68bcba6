"""SQL Server: every statement about triggers, jobs and schedulers compiles with its dialect into what it understands.

The statements are taken from real work on SQLite; where SQL Server gets another one, that is compiled in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from uuid import uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make
from sqlalchemy.dialects.mssql import pyodbc

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import (
    admission,
    failed_runs,
    ownership,
    pauses,
    retention,
    retention_rows,
    runs,
    screens,
    trigger_claims,
)
from OpenOrchestrator.database.lifecycle.retention_rules import Kept, Portion
from OpenOrchestrator.database.lifecycle.sweep_turn import Turn
from OpenOrchestrator.database.statuses import Access, JobStatus, QueueStatus, UsedKind
from OpenOrchestrator.database.stores import (
    calendars,
    cordons,
    full_queues,
    job_output,
    jobs,
    pools,
    run_requests,
    schedulers,
    site_pause,
    skipping,
    stop_wishes,
    timed_triggers,
    trigger_schedules,
    triggers,
    uses,
)
from OpenOrchestrator.database.stores import pauses as pause_store

pytestmark = pytest.mark.kinds("sqlite")

_HERE = Identity("here")


def _dialect():
    dialect = pyodbc.dialect(paramstyle="qmark")
    dialect.server_version_info = (16, 0)
    dialect._supports_offset_fetch = True
    return dialect


def _sql(statement):
    if isinstance(statement, sa.Select):
        statement = statement.params(latest=datetime(2026, 1, 1))
    compiled = statement.compile(dialect=_dialect(), compile_kwargs={"render_postcompile": True})
    return re.sub(r"\s+", " ", str(compiled))


@dataclass(frozen=True)
class _Piece:
    sequence: int = 1
    stream: str = "stdout"
    written_at: datetime = datetime(2026, 1, 1, tzinfo=timezone.utc)
    text: str = "x"


def _finish(database, run, status):
    runs.finish(database, run.job_id, run.fence, status=status, exit_code=1, reason="x")


def _work_on_request(database):
    """Runs with arguments of their own, pauses and skipped runs."""
    now, zone = database.utc_now(), database.zone
    later = datetime(2026, 5, 1)
    made = make.scheduled(database, "on request", next_run=later)
    assert database.write(lambda s: triggers.disable(s, made))
    once = run_requests.RunOnce(arguments="x", scheduler_name="here", again_of=uuid4(), requested_by="Anna")
    assert database.write(lambda s: run_requests.request_once(s, made, once, now=now))
    (run,) = make.claim_all(database, _HERE)
    assert runs.give_back(database, run, "x")
    assert database.write(lambda s: run_requests.cancel(s, made))
    assert database.write(lambda s: triggers.enable(s, made))
    assert database.write(lambda s: run_requests.request(s, made, now=now))
    note = pause_store.PauseNote(by="Anna", reason="x", until=now)
    assert database.write(lambda s: pause_store.pause(s, made, note, now=now))
    assert database.write(lambda s: pause_store.change(s, made, note, now=now))
    (over,) = pauses.find_over(database)
    assert pauses.carry_out(database, over)
    assert not pauses.carry_out(database, pauses.OverPause(made, "on request", pauses.Step.FORGET))
    due = make.trigger(database, made).due_at
    assert database.write(lambda s: skipping.skip_next(s, made, later, by="Anna", now=now, zone=zone))
    assert database.write(lambda s: skipping.take_back(s, made, due, now=now, zone=zone))


def _work_on_calendars(database):
    now, zone = database.utc_now(), database.zone
    closed = Calendar("Denmark", "DK", closed=frozenset({date(2026, 12, 24)}))
    checked = calendars.checked(closed, "mssql")
    database.write(lambda s: calendars.insert(s, checked, now=now))
    own = {"timezone": "Asia/Tokyo", "calendar": "Denmark", "closed_days": "NEXT"}
    make.scheduled(database, "with calendar", next_run=datetime(2026, 5, 1), **own)
    (stored,) = database.read(lambda s: calendars.read_all(s.connection()))
    assert database.write(lambda s: calendars.update(s, checked, stored.edition, now=now))
    assert database.write(lambda s: trigger_schedules.follow_calendar(s, "Denmark", now=now, zone=zone)) == 1
    with pytest.raises(InvalidInputError):
        database.write(lambda s: calendars.delete(s, "Denmark"))


def _work_on_pools(database):
    now = database.utc_now()
    database.write(lambda s: pools.insert(s, *pools.checked("SAP account", 1, "mssql"), now=now))
    made = [make.single(database, name, pools='{"SAP account": 1}') for name in ("with pool", "waits for it")]
    due = trigger_claims.due_triggers(database, scheduler_name="here").due
    (run,) = trigger_claims.claim(database, _HERE, [one for one in due if one.pools])
    (stored,) = database.read(lambda s: pools.read_all(s.connection()))
    assert database.read(lambda s: pools.read_book(s.connection())).held("SAP account") == 1
    assert database.write(lambda s: pools.update(s, "SAP account", 2, stored.edition, now=now))
    with pytest.raises(InvalidInputError):
        database.write(lambda s: pools.delete(s, "SAP account"))
    _finish(database, run, JobStatus.KILLED)
    for one in made:
        database.write(lambda s, one=one: triggers.delete(s, one))
    database.write(lambda s: pools.delete(s, "SAP account"))


def _admins_wishes(database, run):
    """A pause of the site, cordons and drains, and who asks about them."""
    until = datetime(2999, 1, 1, tzinfo=timezone.utc)
    database.write(lambda s: site_pause.pause(s, reason="SAP is closed", by="Anna", until=until))
    assert not database.read(lambda s: admission.read(s, "here")).starts
    assert database.read(lambda s: stop_wishes.is_asked_to_end(s, run.job_id))
    assert database.write(site_pause.resume)
    name = database.read(lambda s: cordons.resolve(s, "HERE"))
    assert database.write(lambda s: cordons.cordon(s, name, by="Anna"))
    assert database.write(lambda s: cordons.drain(s, name)).ends
    assert database.write(lambda s: cordons.tell_stopping(s, _HERE))
    drain = database.read(lambda s: admission.read(s, name)).drain
    assert database.write(lambda s: cordons.end_drain(s, _HERE, drain))
    assert database.write(lambda s: cordons.uncordon(s, name))
    database.read(lambda s: cordons.disobedient(s, now=database.utc_now(), site_now=database.site_now()))


def _work_on_places(database):
    """Labels, and the screen of a machine."""
    at_screen = Identity("at screen", machine="m", labels=("sap",))
    made = [make.single(database, f"screen {n}", desktop="SCREEN", labels=["sap"]) for n in (1, 2)]
    for _ in range(2):  # the first one makes the row of the screen, the second one finds it taken
        found = trigger_claims.due_triggers(database, scheduler_name="at screen", labels=["sap"], machine="m")
        won = trigger_claims.claim(database, at_screen, found.due)
    assert not won
    assert database.read(screens.holders)
    database.read(schedulers.carried)
    for values in ({"labels": []}, {"scheduler_whitelist": ["a"]}):
        assert database.write(lambda s, values=values: triggers.update(s, made[1], values))


def _work_on_uses(database):
    """What robots note about constants, credentials and queues."""
    use = uses.Use(UsedKind.CONSTANT, "a", "p", Access.READ)
    for day in (1, 2):
        assert database.change_aside(
            lambda connection, day=day: uses.find_missing(connection, {use: date(2026, 1, day)}), uses.note
        )
    (last,) = database.read(lambda s: uses.of(s, UsedKind.CONSTANT, "a"))
    assert database.read(lambda s: uses.last_reads(s, UsedKind.CONSTANT)) == {"a": last.day} == {"a": date(2026, 1, 2)}
    database.write(lambda s: uses.delete(s, UsedKind.CONSTANT, "a"))
    database.write(lambda s: uses.forget_old(s, date(2026, 1, 2)))


def _work(database):
    """Do once everything that this part of the library can do."""
    schedulers.enroll(
        database,
        _HERE,
        version="4",
        slots=1,
        pid=1,
        pid_started=1.0,
        host_name="host",
        previous_is_dead=lambda pid, started: False,
        is_silent=lambda _hold: True,
    )
    schedulers.heartbeat(database, _HERE, running_jobs=1)
    database.read(schedulers.live_names)
    made = [make.single(database), make.scheduled(database), make.queue(database, elements=3, min_batch_size=2)]
    make.queue(database, "other size", queue_name="Q2", elements=1)
    won = make.claim_all(database, _HERE)
    assert len(won) == 4
    _work_on_request(database)
    _work_on_calendars(database)
    _work_on_pools(database)
    _work_on_places(database)
    _admins_wishes(database, won[0])
    _work_on_retries(database)
    ownership.extend(database, _HERE, [run.job_id for run in won])
    ownership.jobs_of(database, "here")
    runs.kill_requests(database, [run.job_id for run in won])
    runs.give_back(database, won[1], "x")
    runs.begin_run(database, won[0])
    runs.record_start(database, won[0], host_pid=1, host_started=1.0, commit_sha=None, started_at=database.utc_now())
    make.expire(database, won[2].job_id)
    assert make.reap(database, "here")
    fence = ownership.adopt(database, _HERE, won[3].job_id, won[3].fence)
    assert runs.finish(database, won[3].job_id, fence, status=JobStatus.DONE, exit_code=0, reason=None)
    _finish(database, won[0], JobStatus.KILLED)
    trigger_claims.claim_by_name(database, _HERE, "scheduled")
    now, zone = database.utc_now(), database.zone
    for request in (triggers.request_pause, triggers.request_kill, triggers.enable, triggers.disable):
        database.write(lambda s, request=request: request(s, made[0]))
    database.write(lambda s: triggers.request_run(s, made[0], now=now))
    database.write(lambda s: triggers.update(s, made[0], {"priority": 1, "next_run": database.site_now()}, zone=zone))
    database.write(lambda s: triggers.begin_scheduled(s, made[1], now=now, zone=zone))
    database.read(triggers.find_all)
    database.write(lambda s: triggers.delete(s, made[0]))
    page = jobs.JobFilter(statuses=[JobStatus.DONE], process_name="p", from_date=database.site_now())
    database.read(lambda s: jobs.find(s, page, limit=5, offset=5, before=(database.site_now(), uuid4())))
    database.read(lambda s: jobs.count(s, page))
    database.write(lambda s: job_output.append(s, made[0], [_Piece()]))
    database.read(lambda s: job_output.read(s, made[0], limit=1))
    database.read(lambda s: job_output.read_last(s, made[0], limit=1))
    database.read(lambda s: job_output.last_sequence(s, made[0]))
    database.read(lambda s: job_output.stored_sequences(s, made[0]))
    database.write(lambda s: job_output.mark_end(s, made[0], "missing", written_at=database.utc_now()))
    database.write(lambda s: job_output.unmark_end(s, made[0]))
    schedulers.leave(database, _HERE)
    _work_on_uses(database)
    _work_on_retention(database)


def _work_on_retention(database):
    soon = database.site_now() + timedelta(days=1)
    portions = [Portion(kept, soon) for kept in (Kept.OUTPUT, Kept.JOBS, Kept.LOGS)]
    portions += [Portion(Kept.ELEMENTS, soon, "q", QueueStatus.DONE), Portion(Kept.FILES, database.utc_now())]
    for portion in portions:
        for after in (None, (soon, uuid4()) if portion.kept is not Kept.FILES else (uuid4(),)):
            database.read(lambda s, one=portion, after=after: retention_rows.page(s, one, after))
        database.read(lambda s, one=portion: retention_rows.deletable(s, one, [uuid4()]))
        database.write(lambda s, one=portion: retention_rows.remove(s, one, [uuid4()], 1))
    retention.look(database, portions)
    retention.Sweep(database, rest=lambda _seconds: False).delete(portions)
    turn = Turn(database, uuid4())
    assert turn.take()
    assert turn.prolong()
    turn.finish(done=True)


def _work_on_retries(database):
    rules = {"retry_times": 1, "retry_pause_seconds": 60, "pause_after_failures": 3}
    made = [make.single(database, "once", **rules), make.scheduled(database, "often", **rules)]
    for run in make.claim_all(database, _HERE):
        runs.begin_run(database, run)
        _finish(database, run, JobStatus.FAILED)
    assert [make.trigger(database, one).retry_number for one in made] == [1, 1]
    make.claim_all(database, _HERE)
    database.write(lambda s: triggers.request_run(s, made[1], now=database.utc_now()))
    (run,) = make.claim_all(database, _HERE)
    runs.give_back(database, run, "x")
    database.write(lambda s: triggers.disable(s, made[1]))
    database.write(lambda s: triggers.enable_from_next(s, made[1], now=database.utc_now(), zone=database.zone))
    for one in made:
        database.write(lambda s, one=one: failed_runs.give_up_retry(s, one))
        database.write(lambda s, one=one: triggers.reset_failed_runs(s, one))
        database.write(lambda s, one=one: triggers.delete(s, one))


@pytest.fixture
def statements(database):
    """All statements of that work, as SQL Server would get them."""
    seen = []

    def note(connection, statement, multi, params, options):
        if isinstance(statement, sa.sql.ClauseElement):
            seen.append(statement)

    sa.event.listen(database.engine, "before_execute", note)
    _work(database)
    sa.event.remove(database.engine, "before_execute", note)
    others = (job_output._insert("sqlite"), full_queues._full_queues((1, 2), "sqlite"))
    replaced = {str(one.compile(dialect=database.engine.dialect)) for one in others}
    texts = {_sql(one) for one in seen if str(one.compile(dialect=database.engine.dialect)) not in replaced}
    texts.add(_sql(job_output._insert("mssql")))
    texts.add(_sql(full_queues._full_queues((1, 2), "mssql")))
    texts.add(_sql(timed_triggers.query("mssql")))
    return sorted(texts)


def test_every_statement_compiles_into_its_own_words(statements):
    assert len(statements) > 50
    for text in statements:
        assert not re.search(r"\b(LIMIT|RETURNING|FOR UPDATE|SKIP LOCKED|ON CONFLICT|IGNORE|ILIKE)\b", text), text
        assert not re.search(r"\b(true|false)\b", text), text
        assert "strftime" not in text, text
        assert '"' not in text, text
        # A truth value cannot be selected, only tested.
        selected = re.split(" FROM | WHERE ", text)[0]
        assert not re.search(r"SELECT .*(EXISTS|IS NULL)", selected) or "CASE WHEN" in selected, text


def test_rows_are_paged_only_in_an_order(statements):
    paged = [text for text in statements if " OFFSET " in text]
    assert paged
    assert all("ORDER BY" in text for text in paged)


def test_a_robot_that_looks_what_is_noted_waits_for_no_lock(statements):
    (look,) = [text for text in statements if text.startswith("SELECT [Uses].use_hash")]
    assert "FROM [Uses] WITH (NOLOCK) WHERE [Uses].use_hash IN (?)" in look
    assert "UPDATE [Uses] SET last_day=? WHERE [Uses].use_hash = ? AND [Uses].last_day < ?" in statements


def test_triggers_are_claimed_under_a_lock_that_nobody_waits_for(statements):
    locks = [text for text in statements if "UPDLOCK" in text and "Single_Triggers" in text]
    assert locks
    for lock in locks:
        assert "FROM [Triggers] WITH (UPDLOCK, READPAST, ROWLOCK) LEFT OUTER JOIN [Single_Triggers]" in lock
        assert re.search(r"\[Triggers\]\.process_status (= \?|IN \()", lock)
        assert lock.endswith("ORDER BY [Triggers].id")


def test_what_is_too_old_is_looked_at_again_under_a_lock_that_nobody_waits_for(statements):
    locks = [text for text in statements if "UPDLOCK, READPAST, ROWLOCK" in text and "coalesce(" in text]
    assert {re.search(r"FROM \[(\w+)\]", lock)[1] for lock in locks} == {"Jobs", "Queues"}
    assert all(re.search(r"\.status (= \?|IN \()", lock) for lock in locks)


def test_pools_are_taken_from_under_a_lock_that_nobody_waits_for(statements):
    (lock,) = [text for text in statements if "UPDLOCK" in text and "FROM [Pools]" in text]
    assert "FROM [Pools] WITH (UPDLOCK, READPAST, ROWLOCK) WHERE [Pools].name IN (?)" in lock
    assert any(text.startswith("UPDATE [Pools] SET claims=([Pools].claims + ?) WHERE ") for text in statements)


def test_what_belongs_to_leases_waits_for_no_lock(statements):
    passing = [text for text in statements if "FROM [Jobs] WITH (UPDLOCK, READPAST, ROWLOCK) WHERE [Jobs].id" in text]
    assert any("[Jobs].id IN" in text and "[Jobs].owner = ?" in text for text in passing), "extend"
    assert any("[Jobs].lease_until = ?" in text for text in passing), "reap"
    assert any("FROM [Schedulers] WITH (UPDLOCK, READPAST, ROWLOCK)" in text for text in statements), "heartbeat"
    assert any("FROM [Queues] WITH (UPDLOCK, READPAST, ROWLOCK)" in text for text in statements), "reap"
    assert any("FROM [Jobs] WITH (READUNCOMMITTED) WHERE" in text for text in statements), "leases of others"


def test_queue_triggers_walk_no_more_of_the_index_than_they_need(statements):
    texts = [text for text in statements if "FROM [Queues]" in text and "[Queue_Triggers]" in text]
    wide = "CAST(CAST([{}].queue_name AS NVARCHAR(4000)) AS VARBINARY(8000))"
    same = f"[Queues].queue_name = [Queue_Triggers].queue_name AND {wide.format('Queues')} = "
    place = (
        f"(SELECT [Queues].id FROM [Queues] WHERE ({same}{wide.format('Queue_Triggers')}) AND [Queues].status = 'NEW' "
        "ORDER BY [Queues].created_date OFFSET ? ROWS FETCH FIRST ? ROWS ONLY) IS NOT NULL"
    )
    assert [text.count(place) for text in texts] == [2]
    assert not any("count(" in text.lower() for text in texts)


def test_leases_are_on_the_clock_of_the_server(statements):
    leased = [text for text in statements if "SYSUTCDATETIME()" in text]
    assert any(text.startswith("INSERT INTO [Jobs]") for text in leased)
    assert any(text.startswith("UPDATE [Jobs] SET lease_until=DATEADD(MILLISECOND") for text in leased)
    assert any(text.startswith("UPDATE [Schedulers]") for text in leased)
    assert _sql(sa.select(DatabaseUtcNow(30))).startswith("SELECT DATEADD(MILLISECOND, CAST((?) * 1000 AS INT)")


def test_every_change_of_state_is_guarded(statements):
    changes = [text for text in statements if re.match(r"UPDATE \[(Triggers|Jobs|Queues)\] SET .*status=", text)]
    assert len(changes) > 10
    for text in changes:
        where = text.partition(" WHERE ")[2]
        assert re.search(r"status (= \?|IN \()", where) or "process_status=[Triggers].process_status" in text, text


def test_output_that_is_there_already_is_not_inserted_again():
    text = _sql(job_output._insert("mssql"))
    assert text.startswith(
        "INSERT INTO [Job_Output] (job_id, sequence, stream, written_at, text) SELECT CAST(? AS UNIQUEIDENTIFIER)"
    )
    assert "WHERE NOT (EXISTS (SELECT 1 FROM [Job_Output] WHERE" in text
