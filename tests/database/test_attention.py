"""What somebody should look at: said in SQL and in Python, and both the same."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.database import attention
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, ScheduledTrigger, Scheduler, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, TriggerStatus

NEVER = timedelta(0)
JUST = timedelta(seconds=60)
TOO_LONG = timedelta(seconds=61)


def triggers_where(database: Database, condition: sa.ColumnElement[bool]) -> set[UUID]:
    joined = sa.outerjoin(Trigger.__table__, SingleTrigger.__table__).outerjoin(
        ScheduledTrigger.__table__, ScheduledTrigger.__table__.c.id == Trigger.__table__.c.id
    )
    query = sa.select(Trigger.__table__.c.id).select_from(joined).where(condition)
    return set(database.read(lambda session: session.connection().execute(query).scalars().all()))


def add_job(database: Database, trigger_id: UUID | None, status: JobStatus) -> None:
    job = {"id": uuid4(), "process_name": "p", "scheduler_name": "s", "status": status, "trigger_id": trigger_id}
    database.write(lambda session: session.execute(sa.insert(Job).values(start_time=database.site_now(), **job)))


def set_status(database: Database, trigger_id: UUID, status: TriggerStatus) -> None:
    change = sa.update(Trigger.__table__).where(Trigger.__table__.c.id == trigger_id).values(process_status=status)
    database.write(lambda session: session.execute(change))


@pytest.mark.parametrize("kind", [make.single, make.scheduled])
def test_a_trigger_is_late_when_it_was_due_for_more_than_a_minute_and_is_idle(database: Database, kind) -> None:
    now = database.site_now()
    late = set()
    for status, ago in product(TriggerStatus, (-JUST, NEVER, JUST, TOO_LONG)):
        trigger_id = kind(database, f"{status.name} {ago}", next_run=now - ago)
        set_status(database, trigger_id, status)
        assert attention.is_late(status, now - ago, site_now=now) is (status is TriggerStatus.IDLE and ago == TOO_LONG)
        if attention.is_late(status, now - ago, site_now=now):
            late.add(trigger_id)
    assert len(late) == 1
    assert triggers_where(database, attention.late(now)) == late


def test_a_queue_trigger_is_never_late(database: Database) -> None:
    make.queue(database)
    now = database.site_now() + timedelta(days=1)
    assert not attention.is_late(TriggerStatus.IDLE, None, site_now=now)
    assert triggers_where(database, attention.late(now)) == set()


def test_a_trigger_is_stuck_when_it_waits_for_a_job_and_none_is_active(database: Database) -> None:
    add_job(database, None, JobStatus.RUNNING)  # of an earlier version: it belongs to no trigger
    stuck = set()
    for status, job in product(TriggerStatus, (None, *JobStatus)):
        trigger_id = make.queue(database, f"{status.name} {job}")
        set_status(database, trigger_id, status)
        if job is not None:
            add_job(database, trigger_id, job)
        waits = status in (TriggerStatus.PAUSING, TriggerStatus.KILLING)
        runs = job in ACTIVE_JOB_STATUSES
        assert attention.is_stuck(status, runs=runs) is (waits and not runs)
        if attention.is_stuck(status, runs=runs):
            stuck.add(trigger_id)
    assert len(stuck) == 2 * (1 + len(JobStatus) - len(ACTIVE_JOB_STATUSES))
    assert triggers_where(database, attention.stuck()) == stuck


def test_failed_killed_late_and_stuck_triggers_need_somebody(database: Database) -> None:
    now = database.site_now()
    make.scheduled(database, "on time", next_run=now + JUST)
    wanted = {make.scheduled(database, "late", next_run=now - TOO_LONG)}
    for status in (TriggerStatus.FAILED, TriggerStatus.KILLED, TriggerStatus.PAUSING):
        trigger_id = make.queue(database, status.name)
        set_status(database, trigger_id, status)
        wanted.add(trigger_id)
    assert triggers_where(database, attention.troubled(now)) == wanted


def test_a_scheduler_is_silent_after_a_minute_on_the_clock_it_reports_by(database: Database) -> None:
    now, site_now = database.utc_now(), database.site_now()
    silent = set()
    for beat, update in product((None, NEVER, JUST, TOO_LONG), (NEVER, JUST, TOO_LONG)):
        values = {
            "machine_name": f"{beat} {update}",
            "heartbeat_at": None if beat is None else now - beat,
            "last_update": site_now - update,
        }
        database.write(lambda session, values=values: session.execute(sa.insert(Scheduler).values(**values)))
        is_silent = attention.is_silent(values["heartbeat_at"], site_now - update, now=now, site_now=site_now)
        assert is_silent is ((update if beat is None else beat) == TOO_LONG)
        if is_silent:
            silent.add(values["machine_name"])
    query = sa.select(Scheduler.machine_name).where(attention.silent(now=now, site_now=site_now))
    assert set(database.read(lambda session: session.scalars(query).all())) == silent
