"""What is read to tell why a trigger is not running, on every kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import element_claims, runs
from OpenOrchestrator.database.lifecycle.waiting import Cause
from OpenOrchestrator.database.lifecycle.waiting_facts import Explanation, explain, explain_some
from OpenOrchestrator.database.models import QueueElement, ScheduledTrigger
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import cordons, pauses, queue_pauses, schedulers, site_pause, triggers
from OpenOrchestrator.database.stores.pauses import PauseNote

HERE = Identity("here")


def enroll(database: Database, *, slots: int = 2) -> None:
    schedulers.enroll(
        database,
        HERE,
        version="4",
        slots=slots,
        pid=1,
        pid_started=None,
        host_name="machine",
        previous_is_dead=lambda _pid, _identity: False,
        is_silent=lambda _hold: True,
    )


def only(database: Database, name: str) -> Explanation:
    (found,) = explain(database, name)
    return found


def causes(database: Database, name: str) -> list[Cause]:
    return [reason.cause for reason in only(database, name).reasons]


def test_a_trigger_that_is_due_waits_for_a_scheduler_and_then_for_nothing(database: Database) -> None:
    trigger_id = make.single(database, "Invoices")
    assert causes(database, "Invoices") == [Cause.NO_SCHEDULER]
    enroll(database)
    assert causes(database, "Invoices") == [Cause.NOTHING]
    assert only(database, str(trigger_id)) == only(database, "Invoices")
    schedulers.leave(database, HERE)
    assert causes(database, "Invoices") == [Cause.SCHEDULER_SILENT]


def test_slots_that_are_taken_are_named_with_their_jobs(database: Database) -> None:
    enroll(database, slots=1)
    make.single(database, "Letters")
    (run,) = make.claim_all(database)
    make.single(database, "Invoices")
    (reason,) = only(database, "Invoices").reasons
    assert reason.cause is Cause.SLOTS_FULL
    assert "Letters since" in reason.words
    assert str(run.job_id) in reason.words
    assert causes(database, "Letters") == [Cause.RUNS]


def test_times_queues_and_pauses(database: Database, clock) -> None:
    make.scheduled(database, "Later", next_run=datetime(2027, 1, 1))
    make.queue(database, "Orders", queue_name="Q", min_batch_size=3)
    database.write(lambda s: s.add(QueueElement(queue_name="Q", created_date=datetime(2026, 1, 1))))
    paused = make.single(database, "Paused")
    until = database.utc_now() + timedelta(hours=2)
    note = PauseNote(by="Anna", reason="holiday", until=until)
    assert database.write(lambda s: pauses.pause(s, paused, note, now=database.utc_now()))

    (later,) = only(database, "Later").reasons
    assert later.cause is Cause.NOT_DUE
    assert later.until is not None
    (short,) = only(database, "Orders").reasons
    assert (short.cause, "Q has 1 New element, and it starts at 3" in short.words) == (Cause.QUEUE_TOO_SHORT, True)
    (pause,) = only(database, "Paused").reasons
    assert (pause.cause, pause.until) == (Cause.PAUSED, until)
    assert "by Anna" in pause.words
    assert "(holiday)" in pause.words


def test_a_queue_that_is_paused_starts_nothing(database: Database, clock) -> None:
    make.queue(database, "Orders", queue_name="Q", min_batch_size=1)
    make.queue(database, "Others", queue_name="R", min_batch_size=1)
    for name in ("Q", "R"):
        database.write(lambda s, name=name: s.add(QueueElement(queue_name=name, created_date=datetime(2026, 1, 1))))
    assert causes(database, "Orders") != [Cause.QUEUE_PAUSED]
    database.write(lambda s: queue_pauses.pause(s, "Q", reason="SAP is down", by="Anna"))
    (reason,) = only(database, "Orders").reasons
    assert reason.cause is Cause.QUEUE_PAUSED
    assert "by Anna (SAP is down). Resume the queue." in reason.words
    assert [run.trigger_name for run in make.claim_all(database)] == ["Others"]
    database.write(lambda s: queue_pauses.resume(s, "Q"))
    assert [run.trigger_name for run in make.claim_all(database)] == ["Orders"]


def test_rows_that_cannot_be_used_say_so(database: Database) -> None:
    trigger_id = make.scheduled(database, "Bad")
    bad = sa.update(ScheduledTrigger).where(ScheduledTrigger.id == trigger_id).values(cron_expr="now and then")
    database.write(lambda s: s.execute(bad))
    (reason,) = only(database, "Bad").reasons
    assert reason.cause is Cause.UNREADABLE
    assert "now and then" in reason.words


def test_all_of_one_name_are_explained_and_names_are_compared_exactly(database: Database) -> None:
    make.single(database, "Twice")
    make.single(database, "Twice")
    assert len(explain(database, "Twice")) == 2
    with pytest.raises(NotFoundError, match="twice"):
        explain(database, "twice")


def test_a_run_that_is_asked_for_is_judged_though_it_is_not_due(database: Database) -> None:
    enroll(database)
    trigger_id = make.scheduled(database, "Later", next_run=datetime(2027, 1, 1))
    assert database.write(lambda s: triggers.request_run(s, trigger_id, now=database.utc_now()))
    assert causes(database, "Later") == [Cause.NOTHING]


def test_a_paused_site_and_a_cordoned_scheduler_are_read(database: Database) -> None:
    enroll(database)
    make.single(database, "Invoices")
    assert database.write(lambda s: cordons.cordon(s, "here", by="Bo"))
    (reason,) = only(database, "Invoices").reasons
    assert reason.cause is Cause.CORDONED
    assert "here is cordoned by Bo since" in reason.words
    assert database.write(lambda s: cordons.drain(s, "here")).ends
    assert causes(database, "Invoices") == [Cause.DRAINED]
    database.write(lambda s: cordons.uncordon(s, "here"))
    assert database.write(lambda s: cordons.tell_stopping(s, HERE))
    assert causes(database, "Invoices") == [Cause.STOPS]
    database.write(lambda s: site_pause.pause(s, reason="SAP is closed", by="Ann"))
    first, *_ = only(database, "Invoices").reasons
    assert first.cause is Cause.SITE_PAUSED
    assert "(SAP is closed)" in first.words
    assert database.write(site_pause.resume)
    assert causes(database, "Invoices") == [Cause.STOPS]


def test_many_that_are_due_take_as_many_statements_as_one(database: Database) -> None:
    enroll(database, slots=1)
    make.single(database, "Letters")
    make.claim_all(database)
    make.add_elements(database, "Q", 3)
    ids = [make.single(database, f"T{number}") for number in range(4)]
    ids += [make.queue(database, f"Q{number}", queue_name="Q", min_batch_size=2) for number in range(4)]
    ids += [make.scheduled(database, f"S{number}") for number in range(4)]
    database.write(lambda s: [triggers.request_run(s, one, now=database.utc_now()) for one in ids[-2:]])

    def counted(some: list[UUID]) -> tuple[dict[UUID, Explanation], int]:
        seen: list[str] = []
        note = lambda *event: seen.append(event[2])  # noqa: E731
        sa.event.listen(database.engine, "before_cursor_execute", note)
        try:
            found = database.read(lambda s: explain_some(s, some, now=database.utc_now(), zone=database.zone))
        finally:
            sa.event.remove(database.engine, "before_cursor_execute", note)
        return found, len(seen)

    found, many = counted(ids)
    one, few = counted(ids[:1])
    assert many == few
    assert list(one) == ids[:1]
    assert set(found) == set(ids)
    assert {reason.cause for each in found.values() for reason in each.reasons} == {Cause.SLOTS_FULL}
    assert counted([uuid4()])[0] == {}


def test_what_is_due_for_long_is_not_said_to_start_at_once(database: Database, clock) -> None:
    trigger_id = make.scheduled(database, "Later", next_run=datetime(2027, 1, 1))
    assert database.write(lambda s: triggers.request_run(s, trigger_id, now=database.utc_now()))
    clock.advance(timedelta(seconds=61))
    enroll(database)
    (reason,) = only(database, "Later").reasons
    assert (reason.cause, reason.short) == (Cause.NOTHING, "here leaves it")


def fill(database: Database, queue_name: str, count: int) -> None:
    elements = [QueueElement(queue_name=queue_name, created_date=datetime(2026, 1, 1)) for _ in range(count)]
    database.write(lambda s: s.add_all(elements))


def test_several_jobs_of_a_queue_say_from_how_many_elements_one_more_starts(database: Database) -> None:
    enroll(database, slots=5)
    make.queue(database, "Orders", queue_name="Q", min_batch_size=10, elements_per_job=50, max_jobs=2)
    fill(database, "Q", 12)
    (run,) = make.claim_all(database)
    runs_now, starts = only(database, "Orders").reasons
    assert (runs_now.cause, starts.cause) == (Cause.RUNS, Cause.ONE_STARTS)
    assert runs.begin_run(database, run)
    runs_now, short = only(database, "Orders").reasons
    assert str(run.job_id) in runs_now.words
    assert short.cause is Cause.QUEUE_TOO_SHORT
    assert "1 job works on its queue Q; one more starts from 60 New elements on. It has 12" in short.words
    fill(database, "Q", 48)
    assert causes(database, "Orders") == [Cause.RUNS, Cause.NOTHING]
    (second,) = make.claim_all(database)
    (limit,) = only(database, "Orders").reasons
    assert limit.cause is Cause.LIMIT_OF_JOBS
    assert set(limit.jobs) == {run.job_id, second.job_id}


def test_a_job_that_took_nothing_beside_another_is_why_no_other_starts(database: Database, clock) -> None:
    enroll(database, slots=5)
    make.queue(database, "Orders", queue_name="Q", max_jobs=3)
    fill(database, "Q", 12)
    (working,) = make.claim_all(database)
    assert runs.begin_run(database, working)
    clock.advance(timedelta(seconds=2))
    (idle,) = make.claim_all(database)
    assert runs.begin_run(database, idle)
    assert element_claims.claim_next(database, "Q", job_id=working.job_id) is not None
    clock.advance(timedelta(seconds=1))
    assert runs.finish(database, idle.job_id, idle.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    _runs, rests = only(database, "Orders").reasons
    assert rests.cause is Cause.RESTS
    assert "took nothing from the queue, so no other starts before" in rests.words


def test_a_schedule_that_runs_says_when_one_more_is_due_and_what_a_failed_job_left(database: Database, clock) -> None:
    enroll(database, slots=5)
    trigger_id = make.scheduled(database, "Letters", max_jobs=3)
    begun = []
    for _ in range(2):
        (run,) = make.claim_all(database)
        assert runs.begin_run(database, run)
        begun.append(run)
        clock.advance(timedelta(minutes=5))
    assert causes(database, "Letters") == [Cause.RUNS, Cause.NOTHING]
    assert runs.finish(database, begun[0].job_id, begun[0].fence, status=JobStatus.FAILED, exit_code=1, reason="why")
    held = only(database, "Letters").reasons[1]
    assert (held.cause, "becomes Failed" in held.words) == (Cause.HELD, True)
    assert database.write(lambda s: triggers.enable(s, trigger_id))
    assert causes(database, "Letters") == [Cause.RUNS, Cause.NOTHING]
